// Philox4x32-10: a counter and a key in, four random words out; the same words as engine/base/random/philox.ts, where
// the source is named. Functions only: shaders that draw are concatenated behind this file.

const philox_factors = vec2u(0xd2511f53u, 0xcd9e8d57u);
const philox_weyl = vec2u(0x9e3779b9u, 0xbb67ae85u);

// The high words of two 32 by 32 bit products, from products of 16-bit halves; every partial sum stays below 2^32.
fn multiply_high(a: vec2u, b: vec2u) -> vec2u {
  let a_low = a & vec2u(0xffffu);
  let a_high = a >> vec2u(16u);
  let b_low = b & vec2u(0xffffu);
  let b_high = b >> vec2u(16u);
  let middle = a_high * b_low + ((a_low * b_low) >> vec2u(16u));
  let carry = a_low * b_high + (middle & vec2u(0xffffu));
  return a_high * b_high + (middle >> vec2u(16u)) + (carry >> vec2u(16u));
}

fn philox(counter: vec4u, key: vec2u) -> vec4u {
  var c = counter;
  var k = key;
  for (var round = 0u; round < 10u; round++) {
    let high = multiply_high(philox_factors, c.xz);
    let low = philox_factors * c.xz;
    c = vec4u(high.y ^ c.y ^ k.x, low.y, high.x ^ c.w ^ k.y, low.x);
    k += philox_weyl;
  }
  return c;
}

// Words 4i to 4i + 3 of what a random state [key low, key high, counter, stream] stands for.
fn random_words(i: u32, state: vec4u) -> vec4u {
  return philox(vec4u(i, state.z, state.w, 0u), state.xy);
}
