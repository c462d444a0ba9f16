// Powers of vec4s, within a few ULP on every adapter. Functions only. Needs exp-log.wgsl in front.

// x^y for x >= 0: e^(y ln x) with ln x to 36 bits, as a sum of a first part of 12 bits and the rest.
fn pow_4(x: vec4f, exponent: vec4f) -> vec4f {
  // Beyond this even the neighbours of 1 are sent to 0 or infinity.
  let y = limit_4(exponent, -4e9, 4e9);
  let e = exponent_4(x);
  let m = significand_4(x);
  let f = m - 1.0;
  let d = m + 1.0;
  let d_high = upper_half_4(d);
  let d_low = m - (d_high - 1.0);
  let s = f / d;
  let s_high = upper_half_4(s);
  let s_low = ((f - s_high * d_high) - s_high * d_low) / d;
  let z = s * s;
  let rest = 2.0 * s_low + s * (z * (0.66666776 + z * (0.39977568 + z * 0.2987146))) + e * 1.42860682e-6;
  let doublings = e * 0.693145752;
  let high = upper_half_4(doublings + (2.0 * s_high + rest));
  let low = ((doublings - high) + 2.0 * s_high) + rest;
  let y_high = upper_half_4(y);
  let large = y_high * high;
  let small = (y - y_high) * high + y * low;

  // 0 and infinity to a power, and what leaves the range on the way.
  let up = y > vec4f();
  let bits = bitcast<vec4u>(x);
  let is_zero = bits < vec4u(0x00800000u);
  let is_endless = bits == vec4u(0x7f800000u);
  let limited = limit_4(large, -88.0, 89.0);
  let is_beyond = limited != large;
  var power = exp_biased_4(limited, select(small, vec4f(), is_beyond), 12583039.0);
  power = select(power, vec4f(), (is_zero & up) | (is_endless & !up));
  let endless = bitcast<vec4f>((bits & vec4u(0x80000000u)) | vec4u(0x7f800000u));
  power = select(power, endless, (is_zero & !up) | (is_endless & up));
  power = select(power, not_a_number_4(x), is_nan_4(x) | is_nan_4(exponent));
  return select(power, vec4f(1.0), exponent == vec4f());
}

// x^y for any x, as IEEE 754 pow: below 0 only whole y give numbers, negative ones where y is odd.
fn power_4(x: vec4f, y: vec4f) -> vec4f {
  let size = pow_4(abs(x), y);
  let is_negative = (bitcast<vec4u>(x) & vec4u(0x80000000u)) != vec4u();
  let is_odd = (trunc(y) == y) & (floor(0.5 * y) * 2.0 != y);
  let is_undefined = (x < vec4f()) & (trunc(y) != y) & (abs(x) <= vec4f(3.4028234e38));
  let signed = select(select(size, -size, is_negative & is_odd), not_a_number_4(x), is_undefined);
  // Even for NaN.
  return select(signed, vec4f(1.0), x == vec4f(1.0));
}
