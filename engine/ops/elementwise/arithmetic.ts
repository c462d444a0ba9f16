// Arithmetic, element by element, with broadcasting: what losses, layers, optimizers and backward rules are made of.

import { ArgumentError, checkOptions, type OptionNames } from "../../base/errors.ts";
import { aNumber } from "../../base/number-checks.ts";
import { wgslFloat } from "../../kernel/kernel.ts";
import type { Sample } from "../../kernel/kernel-op.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction, TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { binaryOfBytes } from "./bytes.ts";
import { cast } from "./cast.ts";
import { equal, greaterEqual, less, lessEqual } from "./comparison.ts";
import { elementwiseOp, exact, numeric, unary } from "./elementwise.ts";
import { logicalAnd, where } from "./logical.ts";
import { mathFunctions, remainderFunctions } from "./math-functions.ts";
import { floor } from "./rounding.ts";

const pair: readonly Sample[] = [
  { inputs: [{ shape: [5, 7] }, { shape: [5, 7] }] },
  { inputs: [{ shape: [3, 8] }, { shape: [8] }] },
  { inputs: [{ shape: [3, 1] }, { shape: [1, 5] }] },
  { inputs: [{ shape: [] }, { shape: [2, 3, 4] }] },
];
/** Pairs whose elements are never equal, so that no difference quotient crosses a kink. */
const apart: readonly Sample[] = [
  {
    inputs: [
      { shape: [4, 6], low: -2, high: 0.9 },
      { shape: [6], low: 1, high: 2 },
    ],
  },
];

/** a + b, broadcast. */
export const add = binaryOfBytes({
  name: "add",
  traits: { neutral: [0, 0] },
  dtypes: numeric,
  wgsl: "a + b",
  reference: ([a, b]) => a + b,
  vjp: ({ grad }) => [grad(), grad()],
  samples: pair,
  accuracy: exact,
});

/** a - b, broadcast. */
export const sub = binaryOfBytes({
  name: "sub",
  traits: { neutral: [undefined, 0] },
  dtypes: numeric,
  wgsl: "a - b",
  reference: ([a, b]) => a - b,
  vjp: ({ grad, needs }) => [grad(), needs(1) ? neg(grad()) : null],
  samples: pair,
  accuracy: exact,
});

/** a · b, broadcast. */
export const mul = binaryOfBytes({
  name: "mul",
  traits: { neutral: [1, 1], isProduct: true },
  dtypes: numeric,
  wgsl: "a * b",
  reference: ([a, b], _, dtype) => (dtype === "f32" ? a * b : Math.imul(a, b)),
  saves: { inputs: [0, 1] },
  vjp: ({ grad, input, needs }) => [
    needs(0) ? mul(grad(), input(1)) : null,
    needs(1) ? mul(grad(), input(0)) : null,
  ],
  samples: pair,
  accuracy: exact,
});

/**
 * a / b, broadcast. Floats divide as IEEE 754 does, within 3 ULP (an adapter may multiply by the reciprocal, which
 * is lost where |b| is above 2^126). Integers (i32, u32) give integers, rounded towards zero, and x / 0 is x: 3 / 2 is 1
 * and -3 / 2 is -1, as in C and PyTorch's `div(..., rounding_mode="trunc")`. NumPy, Keras and PyTorch's `/` give 1.5: for
 * that, `cast(a, "f32")` first. Bytes (u8) beside a number count as f32.
 */
export const div = binaryOfBytes({
  name: "div",
  traits: { neutral: [undefined, 1], isProduct: true },
  dtypes: numeric,
  wgsl: "a / b",
  reference: ([a, b], _, dtype) => (dtype === "f32" ? a / b : b === 0 ? a : Math.trunc(a / b)),
  saves: { inputs: [1], outputs: [0] },
  vjp: ({ grad, input, output, needs }) => [
    needs(0) ? div(grad(), input(1)) : null,
    needs(1) ? neg(div(mul(grad(), output()), input(1))) : null,
  ],
  samples: [
    { inputs: [{ shape: [5, 7] }, { shape: [5, 7], low: 0.5, high: 2 }] },
    { inputs: [{ shape: [3, 8] }, { shape: [8], low: -2, high: -0.5 }] },
  ],
  accuracy: {
    ulp: 3,
    domain: [
      [-3.4e38, 3.4e38],
      [-8.5e37, 8.5e37],
    ],
  },
});

