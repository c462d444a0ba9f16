// Activation functions of vec4s, stable for any finite x. Functions only.
// Needs exp-log.wgsl in front.

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
