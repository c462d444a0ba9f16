// Cross-entropies from logits, fused with softmax or sigmoid, and their gradients.

import crossEntropySource from "../../shaders/cross-entropy.wgsl";
import gradientSource from "../../shaders/cross-entropy-gradient.wgsl";
import summarySource from "../../shaders/cross-entropy-summary.wgsl";
import totalSource from "../../shaders/exponential-total.wgsl";
import { defineMultiOp, defineOp } from "../define.ts";
import { DTypeError, ShapeError } from "../errors.ts";
import {
  grid,
  type Hooks,
  input,
  type KernelCall,
  type KernelContext,
  type KernelPlan,
  output,
  type Spec,
  scratch,
  shader,
} from "../kernel.ts";
import type { TensorLike } from "../op.ts";
import { sameShape, showShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { sigmoid } from "./activations.ts";
import { add, mul, neg, sub } from "./arithmetic.ts";
import { vjpByComposition } from "./composition.ts";
import { elementwiseOp } from "./elementwise.ts";
import { valuewiseSite } from "./epilogues.ts";
import { oneHot } from "./indexing.ts";
import { mathFunctions } from "./math-functions.ts";
import { sum } from "./reduce.ts";
import { reshape } from "./reshape.ts";
import { rowWorkgroup } from "./shared-rows.ts";
import { eachRow, logSoftmax, softmax } from "./softmax.ts";

const crossEntropyShader = shader("cross-entropy", `${totalSource}\n${crossEntropySource}`);
const gradientShader = shader("cross-entropy-gradient", `${totalSource}\n${gradientSource}`);
const summaryShader = shader("cross-entropy-summary", `${totalSource}\n${summarySource}`);

function crossEntropyKernels({ inputs: [logits], profile }: KernelContext, hooks: Hooks): KernelPlan {
  const classes = logits.shape[logits.shape.length - 1];
  const rows = sizeOf(logits.shape) / classes;
  if (sizeOf(logits.shape) === 0) return { calls: [] };
  const workgroup = rowWorkgroup(profile.isSoftware);
  return {
    calls: [
      {
        shader: crossEntropyShader,
        hooks: { ...hooks, consts: { WORKGROUP: `${workgroup}u` } },
        sizes: [rows, classes],
        operands: [input(0), input(1), output(0)],
        workgroups: grid(Math.ceil(rows / workgroup), profile),
      },
    ],
  };
}

function checkLogits(name: string, logits: Spec): void {
  if (logits.dtype !== "f32")
    throw new DTypeError(`${name}: logits must be f32, got ${logits.dtype}; use cast(x, "f32")`);
  if (logits.shape.length === 0 || logits.shape[logits.shape.length - 1] === 0) {
    throw new ShapeError(
      `${name}: logits of shape ${showShape(logits.shape)} have no classes on their last axis`,
    );
  }
}

const sparseTargets = (dtype: string): Hooks => ({
  bindings: [{ name: "in1", binding: 2, access: "read", type: `array<${dtype}>` }],
  functions: {
    row_loss:
      "fn row_loss(row: u32, largest: f32, log_total: f32) -> f32 {\n  let label = u32(in1[row]);\n" +
      "  if (label >= sizes.classes) {\n    return 0.0;\n  }\n" +
      "  return log_total - (in0[row * sizes.classes + label] - largest);\n}",
    target_total:
      "fn target_total(row: u32) -> f32 {\n  return select(0.0, 1.0, u32(in1[row]) < sizes.classes);\n}",
    target_class: "fn target_class(row: u32) -> u32 {\n  return u32(in1[row]);\n}",
    target_at: "fn target_at(row: u32, k: u32) -> f32 {\n  return select(0.0, 1.0, u32(in1[row]) == k);\n}",
  },
});

/** The gradient written in other ops: how it is differentiated in turn. */
function composedGradient([logits, targets, g]: readonly Tensor[]): Tensor {
  const dense = targets.dtype === "f32" ? targets : oneHot(targets, logits.shape[logits.shape.length - 1]);
  const weighted = mul(softmax(logits), sum(dense, -1, { keepDims: true }));
  return mul(reshape(g, [...g.shape, 1]), sub(weighted, dense));
}

/**
 * Gradient of {@link softmaxCrossEntropy} (targets f32 of the logits' shape) or {@link sparseSoftmaxCrossEntropy}
 * (integer labels) with respect to the logits, times `g`, one factor a row:
 * (softmax(logits) · Σ targets - targets) · g. In one kernel.
 */
export const softmaxCrossEntropyGradient = defineOp({
  name: "softmaxCrossEntropyGradient",
  saves: { inputs: [0, 1, 2] },
  samples: [
    { inputs: [{ shape: [5, 7], low: -3, high: 3 }, { shape: [5, 7], low: 0, high: 1 }, { shape: [5] }] },
    {
      inputs: [
        { shape: [5, 8], low: -3, high: 3 },
        { shape: [5], dtype: "i32", low: 0, high: 8 },
        { shape: [5] },
      ],
    },
  ],
  call: (logits: TensorLike, targets: TensorLike, g: TensorLike) => ({
    inputs: [logits, targets, g],
    attrs: {},
  }),
  infer: ([logits]) => {
    checkLogits("softmaxCrossEntropyGradient", logits);
    return [{ shape: logits.shape, dtype: "f32" }];
  },
  kernels: ({ inputs: [logits, targets], profile }) => {
    const classes = logits.shape[logits.shape.length - 1];
    const rows = sizeOf(logits.shape) / classes;
    const workgroup = rowWorkgroup(profile.isSoftware);
    const { bindings, functions } = sparseTargets(targets.dtype);
    const isSparse = targets.dtype !== "f32";
    return {
      calls: [
        {
          shader: gradientShader,
          hooks: {
            consts: { WORKGROUP: `${workgroup}u` },
            bindings: isSparse ? bindings! : [],
            functions: (isSparse
              ? { target_total: functions!.target_total, target_at: functions!.target_at }
              : {}) as Record<string, string>,
          },
          sizes: [rows, classes],
          operands: [input(0), input(1), input(2), output(0)],
          workgroups: grid(Math.ceil(rows / workgroup), profile),
        },
      ],
    };
  },
  reference: ([logits, targets, g], _, [out]) => {
    const isSparse = targets.dtype !== "f32";
    eachRow(logits, (start, length, largest, total) => {
      const row = start / length;
      let weight = isSparse ? Number(targets.data[row] >= 0 && targets.data[row] < length) : 0;
      if (!isSparse) for (let i = start; i < start + length; i++) weight += targets.data[i];
      for (let k = 0; k < length; k++) {
        const target = isSparse ? Number(targets.data[row] === k) : targets.data[start + k];
        out.data[start + k] =
          ((Math.exp(logits.data[start + k] - largest) / total) * weight - target) * g.data[row];
      }
    });
  },
  vjp: vjpByComposition((inputs) => [composedGradient(inputs)]),
});

/**
 * Cross-entropy of softmax(logits) with target distributions: -Σ target · logSoftmax(logits) over the last axis.
 * logits and targets [..., classes], f32; the result is [...], one loss a row. Stable for any finite logits.
 */
export const softmaxCrossEntropy = defineOp({
  name: "softmaxCrossEntropy",
  saves: { inputs: [0, 1] },
  samples: [
    {
      inputs: [
        { shape: [5, 7], low: -3, high: 3 },
        { shape: [5, 7], low: 0, high: 1 },
      ],
    },
    {
      inputs: [
        { shape: [2, 3, 10], low: -3, high: 3 },
        { shape: [2, 3, 10], low: 0, high: 0.2 },
      ],
    },
  ],
  call: (logits: TensorLike, targets: TensorLike) => ({ inputs: [logits, targets], attrs: {} }),
  infer: ([logits, targets]) => {
    checkLogits("softmaxCrossEntropy", logits);
    if (!sameShape(logits.shape, targets.shape)) {
      throw new ShapeError(
        `softmaxCrossEntropy: logits ${showShape(logits.shape)} and targets ${showShape(targets.shape)} must have the same shape; for integer labels use sparseSoftmaxCrossEntropy`,
      );
    }
    if (targets.dtype !== "f32")
      throw new DTypeError(
        `softmaxCrossEntropy: targets must be f32, got ${targets.dtype}; use cast(x, "f32")`,
      );
    return [{ shape: logits.shape.slice(0, -1), dtype: "f32" }];
  },
  kernels: (context) => crossEntropyKernels(context, {}),
  reference: ([logits, targets], _, [out]) => {
    eachRow(logits, (start, length, largest, total) => {
      let loss = 0;
      for (let i = start; i < start + length; i++)
        loss += targets.data[i] * (Math.log(total) - (logits.data[i] - largest));
      out.data[start / length] = loss;
    });
  },
  vjp: ({ grad, input, needs }) => {
    const [logits, targets] = [input(0), input(1)];
    return [
      needs(0) ? softmaxCrossEntropyGradient(logits, targets, grad()) : null,
      needs(1) ? neg(mul(reshape(grad(), [...grad().shape, 1]), logSoftmax(logits))) : null,
    ];
  },
});

/**
 * Cross-entropy of softmax(logits) with integer labels: -logSoftmax(logits)[label]. logits [..., classes] f32,
 * labels [...] i32, u32; the result is [...], one loss a row. A label outside 0..classes-1 gives a loss of 0 and
 * no gradient, as a row of zeros would (`fit` refuses such labels up front).
 */
export const sparseSoftmaxCrossEntropy = defineOp({
  name: "sparseSoftmaxCrossEntropy",
  saves: { inputs: [0, 1] },
  samples: [
    {
      inputs: [
        { shape: [5, 7], low: -3, high: 3 },
        { shape: [5], dtype: "i32", low: 0, high: 7 },
      ],
    },
    {
      inputs: [
        { shape: [2, 3, 10], low: -3, high: 3 },
        { shape: [2, 3], dtype: "u32", low: 0, high: 10 },
      ],
    },
  ],
  call: (logits: TensorLike, labels: TensorLike) => ({ inputs: [logits, labels], attrs: {} }),
  infer: ([logits, labels]) => {
    checkLogits("sparseSoftmaxCrossEntropy", logits);
    const shape = logits.shape.slice(0, -1);
    if (!sameShape(shape, labels.shape)) {
      throw new ShapeError(
        `sparseSoftmaxCrossEntropy: labels ${showShape(labels.shape)} do not fit logits ${showShape(logits.shape)}: labels must be ${showShape(shape)}, one integer a row`,
      );
    }
    if (labels.dtype !== "i32" && labels.dtype !== "u32") {
      throw new DTypeError(
        `sparseSoftmaxCrossEntropy: labels must be i32 or u32, got ${labels.dtype}; use cast(labels, "i32")`,
      );
    }
    return [{ shape, dtype: "f32" }];
  },
  kernels: (context) => {
    const { bindings, functions } = sparseTargets(context.inputs[1].dtype);
    return crossEntropyKernels(context, { bindings, functions: { row_loss: functions!.row_loss } });
  },
  reference: ([logits, labels], _, [out]) => {
    eachRow(logits, (start, length, largest, total) => {
      const label = labels.data[start / length];
      out.data[start / length] =
        label >= 0 && label < length ? Math.log(total) - (logits.data[start + label] - largest) : 0;
    });
  },
  vjp: ({ grad, input }) => [softmaxCrossEntropyGradient(input(0), input(1), grad()), null],
});

/** Logits (in all rows) that one workgroup takes: enough to hide that it runs on one core of a software adapter. */
const summaryLogits = 1 << 16;

/**
 * A batch's softmax cross-entropy as training wants it, in one kernel: [Σ losses, hits, gradient]. Losses are those
 * of {@link softmaxCrossEntropy} (f32 targets of the logits' shape) or {@link sparseSoftmaxCrossEntropy} (integer
 * labels), hits counts the rows whose first largest logit is at their target, and gradient is that of the first
 * output with respect to the logits: softmax(logits) · Σ targets - targets. Logits are [rows, classes].
 */
export const softmaxCrossEntropySummary = defineMultiOp({
  name: "softmaxCrossEntropySummary",
  saves: { inputs: [0, 1], outputs: [2] },
  samples: [
    {
      inputs: [
        { shape: [5, 7], low: -3, high: 3 },
        { shape: [5, 7], low: 0, high: 1 },
      ],
    },
    {
      inputs: [
        { shape: [130, 10], low: -3, high: 3 },
        { shape: [130], dtype: "i32", low: 0, high: 10 },
      ],
    },
  ],
  call: (logits: TensorLike, targets: TensorLike) => ({ inputs: [logits, targets], attrs: {} }),
  infer: ([logits, targets]) => {
    const name = "softmaxCrossEntropySummary";
    checkLogits(name, logits);
    if (logits.shape.length !== 2) {
      throw new ShapeError(`${name}: logits must be [rows, classes], got ${showShape(logits.shape)}`);
    }
    const wanted = targets.dtype === "f32" ? logits.shape : logits.shape.slice(0, 1);
    if (!sameShape(targets.shape, wanted)) {
      throw new ShapeError(
        `${name}: targets ${targets.dtype} ${showShape(targets.shape)} do not fit logits ${showShape(logits.shape)}: they must be f32 ${showShape(logits.shape)} or integers [${logits.shape[0]}]`,
      );
    }
    const scalar: Spec = { shape: [], dtype: "f32" };
    return [scalar, scalar, { shape: logits.shape, dtype: "f32" }];
  },
  kernels: ({ inputs: [logits, targets], profile }) => {
    const [rows, classes] = logits.shape;
    const { bindings, functions } = sparseTargets(targets.dtype);
    const isSparse = targets.dtype !== "f32";
    const most = profile.isSoftware ? Math.ceil((rows * classes) / summaryLogits) : Math.ceil(rows / 64);
    const segment = Math.ceil(rows / Math.max(1, most));
    const groups = Math.max(1, Math.ceil(rows / Math.max(1, segment)));
    const summary = (loss: typeof output, hits: typeof output): KernelCall => ({
      shader: summaryShader,
      hooks: isSparse
        ? {
            bindings,
            functions: {
              target_total: functions!.target_total,
              target_at: functions!.target_at,
              target_class: functions!.target_class,
            },
          }
        : {},
      sizes: [rows, classes, segment],
      operands: [input(0), input(1), loss(0), hits(1), output(2)],
      workgroups: [groups, 1, 1],
    });
    if (groups === 1) return { calls: [summary(output, output)] };
    const partial: Spec = { shape: [groups], dtype: "f32" };
    const write = (k: number) => scratch(k, "read_write");
    const totals = [0, 1].flatMap((k) => {
      const plan = sum.op.kernels!({
        inputs: [partial],
        outputs: [{ shape: [], dtype: "f32" }],
        attrs: { axes: [0], keepDims: false },
        profile,
      });
      return plan.calls.map((call) => ({
        ...call,
        operands: call.operands.map((o) =>
          o.role === "input" ? scratch(k, "read") : o.role === "output" ? output(k) : o,
        ),
      }));
    });
    return { calls: [summary(write, write), ...totals], scratch: [partial, partial] };
  },
  epilogue: ({ inputs: [logits], profile }) =>
    profile.isSoftware && sizeOf(logits.shape) <= summaryLogits
      ? { ...valuewiseSite("out2", 4, "f32"), output: 2 }
      : undefined,
  reference: ([logits, targets], _, [loss, hits, gradient]) => {
    const isSparse = targets.dtype !== "f32";
    loss.data[0] = 0;
    hits.data[0] = 0;
    eachRow(logits, (start, length, largest, total) => {
      const targetAt = (k: number) =>
        isSparse ? Number(targets.data[start / length] === k) : targets.data[start + k];
      let [weight, best, target] = [0, 0, 0];
      for (let k = 0; k < length; k++) {
        weight += targetAt(k);
        if (logits.data[start + k] > logits.data[start + best]) best = k;
        if (targetAt(k) > targetAt(target)) target = k;
      }
      for (let k = 0; k < length; k++) {
        const x = logits.data[start + k] - largest;
        loss.data[0] += targetAt(k) * (Math.log(total) - x);
        gradient.data[start + k] = (Math.exp(x) / total) * weight - targetAt(k);
      }
      if (best === target && (!isSparse || targetAt(target) > 0)) hits.data[0]++;
    });
  },
  vjp: ({ grad, hasGrad, input, output, needs }) => {
    const targets = input(1);
    let dLogits: Tensor | null = hasGrad(0) ? mul(output(2), grad(0)) : null;
    let dTargets: Tensor | null = needs(1) && hasGrad(0) ? neg(mul(logSoftmax(input(0)), grad(0))) : null;
    const plus = (a: Tensor | null, b: Tensor) => (a === null ? b : add(a, b));
    if (hasGrad(2)) {
      // Of softmax · w - targets along its rows, w = Σ targets: w · y · (g - Σ g y), and Σ g y - g.
      const y = softmax(input(0));
      const dense = targets.dtype === "f32" ? targets : oneHot(targets, y.shape[1]);
      const weighted = mul(y, sum(dense, -1, { keepDims: true }));
      const along = sum(mul(grad(2), y), -1, { keepDims: true });
      dLogits = plus(dLogits, mul(weighted, sub(grad(2), along)));
      if (needs(1)) dTargets = plus(dTargets, sub(along, grad(2)));
    }
    return [dLogits, dTargets];
  },
});

/**
 * Binary cross-entropy of sigmoid(logits) with targets in [0, 1], pointwise:
 * max(x, 0) - x·t + ln(1 + e^-|x|). Stable for any finite logits.
 */
export const sigmoidCrossEntropy = defineOp({
  ...elementwiseOp({
    name: "sigmoidCrossEntropy",
    arity: 2,
    wgsl: "(select(a, vec4f(), a < vec4f()) - a * b) + softplus_tail_4(a)",
    helpers: mathFunctions("softplus_tail_4"),
    reference: ([x, t]) => Math.max(x, 0) - x * t + Math.log1p(Math.exp(-Math.abs(x))),
    saves: { inputs: [0, 1] },
    vjp: ({ grad, input, needs }) => [
      needs(0) ? mul(grad(), sub(sigmoid(input(0)), input(1))) : null,
      needs(1) ? neg(mul(grad(), input(0))) : null,
    ],
    samples: [
      {
        inputs: [
          { shape: [5, 7], low: 0.1, high: 6 },
          { shape: [5, 7], low: 0, high: 1 },
        ],
      },
      {
        inputs: [
          { shape: [9], low: -6, high: -0.1 },
          { shape: [9], low: 0, high: 1 },
        ],
      },
    ],
    accuracy: {
      relative: 1e-6,
      domain: [
        [-3.4e38, 3.4e38],
        [0, 1],
      ],
    },
  }),
  call: (logits: TensorLike, targets: TensorLike) => ({ inputs: [logits, targets], attrs: {} }),
});
