// Trigonometric functions of vec4s and their inverses. Functions only. Needs exp-log.wgsl in front.

// Arguments are reduced by multiples of pi/2 in five parts (Cody and Waite), four of 11 bits, so that products with up
// to 2^13 quarters are exact: results keep their digits for |x| <= 12,800, next to multiples of pi/2, too. Beyond that
// the error grows with |x|, and results stay within [-1, 1]. The polynomials are minimax fits of this project.

// How many quarter turns lie next to x.
fn quarters_4(x: vec4f) -> vec4f {
  return round(x * 0.636619772);
}

// x - n pi/2.
fn quarter_rest_4(x: vec4f, n: vec4f) -> vec4f {
  let rest = ((((x - n * 1.5703125) - n * 4.837512969970703e-4) - n * 7.549533620476723e-8)
    - n * 2.5632829192545614e-12) - n * 6.123234262925839e-17;
  return limit_4(rest, -0.79, 0.79);
}

// The sine of r + n pi/2, r from -pi/4 to pi/4.
fn sine_in_quarter_4(r: vec4f, n: vec4f) -> vec4f {
  let z = r * r;
  let sine = r + r * (z * ((-1.9518283e-4 * z + 8.332189e-3) * z - 0.16666655));
  let cosine = ((2.4432327e-5 * z - 1.388731e-3) * z + 4.1666646e-2) * (z * z) - 0.5 * z + 1.0;
  // The lowest bits of n, in those of the sum.
  let quarter = bitcast<vec4u>(n + 12582912.0);
  let y = select(sine, cosine, (quarter & vec4u(1u)) != vec4u());
  return bitcast<vec4f>(bitcast<vec4u>(y) ^ ((quarter & vec4u(2u)) << vec4u(30u)));
}

fn sin_4(x: vec4f) -> vec4f {
  let n = quarters_4(x);
  return select(sine_in_quarter_4(quarter_rest_4(x, n), n), x, abs(x) < vec4f(1e-4));
}

fn cos_4(x: vec4f) -> vec4f {
  let n = quarters_4(x);
  return sine_in_quarter_4(quarter_rest_4(x, n), n + 1.0);
}

fn tan_4(x: vec4f) -> vec4f {
  let n = quarters_4(x);
  let r = quarter_rest_4(x, n);
  let z = r * r;
  let p = ((((9.392966e-3 * z + 3.106564e-3) * z + 2.4438887e-2) * z + 5.340869e-2) * z + 0.13338833) * z + 0.33333156;
  let y = r + r * (z * p);
  let is_odd = (bitcast<vec4u>(n + 12582912.0) & vec4u(1u)) != vec4u();
  return select(select(y, -1.0 / y, is_odd), x, abs(x) < vec4f(1e-4));
}

// asin s for s = sqrt(z) up to 1/2.
fn asin_core_4(s: vec4f, z: vec4f) -> vec4f {
  return s + s * (z * ((((4.2158306e-2 * z + 2.4184778e-2) * z + 4.546915e-2) * z + 7.4953094e-2) * z + 0.16666752));
}

// Above 1/2 by asin x = pi/2 - 2 asin(sqrt((1 - x) / 2)); pi/2 is 1.57079637 - 4.37113883e-8.
fn asin_4(x: vec4f) -> vec4f {
  let size = abs(x);
  let is_large = size > vec4f(0.5);
  let z = select(size * size, (1.0 - size) * 0.5, is_large);
  let p = asin_core_4(select(size, sqrt(z), is_large), z);
  let y = select(p, 1.57079637 - (2.0 * p + 4.37113883e-8), is_large);
  return select(with_sign_4(y, x), not_a_number_4(x), size > vec4f(1.0));
}

fn acos_4(x: vec4f) -> vec4f {
  let size = abs(x);
  let is_large = size > vec4f(0.5);
  let z = select(size * size, (1.0 - size) * 0.5, is_large);
  let p = asin_core_4(select(x, sqrt(z), is_large), z);
  let large = select(2.0 * p, 3.14159274 - (2.0 * p + 8.74227766e-8), x < vec4f());
  let y = select(1.57079637 - (p + 4.37113883e-8), large, is_large);
  return select(y, not_a_number_4(x), size > vec4f(1.0));
}

// The angle of (x, y), both not negative, from 0 to pi/2: of their quotient, or that turned by pi/4 or pi/2.
fn first_quarter_angle_4(y: vec4f, x: vec4f) -> vec4f {
  let is_steep = y > 2.41421356 * x;
  let is_middle = y > 0.414213562 * x;
  let t = select(select(y, y - x, is_middle), -x, is_steep) / select(select(x, y + x, is_middle), y, is_steep);
  let z = t * t;
  let p = ((8.053628e-2 * z - 0.1387772) * z + 0.19977723) * z - 0.3333295;
  let turned = select(select(vec4f(), vec4f(0.785398185), is_middle), vec4f(1.57079637), is_steep);
  // What the turn's rounding left out: -2.18556941e-8 for pi/4.
  return turned + (t + (t * (z * p) - turned * 2.78275342e-8));
}

fn atan_4(x: vec4f) -> vec4f {
  return with_sign_4(first_quarter_angle_4(abs(x), vec4f(1.0)), x);
}

fn atan2_4(y: vec4f, x: vec4f) -> vec4f {
  let tall = abs(y);
  let wide = abs(x);
  // Both 0 give the angle 0, both infinite pi/4. The rest is scaled so that no sum overflows, no difference underflows.
  let is_endless = (bitcast<vec4u>(tall) == vec4u(0x7f800000u)) & (bitcast<vec4u>(wide) == vec4u(0x7f800000u));
  let is_nothing = (tall == vec4f()) & (wide == vec4f());
  let longer = max(tall, wide);
  let scale = select(select(vec4f(1.0), vec4f(0x1p64f), longer < vec4f(1e-18)), vec4f(0.25), longer > vec4f(1e38));
  let rise = select(tall * scale, vec4f(1.0), is_endless);
  let run = select(wide * scale, vec4f(1.0), is_endless | is_nothing);
  let angle = first_quarter_angle_4(rise, run);
  let is_left = (bitcast<vec4u>(x) & vec4u(0x80000000u)) != vec4u();
  return with_sign_4(select(angle, 3.14159274 - (angle + 8.74227766e-8), is_left), y);
}
