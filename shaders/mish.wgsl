// mish of vec4s. Functions only. Needs exp-log.wgsl in front. Needs activations.wgsl in front.

// x tanh(ln(1 + e^x)) = x (1 + 2v) / (1 + 2v + 2v^2) with v = e^-x, or x u (u + 2) / (u (u + 2) + 2) with u = e^x.
fn mish_4(x: vec4f) -> vec4f {
  let raised = raised_exp_minus_abs_4(x);
  let e = raised * 0x1p-24f;
  let is_below = x < vec4f();
  let low = select(x, vec4f(-104.0), x < vec4f(-104.0)) * raised * (e + 2.0) / (0x1p24f * (e * (e + 2.0) + 2.0));
  let high = x * ((1.0 + 2.0 * e) / (1.0 + 2.0 * e + 2.0 * e * e));
  return select(high, low, is_below);
}
