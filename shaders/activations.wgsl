// Activation functions of vec4s, stable for any finite x. Functions only.
// Needs exp-log.wgsl in front. Needs error-function.wgsl in front.

// e^-|x|, which neither overflows nor lets the driver lose digits.
fn exp_minus_abs_4(x: vec4f) -> vec4f {
  let size = abs(x);
  return exp_core_4(-select(size, vec4f(88.0), size > vec4f(88.0)));
}

fn sigmoid_4(x: vec4f) -> vec4f {
  let e = exp_minus_abs_4(x);
  return select(e, vec4f(1.0), x >= vec4f()) / (1.0 + e);
}

// ln(1 + e^-|x|): what softplus adds to max(x, 0).
fn softplus_tail_4(x: vec4f) -> vec4f {
  return log1p_core_4(exp_minus_abs_4(x), vec4f());
}

fn softplus_4(x: vec4f) -> vec4f {
  return select(x, vec4f(), x < vec4f()) + softplus_tail_4(x);
}

// 2^24 e^-|x|: what a product with e^x needs, since that leaves the normal range later than e^x itself.
fn raised_exp_minus_abs_4(x: vec4f) -> vec4f {
  let size = abs(x);
  return exp_biased_4(-select(size, vec4f(104.0), size > vec4f(104.0)), vec4f(), 12583063.0);
}

// x sigmoid(v) for x and v of one sign; 0 where sigmoid(v) is, also where x is -infinity.
fn times_sigmoid_4(x: vec4f, v: vec4f) -> vec4f {
  let raised = raised_exp_minus_abs_4(v);
  let is_below = v < vec4f();
  let top = select(x, select(x, vec4f(-104.0), x < vec4f(-104.0)) * raised, is_below);
  return top / select(1.0 + raised * 0x1p-24f, 0x1p24f + raised, is_below);
}

fn silu_4(x: vec4f) -> vec4f {
  return times_sigmoid_4(x, x);
}

// x tanh(ln(1 + e^x)) = x (1 + 2v) / (1 + 2v + 2v^2) with v = e^-x, or x u (u + 2) / (u (u + 2) + 2) with u = e^x.
fn mish_4(x: vec4f) -> vec4f {
  let raised = raised_exp_minus_abs_4(x);
  let e = raised * 0x1p-24f;
  let is_below = x < vec4f();
  let low = select(x, vec4f(-104.0), x < vec4f(-104.0)) * raised * (e + 2.0) / (0x1p24f * (e * (e + 2.0) + 2.0));
  let high = x * ((1.0 + 2.0 * e) / (1.0 + 2.0 * e + 2.0 * e * e));
  return select(high, low, is_below);
}

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
