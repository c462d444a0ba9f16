// Trigonometric functions and their inverses, in radians. Their WGSL is ours (shaders/trigonometric.wgsl): WGSL asks
// of drivers' sin and cos no more than 2^-11 absolute, and within [-pi, pi] only.

import { add, div, mul, neg, square, sub } from "./arithmetic.ts";
import { binary, unary } from "./elementwise.ts";
import { rsqrt } from "./exponential.ts";
import { trigonometricFunctions } from "./math-functions.ts";

/** Where the reduction by multiples of π/2 is exact. */
const reduced = { ulp: 4, domain: [[-12_800, 12_800]] } as const;

/** sin a. Within 4 ULP for |a| up to 12,800; beyond, the error grows with |a|. NaN at infinity. */
export const sin = unary({
  name: "sin",
  wgsl: "sin_4(a)",
  helpers: trigonometricFunctions("sin_4"),
  reference: ([a]) => Math.sin(a),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [mul(grad(), cos(input(0)))],
  samples: [{ inputs: [{ shape: [5, 7], low: -7, high: 7 }] }],
  accuracy: reduced,
});

/** cos a. Within 4 ULP for |a| up to 12,800; beyond, the error grows with |a|. NaN at infinity. */
export const cos = unary({
  name: "cos",
  wgsl: "cos_4(a)",
  helpers: trigonometricFunctions("cos_4"),
  reference: ([a]) => Math.cos(a),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [neg(mul(grad(), sin(input(0))))],
  samples: [{ inputs: [{ shape: [5, 7], low: -7, high: 7 }] }],
  accuracy: reduced,
});

/** tan a. Within 4 ULP for |a| up to 12,800; beyond, the error grows with |a|. NaN at infinity. */
export const tan = unary({
  name: "tan",
  wgsl: "tan_4(a)",
  helpers: trigonometricFunctions("tan_4"),
  reference: ([a]) => Math.tan(a),
  saves: { outputs: [0] },
  vjp: ({ grad, output }) => [mul(grad(), add(square(output()), 1))],
  samples: [
    { inputs: [{ shape: [5, 7], low: -1.2, high: 1.2 }] },
    { inputs: [{ shape: [7], low: 2, high: 4 }] },
  ],
  accuracy: reduced,
});

/** The angle from -π/2 to π/2 whose sine is a; NaN beyond ±1. The gradient is infinite at ±1. */
export const asin = unary({
  name: "asin",
  wgsl: "asin_4(a)",
  helpers: trigonometricFunctions("asin_4"),
  reference: ([a]) => Math.asin(a),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [mul(grad(), rsqrt(mul(sub(1, input(0)), add(1, input(0)))))],
  samples: [{ inputs: [{ shape: [5, 7], low: -0.9, high: 0.9 }] }],
  accuracy: { ulp: 4, domain: [[-1, 1]] },
});

/** The angle from 0 to π whose cosine is a; NaN beyond ±1. The gradient is infinite at ±1. */
export const acos = unary({
  name: "acos",
  wgsl: "acos_4(a)",
  helpers: trigonometricFunctions("acos_4"),
  reference: ([a]) => Math.acos(a),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [neg(mul(grad(), rsqrt(mul(sub(1, input(0)), add(1, input(0))))))],
  samples: [{ inputs: [{ shape: [5, 7], low: -0.9, high: 0.9 }] }],
  accuracy: { ulp: 4, domain: [[-1, 1]] },
});

/** The angle from -π/2 to π/2 whose tangent is a. */
export const atan = unary({
  name: "atan",
  wgsl: "atan_4(a)",
  helpers: trigonometricFunctions("atan_4"),
  reference: ([a]) => Math.atan(a),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [div(grad(), add(square(input(0)), 1))],
  samples: [{ inputs: [{ shape: [5, 7], low: -4, high: 4 }] }],
  accuracy: { ulp: 4 },
});

/**
 * The angle from -π to π of the point (x, y), given as `atan2(y, x)`: atan(y / x) in the right quadrant. As in IEEE 754,
 * signed zeros choose the side (atan2(0, -0) = π). At the origin the gradient is NaN: there is none.
 */
export const atan2 = binary({
  name: "atan2",
  wgsl: "atan2_4(a, b)",
  helpers: trigonometricFunctions("atan2_4"),
  reference: ([y, x]) => Math.atan2(y, x),
  saves: { inputs: [0, 1] },
  vjp: ({ grad, input, needs }) => {
    const scaled = div(grad(), add(square(input(0)), square(input(1))));
    return [needs(0) ? mul(scaled, input(1)) : null, needs(1) ? neg(mul(scaled, input(0))) : null];
  },
  samples: [
    {
      inputs: [
        { shape: [5, 7], low: 0.3, high: 2 },
        { shape: [7], low: -2, high: 2 },
      ],
    },
    {
      inputs: [
        { shape: [9], low: -2, high: -0.3 },
        { shape: [9], low: -2, high: 2 },
      ],
    },
  ],
  accuracy: {
    ulp: 4,
    domain: [
      [-1e15, 1e15],
      [-1e15, 1e15],
    ],
  },
});
