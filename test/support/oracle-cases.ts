// Calls that tfjs or ONNX Runtime can make too: ours beside theirs, on the same numbers. Each case is forward in both
// oracles where they have it, and its gradient in tfjs.

import type * as Tf from "@tensorflow/tfjs-core";
import * as g from "../../engine/index.ts";
import { losses } from "../../nn/index.ts";
import type { OnnxAttribute, OnnxNode, OnnxType } from "./onnx.ts";
import { imageCases } from "./oracle-images.ts";
import { loadTfjs } from "./tfjs.ts";

export const tf = await loadTfjs();

export interface OracleInput {
  readonly shape: readonly number[];
  /** Values are drawn from [low, high); default -2 to 2. */
  readonly low?: number;
  readonly high?: number;
  readonly dtype?: "f32" | "i32" | "bool";
}

export interface OnnxCase {
  readonly nodes: readonly OnnxNode[];
  /** Inputs after the case's own (axes, shapes): int64. */
  readonly extra?: readonly (readonly number[])[];
  readonly outputType?: OnnxType;
  /** The element type of integer inputs; default int64. */
  readonly indexType?: OnnxType;
}

export interface OracleCase {
  readonly name: string;
  readonly inputs: readonly OracleInput[];
  ours(...x: g.Tensor[]): g.Tensor;
  readonly tf?: (...x: Tf.Tensor[]) => Tf.Tensor;
  readonly onnx?: OnnxCase;
  /** Whether tfjs is asked for gradients too; default: where it computes the case. */
  readonly gradient?: boolean;
  /** Of |got - want| / (1 + |want|); oracles compute in f32. Default 3e-6. */
  readonly tolerance?: number;
}

const input = (...shape: number[]): OracleInput => ({ shape });
const ranged = (low: number, high: number, ...shape: number[]): OracleInput => ({ shape, low, high });
const indices = (high: number, ...shape: number[]): OracleInput => ({ shape, low: 0, high, dtype: "i32" });
const flags = (...shape: number[]): OracleInput => ({ shape, low: 0, high: 2, dtype: "bool" });

const node = (
  op: string,
  inputs: readonly string[],
  attributes?: Readonly<Record<string, OnnxAttribute>>,
  output = "y",
): OnnxNode => ({ op, inputs, outputs: [output], attributes });

/** One ONNX node on all inputs. */
const onnx = (
  op: string,
  attributes?: Readonly<Record<string, OnnxAttribute>>,
  rest: Omit<OnnxCase, "nodes"> & { arity?: number } = {},
): OnnxCase => {
  const count = (rest.arity ?? 1) + (rest.extra?.length ?? 0);
  return {
    ...rest,
    nodes: [
      node(
        op,
        Array.from({ length: count }, (_, i) => `x${i}`),
        attributes,
      ),
    ],
  };
};

type Unary = (x: Tf.Tensor) => Tf.Tensor;

/** Name, range, tfjs's function, ONNX's op with attributes. */
type UnaryRow = [
  name: string,
  ours: (x: g.Tensor) => g.Tensor,
  range: readonly [number, number],
  tfs: Unary | undefined,
  onnxOp?: string,
  attributes?: Readonly<Record<string, OnnxAttribute>>,
  rest?: Partial<OracleCase>,
];

