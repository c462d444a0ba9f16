// Activations that are straight on one side at least: relu and its kin, and the hard (piecewise linear) forms.

import { ArgumentError, ShapeError } from "../../base/errors.ts";
import { numberOrOption } from "../../base/number-checks.ts";
import { sameShape, showShape } from "../../base/shape.ts";
import { wgslFloat } from "../../kernel/kernel.ts";
import type { Sample } from "../../kernel/kernel-op.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction, TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add, div, mul } from "./arithmetic.ts";
import { greater, greaterEqual, less, lessEqual } from "./comparison.ts";
import { constantBeside } from "./constant.ts";
import { elementwiseOp, exact, unary } from "./elementwise.ts";
import { exp } from "./exponential.ts";
import { logicalAnd, where } from "./logical.ts";
import { mathFunctions } from "./math-functions.ts";

// At a kink the gradient is that of the side away from the identity: 0 for relu at 0, 0 for the hard forms at their
// bounds, so that a unit that rests exactly there is as dead as beyond. Where PyTorch chooses otherwise, the
// function's own comment says so.

/** What a function composed of several promises: a multiple of the larger of |y| and |x y'|. */
const composed = { relative: 1e-6 } as const;

const awayFromZero: readonly Sample[] = [
  { inputs: [{ shape: [5, 7], low: 0.1, high: 3 }] },
  { inputs: [{ shape: [9], low: -3, high: -0.1 }] },
];

/** max(0, x), NaN for NaN. The gradient at 0 is 0. */
export const relu = unary({
  name: "relu",
  // Not max(a, 0), which gives 0 for NaN: a broken network would go on as if nothing were.
  wgsl: "select(a, vec4f(), a <= vec4f())",
  reference: ([a]) => Math.max(a, 0),
  saves: { outputs: [0] },
  vjp: ({ grad, output }) => [where(greater(output(), 0), grad(), 0)],
  samples: awayFromZero,
  accuracy: exact,
});

/**
 * x where x > 0, else negativeSlope · x; the gradient at 0 is negativeSlope. The default slope is 0.2, that of Keras 3's
 * function and of its name "leaky_relu" (its layer `LeakyReLU`, Keras 2 and tfjs take 0.3, PyTorch 0.01). It may stand in
 * an object: `leakyRelu(x, { negativeSlope: 0.01 })`.
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
    accuracy: exact,
  }),
  call: (x: TensorLike, negativeSlope: number | { negativeSlope?: number } = 0.2) => ({
    inputs: [x],
    attrs: { negativeSlope: numberOrOption("leakyRelu", "negativeSlope", negativeSlope, 0.2) },
  }),
});

const preluOp = elementwiseOp({
  name: "prelu",
  arity: 2,
  wgsl: "select(a * b, a, a > vec4f())",
  reference: ([a, b]) => (a > 0 ? a : a * b),
  saves: { inputs: [0, 1] },
  vjp: ({ grad, input, needs }) => {
    const isUp = greater(input(0), 0);
    return [
      needs(0) ? where(isUp, grad(), mul(grad(), input(1))) : null,
      needs(1) ? where(isUp, 0, mul(grad(), input(0))) : null,
    ];
  },
  samples: [
    { inputs: [{ shape: [5, 7], low: 0.1, high: 3 }, { shape: [7] }] },
    { inputs: [{ shape: [2, 3, 4], low: -3, high: -0.1 }, { shape: [3, 1] }] },
  ],
  accuracy: exact,
});

/**
 * x where x > 0, else slope · x, with a slope that is learned: a tensor that broadcasts to x from its last axes
 * ([features], or [channels, 1, 1] for channels first), as Keras's `PReLU` holds it; PyTorch's `prelu` takes one slope
 * or one for each channel of axis 1. At 0 the gradient of x is the slope, that of the slope 0.
 */
export const prelu: OpFunction<[x: TensorLike, slope: TensorLike], Tensor> = defineOp({
  ...preluOp,
  infer(inputs, attrs) {
    const [out] = preluOp.infer(inputs, attrs);
    if (!sameShape(out.shape, inputs[0].shape)) {
      throw new ShapeError(
        `prelu: the slope ${showShape(inputs[1].shape)} must broadcast to x ${showShape(inputs[0].shape)}, not enlarge it`,
      );
    }
    return [out];
  },
  call: (x: TensorLike, slope: TensorLike) => ({ inputs: [x, slope], attrs: {} }),
});

interface Alpha {
  readonly alpha: number;
}

/**
 * x where x > 0, else alpha (eˣ - 1); alpha is 1 by default, as in Keras and PyTorch. The gradient at 0 is alpha.
 */
export const elu: OpFunction<[x: TensorLike, alpha?: number | Partial<Alpha>], Tensor> = defineOp({
  ...elementwiseOp<Alpha>({
    name: "elu",
    arity: 1,
    wgsl: ({ alpha }) => `select(${wgslFloat(alpha)} * expm1_4(a), a, a > vec4f())`,
    helpers: mathFunctions("expm1_4"),
    reference: ([a], { alpha }) => (a > 0 ? a : Math.fround(alpha) * Math.expm1(a)),
    saves: { inputs: [0] },
    vjp: ({ grad, input, attrs: { alpha } }) => [
      mul(grad(), where(greater(input(0), 0), 1, mul(expBelow(input(0)), alpha))),
    ],
    samples: awayFromZero.map((sample) => ({ ...sample, attrs: { alpha: 0.8 } })),
    accuracy: composed,
  }),
  call: (x: TensorLike, alpha: number | Partial<Alpha> = 1) => ({
    inputs: [x],
    attrs: { alpha: numberOrOption("elu", "alpha", alpha, 1) },
  }),
});

