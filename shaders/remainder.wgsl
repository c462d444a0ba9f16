// The floored remainder of vec4s, without losing what a rounded product would. Functions only.

// The size of b with the sign of a.
fn signed_as_4(b: vec4f, a: vec4f) -> vec4f {
  return bitcast<vec4f>((bitcast<vec4u>(b) & vec4u(0x7fffffffu)) | (bitcast<vec4u>(a) & vec4u(0x80000000u)));
}

// a - b floor(a / b), of b's sign. First the remainder of a's sign: the product is subtracted in parts of 12 bits, which
// are exact, and a quotient that rounding moved to the next whole number is put right. That is exact while |a / b| < 2^22.
fn remainder_4(a: vec4f, b: vec4f) -> vec4f {
  let q = trunc(a / b);
  let q_high = bitcast<vec4f>(bitcast<vec4u>(q) & vec4u(0xfffff000u));
  let q_low = q - q_high;
  let b_high = bitcast<vec4f>(bitcast<vec4u>(b) & vec4u(0xfffff000u));
  let b_low = b - b_high;
  let step = signed_as_4(b, a);
  var r = (((a - q_high * b_high) - q_high * b_low) - q_low * b_high) - q_low * b_low;
  // Nothing is taken from a where b is infinite (and q * b would be NaN).
  r = select(r, a, (bitcast<vec4u>(b) & vec4u(0x7fffffffu)) == vec4u(0x7f800000u));
  r = select(r, r + step, (r != vec4f()) & ((r < vec4f()) != (a < vec4f())));
  r = select(r, r - step, abs(r) >= abs(b));
  return select(r, r + b, (r != vec4f()) & ((r < vec4f()) != (b < vec4f())));
}
