// Arithmetic, comparison and selection: the elementwise ops that losses, layers and optimizers are written in.

import { defineOp } from "../define.ts";
import { type DType, dtypes } from "../dtype.ts";
import { ArgumentError, DTypeError, unknownName } from "../errors.ts";
import { wgslFloat } from "../kernel.ts";
import { notDifferentiable, type OpFunction, type Sample, type TensorLike } from "../op.ts";
import type { Tensor } from "../tensor.ts";
import { binary, elementwiseOp, unary } from "./elementwise.ts";

const numeric: readonly DType[] = ["f32", "i32", "u32"];
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
export const add = binary({
  name: "add",
  dtypes: numeric,
  wgsl: "a + b",
  reference: ([a, b]) => a + b,
  vjp: ({ grad }) => [grad(), grad()],
  samples: pair,
});

/** a - b, broadcast. */
export const sub = binary({
  name: "sub",
  dtypes: numeric,
  wgsl: "a - b",
  reference: ([a, b]) => a - b,
  vjp: ({ grad, needs }) => [grad(), needs(1) ? neg(grad()) : null],
  samples: pair,
});

/** a · b, broadcast. */
export const mul = binary({
  name: "mul",
  dtypes: numeric,
  wgsl: "a * b",
  reference: ([a, b], _, dtype) => (dtype === "f32" ? a * b : Math.imul(a, b)),
  saves: { inputs: [0, 1] },
  vjp: ({ grad, input, needs }) => [
    needs(0) ? mul(grad(), input(1)) : null,
    needs(1) ? mul(grad(), input(0)) : null,
  ],
  samples: pair,
});

/** a / b, broadcast. Floats divide as IEEE 754 does; integers round towards zero, and x / 0 is x. */
export const div = binary({
  name: "div",
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
});

/** The smaller of a and b; where they are equal the gradient goes half to each. */
export const minimum = binary({
  name: "minimum",
  dtypes: numeric,
  wgsl: "min(a, b)",
  reference: ([a, b]) => Math.min(a, b),
  saves: { inputs: [0, 1] },
  vjp: ({ grad, input }) => splitByOrder(grad(), input(0), input(1)),
  samples: apart,
});

/** The larger of a and b; where they are equal the gradient goes half to each. */
export const maximum = binary({
  name: "maximum",
  dtypes: numeric,
  wgsl: "max(a, b)",
  reference: ([a, b]) => Math.max(a, b),
  saves: { inputs: [0, 1] },
  vjp: ({ grad, input }) => splitByOrder(grad(), input(1), input(0)),
  samples: apart,
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
});

/** |a|; the gradient at 0 is 0. */
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
});

/** -1, 0 or 1 by the sign of a. The gradient is 0 everywhere. */
export const sign = unary({
  name: "sign",
  dtypes: ["f32", "i32"],
  wgsl: "sign(a)",
  reference: ([a]) => Math.sign(a),
  vjp: () => [null],
  samples: [{ inputs: [{ shape: [5, 7], low: 0.1, high: 2 }] }],
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
});

/** √a; NaN below 0. */
export const sqrt = unary({
  name: "sqrt",
  wgsl: "sqrt(a)",
  reference: ([a]) => Math.sqrt(a),
  saves: { outputs: [0] },
  vjp: ({ grad, output }) => [div(grad(), mul(output(), 2))],
  samples: [{ inputs: [{ shape: [5, 7], low: 0.1, high: 4 }] }],
});

/** 1 / √a. */
export const rsqrt = unary({
  name: "rsqrt",
  wgsl: "1.0f / sqrt(a)",
  reference: ([a]) => 1 / Math.sqrt(a),
  saves: { inputs: [0], outputs: [0] },
  vjp: ({ grad, input, output }) => [mul(grad(), mul(-0.5, div(output(), input(0))))],
  samples: [{ inputs: [{ shape: [5, 7], low: 0.1, high: 4 }] }],
});

/** 1 / a. */
export const reciprocal = unary({
  name: "reciprocal",
  wgsl: "1.0f / a",
  reference: ([a]) => 1 / a,
  saves: { outputs: [0] },
  vjp: ({ grad, output }) => [neg(mul(grad(), square(output())))],
  samples: [{ inputs: [{ shape: [5, 7], low: 0.5, high: 2 }] }],
});

/** eᵃ. */
export const exp = unary({
  name: "exp",
  wgsl: "exp(a)",
  reference: ([a]) => Math.exp(a),
  saves: { outputs: [0] },
  vjp: ({ grad, output }) => [mul(grad(), output())],
  samples: [{ inputs: [{ shape: [5, 7], low: -3, high: 3 }] }],
});

/** ln a; -∞ at 0, NaN below. */
export const log = unary({
  name: "log",
  wgsl: "log(a)",
  reference: ([a]) => Math.log(a),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [div(grad(), input(0))],
  samples: [{ inputs: [{ shape: [5, 7], low: 0.2, high: 4 }] }],
});