const wide = [-4, 4] as const;
const sides: [number, number][] = [
  [4, 2],
  [2, 5],
];
const unaryRows: UnaryRow[] = [
  ["abs", g.abs, wide, tf.abs, "Abs"],
  ["neg", g.neg, wide, tf.neg, "Neg"],
  ["sign", g.sign, wide, tf.sign, "Sign", {}, { gradient: false }],
  ["square", g.square, wide, tf.square],
  ["reciprocal", g.reciprocal, [0.2, 4], tf.reciprocal, "Reciprocal"],
  ["exp", g.exp, wide, tf.exp, "Exp"],
  ["expm1", g.expm1, wide, tf.expm1],
  ["log", g.log, [0.05, 9], tf.log, "Log"],
  ["log1p", g.log1p, [-0.9, 9], tf.log1p],
  ["sqrt", g.sqrt, [0.05, 9], tf.sqrt, "Sqrt"],
  ["rsqrt", g.rsqrt, [0.05, 9], tf.rsqrt],
  ["sin", g.sin, [-9, 9], tf.sin, "Sin"],
  ["cos", g.cos, [-9, 9], tf.cos, "Cos"],
  ["tan", g.tan, [-1.4, 1.4], tf.tan, "Tan"],
  ["asin", g.asin, [-0.95, 0.95], tf.asin, "Asin"],
  ["acos", g.acos, [-0.95, 0.95], tf.acos, "Acos"],
  ["atan", g.atan, wide, tf.atan, "Atan"],
  ["sinh", g.sinh, wide, tf.sinh, "Sinh"],
  ["cosh", g.cosh, wide, tf.cosh, "Cosh"],
  ["tanh", g.tanh, wide, tf.tanh, "Tanh"],
  ["asinh", g.asinh, wide, tf.asinh, "Asinh"],
  ["acosh", g.acosh, [1.1, 9], tf.acosh, "Acosh"],
  ["atanh", g.atanh, [-0.95, 0.95], tf.atanh, "Atanh"],
  ["erf", g.erf, wide, tf.erf, "Erf"],
  ["floor", g.floor, wide, tf.floor, "Floor", {}, { gradient: false }],
  ["ceil", g.ceil, wide, tf.ceil, "Ceil", {}, { gradient: false }],
  ["round", g.round, wide, tf.round, "Round", {}, { gradient: false }],
  ["sigmoid", g.sigmoid, wide, tf.sigmoid, "Sigmoid"],
  ["logSigmoid", g.logSigmoid, wide, tf.logSigmoid],
  ["softplus", g.softplus, wide, tf.softplus, "Softplus"],
  ["softsign", g.softsign, wide, undefined, "Softsign"],
  ["silu", g.silu, wide, (x) => tf.mul(x, tf.sigmoid(x))],
  ["mish", g.mish, wide, (x) => tf.mul(x, tf.tanh(tf.softplus(x))), "Mish"],
  ["gelu", (x) => g.gelu(x), wide, undefined, "Gelu", { approximate: "none" }],
  ["gelu, tanh", (x) => g.gelu(x, { approximate: true }), wide, undefined, "Gelu", { approximate: "tanh" }],
  ["relu", g.relu, wide, tf.relu, "Relu"],
  ["leakyRelu", (x) => g.leakyRelu(x, 0.1), wide, (x) => tf.leakyRelu(x, 0.1), "LeakyRelu", { alpha: 0.1 }],
  ["elu", (x) => g.elu(x), wide, tf.elu, "Elu", { alpha: { float: 1 } }],
  ["elu, alpha", (x) => g.elu(x, 0.3), wide, undefined, "Elu", { alpha: 0.3 }],
  ["celu", (x) => g.celu(x, 1.5), wide, undefined, "Celu", { alpha: 1.5 }],
  ["selu", g.selu, wide, tf.selu, "Selu"],
  ["hardSigmoid", g.hardSigmoid, wide, undefined, "HardSigmoid", { alpha: 1 / 6, beta: 0.5 }],
  ["hardSwish", g.hardSwish, wide, undefined, "HardSwish"],
  ["hardTanh", g.hardTanh, wide, (x) => tf.clipByValue(x, -1, 1)],
  ["clip", (x) => g.clip(x, -0.7, 1.2), wide, (x) => tf.clipByValue(x, -0.7, 1.2)],
  ["step", g.step, wide, (x) => tf.step(x), undefined, {}, { gradient: false }],
  ["pow", (x) => g.pow(x, 2.5), [0.1, 3], (x) => tf.pow(x, 2.5)],
  ["pow of a negative base", (x) => g.pow(x, 3), wide, (x) => tf.pow(x, 3)],
];

const unaries: OracleCase[] = unaryRows.map(([name, ours, [low, high], tfs, op, attributes, rest]) => ({
  name,
  inputs: [ranged(low, high, 5, 7)],
  ours,
  tf: tfs,
  onnx: op === undefined ? undefined : onnx(op, attributes),
  ...rest,
}));

type Binary = (a: Tf.Tensor, b: Tf.Tensor) => Tf.Tensor;
const binaryRows: [
  name: string,
  ours: (a: g.Tensor, b: g.Tensor) => g.Tensor,
  tfs: Binary | undefined,
  op?: string,
  rest?: Partial<OracleCase>,
][] = [
  ["add", g.add, tf.add, "Add"],
  ["sub", g.sub, tf.sub, "Sub"],
  ["mul", g.mul, tf.mul, "Mul"],
  ["div", g.div, tf.div, "Div", { inputs: [input(4, 1, 5), ranged(0.3, 3, 3, 1)] }],
  // tfjs does not sum these gradients over broadcast axes.
  ["minimum", g.minimum, tf.minimum, "Min", { inputs: [input(4, 5), input(4, 5)] }],
  ["maximum", g.maximum, tf.maximum, "Max", { inputs: [input(4, 5), input(4, 5)] }],
  ["power", g.power, tf.pow, "Pow", { inputs: [ranged(0.2, 3, 4, 1, 5), input(3, 1)] }],
  [
    "remainder",
    g.remainder,
    tf.mod,
    "Mod",
    { inputs: [input(4, 1, 5), ranged(0.3, 3, 3, 1)], gradient: false, onnx: undefined },
  ],
  ["atan2", g.atan2, tf.atan2],
  ["prelu", g.prelu, tf.prelu, "PRelu", { inputs: [input(4, 3, 5), ranged(0.1, 0.4, 3, 1)] }],
];
const binaries: OracleCase[] = binaryRows.map(([name, ours, tfs, op, rest]) => ({
  name,
  inputs: [input(4, 1, 5), input(3, 1)],
  ours,
  tf: tfs,
  onnx: op === undefined ? undefined : onnx(op, {}, { arity: 2 }),
  ...rest,
}));

