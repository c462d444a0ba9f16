// CTC, connectionist temporal classification: the loss of steps whose labels are known in their order but not in time.

import { checkOptions, DTypeError, type OptionNames, ShapeError } from "../../base/errors.ts";
import { wholeNumber } from "../../base/number-checks.ts";
import { sameShape, showShape } from "../../base/shape.ts";
import type { Spec } from "../../kernel/kernel.ts";
import type { Sample, SampleInput } from "../../kernel/kernel-op.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import { full } from "../../tensor/create.ts";
import { defineOp } from "../../tensor/define.ts";
import { noGrad } from "../../tensor/recording.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { mul } from "../elementwise/arithmetic.ts";
import { cast } from "../elementwise/cast.ts";
import { notEqual } from "../elementwise/comparison.ts";
import { sum } from "../reduce/reduce.ts";
import { composedLosses } from "./ctc-composition.ts";
import { type CtcAttrs, gradientKernels, lossKernels } from "./ctc-kernels.ts";
import { gradientReference, lossReference } from "./ctc-reference.ts";
import { logSoftmax } from "./softmax.ts";

function checkInputs([logs, labels, lengths, labelLengths]: readonly Spec[], { blank }: CtcAttrs): void {
  if (logs.dtype !== "f32")
    throw new DTypeError(`ctcLoss: logits must be f32, got ${logs.dtype}; use cast(x, "f32")`);
  if (logs.shape.length !== 3 || logs.shape[1] === 0 || logs.shape[2] === 0) {
    throw new ShapeError(
      `ctcLoss: logits must be [batch, time, classes] with at least one step and class, got ${showShape(logs.shape)}`,
    );
  }
  const [batch, , classes] = logs.shape;
  if (labels.shape.length !== 2 || labels.shape[0] !== batch) {
    throw new ShapeError(
      `ctcLoss: labels ${showShape(labels.shape)} do not fit logits ${showShape(logs.shape)}; they must be [${batch}, length], one row a sample, filled up with the blank`,
    );
  }
  for (const [what, { shape }] of Object.entries({ inputLengths: lengths, labelLengths })) {
    if (sameShape(shape, [batch])) continue;
    throw new ShapeError(
      `ctcLoss: ${what} ${showShape(shape)} must be [${batch}], one number a sample of logits ${showShape(logs.shape)}`,
    );
  }
  for (const [what, { dtype }] of Object.entries({ labels, inputLengths: lengths, labelLengths })) {
    if (dtype !== "i32")
      throw new DTypeError(`ctcLoss: ${what} must be i32, got ${dtype}; use cast(x, "i32")`);
  }
  if (blank >= classes) {
    throw new ShapeError(
      `ctcLoss: the blank is class ${blank}, and logits ${showShape(logs.shape)} have classes 0 to ${classes - 1} only; give the last layer one unit more, for the blank`,
    );
  }
}

const places = ([logs]: readonly Spec[]) => ({
  input: 1,
  count: logs.shape[2],
  outside: "belongs to no class: no way leads there, and the loss is infinite",
});

const whole = (shape: readonly number[], values: readonly number[]): SampleInput => ({
  shape,
  dtype: "i32",
  values,
});
/** Labels repeated, none, as many as there are steps, fewer steps than there are, one step, no labels at all, no samples. */
const ctcSamples: readonly Sample<CtcAttrs>[] = [
  {
    inputs: [
      { shape: [3, 5, 4], low: -3, high: 0 },
      whole([3, 3], [1, 2, 2, 3, 0, 0, 0, 0, 0]),
      whole([3], [5, 3, 4]),
      whole([3], [3, 1, 0]),
    ],
    attrs: { blank: 0, zeroInfinity: false },
  },
  {
    inputs: [
      { shape: [2, 1, 3], low: -3, high: 0 },
      whole([2, 1], [2, 0]),
      whole([2], [1, 1]),
      whole([2], [1, 0]),
    ],
    attrs: { blank: 0, zeroInfinity: false },
  },
  {
    inputs: [
      { shape: [3, 9, 4], low: -3, high: 0 },
      whole([3, 5], [0, 1, 2, 1, 0, 1, 1, 1, 1, 1, 0, 1, 2, 0, 1]),
      // The second's five equal labels need nine steps and have eight; the third has no steps.
      whole([3], [5, 8, 0]),
      whole([3], [5, 5, 0]),
    ],
    attrs: { blank: 3, zeroInfinity: true },
  },
  {
    inputs: [
      { shape: [2, 3, 4], low: -3, high: 0 },
      whole([2, 0], []),
      whole([2], [3, 2]),
      whole([2], [0, 0]),
    ],
    attrs: { blank: 1, zeroInfinity: false },
  },
  {
    inputs: [{ shape: [0, 3, 4] }, whole([0, 2], []), whole([0], []), whole([0], [])],
    attrs: { blank: 0, zeroInfinity: false },
  },
];

