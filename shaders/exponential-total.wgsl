// The sum of a row's exponentials where softmax is not defined: with a NaN in the row, or a largest element that is
// infinite.

// Told by bits, since compilers may assume that neither occurs; without it a network that has diverged would go on
// with a loss that looks right. Functions for kernels of rows, and nothing else.

const magnitude_bits = 0x7fffffffu;
const infinity_bits = 0x7f800000u;

// `magnitudes` is the largest of the elements' bits without their signs.
fn defined_total(total: f32, largest: f32, magnitudes: u32) -> f32 {
  let is_defined = magnitudes <= infinity_bits && (bitcast<u32>(largest) & magnitude_bits) < infinity_bits;
  return select(bitcast<f32>(magnitudes | 0x7fc00000u), total, is_defined);
}

// Drivers' log may give a number for NaN.
fn log_total_of(total: f32) -> f32 {
  return select(log(total), total, (bitcast<u32>(total) & magnitude_bits) > infinity_bits);
}

// e^x for x that is not above 0: exactly 0 where the result would be subnormal, and for -infinity. NaN is not kept.
fn exp_below_0(x: f32) -> f32 {
  return select(exp(max(x, -87.0)), 0.0, x < -87.0);
}