const comparisons: OracleCase[] = (
  [
    ["less", g.less, tf.less, "Less"],
    ["lessEqual", g.lessEqual, tf.lessEqual, "LessOrEqual"],
    ["greater", g.greater, tf.greater, "Greater"],
    ["greaterEqual", g.greaterEqual, tf.greaterEqual, "GreaterOrEqual"],
    ["equal", g.equal, tf.equal, "Equal"],
    ["notEqual", g.notEqual, tf.notEqual, undefined],
  ] as const
).map(([name, ours, tfs, op]) => ({
  name,
  // Few distinct values, so that some are equal.
  inputs: [ranged(0, 3, 6, 1), ranged(0, 3, 1, 7)],
  ours: (a, b) => ours(g.floor(a), g.floor(b)),
  tf: (a, b) => tfs(tf.floor(a), tf.floor(b)),
  onnx:
    op === undefined
      ? undefined
      : {
          nodes: [node("Floor", ["x0"], {}, "a"), node("Floor", ["x1"], {}, "b"), node(op, ["a", "b"])],
          outputType: "bool",
        },
  gradient: false,
}));

const logicals: OracleCase[] = (
  [
    ["logicalAnd", g.logicalAnd, tf.logicalAnd, "And"],
    ["logicalOr", g.logicalOr, tf.logicalOr, "Or"],
    ["logicalXor", g.logicalXor, tf.logicalXor, "Xor"],
  ] as const
).map(([name, ours, tfs, op]) => ({
  name,
  inputs: [flags(4, 5), flags(5)],
  ours,
  tf: tfs,
  onnx: onnx(op, {}, { arity: 2, outputType: "bool" }),
  gradient: false,
}));

/** Name, ours, tfjs's, ONNX's, over axes and kept or not. */
const reduceRows: [
  string,
  (x: g.Tensor, axes: number[], keepDims: boolean) => g.Tensor,
  ((x: Tf.Tensor, axes: number[], keepDims: boolean) => Tf.Tensor) | undefined,
  string | undefined,
  boolean?,
][] = [
  ["sum", (x, a, keepDims) => g.sum(x, a, { keepDims }), tf.sum, "ReduceSum"],
  ["mean", (x, a, keepDims) => g.mean(x, a, { keepDims }), tf.mean, "ReduceMean"],
  ["prod", (x, a, keepDims) => g.prod(x, a, { keepDims }), tf.prod, "ReduceProd"],
  ["max", (x, a, keepDims) => g.max(x, a, { keepDims }), tf.max, "ReduceMax"],
  ["min", (x, a, keepDims) => g.min(x, a, { keepDims }), tf.min, "ReduceMin"],
  ["logSumExp", (x, a, keepDims) => g.logSumExp(x, a, { keepDims }), tf.logSumExp, "ReduceLogSumExp"],
  ["norm 1", (x, a, keepDims) => g.norm(x, a, { order: 1, keepDims }), undefined, "ReduceL1"],
  ["norm 2", (x, a, keepDims) => g.norm(x, a, { keepDims }), undefined, "ReduceL2"],
  [
    "variance",
    (x, a, keepDims) => g.variance(x, a, { keepDims }),
    (x, a, keepDims) => tf.moments(x, a, keepDims).variance,
    undefined,
  ],
];
const reductions: OracleCase[] = reduceRows.flatMap(([name, ours, tfs, op]) =>
  [
    { axes: [1], keepDims: false },
    { axes: [0, 2], keepDims: true },
  ].map(({ axes, keepDims }) => ({
    name: `${name} over ${axes}`,
    inputs: [input(4, 5, 3)],
    ours: (x: g.Tensor) => ours(x, axes, keepDims),
    tf: tfs === undefined ? undefined : (x: Tf.Tensor) => tfs(x, axes, keepDims),
    onnx: op === undefined ? undefined : onnx(op, { keepdims: keepDims ? 1 : 0 }, { extra: [axes] }),
    // tfjs's rule of prod fails in a build without its chained methods.
    gradient: name !== "prod",
    tolerance: 1e-5,
  })),
);