/** Of {@link ctcLogLosses}, for the logarithms, times one factor a sample; 0 where no way leads to the labels. */
export const ctcGradient = defineOp({
  name: "ctcGradient",
  saves: { inputs: [0, 1, 2, 3, 4] },
  call: (
    logs: Tensor,
    labels: Tensor,
    inputLengths: Tensor,
    labelLengths: Tensor,
    g: Tensor,
    attrs: CtcAttrs,
  ) => ({
    inputs: [logs, labels, inputLengths, labelLengths, g],
    attrs,
  }),
  infer: (inputs, attrs) => {
    checkInputs(inputs, attrs);
    return [{ shape: inputs[0].shape, dtype: "f32" }];
  },
  places,
  kernels: gradientKernels,
  reference: gradientReference,
  // The kernels' own derivative would be a walk of another kind; this one goes by single ops, step by step.
  vjp: ({ attrs, grad, input, needs, pull }) => {
    const [logs, labels, lengths, labelLengths, g] = [0, 1, 2, 3, 4].map((k) => input(k));
    const wanted = [logs, g].filter((_, k) => needs(k * 4));
    const losses = () => sum(mul(composedLosses(logs, labels, lengths, labelLengths, attrs), g));
    const found = pull(() => sum(mul(pull(losses, [logs])[0], grad())), wanted);
    return [needs(0) ? found[0] : null, null, null, null, needs(4) ? found[wanted.length - 1] : null];
  },
  // The longest is left out: its derivative in single ops takes seconds on software adapters.
  samples: ctcSamples
    .filter(({ inputs: [{ shape }] }) => shape[1] < 9)
    .map(({ inputs, attrs }) => ({
      inputs: [...inputs, { shape: [inputs[0].shape[0]] }],
      attrs,
    })),
});

/** What {@link ctcLoss} is of logarithms of probabilities, every length given. */
export const ctcLogLosses = defineOp({
  name: "ctcLogLosses",
  saves: { inputs: [0, 1, 2, 3] },
  call: (logs: Tensor, labels: Tensor, inputLengths: Tensor, labelLengths: Tensor, attrs: CtcAttrs) => ({
    inputs: [logs, labels, inputLengths, labelLengths],
    attrs,
  }),
  infer: (inputs, attrs) => {
    checkInputs(inputs, attrs);
    return [{ shape: [inputs[0].shape[0]], dtype: "f32" }];
  },
  places,
  kernels: lossKernels,
  reference: lossReference,
  vjp: ({ attrs, grad, input }) => [
    ctcGradient(input(0), input(1), input(2), input(3), grad(), attrs),
    null,
    null,
    null,
  ],
  samples: ctcSamples,
});

export interface CtcLossOptions {
  /** How many of its steps each sample has, i32 [batch], the first ones; default: all. */
  inputLengths?: Tensor;
  /** How many labels each sample has, i32 [batch], the first ones; default: those that are not the blank. */
  labelLengths?: Tensor;
  /** The class that stands for no label; default 0. */
  blank?: number;
  /** Give 0 where a sample has too few steps for its labels; default false: Infinity. */
  zeroInfinity?: boolean;
}

const ctcOptions: OptionNames<CtcLossOptions> = {
  inputLengths: true,
  labelLengths: true,
  blank: true,
  zeroInfinity: true,
};

/**
 * Connectionist temporal classification (Graves et al. 2006), one loss a sample: -ln of the probability that logits
 * [batch, time, classes] give to labels (i32 [batch, length], filled up with the blank) that are known in their order, but
 * not in time. Every way to lay them along the steps counts: a label may last, blanks stand between labels as they like,
 * and must between two that are equal. Logits may be logarithms of probabilities already: log-softmax leaves those alone.
 *
 *     ctcLoss(logits, tensor([[3, 1, 1], [2, 0, 0]], { dtype: "i32" }))
 *
 * A sample with too few steps (its labels, and one more for each that equals the one before) has a loss of Infinity, or 0
 * with `zeroInfinity`, and a gradient of 0 either way, where PyTorch without it gives NaN. So has a label that is no class;
 * under `debug({ numerics: true })` it is an error.
 *
 * @throws ShapeError, DTypeError, ArgumentError
 */
export function ctcLoss(logits: Tensor, labels: Tensor, options: CtcLossOptions = {}): Tensor {
  checkOptions("ctcLoss", options, ctcOptions);
  checkTensor("ctcLoss", logits);
  checkTensor("ctcLoss", labels, 2);
  const { inputLengths, labelLengths, blank = 0, zeroInfinity = false } = options;
  wholeNumber("ctcLoss", "the blank", blank);
  for (const [what, value] of Object.entries({ inputLengths, labelLengths }))
    if (value !== undefined) checkTensor(`ctcLoss: ${what}`, value);
  return tidy(() => {
    const [steps, counts] = noGrad(() => [
      inputLengths ??
        full(logits.shape.slice(0, 1), logits.shape[1] ?? 0, { dtype: "i32", device: logits.device }),
      labelLengths ?? sum(cast(notEqual(labels, blank), "i32"), -1),
    ]);
    const attrs: CtcAttrs = { blank, zeroInfinity };
    // Refused before anything is computed.
    checkInputs([logits, labels, steps, counts], attrs);
    return ctcLogLosses(logSoftmax(logits), labels, steps, counts, attrs);
  });
}
