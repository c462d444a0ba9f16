// Cross-entropies from logits, fused with softmax or sigmoid, and their gradients.

import { DTypeError, ShapeError } from "../../base/errors.ts";
import { sameShape, showShape, sizeOf } from "../../base/shape.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import type { Spec } from "../../kernel/kernel.ts";
import type { Family } from "../../kernel/variants.ts";
import { tensor } from "../../tensor/create.ts";
import { defineMultiOp, defineOp } from "../../tensor/define.ts";
import type { Op, OpFunction, TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { sigmoid } from "../elementwise/activations.ts";
import { add, mul, neg, sub } from "../elementwise/arithmetic.ts";
import { cast } from "../elementwise/cast.ts";
import { equal } from "../elementwise/comparison.ts";
import { elementwiseOp } from "../elementwise/elementwise.ts";
import { activationFunctions } from "../elementwise/math-functions.ts";
import { reshape } from "../layout/reshape.ts";
import { valuewiseSite } from "../pointwise/epilogues.ts";
import { vjpByComposition } from "../reduce/composition.ts";
import { sum } from "../reduce/reduce.ts";
import {
  crossEntropySources,
  gradientKernels,
  lossKernels,
  rowsVariants,
  summaryKernels,
} from "./cross-entropy-kernels.ts";
import { eachRow, logSoftmax, softmax } from "./softmax.ts";

function checkLogits(name: string, logits: Spec): void {
  if (logits.dtype !== "f32")
    throw new DTypeError(`${name}: logits must be f32, got ${logits.dtype}; use cast(x, "f32")`);
  if (logits.shape.length === 0 || logits.shape[logits.shape.length - 1] === 0) {
    throw new ShapeError(
      `${name}: logits of shape ${showShape(logits.shape)} have no classes on their last axis`,
    );
  }
}

/** target · -ln softmax of a class whose logit is `below` the largest: 0 for a target of 0, even where that is infinite. */
const classLoss = (target: number, below: number, total: number) =>
  target * (Math.log(total) - (target === 0 ? 0 : below));

/** Integer labels, for debugging to look at. */
const labelPlaces = ([logits, labels]: readonly Spec[]) =>
  labels.dtype === "f32"
    ? undefined
    : {
        input: 1,
        count: logits.shape[logits.shape.length - 1],
        outside: "gives a loss of 0 and no gradient",
      };

/** Targets as rows: of an integer label one of 0, with 1 at the label's place. */
function asRows(targets: Tensor, classes: number): Tensor {
  if (targets.dtype === "f32") return targets;
  const places = tensor([...Array(classes).keys()], { dtype: "i32", device: targets.device });
  return cast(equal(reshape(cast(targets, "i32"), [...targets.shape, 1]), places), "f32");
}

/** The gradient written in other ops: how it is differentiated in turn. */
function composedGradient([logits, targets, g]: readonly Tensor[]): Tensor {
  const dense = asRows(targets, logits.shape[logits.shape.length - 1]);
  const weighted = mul(softmax(logits), sum(dense, -1, { keepDims: true }));
  return mul(reshape(g, [...g.shape, 1]), sub(weighted, dense));
}

const crossEntropyFamily: Family = {
  name: "crossEntropy",
  sources: crossEntropySources,
  checks: () => {
    const logits = { shape: [5, 70], low: -3, high: 3 };
    const labels = { shape: [5], dtype: "i32", low: 0, high: 70 } as const;
    const targets = { shape: [5, 70], low: 0, high: 1 };
    return [
      { op: sparseSoftmaxCrossEntropy.op, inputs: [logits, labels] },
      { op: softmaxCrossEntropy.op, inputs: [logits, targets] },
      { op: softmaxCrossEntropyGradient.op, inputs: [logits, targets, { shape: [5] }] },
      { op: softmaxCrossEntropySummary.op, inputs: [logits, labels] },
    ];
  },
};

/**
 * Gradient of {@link softmaxCrossEntropy} (targets f32 of the logits' shape) or {@link sparseSoftmaxCrossEntropy}
 * (integer labels) with respect to the logits, times `g`, one factor a row:
 * (softmax(logits) · Σ targets - targets) · g. In one kernel.
 */
export const softmaxCrossEntropyGradient = defineOp({
  family: crossEntropyFamily,
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
  kernels: gradientKernels,
  variants: rowsVariants,
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
 * logits and targets [..., classes], f32; the result is [...], one loss a row. Stable for any finite logits; a logit of
 * -∞ rules its class out: it adds nothing where its target is 0 and makes the loss ∞ where it is not. NaN for rows with
 * NaN, with ∞ or of -∞ alone, for which softmax is not defined.
 */
export const softmaxCrossEntropy: OpFunction<[logits: TensorLike, targets: TensorLike], Tensor> = defineOp({
  family: crossEntropyFamily,
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
  kernels: lossKernels,
  variants: rowsVariants,
  reference: ([logits, targets], _, [out]) => {
    eachRow(logits, (start, length, largest, total) => {
      let loss = 0;
      for (let i = start; i < start + length; i++)
        loss += classLoss(targets.data[i], logits.data[i] - largest, total);
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
 * no gradient, as a row of zeros would, on every device: so a row can be masked with the label -1. `fit` and `evaluate`
 * refuse such labels up front, and under `debug({ numerics: true })` they are an error.
 */
export const sparseSoftmaxCrossEntropy: OpFunction<[logits: TensorLike, labels: TensorLike], Tensor> =
  defineOp({
    family: crossEntropyFamily,
    name: "sparseSoftmaxCrossEntropy",
    wholeInputs: [1],
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
    places: labelPlaces,
    kernels: lossKernels,
    variants: rowsVariants,
    reference: ([logits, labels], _, [out]) => {
      eachRow(logits, (start, length, largest, total) => {
        const label = labels.data[start / length];
        out.data[start / length] =
          label >= 0 && label < length ? Math.log(total) - (logits.data[start + label] - largest) : 0;
      });
    },
    vjp: ({ grad, input }) => [softmaxCrossEntropyGradient(input(0), input(1), grad()), null],
  });

/**
 * A batch's softmax cross-entropy as training wants it, in one kernel: [Σ losses, hits, gradient]. Losses are those
 * of {@link softmaxCrossEntropy} (f32 targets of the logits' shape) or {@link sparseSoftmaxCrossEntropy} (integer
 * labels), hits counts the rows whose first largest logit is at their target, and gradient is that of the first
 * output with respect to the logits: softmax(logits) · Σ targets - targets. Logits are [rows, classes].
 */
export const softmaxCrossEntropySummary = defineMultiOp({
  family: crossEntropyFamily,
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
  places: labelPlaces,
  kernels: summaryKernels,
  variants: rowsVariants,
  epilogue: ({ inputs: [logits], profile }) =>
    sizeOf(logits.shape) <= numbersOf(profile).summaryLogits
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
        loss.data[0] += classLoss(targetAt(k), x, total);
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
      const dense = asRows(targets, y.shape[1]);
      const weighted = mul(y, sum(dense, -1, { keepDims: true }));
      const along = sum(mul(grad(2), y), -1, { keepDims: true });
      dLogits = plus(dLogits, mul(weighted, sub(grad(2), along)));
      if (needs(1)) dTargets = plus(dTargets, sub(along, grad(2)));
    }
    return [dLogits, dTargets];
  },
});

const sigmoidOp: Op<object> = elementwiseOp({
  name: "sigmoidCrossEntropy",
  arity: 2,
  wgsl: "cross_entropy_slope_4(a, select(-b, vec4f(1.0) - b, a > vec4f())) + softplus_tail_4(a)",
  helpers: {
    ...activationFunctions("softplus_tail_4"),
    // Times a share of 0 an infinite logit is nothing. NaN stays.
    cross_entropy_slope_4:
      "fn cross_entropy_slope_4(x: vec4f, share: vec4f) -> vec4f {\n  return select(x, vec4f(), (share == vec4f()) & (abs(x) > vec4f(3e38))) * share;\n}",
  },
  reference: ([x, t]) => {
    const share = x > 0 ? 1 - t : -t;
    return (share === 0 ? 0 : x * share) + Math.log1p(Math.exp(-Math.abs(x)));
  },
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
});

/**
 * Binary cross-entropy of sigmoid(logits) with targets in [0, 1], pointwise: max(x, 0) - x·t + ln(1 + e^-|x|), which is
 * |x| · (1 - t or t) + ln(1 + e^-|x|) by the sign of x. Stable for any finite logits; of infinite ones the limit: 0 where
 * the target is what the logit says, ∞ where it is not. Targets have the logits' shape, or are one number for all
 * (`sigmoidCrossEntropy(logits, 1)`).
 *
 * @throws ShapeError for targets of any other shape: broadcast, they would give a number that means nothing
 */
export const sigmoidCrossEntropy: OpFunction<[logits: TensorLike, targets: TensorLike], Tensor> = defineOp({
  ...sigmoidOp,
  infer: ([logits, targets], attrs) => {
    if (targets.shape.length > 0 && !sameShape(logits.shape, targets.shape)) {
      throw new ShapeError(
        `sigmoidCrossEntropy: logits ${showShape(logits.shape)} and targets ${showShape(targets.shape)} must have the same shape; reshape the targets`,
      );
    }
    return sigmoidOp.infer([logits, targets], attrs);
  },
  call: (logits: TensorLike, targets: TensorLike) => ({ inputs: [logits, targets], attrs: {} }),
});