const others: OracleCase[] = [
  {
    name: "any",
    inputs: [flags(4, 5)],
    ours: (x) => g.any(x, [1]),
    tf: (x) => tf.any(x, [1]),
    gradient: false,
  },
  {
    name: "all",
    inputs: [flags(4, 2)],
    ours: (x) => g.all(x, [1]),
    tf: (x) => tf.all(x, [1]),
    gradient: false,
  },
  {
    name: "logicalNot",
    inputs: [flags(4, 5)],
    ours: g.logicalNot,
    tf: tf.logicalNot,
    onnx: onnx("Not", {}, { outputType: "bool" }),
    gradient: false,
  },
  {
    name: "where",
    inputs: [flags(4, 5), input(4, 5), input(4, 5)],
    ours: g.where,
    tf: (c, a, b) => tf.where(c, a, b),
    onnx: onnx("Where", {}, { arity: 3 }),
    gradient: false,
  },
  {
    name: "argMax",
    inputs: [input(4, 5, 3)],
    ours: (x) => g.argMax(x, 1),
    tf: (x) => tf.argMax(x, 1),
    onnx: onnx("ArgMax", { axis: 1, keepdims: 0 }, { outputType: "int64" }),
    gradient: false,
  },
  {
    name: "argMin",
    inputs: [input(4, 5, 3)],
    ours: (x) => g.argMin(x, 2),
    tf: (x) => tf.argMin(x, 2),
    onnx: onnx("ArgMin", { axis: 2, keepdims: 0 }, { outputType: "int64" }),
    gradient: false,
  },
  {
    name: "cumsum",
    inputs: [input(4, 6)],
    ours: (x) => g.cumsum(x, 1),
    tf: (x) => tf.cumsum(x, 1),
    onnx: onnx("CumSum", {}, { extra: [[1]] }),
  },
  {
    name: "cumsum, exclusive and reverse",
    inputs: [input(4, 6)],
    ours: (x) => g.cumsum(x, 0, { exclusive: true, reverse: true }),
    tf: (x) => tf.cumsum(x, 0, true, true),
    onnx: onnx("CumSum", { exclusive: 1, reverse: 1 }, { extra: [[0]] }),
    // tfjs transposes this gradient and does not transpose it back.
    gradient: false,
  },
  {
    name: "cumprod",
    inputs: [input(4, 6)],
    ours: (x) => g.cumprod(x, 1),
    tf: (x) => tf.cumprod(x, 1),
    gradient: false,
  },
  {
    name: "softmax",
    inputs: [ranged(-6, 6, 4, 7)],
    ours: (x) => g.softmax(x),
    tf: (x) => tf.softmax(x),
    onnx: onnx("Softmax", { axis: -1 }),
  },
  {
    name: "logSoftmax",
    inputs: [ranged(-6, 6, 4, 7)],
    ours: (x) => g.logSoftmax(x),
    tf: (x) => tf.logSoftmax(x),
    onnx: onnx("LogSoftmax", { axis: -1 }),
  },
  {
    name: "softmaxCrossEntropy",
    inputs: [ranged(-3, 3, 4, 7), ranged(0, 1, 4, 7)],
    ours: (x, t) => g.softmaxCrossEntropy(x, g.softmax(t)),
    tf: (x, t) => tf.neg(tf.sum(tf.mul(tf.softmax(t), tf.logSoftmax(x)), -1)),
  },
  {
    name: "sigmoidCrossEntropy",
    inputs: [ranged(-3, 3, 4, 7), ranged(0, 1, 4, 7)],
    ours: (x, t) => g.sigmoidCrossEntropy(x, t),
    tf: (x, t) => tf.losses.sigmoidCrossEntropy(t, x, undefined, 0, tf.Reduction.NONE) as Tf.Tensor,
  },
  {
    name: "sparseSoftmaxCrossEntropy",
    inputs: [ranged(-3, 3, 4, 7), indices(7, 4)],
    ours: (x, t) => g.sparseSoftmaxCrossEntropy(x, t),
    tf: (x, t) => tf.neg(tf.sum(tf.mul(tf.oneHot(t as Tf.Tensor1D, 7), tf.logSoftmax(x)), -1)),
    onnx: { nodes: [node("SoftmaxCrossEntropyLoss", ["x0", "x1"], { reduction: "none" })] },
    gradient: false,
  },
  {
    name: "meanSquaredError",
    inputs: [input(4, 7), input(4, 7)],
    ours: (x, t) => losses.meanSquaredError().call(t, x),
    tf: (x, t) => tf.mean(tf.losses.meanSquaredError(t, x, undefined, tf.Reduction.NONE), -1),
  },
  {
    name: "meanAbsoluteError",
    inputs: [input(4, 7), input(4, 7)],
    ours: (x, t) => losses.meanAbsoluteError().call(t, x),
    tf: (x, t) => tf.mean(tf.losses.absoluteDifference(t, x, undefined, tf.Reduction.NONE), -1),
  },
  {
    name: "huber",
    inputs: [input(4, 7), input(4, 7)],
    ours: (x, t) => losses.huber({ delta: 0.7 }).call(t, x),
    tf: (x, t) => tf.mean(tf.losses.huberLoss(t, x, undefined, 0.7, tf.Reduction.NONE), -1),
  },
  // Movement.
  {
    name: "reshape",
    inputs: [input(4, 6)],
    ours: (x) => g.reshape(x, [3, 8]),
    tf: (x) => tf.reshape(x, [3, 8]),
    onnx: onnx("Reshape", {}, { extra: [[3, 8]] }),
  },
  {
    name: "transpose",
    inputs: [input(4, 5, 3)],
    ours: (x) => g.transpose(x, [2, 0, 1]),
    tf: (x) => tf.transpose(x, [2, 0, 1]),
    onnx: onnx("Transpose", { perm: [2, 0, 1] }),
  },
  {
    name: "expand",
    inputs: [input(4, 1, 3)],
    ours: (x) => g.expand(x, [2, 4, 5, 3]),
    tf: (x) => tf.broadcastTo(x, [2, 4, 5, 3]),
    onnx: onnx("Expand", {}, { extra: [[2, 4, 5, 3]] }),
    gradient: false,
  },
  {
    name: "slice with steps",
    inputs: [input(9, 7)],
    ours: (x) => g.slice(x, [1, 0], [8, 6], { steps: [3, 2] }),
    tf: (x) => tf.stridedSlice(x, [1, 0], [8, 6], [3, 2]),
    onnx: onnx(
      "Slice",
      {},
      {
        extra: [
          [1, 0],
          [8, 6],
          [0, 1],
          [3, 2],
        ],
      },
    ),
    gradient: false,
  },
  {
    name: "concat",
    inputs: [input(4, 2), input(4, 5)],
    ours: (a, b) => g.concat([a, b], 1),
    tf: (a, b) => tf.concat([a, b], 1),
    onnx: onnx("Concat", { axis: 1 }, { arity: 2 }),
  },
  {
    name: "stack",
    inputs: [input(4, 2), input(4, 2)],
    ours: (a, b) => g.stack([a, b], 1),
    tf: (a, b) => tf.stack([a, b], 1),
  },
  {
    name: "split",
    inputs: [input(4, 6)],
    ours: (x) => g.split(x, [1, 3, 2], 1)[1],
    tf: (x) => tf.split(x, [1, 3, 2], 1)[1],
  },
  {
    name: "pad, constant",
    inputs: [input(4, 5)],
    ours: (x) =>
      g.pad(
        x,
        [
          [1, 2],
          [0, 3],
        ],
        { value: 0.5 },
      ),
    tf: (x) =>
      tf.pad(
        x,
        [
          [1, 2],
          [0, 3],
        ],
        0.5,
      ),
  },
  {
    name: "pad, reflect",
    inputs: [input(4, 5)],
    ours: (x) =>
      g.pad(
        x,
        [
          [1, 2],
          [2, 3],
        ],
        { mode: "reflect" },
      ),
    tf: (x) =>
      tf.mirrorPad(
        x,
        [
          [1, 2],
          [2, 3],
        ],
        "reflect",
      ),
    onnx: onnx("Pad", { mode: "reflect" }, { extra: [[1, 2, 2, 3]] }),
    gradient: false,
  },
  {
    name: "pad, edge",
    inputs: [input(4, 5)],
    ours: (x) =>
      g.pad(
        x,
        [
          [1, 2],
          [2, 3],
        ],
        { mode: "edge" },
      ),
    onnx: onnx("Pad", { mode: "edge" }, { extra: [[1, 2, 2, 3]] }),
  },
  {
    name: "pad, symmetric",
    inputs: [input(4, 5)],
    ours: (x) => g.pad(x, sides, { mode: "symmetric" }),
    tf: (x) => tf.mirrorPad(x, sides, "symmetric"),
    gradient: false,
  },
  {
    name: "pad, wrap",
    inputs: [input(4, 5)],
    ours: (x) => g.pad(x, sides, { mode: "wrap" }),
    onnx: onnx("Pad", { mode: "wrap" }, { extra: [[4, 2, 2, 5]] }),
  },
  {
    name: "tile",
    inputs: [input(2, 3)],
    ours: (x) => g.tile(x, [2, 3]),
    tf: (x) => tf.tile(x, [2, 3]),
    onnx: onnx("Tile", {}, { extra: [[2, 3]] }),
  },
  { name: "flip", inputs: [input(4, 3)], ours: (x) => g.flip(x, [0]), tf: (x) => tf.reverse(x, [0]) },
  {
    name: "tril",
    inputs: [input(5, 4)],
    ours: (x) => g.tril(x, 1),
    onnx: onnx("Trilu", { upper: 0 }, { extra: [[1]] }),
  },
  {
    name: "triu",
    inputs: [input(5, 4)],
    ours: (x) => g.triu(x, -1),
    onnx: onnx("Trilu", { upper: 1 }, { extra: [[-1]] }),
  },
  // Indexing and sorting.
  {
    name: "gather",
    inputs: [input(6, 3), indices(6, 2, 4)],
    ours: (x, i) => g.gather(x, i),
    tf: (x, i) => tf.gather(x, tf.cast(i, "int32") as Tf.Tensor1D),
    onnx: onnx("Gather", { axis: 0 }, { arity: 2 }),
    gradient: false,
  },
  {
    name: "embedding",
    inputs: [input(6, 3), indices(6, 5)],
    ours: (x, i) => g.embedding(x, i),
    onnx: onnx("Gather", { axis: 0 }, { arity: 2 }),
  },
  {
    name: "takeAlongAxis",
    inputs: [input(4, 6), indices(4, 3, 6)],
    ours: (x, i) => g.takeAlongAxis(x, i, 0),
    onnx: onnx("GatherElements", { axis: 0 }, { arity: 2 }),
  },
  {
    name: "scatterAddAlongAxis",
    inputs: [input(3, 6), indices(4, 3, 6)],
    ours: (u, i) => g.scatterAddAlongAxis(u, i, 4, 0),
    onnx: {
      nodes: [
        node("ConstantOfShape", ["x2"], {}, "zeros"),
        node("ScatterElements", ["zeros", "x1", "x0"], { axis: 0, reduction: "add" }),
      ],
      extra: [[4, 6]],
    },
  },
  {
    name: "gatherNd",
    inputs: [input(4, 3, 5), indices(3, 2, 6, 2)],
    ours: (x, i) => g.gatherNd(x, i),
    tf: (x, i) => tf.gatherND(x, i),
    onnx: onnx("GatherND", {}, { arity: 2 }),
    gradient: false,
  },
  {
    name: "scatterNd",
    inputs: [indices(3, 8, 2), input(8, 5)],
    ours: (i, u) => g.scatterNd(i, u, [4, 3, 5]),
    tf: (i, u) => tf.scatterND(tf.cast(i, "int32"), u, [4, 3, 5]),
    gradient: false,
  },
  {
    name: "searchSorted",
    inputs: [input(9), input(4, 6)],
    ours: (edges, x) => g.searchSorted(g.sort(edges), x, { side: "right" }),
    tf: (edges, x) =>
      tf.reshape(tf.searchSorted(tf.reverse(tf.topk(edges, 9).values), tf.reshape(x, [24]), "right"), [4, 6]),
    gradient: false,
  },
  {
    name: "bincount",
    inputs: [indices(7, 50)],
    ours: (x) => g.bincount(x, 6),
    tf: (x) => tf.bincount(x as Tf.Tensor1D, tf.zeros([0]) as Tf.Tensor1D, 6),
    gradient: false,
  },
  {
    name: "bincount, weighted along an axis",
    inputs: [indices(5, 4, 9), input(4, 9)],
    ours: (x, weights) => g.bincount(x, 5, { weights, axis: -1 }),
    tf: (x, weights) => tf.denseBincount(x as Tf.Tensor2D, weights as Tf.Tensor2D, 5),
    gradient: false,
  },
  {
    name: "matmul, a vector and a matrix",
    inputs: [input(4), input(4, 3)],
    ours: (a, b) => g.matmul(a, b),
    tf: (a, b) => tf.dot(a as Tf.Tensor1D, b as Tf.Tensor2D),
    onnx: onnx("MatMul", {}, { arity: 2 }),
  },
  {
    name: "matmul, a matrix and a vector",
    inputs: [input(5, 4), input(4)],
    ours: (a, b) => g.matmul(a, b),
    tf: (a, b) => tf.dot(a as Tf.Tensor2D, b as Tf.Tensor1D),
    onnx: onnx("MatMul", {}, { arity: 2 }),
  },
  {
    name: "matmul, two vectors",
    inputs: [input(7), input(7)],
    ours: (a, b) => g.matmul(a, b),
    tf: (a, b) => tf.dot(a as Tf.Tensor1D, b as Tf.Tensor1D),
    onnx: onnx("MatMul", {}, { arity: 2 }),
  },
  {
    name: "matmul, a batch and a vector",
    inputs: [input(2, 3, 5, 4), input(4)],
    ours: (a, b) => g.matmul(a, b),
    onnx: onnx("MatMul", {}, { arity: 2 }),
  },
  {
    name: "matmul, a vector and a batch",
    inputs: [input(4), input(2, 4, 3)],
    ours: (a, b) => g.matmul(a, b),
    onnx: onnx("MatMul", {}, { arity: 2 }),
  },
  {
    name: "trace",
    inputs: [input(5, 7)],
    ours: (x) => g.trace(x),
    tf: (x) => tf.sum(tf.mul(x, tf.eye(5, 7))),
  },
  {
    name: "oneHot",
    inputs: [indices(5, 7)],
    ours: (i) => g.oneHot(i, 5),
    tf: (i) => tf.oneHot(i as Tf.Tensor1D, 5),
    gradient: false,
  },
  {
    name: "topK",
    inputs: [input(4, 9)],
    ours: (x) => g.topK(x, 3).values,
    tf: (x) => tf.topk(x, 3).values,
    onnx: { nodes: [{ op: "TopK", inputs: ["x0", "x1"], outputs: ["y", "i"] }], extra: [[3]] },
    gradient: false,
  },
  {
    name: "topK's indices",
    inputs: [input(4, 9)],
    ours: (x) => g.topK(x, 3).indices,
    tf: (x) => tf.topk(x, 3).indices,
    gradient: false,
  },
  {
    name: "sort",
    inputs: [input(4, 9)],
    ours: (x) => g.sort(x),
    onnx: {
      nodes: [{ op: "TopK", inputs: ["x0", "x1"], outputs: ["y", "i"], attributes: { largest: 0 } }],
      extra: [[9]],
    },
  },
  // Linear algebra.
  {
    name: "matmul",
    inputs: [input(3, 4), input(4, 5)],
    ours: (a, b) => g.matmul(a, b),
    tf: (a, b) => tf.matMul(a, b),
    onnx: onnx("MatMul", {}, { arity: 2 }),
  },
  {
    name: "matmul, transposed",
    inputs: [input(4, 3), input(5, 4)],
    ours: (a, b) => g.matmul(a, b, { transposeA: true, transposeB: true }),
    tf: (a, b) => tf.matMul(a, b, true, true),
  },
  {
    name: "matmul, broadcast",
    inputs: [input(2, 1, 3, 4), input(5, 4, 2)],
    ours: (a, b) => g.matmul(a, b),
    onnx: onnx("MatMul", {}, { arity: 2 }),
  },
  { name: "dot", inputs: [input(7), input(7)], ours: g.dot, tf: (a, b) => tf.dot(a, b) },
  {
    name: "outer",
    inputs: [input(4), input(5)],
    ours: g.outer,
    tf: (a, b) => tf.outerProduct(a as Tf.Tensor1D, b as Tf.Tensor1D),
  },
  ...(["bij,bjk->bik", "bij,bkj->ikb", "bij,bij->b", "bij,bjk->"] as const).map((equation): OracleCase => {
    const [, second] = equation.split("->")[0].split(",");
    const lengths: Record<string, number> = { b: 2, i: 3, j: 4, k: 5 };
    return {
      name: `einsum ${equation}`,
      inputs: [input(2, 3, 4), input(...[...second].map((letter) => lengths[letter]))],
      ours: (a, b) => g.einsum(equation, a, b),
      tf: (a, b) => tf.einsum(equation, a, b),
      onnx: onnx("Einsum", { equation }, { arity: 2 }),
      gradient: false,
      tolerance: 1e-5,
    };
  }),
  // Normalization.
  {
    name: "layerNorm",
    inputs: [input(4, 6), input(6), input(6)],
    ours: (x, gamma, beta) => g.layerNorm(x, { gamma, beta }),
    onnx: onnx("LayerNormalization", { epsilon: 1e-3, axis: -1 }, { arity: 3 }),
    tolerance: 1e-5,
  },
  {
    name: "groupNorm",
    inputs: [input(2, 3, 3, 6), input(6), input(6)],
    ours: (x, gamma, beta) => g.groupNorm(x, 2, { gamma, beta }),
    onnx: {
      nodes: [
        node("Transpose", ["x0"], { perm: [0, 3, 1, 2] }, "a"),
        node("GroupNormalization", ["a", "x1", "x2"], { epsilon: 1e-3, num_groups: 2 }, "b"),
        node("Transpose", ["b"], { perm: [0, 2, 3, 1] }),
      ],
    },
    tolerance: 1e-5,
  },
  {
    name: "instanceNorm",
    inputs: [input(2, 3, 3, 4), input(4), input(4)],
    ours: (x, gamma, beta) => g.instanceNorm(x, { gamma, beta }),
    onnx: {
      nodes: [
        node("Transpose", ["x0"], { perm: [0, 3, 1, 2] }, "a"),
        node("InstanceNormalization", ["a", "x1", "x2"], { epsilon: 1e-3 }, "b"),
        node("Transpose", ["b"], { perm: [0, 2, 3, 1] }),
      ],
    },
    tolerance: 1e-5,
  },
];

