// Smooth activation functions, pointwise. Those with kinks stand in rectifiers.ts, tanh in hyperbolic.ts, softmax in
// softmax.ts. All are stable for any finite x and take their limits at infinity.

import { checkOptions, type OptionNames } from "../../base/errors.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction, TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { abs, add, clip, div, mul, neg, square, sub } from "./arithmetic.ts";
import { constantBeside } from "./constant.ts";
import { elementwiseOp, unary } from "./elementwise.ts";
import { erfc, referenceErfc } from "./error-function.ts";
import { exp } from "./exponential.ts";
import { tanh } from "./hyperbolic.ts";
import { activationFunctions, geluFunctions, mishFunctions } from "./math-functions.ts";

/** What a function composed of several promises: a multiple of the larger of |y| and |x y'|. */
const composed = { relative: 1e-6 } as const;
const samples = [{ inputs: [{ shape: [5, 7], low: -4, high: 4 }] }];

/** 1 / (1 + e⁻ˣ). */
export const sigmoid = unary({
  name: "sigmoid",
  wgsl: "sigmoid_4(a)",
  helpers: activationFunctions("sigmoid_4"),
  reference: ([a]) => referenceSigmoid(a),
  saves: { outputs: [0] },
  vjp: ({ grad, output }) => [mul(grad(), mul(output(), sub(1, output())))],
  samples,
  accuracy: composed,
});

function referenceSigmoid(a: number): number {
  const e = Math.exp(-Math.abs(a));
  return (a < 0 ? e : 1) / (1 + e);
}

const referenceSoftplus = (a: number) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a)));

/** ln(1 + eˣ), as max(x, 0) + ln(1 + e^-|x|); PyTorch's `softplus` with its defaults. */
export const softplus = unary({
  name: "softplus",
  wgsl: "softplus_4(a)",
  helpers: activationFunctions("softplus_4"),
  reference: ([a]) => referenceSoftplus(a),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [mul(grad(), sigmoid(input(0)))],
  samples,
  accuracy: composed,
});

/** ln sigmoid(x) = -softplus(-x). */
export const logSigmoid = unary({
  name: "logSigmoid",
  wgsl: "-softplus_4(-a)",
  helpers: activationFunctions("softplus_4"),
  reference: ([a]) => -referenceSoftplus(-a),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [mul(grad(), sigmoid(neg(input(0))))],
  samples,
  accuracy: composed,
});

/** x / (1 + |x|). The gradient at 0 is 1. */
export const softsign = unary({
  name: "softsign",
  // Beyond 1e10 the quotient is ±1, also for infinity.
  wgsl: "limit_4(a, -1e10, 1e10) / (1.0 + abs(limit_4(a, -1e10, 1e10)))",
  helpers: activationFunctions("limit_4"),
  reference: ([a]) => (Math.abs(a) === Number.POSITIVE_INFINITY ? Math.sign(a) : a / (1 + Math.abs(a))),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [div(grad(), square(add(abs(input(0)), 1)))],
  samples: [
    { inputs: [{ shape: [5, 7], low: 0.1, high: 4 }] },
    { inputs: [{ shape: [9], low: -4, high: -0.1 }] },
  ],
  accuracy: composed,
});

/** x · sigmoid(x), also called swish. */
export const silu = unary({
  name: "silu",
  wgsl: "silu_4(a)",
  helpers: activationFunctions("silu_4"),
  reference: ([a]) => timesVanishing(a, referenceSigmoid(a)),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => {
    const s = sigmoid(input(0));
    return [mul(grad(), mul(s, add(mul(input(0), sub(1, s)), 1)))];
  },
  samples,
  accuracy: composed,
});

/** x · factor, 0 where the factor has vanished, also for infinite x. */
const timesVanishing = (x: number, factor: number): number => (factor === 0 ? 0 : x * factor);

/** x · tanh(softplus(x)) (Misra 2019). */
export const mish = unary({
  name: "mish",
  wgsl: "mish_4(a)",
  helpers: mishFunctions("mish_4"),
  // tanh(ln(1 + u)) = u (u + 2) / (u (u + 2) + 2), u = e^x; 1 where u is infinite.
  reference: ([a]) => timesVanishing(a, Math.tanh(referenceSoftplus(a))),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => {
    const t = tanh(softplus(input(0)));
    const slope = mul(sigmoid(input(0)), sub(1, square(t)));
    return [mul(grad(), add(t, mul(input(0), slope)))];
  },
  samples,
  accuracy: composed,
});

interface GeluOptions {
  /** The tanh form. */
  approximate?: boolean;
}

const geluOptions: OptionNames<GeluOptions> = { approximate: true };

/** √(2/π) and the cube's coefficient of gelu's tanh form. */
const geluSlope = Math.sqrt(2 / Math.PI);
const geluCube = 0.044715;

interface GeluAttrs {
  readonly approximate: boolean;
}

/**
 * x Φ(x), Φ the normal distribution function (Hendrycks and Gimpel 2016). Exact by default, as in Keras and PyTorch;
 * `approximate: true` (PyTorch's "tanh") is x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, which differs by up to 5e-4.
 */
export const gelu: OpFunction<[x: TensorLike, options?: GeluOptions], Tensor> = defineOp({
  ...elementwiseOp<GeluAttrs>({
    name: "gelu",
    arity: 1,
    wgsl: ({ approximate }) => (approximate ? "gelu_tanh_4(a)" : "gelu_4(a)"),
    helpers: geluFunctions("gelu_4", "gelu_tanh_4"),
    reference: ([a], { approximate }) =>
      timesVanishing(
        a,
        approximate
          ? referenceSigmoid(2 * geluSlope * (a + geluCube * a * a * a))
          : 0.5 * referenceErfc(-a * Math.SQRT1_2),
      ),
    saves: { inputs: [0] },
    vjp: ({ grad, input, attrs: { approximate } }) => {
      if (!approximate) {
        const x = input(0);
        const distribution = mul(erfc(mul(x, constantBeside(x, -Math.SQRT1_2))), 0.5);
        const density = mul(exp(mul(square(x), -0.5)), constantBeside(x, 1 / Math.sqrt(2 * Math.PI)));
        return [mul(grad(), add(distribution, mul(x, density)))];
      }
      // The cube would overflow far away, where nothing changes any more.
      const x = clip(input(0), -100, 100);
      // y = x s(v) with v = 2u, so y' = s + x s (1 - s) v'; 1 - s is s(-v), where nothing cancels.
      const [cube, slopes] = [constantBeside(x, geluCube), constantBeside(x, 2 * geluSlope)];
      const v = mul(mul(x, add(mul(square(x), cube), 1)), slopes);
      const slope = mul(add(mul(square(x), constantBeside(x, 3 * geluCube)), 1), slopes);
      const s = sigmoid(v);
      return [mul(grad(), add(s, mul(x, mul(mul(s, sigmoid(neg(v))), slope))))];
    },
    samples: samples.flatMap((sample) => [
      { ...sample, attrs: { approximate: false } },
      { ...sample, attrs: { approximate: true } },
    ]),
    accuracy: composed,
  }),
  call: (x: TensorLike, options?: GeluOptions) => {
    checkOptions("gelu", options, geluOptions);
    return { inputs: [x], attrs: { approximate: options?.approximate ?? false } };
  },
});
