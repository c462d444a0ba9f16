// Exponentials, logarithms, roots and powers. Their WGSL is ours (shaders/exp-log.wgsl): drivers' own functions differ
// and lose up to five digits in places.

import { ArgumentError } from "../../base/errors.ts";
import { wgslFloat } from "../../kernel/kernel.ts";
import { apply } from "../../tensor/apply.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction, TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add, div, mul, sub } from "./arithmetic.ts";
import { equal } from "./comparison.ts";
import { binary, elementwiseOp, unary } from "./elementwise.ts";
import { where } from "./logical.ts";
import { mathFunctions, powerFunctions } from "./math-functions.ts";

/** eᵃ. Infinity above 88.72; 0 where the result would be subnormal, below -87.34. */
export const exp = unary({
  name: "exp",
  wgsl: "exp_4(a)",
  helpers: mathFunctions("exp_4"),
  reference: ([a]) => Math.exp(a),
  saves: { outputs: [0] },
  vjp: ({ grad, output }) => [mul(grad(), output())],
  samples: [{ inputs: [{ shape: [5, 7], low: -3, high: 3 }] }],
  accuracy: { ulp: 4 },
});

/** eᵃ - 1, accurate near 0. */
export const expm1 = unary({
  name: "expm1",
  wgsl: "expm1_4(a)",
  helpers: mathFunctions("expm1_4"),
  reference: ([a]) => Math.expm1(a),
  saves: { inputs: [0] },
  // Not by the output: output + 1 would lose what e^a has left where a is far below 0.
  vjp: ({ grad, input }) => [mul(grad(), exp(input(0)))],
  samples: [
    { inputs: [{ shape: [5, 7], low: -3, high: 3 }] },
    { inputs: [{ shape: [9], low: -0.01, high: 0.01 }] },
  ],
  accuracy: { ulp: 4 },
});

/** ln a; -∞ at 0, NaN below. */
export const log = unary({
  name: "log",
  wgsl: "log_4(a)",
  helpers: mathFunctions("log_4"),
  reference: ([a]) => Math.log(a),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [div(grad(), input(0))],
  samples: [{ inputs: [{ shape: [5, 7], low: 0.2, high: 4 }] }],
  accuracy: { ulp: 4 },
});

/** ln(1 + a), accurate near 0; -∞ at -1, NaN below. */
export const log1p = unary({
  name: "log1p",
  wgsl: "log1p_4(a)",
  helpers: mathFunctions("log1p_4"),
  reference: ([a]) => Math.log1p(a),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [div(grad(), add(input(0), 1))],
  samples: [
    { inputs: [{ shape: [5, 7], low: -0.8, high: 4 }] },
    { inputs: [{ shape: [9], low: -0.01, high: 0.01 }] },
  ],
  accuracy: { ulp: 4 },
});

/** √a; NaN below 0. The gradient at 0 is infinite. */
export const sqrt = unary({
  name: "sqrt",
  wgsl: "sqrt(a)",
  reference: ([a]) => Math.sqrt(a),
  saves: { outputs: [0] },
  vjp: ({ grad, output }) => [div(grad(), mul(output(), 2))],
  samples: [{ inputs: [{ shape: [5, 7], low: 0.1, high: 4 }] }],
  accuracy: { ulp: 3 },
});

/** 1 / √a; ∞ at 0, NaN below. */
export const rsqrt = unary({
  name: "rsqrt",
  wgsl: "1.0f / sqrt(a)",
  reference: ([a]) => 1 / Math.sqrt(a),
  saves: { inputs: [0], outputs: [0] },
  vjp: ({ grad, input, output }) => [mul(grad(), mul(-0.5, div(output(), input(0))))],
  samples: [{ inputs: [{ shape: [5, 7], low: 0.1, high: 4 }] }],
  accuracy: { ulp: 3 },
});

