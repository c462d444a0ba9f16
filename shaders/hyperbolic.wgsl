// Hyperbolic functions of vec4s and their inverses. Functions only. Needs exp-log.wgsl in front. All are odd or even:
// they are computed of |x| and given x's sign.

// Near 0, where exponentials would cancel, odd polynomials stand (minimax fits of this project).

// e^|x| / 2, which overflows where sinh and cosh do, not before.
fn half_exp_4(size: vec4f) -> vec4f {
  return exp_biased_4(select(size, vec4f(89.8), size > vec4f(89.8)), vec4f(), 12583038.0);
}

fn sinh_4(x: vec4f) -> vec4f {
  let size = abs(x);
  let z = size * size;
  let series = size + size * (z * (((2.7822132e-6 * z + 1.9842896e-4) * z + 8.3333105e-3) * z + 0.16666667));
  let half = half_exp_4(size);
  return with_sign_4(select(half - 0.25 / half, series, size < vec4f(1.0)), x);
}

fn cosh_4(x: vec4f) -> vec4f {
  let half = half_exp_4(abs(x));
  return half + 0.25 / half;
}

// ln(x + sqrt(x^2 + 1)) as ln(1 + w), w = x + x^2 / (1 + sqrt(x^2 + 1)); ln 2x where x^2 might overflow.
fn asinh_4(x: vec4f) -> vec4f {
  let size = abs(x);
  let is_large = size > vec4f(1e9);
  let z = select(size * size, vec4f(1.0), is_large);
  let w = select(size + z / (1.0 + sqrt(z + 1.0)), size, is_large);
  let y = log_exceptions_4(1.0 + w, log1p_core_4(w, select(vec4f(), vec4f(1.0), is_large)));
  return with_sign_4(select(y, size, size < vec4f(1e-4)), x);
}

// ln(x + sqrt(x^2 - 1)) as ln(1 + w), w = t + sqrt(t (t + 2)), t = x - 1; NaN below 1.
fn acosh_4(x: vec4f) -> vec4f {
  let t = x - 1.0;
  let is_large = x > vec4f(1e9);
  let w = select(t + sqrt(select(t * (t + 2.0), vec4f(1.0), is_large)), x, is_large);
  let y = log_exceptions_4(1.0 + w, log1p_core_4(w, select(vec4f(), vec4f(1.0), is_large)));
  return select(y, not_a_number_4(x), x < vec4f(1.0));
}

// Below 1/2 a polynomial, above it half of ln((1 + x) / (1 - x)); infinity at 1, NaN beyond.
fn atanh_4(x: vec4f) -> vec4f {
  let size = abs(x);
  let z = size * size;
  let p = ((((0.1763992 * z + 5.158965e-2) * z + 0.11816762) * z + 0.14223745) * z + 0.20002455) * z + 0.33333302;
  let tail = 0.5 * log_4((1.0 + size) / (1.0 - size));
  return with_sign_4(select(tail, size + size * (z * p), size < vec4f(0.5)), x);
}
