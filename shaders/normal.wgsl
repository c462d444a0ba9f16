// Normal deviates from random words, one each: the inverse of the normal distribution function at
// (word + 1/2) * 2^-32. Functions only: concatenated behind a shader that calls them.
//
// Source: Wichura, "Algorithm AS 241", Applied Statistics 37 (1988), routine PPND7, relative error about 1e-7.
// Not Box-Muller: log is asked for only up to 0.075, where drivers agree on it, and there is no cos.

fn inverse_normal(words: vec4u) -> vec4f {
  let scale = 0x1p-32f;
  // The distance from one half, and from the nearer end, both in steps of 2^-32 and without cancelling.
  let q = (vec4f(bitcast<vec4i>(words ^ vec4u(0x80000000u))) + 0.5) * scale;
  let tail = (vec4f(min(words, ~words)) + 0.5) * scale;

  let s = 0.180625 - q * q;
  let centre = q * (((5.9109374720e+1 * s + 1.5929113202e+2) * s + 5.0434271938e+1) * s + 3.3871327179)
    / (((6.7187563600e+1 * s + 7.8757757664e+1) * s + 1.7895169469e+1) * s + 1.0);

  // At most sqrt(33 log 2) = 4.8, so the third region of the algorithm, from 5 on, is never reached.
  let r = sqrt(-log(tail)) - 1.6;
  let far = (((1.7023821103e-1 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777)
    / ((1.2021132975e-1 * r + 7.3700164250e-1) * r + 1.0);
  return select(sign(q) * far, centre, abs(q) <= vec4f(0.425));
}