/** e^min(x, 0): what a rule takes of the exponential side, without overflow on the other. */
const expBelow = (x: Tensor): Tensor => exp(where(greater(x, 0), 0, x));

const seluScale = 1.0507009873554805;
const seluAlpha = 1.6732632423543772;

/**
 * scale · elu(x, alpha) with the constants that keep mean 0 and variance 1 from layer to layer (Klambauer et al. 2017):
 * scale 1.0507, alpha 1.6733. The gradient at 0 is scale · alpha = 1.7581.
 */
export const selu = unary({
  name: "selu",
  wgsl: `select(${wgslFloat(seluScale * seluAlpha)} * expm1_4(a), ${wgslFloat(seluScale)} * a, a > vec4f())`,
  helpers: mathFunctions("expm1_4"),
  reference: ([a]) => (a > 0 ? seluScale * a : seluScale * seluAlpha * Math.expm1(a)),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [
    mul(
      grad(),
      where(
        greater(input(0), 0),
        constantBeside(input(0), seluScale),
        mul(expBelow(input(0)), constantBeside(input(0), seluScale * seluAlpha)),
      ),
    ),
  ],
  samples: awayFromZero,
  accuracy: composed,
});

/**
 * x where x > 0, else alpha (e^(x / alpha) - 1), whose gradient is continuous (Barron 2017); alpha is 1 by default, as
 * in Keras and PyTorch.
 *
 * @throws ArgumentError where alpha is 0
 */
export const celu: OpFunction<[x: TensorLike, alpha?: number | Partial<Alpha>], Tensor> = defineOp({
  ...elementwiseOp<Alpha>({
    name: "celu",
    arity: 1,
    // From -1e-30 on it is a itself, whose quotient might be subnormal.
    wgsl: ({ alpha }) =>
      `select(${wgslFloat(alpha)} * expm1_4(a / ${wgslFloat(alpha)}), a, a > vec4f(-1e-30))`,
    helpers: mathFunctions("expm1_4"),
    reference: ([a], { alpha }) => (a > 0 ? a : Math.fround(alpha) * Math.expm1(a / Math.fround(alpha))),
    saves: { inputs: [0] },
    vjp: ({ grad, input, attrs: { alpha } }) => [
      mul(grad(), where(greater(input(0), 0), 1, expBelow(div(input(0), alpha)))),
    ],
    samples: awayFromZero.map((sample) => ({ ...sample, attrs: { alpha: 1.3 } })),
    accuracy: composed,
  }),
  call: (x: TensorLike, given: number | Partial<Alpha> = 1) => {
    const alpha = numberOrOption("celu", "alpha", given, 1);
    if (!(alpha > 0)) throw new ArgumentError(`celu: alpha must be above 0, got ${alpha}`);
    return { inputs: [x], attrs: { alpha } };
  },
});

const betweenKinks: readonly Sample[] = [
  { inputs: [{ shape: [5, 7], low: -0.9, high: 0.9 }] },
  { inputs: [{ shape: [5], low: -5, high: -3.1 }] },
  { inputs: [{ shape: [5], low: 3.1, high: 5 }] },
];

/** x limited to [-1, 1]. The gradient at ±1 is 0, as PyTorch has it. */
export const hardTanh = unary({
  name: "hardTanh",
  wgsl: "limit_4(a, -1.0, 1.0)",
  helpers: mathFunctions("limit_4"),
  reference: ([a]) => Math.min(Math.max(a, -1), 1),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [where(logicalAnd(greater(input(0), -1), less(input(0), 1)), grad(), 0)],
  samples: betweenKinks,
  accuracy: exact,
});

/**
 * (x + 3) / 6 limited to [0, 1], as Keras 3 and PyTorch (Keras 2: 0.2 x + 0.5). The gradient at ±3 is 0.
 */
export const hardSigmoid = unary({
  name: "hardSigmoid",
  wgsl: "limit_4(a + 3.0, 0.0, 6.0) * 0.166666667",
  helpers: mathFunctions("limit_4"),
  reference: ([a]) => Math.min(Math.max(a + 3, 0), 6) / 6,
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [where(logicalAnd(greater(input(0), -3), less(input(0), 3)), div(grad(), 6), 0)],
  samples: betweenKinks,
  accuracy: composed,
});

/**
 * x · hardSigmoid(x) (Keras also calls it hardSilu). The gradient is 0 at -3 and 1 at 3, that of the straight sides
 * (PyTorch gives 1.5 at 3).
 */
export const hardSwish = unary({
  name: "hardSwish",
  // Both ends by themselves: there infinity would meet 0.
  wgsl: "select(select(a * ((a + 3.0) * 0.166666667), vec4f(), a <= vec4f(-3.0)), a, a >= vec4f(3.0))",
  reference: ([a]) => (a <= -3 ? 0 : a >= 3 ? a : (a * (a + 3)) / 6),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [
    where(
      lessEqual(input(0), -3),
      0,
      where(greaterEqual(input(0), 3), grad(), mul(grad(), add(div(input(0), 3), 0.5))),
    ),
  ],
  samples: betweenKinks,
  accuracy: composed,
});

/** 1 where x > 0, else 0 (also for NaN): Heaviside's step. Its gradient is 0 everywhere. */
export const step = unary({
  name: "step",
  wgsl: "select(vec4f(), vec4f(1.0), a > vec4f())",
  reference: ([a]) => (a > 0 ? 1 : 0),
  vjp: () => [null],
  samples: awayFromZero,
  accuracy: exact,
});
