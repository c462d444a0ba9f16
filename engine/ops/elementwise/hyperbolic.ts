// Hyperbolic functions and their inverses. Their WGSL is ours (shaders/hyperbolic.wgsl): drivers overflow for large
// |x| and lose digits near 0.

import { add, div, mul, square, sub } from "./arithmetic.ts";
import { unary } from "./elementwise.ts";
import { rsqrt } from "./exponential.ts";
import { hyperbolicFunctions, tanhFunctions } from "./math-functions.ts";

/** Hyperbolic tangent. */
export const tanh = unary({
  name: "tanh",
  wgsl: "tanh_4(a)",
  helpers: tanhFunctions("tanh_4"),
  reference: ([a]) => Math.tanh(a),
  saves: { outputs: [0] },
  vjp: ({ grad, output }) => [mul(grad(), sub(1, square(output())))],
  samples: [{ inputs: [{ shape: [5, 7], low: -3, high: 3 }] }],
  accuracy: { ulp: 4 },
});

/** Hyperbolic sine. */
export const sinh = unary({
  name: "sinh",
  wgsl: "sinh_4(a)",
  helpers: hyperbolicFunctions("sinh_4"),
  reference: ([a]) => Math.sinh(a),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [mul(grad(), cosh(input(0)))],
  samples: [{ inputs: [{ shape: [5, 7], low: -3, high: 3 }] }],
  accuracy: { ulp: 4 },
});

/** Hyperbolic cosine. */
export const cosh = unary({
  name: "cosh",
  wgsl: "cosh_4(a)",
  helpers: hyperbolicFunctions("cosh_4"),
  reference: ([a]) => Math.cosh(a),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [mul(grad(), sinh(input(0)))],
  samples: [{ inputs: [{ shape: [5, 7], low: -3, high: 3 }] }],
  accuracy: { ulp: 4 },
});

/** Inverse hyperbolic sine, ln(a + √(a² + 1)). */
export const asinh = unary({
  name: "asinh",
  wgsl: "asinh_4(a)",
  helpers: hyperbolicFunctions("asinh_4"),
  reference: ([a]) => Math.asinh(a),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [mul(grad(), rsqrt(add(square(input(0)), 1)))],
  samples: [{ inputs: [{ shape: [5, 7], low: -4, high: 4 }] }],
  accuracy: { ulp: 4 },
});

/** Inverse hyperbolic cosine, ln(a + √(a² - 1)); NaN below 1. The gradient at 1 is infinite. */
export const acosh = unary({
  name: "acosh",
  wgsl: "acosh_4(a)",
  helpers: hyperbolicFunctions("acosh_4"),
  reference: ([a]) => Math.acosh(a),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [mul(grad(), mul(rsqrt(sub(input(0), 1)), rsqrt(add(input(0), 1))))],
  samples: [{ inputs: [{ shape: [5, 7], low: 1.2, high: 5 }] }],
  accuracy: { ulp: 4, domain: [[1, 3.4e38]] },
});

/** Inverse hyperbolic tangent, ln((1 + a) / (1 - a)) / 2; ±∞ at ±1, NaN beyond. */
export const atanh = unary({
  name: "atanh",
  wgsl: "atanh_4(a)",
  helpers: hyperbolicFunctions("atanh_4"),
  reference: ([a]) => Math.atanh(a),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [div(grad(), mul(sub(1, input(0)), add(1, input(0))))],
  samples: [{ inputs: [{ shape: [5, 7], low: -0.9, high: 0.9 }] }],
  accuracy: { ulp: 4, domain: [[-1, 1]] },
});