// Convolution and pooling: tfjs has our layout; ONNX wants channels first.
const firstChannels = node("Transpose", ["x0"], { perm: [0, 3, 1, 2] }, "image");
const firstWeights = node("Transpose", ["x1"], { perm: [3, 2, 0, 1] }, "weights");
const lastChannels = node("Transpose", ["result"], { perm: [0, 2, 3, 1] });
const onnxConvolution = (attributes: Readonly<Record<string, OnnxAttribute>>, op = "Conv"): OnnxCase => ({
  nodes: [firstChannels, firstWeights, node(op, ["image", "weights"], attributes, "result"), lastChannels],
});
const onnxPool = (op: string, attributes: Readonly<Record<string, OnnxAttribute>>): OnnxCase => ({
  nodes: [firstChannels, node(op, ["image"], attributes, "result"), lastChannels],
});
type Image = Tf.Tensor4D;
/** Zeros in front of the time axis. */
const inFront = (x: Tf.Tensor, count: number) =>
  tf.pad(x, [
    [0, 0],
    [count, 0],
    [0, 0],
  ]);
const oneHigh = (x: Tf.Tensor, axis = 1) => tf.expandDims(x, axis) as Image;

function withTolerance(cases: readonly OracleCase[]): OracleCase[] {
  return cases.map((one) => ({ tolerance: 1e-5, ...one }));
}

