// Normal deviates from random words, one each: the inverse of the normal distribution function at (word + 1/2) *
// 2^-32, or at as much of the way from one end of an interval to the other.

// Functions only: added to shaders that call them. Source: Wichura, "Algorithm AS 241", Applied Statistics 37 (1988),
// routine PPND7, relative error about 1e-7. Not Box-Muller: log is asked for only up to 0.075, where drivers agree on
// it, and there is no cos.

// At the probability 1/2 + `q`, whose distance from the nearer end is `tail`: both given, so that neither cancels.
fn inverse_normal_at(q: vec4f, tail: vec4f) -> vec4f {
  let s = 0.180625 - q * q;
  let centre = q * (((5.9109374720e+1 * s + 1.5929113202e+2) * s + 5.0434271938e+1) * s + 3.3871327179)
    / (((6.7187563600e+1 * s + 7.8757757664e+1) * s + 1.7895169469e+1) * s + 1.0);

  // At most sqrt(33 log 2) = 4.8, so the third region of the algorithm, from 5 on, is never reached.
  let r = sqrt(-log(tail)) - 1.6;
  let far = (((1.7023821103e-1 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777)
    / ((1.2021132975e-1 * r + 7.3700164250e-1) * r + 1.0);
  return select(sign(q) * far, centre, abs(q) <= vec4f(0.425));
}

fn inverse_normal(words: vec4u) -> vec4f {
  let scale = 0x1p-32f;
  // The distance from one half, and from the nearer end, both in steps of 2^-32 and without cancelling.
  let q = (vec4f(bitcast<vec4i>(words ^ vec4u(0x80000000u))) + 0.5) * scale;
  let tail = (vec4f(min(words, ~words)) + 0.5) * scale;
  return inverse_normal_at(q, tail);
}

// Of the deviates from -2 to 2 only.
fn truncated_normal(words: vec4u) -> vec4f {
  // The probability of that interval: 1 - 2 P(N(0, 1) < -2).
  let covered = 0.9544997361;
  let q = (vec4f(bitcast<vec4i>(words ^ vec4u(0x80000000u))) + 0.5) * (covered * 0x1p-32f);
  return clamp(inverse_normal_at(q, 0.5 - abs(q)), vec4f(-2.0), vec4f(2.0));
}
