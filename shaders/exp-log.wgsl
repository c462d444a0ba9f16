// Exponentials and logarithms of vec4s within a few ULP on every adapter: our own range reductions and
// polynomials, since drivers' own lose up to 1e5 ULP near 0 and 1.

// Functions only: concatenated in front of shaders that call them, or picked by name
// (engine/ops/elementwise/math-functions.ts). The polynomials are minimax fits of this project, their coefficients
// rounded to f32 from the lowest on. What keeps digits does not rest on a*b+c being one rounding or two, nor on
// (a+b)-b being kept: a value is split by its bits. Comparisons are written so that NaN goes through; exceptional
// results are made from bits or by overflow.

// x limited to [low, high], NaN kept.
fn limit_4(x: vec4f, low: f32, high: f32) -> vec4f {
  return select(select(x, vec4f(low), x < vec4f(low)), vec4f(high), x > vec4f(high));
}

// The upper 12 bits of x's significand: a product of two such values is exact.
fn upper_half_4(x: vec4f) -> vec4f {
  return bitcast<vec4f>(bitcast<vec4u>(x) & vec4u(0xfffff000u));
}

// A value that is not negative, with the sign of x.
fn with_sign_4(size: vec4f, x: vec4f) -> vec4f {
  return bitcast<vec4f>(bitcast<vec4u>(size) | (bitcast<vec4u>(x) & vec4u(0x80000000u)));
}

// NaN, made from the bits of any x.
fn not_a_number_4(x: vec4f) -> vec4f {
  return bitcast<vec4f>(bitcast<vec4u>(x) | vec4u(0x7fc00000u));
}

fn is_nan_4(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}

// 2^(n + bias - 12582912), for whole n: the sum's lowest bits become the exponent. 0 and infinity at its ends.
fn power_of_two_4(n: vec4f, bias: f32) -> vec4f {
  return bitcast<vec4f>(bitcast<vec4u>(n + bias) << vec4u(23u));
}

// e^(x + low) * 2^(bias - 12583039), for x that give n from -127 to 128 and a small low. With n = floor(x / ln 2) the
// power of two is in range for every normal result, which rounding to the nearest n would not give.
fn exp_biased_4(x: vec4f, low: vec4f, bias: f32) -> vec4f {
  let n = floor(x * 1.44269504);
  // ln 2 in two parts, the first of 15 bits: its product is exact.
  let r = ((x - n * 0.693145752) - n * 1.42860682e-6) + low;
  let p = ((((1.9120505e-3 * r + 7.869288e-3) * r + 4.1854367e-2) * r + 0.1666321) * r + 0.50000226) * (r * r) + r + 1.0;
  return p * power_of_two_4(n, bias);
}

// e^x for x from -88 to 89: from 0 to infinity.
fn exp_core_4(x: vec4f) -> vec4f {
  return exp_biased_4(x, vec4f(), 12583039.0);
}

fn exp_4(x: vec4f) -> vec4f {
  return exp_core_4(limit_4(x, -88.0, 89.0));
}

// e^x - 1 = 2 (2^(n-1) (e^r - 1) + (2^(n-1) - 1/2)), r = x - n ln 2, where nothing cancels.
fn expm1_4(x: vec4f) -> vec4f {
  let limited = limit_4(x, -18.0, 89.0);
  let n = round(limited * 1.44269504);
  let r = (limited - n * 0.693145752) - n * 1.42860682e-6;
  let p = ((((1.3869626e-3 * r + 8.36625e-3) * r + 4.1667446e-2) * r + 0.16666546) * r + 0.49999997) * (r * r) + r;
  let half = power_of_two_4(n, 12583038.0);
  return select((half * p + (half - 0.5)) * 2.0, x, abs(x) < vec4f(5e-8));
}

// e ln 2 + ln(1 + f) for f from 1/sqrt(2) - 1 to sqrt(2) - 1, by s = f / (2 + f): ln(1 + f) = f - s (f - R(s^2)).
fn log_core_4(f: vec4f, e: vec4f) -> vec4f {
  let s = f / (2.0 + f);
  let z = s * s;
  let r = z * (0.66666776 + z * (0.39977568 + z * 0.2987146));
  return e * 0.693145752 + (f - (s * (f - r) - e * 1.42860682e-6));
}

// Where ln x is not y: -infinity at 0 (and subnormals), NaN below, infinity at infinity.
fn log_exceptions_4(x: vec4f, y: vec4f) -> vec4f {
  let bits = bitcast<vec4u>(x);
  let low = bitcast<vec4f>((bits & vec4u(0x80000000u)) | vec4u(0xff800000u));
  let beyond = select(not_a_number_4(x), x, bits == vec4u(0x7f800000u));
  let exception = select(beyond, low, (bits & vec4u(0x7fffffffu)) < vec4u(0x00800000u));
  return select(y, exception, bits - vec4u(0x00800000u) >= vec4u(0x7f000000u));
}

// x = m 2^e with m from 1/sqrt(2) to sqrt(2): the exponent's bits count from those of 1/sqrt(2).
fn exponent_4(x: vec4f) -> vec4f {
  return vec4f(bitcast<vec4i>(bitcast<vec4u>(x) - vec4u(0x3f3504f3u)) >> vec4u(23u));
}

fn significand_4(x: vec4f) -> vec4f {
  return bitcast<vec4f>(((bitcast<vec4u>(x) - vec4u(0x3f3504f3u)) & vec4u(0x007fffffu)) + vec4u(0x3f3504f3u));
}

fn log_4(x: vec4f) -> vec4f {
  return log_exceptions_4(x, log_core_4(significand_4(x) - 1.0, exponent_4(x)));
}

// ln(1 + x) + doublings ln 2 for x > -1. Where 1 + x has exponent 0, x itself is f and the sum's rounding costs nothing;
// elsewhere the logarithm is large enough to bear it.
fn log1p_core_4(x: vec4f, doublings: vec4f) -> vec4f {
  let sum = 1.0 + x;
  let e = exponent_4(sum);
  return log_core_4(select(significand_4(sum) - 1.0, x, e == vec4f()), e + doublings);
}

fn log1p_4(x: vec4f) -> vec4f {
  return select(log_exceptions_4(1.0 + x, log1p_core_4(x, vec4f())), x, abs(x) < vec4f(2e-8));
}
