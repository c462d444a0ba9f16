// The floored remainder of vec4s, without losing what a rounded product would. Functions only.

// a - b floor(a / b), of b's sign. First |a| is reduced by multiples of |b|: the product of quotient and divisor is
// subtracted in parts of 12 bits, which are exact, and so is the difference. A quotient of 24 bits leaves about
// |a / b| / 2^24 of |b|, so that one pass serves all but huge ones. Infinite b stay out of it: 0 times them is NaN.
fn remainder_4(a: vec4f, b: vec4f) -> vec4f {
  let d = abs(b);
  let d_high = bitcast<vec4f>(bitcast<vec4u>(d) & vec4u(0xfffff000u));
  let d_low = d - d_high;
  var r = abs(a);
  for (var i = 0u; i < 8u && any(abs(r) >= d); i++) {
    let q = trunc(r / d);
    let q_high = bitcast<vec4f>(bitcast<vec4u>(q) & vec4u(0xfffff000u));
    let q_low = q - q_high;
    r = select(r, (((r - q_high * d_high) - q_high * d_low) - q_low * d_high) - q_low * d_low, abs(r) >= d);
  }
  // Below 0 where a quotient was rounded up.
  r = select(r, r + d, r < vec4f());
  r = bitcast<vec4f>(bitcast<vec4u>(r) | (bitcast<vec4u>(a) & vec4u(0x80000000u)));
  r = select(r, r + b, (r != vec4f()) & ((r < vec4f()) != (b < vec4f())));
  return select(r, b, bitcast<vec4u>(d) > vec4u(0x7f800000u));
}