/**
 * The remainder of a / b rounded down, a - b⌊a / b⌋: it has the sign of b, as Python's `%` and PyTorch's and
 * NumPy's `remainder` (JavaScript's `%` has the sign of a). Exact but for the last rounding while |a / b| < 2^127; NaN
 * where b is 0 (integers: 0) or a infinite. The gradient of a is 1, that of b is -⌊a / b⌋, also where the quotient
 * jumps.
 */
export const remainder = binaryOfBytes({
  name: "remainder",
  dtypes: numeric,
  wgsl: (_, [a]) => {
    if (a.dtype === "f32") return "remainder_4(a, b)";
    if (a.dtype === "u32") return "a % b";
    return "select(a % b, a % b + b, (a % b != vec4i()) & ((a % b < vec4i()) != (b < vec4i())))";
  },
  helpers: remainderFunctions("remainder_4"),
  reference: ([a, b], _, dtype) => {
    if (b === 0 && dtype !== "f32") return 0;
    const rest = a % b;
    return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
  },
  saves: { inputs: [0, 1] },
  vjp: ({ grad, input, needs }) => [
    grad(),
    needs(1) ? neg(mul(grad(), floor(div(input(0), input(1))))) : null,
  ],
  samples: [
    {
      inputs: [
        { shape: [4, 6], low: -1.9, high: -1.1 },
        { shape: [6], low: 0.35, high: 0.37 },
      ],
      differentiable: [0],
    },
    {
      inputs: [
        { shape: [2, 6], low: 3.1, high: 3.9 },
        { shape: [6], low: -1.02, high: -1 },
      ],
    },
  ],
  accuracy: {
    ulp: 1,
    domain: [
      [-1e12, 1e12],
      [1e-12, 1e12],
    ],
  },
});

/** WGSL that picks `chosen`, b or a, and NaN where either is: WGSL's own min and max may drop it. */
const orNaN =
  (comparison: string) =>
  (_: object, [a]: readonly { dtype: string }[]) =>
    a.dtype === "f32" ? `select(b, a, (a ${comparison} b) | is_nan_4(a))` : `select(b, a, a ${comparison} b)`;

/** The smaller of a and b, NaN where either is; where they are equal the gradient goes half to each. */
export const minimum = binaryOfBytes({
  name: "minimum",
  dtypes: numeric,
  wgsl: orNaN("<"),
  helpers: mathFunctions("is_nan_4"),
  reference: ([a, b]) => Math.min(a, b),
  saves: { inputs: [0, 1] },
  vjp: ({ grad, input }) => splitByOrder(grad(), input(0), input(1)),
  samples: apart,
  accuracy: exact,
});

/** The larger of a and b, NaN where either is; where they are equal the gradient goes half to each. */
export const maximum = binaryOfBytes({
  name: "maximum",
  dtypes: numeric,
  wgsl: orNaN(">"),
  helpers: mathFunctions("is_nan_4"),
  reference: ([a, b]) => Math.max(a, b),
  saves: { inputs: [0, 1] },
  vjp: ({ grad, input }) => splitByOrder(grad(), input(1), input(0)),
  samples: apart,
  accuracy: exact,
});

/** Gradients for [a, b] of an op that picks `first` where first < second: a's share, then b's. */
function splitByOrder(gradient: TensorLike, low: TensorLike, high: TensorLike) {
  const share = where(equal(low, high), 0.5, cast(less(low, high), "f32"));
  return [mul(gradient, share), mul(gradient, sub(1, share))] as const;
}

/** -a. */
export const neg = unary({
  name: "neg",
  dtypes: ["f32", "i32"],
  wgsl: "-a",
  reference: ([a]) => -a,
  vjp: ({ grad }) => [neg(grad())],
  samples: [{ inputs: [{ shape: [5, 7] }] }],
  accuracy: exact,
});

/** |a|; the gradient at 0 is 0, the middle of its subgradients. */
export const abs = unary({
  name: "abs",
  dtypes: ["f32", "i32"],
  wgsl: "abs(a)",
  reference: ([a]) => Math.abs(a),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [mul(grad(), sign(input(0)))],
  samples: [
    { inputs: [{ shape: [5, 7], low: 0.1, high: 2 }] },
    { inputs: [{ shape: [3], low: -2, high: -0.1 }] },
  ],
  accuracy: exact,
});

