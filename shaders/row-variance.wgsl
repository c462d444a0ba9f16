// What kernels of row normalization make of a row's sums. Functions and consts only, for the front of those files.

// 2^-80: squares of deviations scaled by it are f32 numbers where those of the deviations are not.
const shrunk = 8.271806e-25;

// What rounding has left of the mean, of an infinite mean nothing that could be told: it stays infinite.
fn shift_of(left: f32) -> f32 {
  return select(0.0, left, (bitcast<u32>(left) & 0x7f800000u) != 0x7f800000u);
}

fn is_infinite(value: f32) -> bool {
  return (bitcast<u32>(value) & 0x7fffffffu) == 0x7f800000u;
}

// The reciprocal deviation, of the mean squares of the deviations, of those shrunk, and of what was left of the mean.
fn scale_of(plain: f32, small: f32, shift: f32, epsilon: f32) -> f32 {
  let is_huge = is_infinite(plain);
  let unit = select(1.0, shrunk, is_huge);
  let spread = select(plain, small, is_huge) - shift * unit * (shift * unit);
  // Rounding may leave less than 0. By comparison, since max() may lose a NaN.
  let variance = select(spread, 0.0, spread < 0.0);
  return unit / sqrt(variance + epsilon * unit * unit);
}
