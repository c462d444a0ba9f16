// tanh of vec4s. Functions only. Needs exp-log.wgsl in front. It is odd: computed of |x| and given x's sign. Near 0, where
// exponentials would cancel, an odd polynomial stands (a minimax fit of this project).

// Below 0.625 a polynomial, above it 1 - 2 / (e^2x + 1); 1 from 10 on.
fn tanh_4(x: vec4f) -> vec4f {
  let size = abs(x);
  let z = size * size;
  let p = (((-5.692296e-3 * z + 2.0628167e-2) * z - 5.3736515e-2) * z + 0.13331406) * z - 0.3333328;
  let series = size + size * (z * p);
  let tail = 1.0 - 2.0 / (exp_core_4(2.0 * select(size, vec4f(10.0), size > vec4f(10.0))) + 1.0);
  return with_sign_4(select(tail, series, size < vec4f(0.625)), x);
}