/** -1, 0 or 1 by the sign of a, NaN for NaN. The gradient is 0 everywhere. */
export const sign = unary({
  name: "sign",
  dtypes: ["f32", "i32"],
  wgsl: (_, [a]) =>
    a.dtype === "f32" ? "select(select(a, vec4f(1.0), a > vec4f()), vec4f(-1.0), a < vec4f())" : "sign(a)",
  reference: ([a]) => Math.sign(a),
  vjp: () => [null],
  samples: [{ inputs: [{ shape: [5, 7], low: 0.1, high: 2 }] }],
  accuracy: exact,
});

/** a². */
export const square = unary({
  name: "square",
  dtypes: numeric,
  wgsl: "a * a",
  reference: ([a], _, dtype) => (dtype === "f32" ? a * a : Math.imul(a, a)),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [mul(grad(), mul(input(0), 2))],
  samples: [{ inputs: [{ shape: [5, 7] }] }],
  accuracy: exact,
});

/** 1 / a, within 3 ULP for |a| up to 2^126. */
export const reciprocal = unary({
  name: "reciprocal",
  wgsl: "1.0f / a",
  reference: ([a]) => 1 / a,
  saves: { outputs: [0] },
  vjp: ({ grad, output }) => [neg(mul(grad(), square(output())))],
  samples: [{ inputs: [{ shape: [5, 7], low: 0.5, high: 2 }] }],
  accuracy: { ulp: 3, domain: [[-8.5e37, 8.5e37]] },
});

export interface ClipOptions {
  /** Default: minus infinity. */
  min?: number;
  /** Default: infinity. */
  max?: number;
}

const clipOptions: OptionNames<ClipOptions> = { min: true, max: true };

type ClipArguments = [x: TensorLike, ...limits: [low: number, high: number] | [limits: ClipOptions]];

function limitsOf([first, second]: readonly unknown[]): { low: number; high: number } {
  if (typeof first !== "object" || first === null) {
    return { low: aNumber("clip", "low", first), high: aNumber("clip", "high", second) };
  }
  checkOptions("clip", first, clipOptions);
  const { min, max } = first as ClipOptions;
  if (min === undefined && max === undefined) {
    throw new ArgumentError("clip: needs limits, as in clip(x, 0, 1) or clip(x, { min: 0 }), got neither");
  }
  return {
    low: aNumber("clip", "min", min ?? Number.NEGATIVE_INFINITY),
    high: aNumber("clip", "max", max ?? Number.POSITIVE_INFINITY),
  };
}

/**
 * a limited to [low, high], NaN for NaN; the gradient passes inside and at the bounds, as PyTorch's `clamp`, and is 0
 * outside. The limits may stand in an object, as NumPy and PyTorch name them, where one may be left out:
 * `clip(x, { min: 0 })`.
 *
 * @throws ArgumentError for limits that are no numbers, or where low is above high
 */
export const clip: OpFunction<ClipArguments, Tensor> = defineOp({
  ...elementwiseOp<{ low: number; high: number }>({
    name: "clip",
    arity: 1,
    wgsl: ({ low, high }) => `limit_4(a, ${wgslFloat(low)}, ${wgslFloat(high)})`,
    helpers: mathFunctions("limit_4"),
    reference: ([a], { low, high }) => Math.min(Math.max(a, Math.fround(low)), Math.fround(high)),
    saves: { inputs: [0] },
    vjp: ({ grad, input, attrs }) => [
      where(logicalAnd(greaterEqual(input(0), attrs.low), lessEqual(input(0), attrs.high)), grad(), 0),
    ],
    samples: [{ inputs: [{ shape: [5, 7], low: -2, high: 2 }], attrs: { low: -0.7, high: 1.1 } }],
    accuracy: exact,
  }),
  call: (x: TensorLike, ...limits: [low: number, high: number] | [limits: ClipOptions]) => {
    const { low, high } = limitsOf(limits);
    if (!(low <= high)) throw new ArgumentError(`clip: low ${low} must not be above high ${high}`);
    return { inputs: [x], attrs: { low, high } };
  },
});
