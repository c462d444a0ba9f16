// The error function and its complement, of vec4s. Functions only. Needs exp-log.wgsl in front. The polynomials are
// minimax fits of this project.

// erf x / x - 1 for small x, of z = x^2.
fn erf_series_4(z: vec4f) -> vec4f {
  return ((((-6.047831e-4 * z + 5.003519e-3) * z - 2.6773067e-2) * z + 0.11281976) * z - 0.37612507) * z + 0.12837915;
}

// 2^(bias - 12583039) erfc t for t >= 0, to full relative precision: e^(-t^2) / (1 + 2t) times a polynomial in
// (t - 2) / (t + 2); t^2 is split so that its rounding does not show.
fn erfc_biased_4(t: vec4f, bias: f32) -> vec4f {
  let high = upper_half_4(t);
  let q = (t - 2.0) / (t + 2.0);
  let front = (((-4.1346854e-4 * q - 1.2532376e-3) * q + 1.3151568e-3) * q + 8.651914e-3) * q - 8.055779e-3;
  let p = ((((front * q - 5.421023e-2) * q + 0.16405405) * q - 0.16603076) * q - 9.276389e-2) * q + 1.2769784;
  return exp_biased_4(-(high * high), (high - t) * (high + t), bias) * p / (1.0 + 2.0 * t);
}

// erfc |x|; 0 from 9.38 on.
fn erfc_tail_4(size: vec4f) -> vec4f {
  return erfc_biased_4(select(size, vec4f(9.38), size > vec4f(9.38)), 12583039.0);
}

fn erf_4(x: vec4f) -> vec4f {
  let size = abs(x);
  let series = size + size * erf_series_4(size * size);
  let y = select(1.0 - erfc_tail_4(size), series, size < vec4f(0.9));
  // 2 / sqrt(pi) times what is so small that a tenth of it may be subnormal.
  return with_sign_4(select(y, size * 1.12837917, size < vec4f(1e-30)), x);
}

fn erfc_4(x: vec4f) -> vec4f {
  let size = abs(x);
  let tail = erfc_tail_4(size);
  let series = 1.0 - (x + x * erf_series_4(x * x));
  return select(select(tail, 2.0 - tail, x < vec4f()), series, size < vec4f(0.5));
}