const windows: OracleCase[] = withTolerance([
  {
    name: "conv2d",
    inputs: [input(2, 7, 6, 3), input(3, 2, 3, 4)],
    ours: (x, w) => g.conv2d(x, w),
    tf: (x, w) => tf.conv2d(x as Image, w as Image, 1, "valid"),
    onnx: onnxConvolution({}),
  },
  {
    name: "conv2d, stride and same padding",
    inputs: [input(2, 7, 6, 3), input(3, 2, 3, 4)],
    ours: (x, w) => g.conv2d(x, w, { stride: 2, padding: "same" }),
    tf: (x, w) => tf.conv2d(x as Image, w as Image, 2, "same"),
    onnx: onnxConvolution({ strides: [2, 2], auto_pad: "SAME_UPPER" }),
  },
  {
    name: "conv2d, dilation",
    inputs: [input(1, 8, 9, 2), input(3, 3, 2, 3)],
    ours: (x, w) => g.conv2d(x, w, { dilation: 2, padding: "same" }),
    tf: (x, w) => tf.conv2d(x as Image, w as Image, 1, "same", "NHWC", 2),
    onnx: onnxConvolution({ dilations: [2, 2], pads: [2, 2, 2, 2] }),
    gradient: false,
  },
  {
    name: "conv2d, groups",
    inputs: [input(2, 5, 6, 4), input(3, 3, 2, 6)],
    ours: (x, w) => g.conv2d(x, w, { groups: 2 }),
    onnx: onnxConvolution({ group: 2 }),
  },
  {
    name: "conv1d",
    inputs: [input(2, 9, 3), input(3, 3, 4)],
    ours: (x, w) => g.conv1d(x, w, { stride: 2, padding: "same" }),
    tf: (x, w) => tf.conv1d(x as Tf.Tensor3D, w as Tf.Tensor3D, 2, "same"),
  },
  {
    name: "conv1d, causal",
    inputs: [input(2, 9, 3), input(3, 3, 4)],
    ours: (x, w) => g.conv1d(x, w, { stride: 2, padding: "causal" }),
    tf: (x, w) => tf.conv1d(inFront(x, 2) as Tf.Tensor3D, w as Tf.Tensor3D, 2, "valid"),
  },
  {
    name: "conv1d, causal and dilated",
    inputs: [input(2, 9, 3), input(3, 3, 4)],
    ours: (x, w) => g.conv1d(x, w, { dilation: 3, padding: "causal" }),
    tf: (x, w) => tf.conv1d(inFront(x, 6) as Tf.Tensor3D, w as Tf.Tensor3D, 1, "valid", "NWC", 3),
    gradient: false,
  },
  {
    name: "convTranspose1d",
    inputs: [input(2, 4, 3), input(3, 5, 3)],
    ours: (x, w) => g.convTranspose1d(x, w, { stride: 2, padding: "same" }),
    tf: (x, w) =>
      tf.squeeze(tf.conv2dTranspose(oneHigh(x), oneHigh(w, 0), [2, 1, 8, 5], [1, 2], "same"), [1]),
  },
  {
    name: "depthwiseConv1d",
    inputs: [input(2, 7, 3), input(3, 3, 2)],
    ours: (x, w) => g.depthwiseConv1d(x, w, { padding: "same", stride: 2 }),
    // tfjs takes square strides only: one row high, "same" adds none above.
    tf: (x, w) => tf.squeeze(tf.depthwiseConv2d(oneHigh(x), oneHigh(w, 0), 2, "same"), [1]),
  },
  {
    name: "depthwiseConv1d, causal",
    inputs: [input(2, 7, 4), input(4, 4, 1)],
    ours: (x, w) => g.depthwiseConv1d(x, w, { padding: "causal" }),
    tf: (x, w) => tf.squeeze(tf.depthwiseConv2d(oneHigh(inFront(x, 3)), oneHigh(w, 0), 1, "valid"), [1]),
  },
  {
    name: "depthwiseConv2d",
    inputs: [input(2, 6, 5, 3), input(3, 2, 3, 2)],
    ours: (x, w) => g.depthwiseConv2d(x, w, { padding: "same" }),
    tf: (x, w) => tf.depthwiseConv2d(x as Image, w as Image, 1, "same"),
  },
  {
    name: "convTranspose2d",
    inputs: [input(2, 4, 3, 3), input(3, 2, 4, 3)],
    ours: (x, w) => g.convTranspose2d(x, w, { stride: 2, padding: "same" }),
    tf: (x, w) => tf.conv2dTranspose(x as Image, w as Image, [2, 8, 6, 4], 2, "same"),
  },
  {
    name: "convTranspose2d, explicit padding",
    inputs: [input(2, 4, 3, 3), input(3, 3, 4, 3)],
    ours: (x, w) => g.convTranspose2d(x, w, { stride: 2, padding: 1, outputPadding: 1 }),
    onnx: {
      nodes: [
        firstChannels,
        firstWeights,
        node(
          "ConvTranspose",
          ["image", "weights"],
          { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] },
          "result",
        ),
        lastChannels,
      ],
    },
  },
  {
    name: "maxPool2d",
    inputs: [input(2, 7, 6, 3)],
    ours: (x) => g.maxPool2d(x, 3, { stride: 2, padding: "same" }),
    tf: (x) => tf.maxPool(x as Image, 3, 2, "same"),
    onnx: onnxPool("MaxPool", { kernel_shape: [3, 3], strides: [2, 2], auto_pad: "SAME_UPPER" }),
  },
  {
    name: "averagePool2d",
    inputs: [input(2, 7, 6, 3)],
    ours: (x) => g.averagePool2d(x, 3, { stride: 2, padding: "same" }),
    tf: (x) => tf.avgPool(x as Image, 3, 2, "same"),
    onnx: onnxPool("AveragePool", { kernel_shape: [3, 3], strides: [2, 2], auto_pad: "SAME_UPPER" }),
    gradient: false,
  },
  {
    name: "averagePool2d, valid",
    inputs: [input(2, 6, 6, 3)],
    ours: (x) => g.averagePool2d(x, 2),
    tf: (x) => tf.avgPool(x as Image, 2, 2, "valid"),
  },
  {
    name: "globalAveragePool",
    inputs: [input(2, 5, 6, 3)],
    ours: (x) => g.globalAveragePool(x, { keepDims: true }),
    onnx: onnxPool("GlobalAveragePool", {}),
  },
  {
    name: "globalMaxPool",
    inputs: [input(2, 5, 6, 3)],
    ours: (x) => g.globalMaxPool(x, { keepDims: true }),
    onnx: onnxPool("GlobalMaxPool", {}),
  },
]);

export const oracleCases: readonly OracleCase[] = [
  ...unaries,
  ...binaries,
  ...comparisons,
  ...logicals,
  ...reductions,
  ...others,
  ...windows,
  ...imageCases,
];
