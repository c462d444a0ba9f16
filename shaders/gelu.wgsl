// gelu of vec4s and its approximation. Functions only. Needs exp-log.wgsl in front. Needs error-function.wgsl in front.
// Needs activations.wgsl in front.

// x times the normal distribution function, which is erfc(-x / sqrt(2)) / 2: its lower tail keeps its digits.
fn gelu_4(x: vec4f) -> vec4f {
  let t = abs(x) * 0.707106769;
  // 2^24 times the tail, 0 from 10.19 on.
  let raised = 0.5 * erfc_biased_4(select(t, vec4f(10.19), t > vec4f(10.19)), 12583063.0);
  let low = (select(x, vec4f(-104.0), x < vec4f(-104.0)) * raised) * 0x1p-24f;
  return select(x * (1.0 - raised * 0x1p-24f), low, x < vec4f());
}

// x (1 + tanh u) / 2 = x sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x^3).
fn gelu_tanh_4(x: vec4f) -> vec4f {
  let limited = limit_4(x, -104.0, 104.0);
  return times_sigmoid_4(x, limited * (1.59576912 + 7.13548163e-2 * limited * limited));
}