/** ln(1 + a), accurate near 0 (by Kahan's correction: log(u)·a / (u - 1) with u = 1 + a rounded). */
export const log1p = unary({
  name: "log1p",
  wgsl: "log1p_4(a)",
  helpers: {
    log1p_4: `fn log1p_4(a: vec4f) -> vec4f {
  // For small |a| the series; elsewhere 1 + a loses nothing that matters.
  let series = a * (1.0 - a * (0.5 - a * (0.33333334 - a * (0.25 - a * (0.2 - a * 0.16666667)))));
  return select(log(1.0 + a), series, abs(a) < vec4f(0.04));
}`,
  },
  reference: ([a]) => Math.log1p(a),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [div(grad(), add(input(0), 1))],
  samples: [
    { inputs: [{ shape: [5, 7], low: -0.8, high: 4 }] },
    { inputs: [{ shape: [9], low: -0.01, high: 0.01 }] },
  ],
});

/** a to a fixed power. Negative bases want whole exponents, as in IEEE 754 pow. */
export const pow: OpFunction<[x: TensorLike, exponent: number], Tensor> = defineOp({
  ...elementwiseOp<{ exponent: number }>({
    name: "pow",
    arity: 1,
    wgsl: ({ exponent }) => {
      if (exponent === 2) return "a * a";
      const magnitude = `pow(abs(a), vec4f(${wgslFloat(exponent)}))`;
      if (!Number.isInteger(exponent)) return `pow(a, vec4f(${wgslFloat(exponent)}))`;
      return exponent % 2 === 0 ? magnitude : `sign(a) * ${magnitude}`;
    },
    reference: ([a], { exponent }) => a ** exponent,
    saves: { inputs: [0] },
    vjp: ({ grad, input, attrs: { exponent } }) => [
      exponent === 0 ? mul(grad(), 0) : mul(grad(), mul(pow(input(0), exponent - 1), exponent)),
    ],
    samples: [
      { inputs: [{ shape: [5, 7], low: 0.2, high: 2 }], attrs: { exponent: 1.5 } },
      { inputs: [{ shape: [7], low: -2, high: -0.5 }], attrs: { exponent: 3 } },
      { inputs: [{ shape: [7], low: 0.5, high: 2 }], attrs: { exponent: -2 } },
    ],
  }),
  call: (x: TensorLike, exponent: number) => {
    if (typeof exponent !== "number")
      throw new ArgumentError(`pow: the exponent must be a number, got ${typeof exponent}`);
    return { inputs: [x], attrs: { exponent } };
  },
});

/** a limited to [low, high]; the gradient passes inside and at the bounds, and is 0 outside. */
export const clip: OpFunction<[x: TensorLike, low: number, high: number], Tensor> = defineOp({
  ...elementwiseOp<{ low: number; high: number }>({
    name: "clip",
    arity: 1,
    wgsl: ({ low, high }) => `clamp(a, vec4f(${wgslFloat(low)}), vec4f(${wgslFloat(high)}))`,
    reference: ([a], { low, high }) => Math.min(Math.max(a, Math.fround(low)), Math.fround(high)),
    saves: { inputs: [0] },
    vjp: ({ grad, input, attrs }) => [
      where(logicalAnd(greaterEqual(input(0), attrs.low), lessEqual(input(0), attrs.high)), grad(), 0),
    ],
    samples: [{ inputs: [{ shape: [5, 7], low: -2, high: 2 }], attrs: { low: -0.7, high: 1.1 } }],
  }),
  call: (x: TensorLike, low: number, high: number) => {
    if (!(low <= high)) throw new ArgumentError(`clip: low ${low} must not be above high ${high}`);
    return { inputs: [x], attrs: { low, high } };
  },
});

const comparison = (name: string, wgsl: string, reference: (a: number, b: number) => boolean) =>
  binary({
    name,
    dtypes: numeric,
    outputDType: "bool",
    wgsl,
    reference: ([a, b]) => (reference(a, b) ? 1 : 0),
    vjp: notDifferentiable("a comparison gives true or false"),
    samples: [{ inputs: [{ shape: [4, 6] }, { shape: [6] }] }, { inputs: [{ shape: [9] }, { shape: [9] }] }],
  });

/** a < b, as bool. */
export const less = comparison("less", "a < b", (a, b) => a < b);
/** a ≤ b, as bool. */
export const lessEqual = comparison("lessEqual", "a <= b", (a, b) => a <= b);
/** a > b, as bool. */
export const greater = comparison("greater", "a > b", (a, b) => a > b);
/** a ≥ b, as bool. */
export const greaterEqual = comparison("greaterEqual", "a >= b", (a, b) => a >= b);
/** a = b, as bool. */
export const equal = comparison("equal", "a == b", (a, b) => a === b);
/** a ≠ b, as bool. */
export const notEqual = comparison("notEqual", "a != b", (a, b) => a !== b);

const bools = { dtype: "bool", low: 0, high: 2 } as const;
const logical = (name: string, wgsl: string, reference: (a: number, b: number) => number) =>
  binary({
    name,
    dtypes: ["bool"],
    wgsl,
    reference: ([a, b]) => reference(a, b),
    vjp: notDifferentiable("a logical op gives true or false"),
    samples: [
      {
        inputs: [
          { shape: [4, 6], ...bools },
          { shape: [6], ...bools },
        ],
      },
    ],
  });