/** Exponents that need a product or two; √a for 1/2, as PyTorch has it (IEEE 754 pow differs at -0 and -∞). */
const shortPowers: Readonly<Record<number, string>> = {
  "-2": "(1.0f / a) * (1.0f / a)",
  "-1": "1.0f / a",
  "-0.5": "1.0f / sqrt(a)",
  0: "vec4f(1.0)",
  0.5: "sqrt(a)",
  1: "a",
  2: "a * a",
  3: "a * a * a",
  4: "(a * a) * (a * a)",
};

/** IEEE 754 pow in float64; JavaScript's differs where the base is ±1. */
function referencePower(a: number, b: number): number {
  if (a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY)) return 1;
  return a ** b;
}

/**
 * a to a fixed power, within 16 ULP. As IEEE 754 pow, negative bases want whole exponents (else NaN), and a⁰ is 1 even
 * for NaN. The exponent is the f32 number nearest to the one given, in the derivatives too. For an exponent by element:
 * {@link power}.
 */
export const pow: OpFunction<[x: TensorLike, exponent: number], Tensor> = defineOp({
  ...elementwiseOp<{ exponent: number }>({
    name: "pow",
    arity: 1,
    wgsl: ({ exponent }) => shortPowers[exponent] ?? `power_4(a, vec4f(${wgslFloat(exponent)}))`,
    helpers: powerFunctions("power_4"),
    reference: ([a], { exponent }) =>
      exponent === 0.5 ? Math.sqrt(a) : exponent === -0.5 ? 1 / Math.sqrt(a) : referencePower(a, exponent),
    saves: { inputs: [0] },
    vjp: ({ grad, input, attrs: { exponent } }) => [
      // The rounded exponent less 1 is not rounded again: value, gradient and reference speak of one function.
      exponent === 0
        ? mul(grad(), 0)
        : mul(grad(), mul(apply(pow.op, [input(0)], { exponent: exponent - 1 })[0], exponent)),
    ],
    samples: [
      { inputs: [{ shape: [5, 7], low: 0.2, high: 2 }], attrs: { exponent: 1.5 } },
      { inputs: [{ shape: [7], low: -2, high: -0.5 }], attrs: { exponent: 3 } },
      { inputs: [{ shape: [7], low: 0.5, high: 2 }], attrs: { exponent: -2 } },
      { inputs: [{ shape: [7], low: -2, high: -0.5 }], attrs: { exponent: 5 } },
      { inputs: [{ shape: [5], low: 0.3, high: 2 }], attrs: { exponent: 0.5 } },
    ],
    accuracy: { ulp: 16 },
  }),
  call: (x: TensorLike, exponent: number) => {
    if (typeof exponent !== "number") {
      throw new ArgumentError(
        `pow: the exponent must be a number, got ${typeof exponent}; power(a, b) takes a tensor of exponents`,
      );
    }
    return { inputs: [x], attrs: { exponent: Math.fround(exponent) } };
  },
});

/**
 * a to the power b, element by element and broadcast, within 16 ULP: {@link pow} with a tensor of exponents. The
 * gradient of b is aᵇ ln a, and 0 where a is 0.
 */
export const power = binary({
  name: "power",
  wgsl: "power_4(a, b)",
  helpers: powerFunctions("power_4"),
  reference: ([a, b]) => referencePower(a, b),
  saves: { inputs: [0, 1], outputs: [0] },
  vjp: ({ grad, input, output, needs }) => [
    needs(0)
      ? mul(grad(), where(equal(input(1), 0), 0, mul(input(1), power(input(0), sub(input(1), 1)))))
      : null,
    // ln 1 stands in for ln 0, so that the rule can be differentiated there, too.
    needs(1) ? mul(grad(), mul(output(), log(where(equal(input(0), 0), 1, input(0))))) : null,
  ],
  samples: [
    {
      inputs: [
        { shape: [4, 6], low: 0.3, high: 2 },
        { shape: [6], low: -2, high: 2 },
      ],
    },
  ],
  accuracy: {
    ulp: 16,
    domain: [
      [0, 3.4e38],
      [-3.4e38, 3.4e38],
    ],
  },
});
