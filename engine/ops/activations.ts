// Activation functions, pointwise. Softmax stands in softmax.ts.

import { defineOp } from "../define.ts";
import { wgslFloat } from "../kernel.ts";
import type { Sample, TensorLike } from "../op.ts";
import { greater, mul, square, sub, where } from "./arithmetic.ts";
import { elementwiseOp, unary } from "./elementwise.ts";

const awayFromZero: readonly Sample[] = [
  { inputs: [{ shape: [5, 7], low: 0.1, high: 3 }] },
  { inputs: [{ shape: [9], low: -3, high: -0.1 }] },
];

/** max(0, x). The gradient at 0 is 0. */
export const relu = unary({
  name: "relu",
  wgsl: "max(a, vec4f())",
  reference: ([a]) => Math.max(a, 0),
  saves: { outputs: [0] },
  vjp: ({ grad, output }) => [where(greater(output(), 0), grad(), 0)],
  samples: awayFromZero,
});

/**
 * x where x > 0, else negativeSlope · x; the gradient at 0 is negativeSlope. The default slope is 0.3, that of
 * Keras 2's `alpha` and tfjs (PyTorch's is 0.01, Keras 3's 0.3 under this name; note 002 speaks of 0.001).
 */
export const leakyRelu = defineOp({
  ...elementwiseOp<{ negativeSlope: number }>({
    name: "leakyRelu",
    arity: 1,
    wgsl: ({ negativeSlope }) => `select(a * ${wgslFloat(negativeSlope)}, a, a > vec4f())`,
    reference: ([a], { negativeSlope }) => (a > 0 ? a : a * Math.fround(negativeSlope)),
    saves: { inputs: [0] },
    vjp: ({ grad, input, attrs: { negativeSlope } }) => [
      where(greater(input(0), 0), grad(), mul(grad(), negativeSlope)),
    ],
    samples: awayFromZero.map((sample) => ({ ...sample, attrs: { negativeSlope: 0.3 } })),
  }),
  call: (x: TensorLike, negativeSlope: number = 0.3) => ({ inputs: [x], attrs: { negativeSlope } }),
});

/** 1 / (1 + e⁻ˣ), stable for large |x|. */
export const sigmoid = unary({
  name: "sigmoid",
  wgsl: "sigmoid_4(a)",
  helpers: {
    sigmoid_4: `fn sigmoid_4(x: vec4f) -> vec4f {
  // exp of a value that is never above 0 cannot overflow.
  let e = exp(-min(abs(x), vec4f(87.0)));
  return select(e, vec4f(1.0), x >= vec4f()) / (1.0 + e);
}`,
  },
  reference: ([a]) => (a >= 0 ? 1 / (1 + Math.exp(-a)) : Math.exp(a) / (1 + Math.exp(a))),
  saves: { outputs: [0] },
  vjp: ({ grad, output }) => [mul(grad(), mul(output(), sub(1, output())))],
  samples: [{ inputs: [{ shape: [5, 7], low: -4, high: 4 }] }],
});

/**
 * Hyperbolic tangent. Our own arithmetic, since drivers overflow for large |x| and lose digits near 0: below
 * |x| = 0.625 the polynomial of Cephes' tanhf (Moshier), above it 1 - 2 / (e²ˣ + 1).
 */
export const tanh = unary({
  name: "tanh",
  wgsl: "tanh_4(a)",
  helpers: {
    tanh_4: `fn tanh_4(x: vec4f) -> vec4f {
  let z = x * x;
  let series = ((((-5.70498872745e-3 * z + 2.06390887954e-2) * z - 5.37397155531e-2) * z + 1.33314422036e-1) * z
    - 3.33332819422e-1) * z * x + x;
  let size = min(abs(x), vec4f(10.0));
  let tail = 1.0 - 2.0 / (exp(2.0 * size) + 1.0);
  return select(sign(x) * tail, series, abs(x) < vec4f(0.625));
}`,
  },
  reference: ([a]) => Math.tanh(a),
  saves: { outputs: [0] },
  vjp: ({ grad, output }) => [mul(grad(), sub(1, square(output())))],
  samples: [{ inputs: [{ shape: [5, 7], low: -3, high: 3 }] }],
});

/** 1 where x > 0, else 0: note 002's step function. Its gradient is 0 everywhere. */
export const step = unary({
  name: "step",
  wgsl: "select(vec4f(), vec4f(1.0), a > vec4f())",
  reference: ([a]) => (a > 0 ? 1 : 0),
  vjp: () => [null],
  samples: awayFromZero,
});