export const logicalAnd = logical("logicalAnd", "a & b", (a, b) => a & b);
export const logicalOr = logical("logicalOr", "a | b", (a, b) => a | b);
export const logicalNot = unary({
  name: "logicalNot",
  dtypes: ["bool"],
  wgsl: "!a",
  reference: ([a]) => 1 - a,
  vjp: notDifferentiable("a logical op gives true or false"),
  samples: [{ inputs: [{ shape: [4, 6], ...bools }] }],
});

/** b where the condition a holds, else c; all broadcast. */
export const where: OpFunction<[condition: TensorLike, ifTrue: TensorLike, ifFalse: TensorLike], Tensor> =
  defineOp({
    ...elementwiseOp({
      name: "where",
      arity: 3,
      inputDTypes: ([, b, c]) => {
        if (!numeric.includes(b.dtype) && b.dtype !== "bool") {
          throw new DTypeError(
            `where: takes f32, i32, u32 or bool values, got ${b.dtype}; use cast(x, "f32")`,
          );
        }
        return ["bool", b.dtype, c.dtype === b.dtype ? c.dtype : b.dtype];
      },
      wgsl: "select(c, b, a)",
      reference: ([a, b, c]) => (a ? b : c),
      saves: { inputs: [0] },
      vjp: ({ grad, input, needs }) => [
        null,
        needs(1) ? where(input(0), grad(), 0) : null,
        needs(2) ? where(input(0), 0, grad()) : null,
      ],
      samples: [
        { inputs: [{ shape: [4, 6], ...bools }, { shape: [4, 6] }, { shape: [6] }] },
        { inputs: [{ shape: [1, 6], ...bools }, { shape: [4, 1] }, { shape: [] }] },
      ],
    }),
    call: (condition: TensorLike, ifTrue: TensorLike, ifFalse: TensorLike) => ({
      inputs: [condition, ifTrue, ifFalse],
      attrs: {},
    }),
  });

/** WGSL that converts vec4 `a` of one dtype to another; bool is 0 or 1, and anything but 0 is true. */
const casts: Record<DType, string> = {
  f32: "vec4f(a)",
  i32: "vec4i(a)",
  u32: "vec4u(a)",
  bool: "(a != A())",
  u8: "vec4u(a)",
};
const wgslTypes: Record<DType, string> = {
  f32: "vec4f",
  i32: "vec4i",
  u32: "vec4u",
  bool: "vec4<bool>",
  u8: "vec4u",
};

/**
 * Converts to another dtype. Floats are cut towards zero and limited to the integer type's range; bool is 0 or 1.
 */
export const cast: OpFunction<[x: TensorLike, dtype: DType], Tensor> = defineOp({
  ...elementwiseOp<{ dtype: DType }>({
    name: "cast",
    arity: 1,
    inputDTypes: ([a]) => [a.dtype],
    outputDType: (_, { dtype }) => {
      if (!dtypes.includes(dtype)) throw unknownName("dtype", String(dtype), dtypes);
      return dtype;
    },
    wgsl: ({ dtype }, [spec]) => {
      if (dtype === "bool" && spec.dtype === "bool") return "a";
      if (dtype === "u8" && spec.dtype === "f32") return "vec4u(clamp(a, vec4f(0.0), vec4f(255.0)))";
      return casts[dtype].replace("A()", `${wgslTypes[spec.dtype]}()`);
    },
    reference: ([a], { dtype }) => castNumber(a, dtype),
    vjp: ({ grad, inputSpecs }) => [inputSpecs[0].dtype === "f32" ? cast(grad(), "f32") : null],
    samples: [
      { inputs: [{ shape: [5, 7] }], attrs: { dtype: "f32" } },
      { inputs: [{ shape: [11], dtype: "i32", low: -9, high: 9 }], attrs: { dtype: "f32" } },
      { inputs: [{ shape: [13], dtype: "u8", low: 0, high: 256 }], attrs: { dtype: "f32" } },
      { inputs: [{ shape: [13], low: 0, high: 255 }], attrs: { dtype: "u8" }, differentiable: [] },
      { inputs: [{ shape: [7], low: -5, high: 5 }], attrs: { dtype: "i32" }, differentiable: [] },
      { inputs: [{ shape: [7], ...bools }], attrs: { dtype: "f32" } },
      { inputs: [{ shape: [7], dtype: "i32", low: -2, high: 2 }], attrs: { dtype: "bool" } },
    ],
  }),
  call: (x: TensorLike, dtype: DType) => ({ inputs: [x], attrs: { dtype } }),
});

function castNumber(a: number, dtype: DType): number {
  if (dtype === "f32") return a;
  if (dtype === "bool") return a !== 0 ? 1 : 0;
  if (Number.isNaN(a)) return 0;
  const [low, high] =
    dtype === "i32" ? [-(2 ** 31), 2 ** 31 - 1] : dtype === "u32" ? [0, 2 ** 32 - 1] : [0, 255];
  return Math.trunc(Math.min(Math.max(a, low), high));
}
