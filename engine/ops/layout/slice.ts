// slice takes a part of a tensor, padZeros puts zeros around one: each is the other's gradient. Both take every dtype,
// u8 included, and move bits as they are.

import { ArgumentError, checkOptions, type OptionNames, ShapeError } from "../../base/errors.ts";
import { showGiven } from "../../base/number-checks.ts";
import { type Shape, showShape } from "../../base/shape.ts";
import type { Family } from "../../kernel/variants.ts";
import { checkNumbers, shapeOf } from "../../tensor/arguments.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction, TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { padAxes, padKernels, padSources, padVariants, placeInto } from "./pad-kernels.ts";
import { copyFamily, type SliceAttrs, sliceKernel } from "./slice-kernel.ts";

/** @internal Of all ops that put elements into a larger tensor. */
export const padFamily: Family = {
  name: "pad",
  sources: padSources,
  // Rows of words that do not end with a vec4, and of vec4s.
  checks: () => [
    {
      op: padZeros.op,
      inputs: [{ shape: [6, 41] }],
      attrs: { before: [1, 3], after: [2, 1], steps: [1, 1] },
    },
    {
      op: padZeros.op,
      inputs: [{ shape: [3, 40] }],
      attrs: { before: [0, 8], after: [1, 4], steps: [2, 1] },
    },
  ],
};

/** Elements spanned by `size` of them that stand `step` apart. */
const reach = (size: number, step: number) => (size === 0 ? 0 : (size - 1) * step + 1);

type Positions = number | readonly (number | undefined)[];

interface SliceOptions {
  /** Every how many-th element, axis by axis; negative ones go backwards. */
  steps?: Positions;
}

const sliceOptions: OptionNames<SliceOptions> = { steps: true };

function sliceAttrs(
  shape: Shape,
  starts: Positions | undefined,
  ends: Positions | undefined,
  steps: Positions,
): SliceAttrs {
  const asList = (value: Positions | undefined) => (Array.isArray(value) ? value : [value]);
  const given = { start: asList(starts), end: asList(ends), step: asList(steps) };
  for (const [what, list] of Object.entries(given)) {
    if (list.length > shape.length && !(list.length === 1 && list[0] === undefined)) {
      throw new ArgumentError(
        `slice: ${list.length} values of "${what}" for ${showShape(shape)}, which has ${shape.length} axes; give at most one an axis`,
      );
    }
  }
  const start: number[] = [];
  const size: number[] = [];
  const step: number[] = [];
  shape.forEach((length, axis) => {
    const by = given.step[axis] ?? 1;
    if (!Number.isInteger(by) || by === 0) {
      throw new ArgumentError(
        `slice: step ${showGiven(by)} on axis ${axis} must be a whole number other than 0`,
      );
    }
    // Backwards the axis starts at its last element, and its end, not taken, lies before the first.
    const last = by > 0 ? length : length - 1;
    const position = (what: string, value: number | undefined, whole: number) => {
      if (value === undefined) return whole;
      if (!Number.isInteger(value) || value < -length || value > last) {
        throw new ShapeError(
          `slice: ${what} ${showGiven(value)} is out of range on axis ${axis} of ${showShape(shape)}; it must be from ${-length} to ${last} (negative counts from the end)`,
        );
      }
      return value < 0 ? value + length : value;
    };
    const first = position("start", given.start[axis], by > 0 ? 0 : last);
    const end = position("end", given.end[axis], by > 0 ? length : -1);
    if ((end - first) * by < 0) {
      throw new ShapeError(
        by > 0
          ? `slice: on axis ${axis} of ${showShape(shape)} the end ${end} lies before the start ${first}; the end is exclusive and at least the start`
          : `slice: on axis ${axis} of ${showShape(shape)} the end ${end} lies behind the start ${first}; with step ${by} the end is exclusive and at most the start, or undefined to go through the first element`,
      );
    }
    const count = Math.ceil((end - first) / by);
    start.push(count === 0 ? 0 : first);
    size.push(count);
    step.push(by);
  });
  return { start, size, steps: step };
}

/**
 * The part of `x` from `start` up to `end`, exclusive, every `steps`-th element, axis by axis. A single number is
 * for the first axis; axes not mentioned are taken whole, and so is the rest of an axis whose end is undefined.
 * Negative positions count from the end; negative steps go backwards, from the last element where the start is
 * undefined.
 *
 *     slice(x, 2, 5)                                // rows 2, 3, 4
 *     slice(x, [0, -3])                             // the last three columns
 *     slice(x, 0, undefined, { steps: 2 })          // every other row
 *     slice(x, 5, 2, { steps: -1 })                 // rows 5, 4, 3
 *     slice(x, undefined, undefined, { steps: -1 }) // all rows, the last one first
 *
 * @throws ShapeError for positions outside the axis, or an end on the wrong side of its start
 */
export const slice: OpFunction<
  [x: TensorLike, start?: Positions, end?: Positions, options?: SliceOptions],
  Tensor
> = defineOp({
  ...sliceKernel,
  family: copyFamily,
  saves: {},
  call: (x: TensorLike, start?: Positions, end?: Positions, options?: SliceOptions) => {
    checkOptions("slice", options, sliceOptions);
    return { inputs: [x], attrs: sliceAttrs(shapeOf("slice", x), start, end, options?.steps ?? []) };
  },
  vjp: ({ grad, attrs: { start, size, steps }, inputSpecs: [x] }): Tensor[] => {
    const isBackwards = steps.map((step) => step < 0);
    const forwards = isBackwards.includes(true)
      ? slice(grad(), [], [], { steps: isBackwards.map((is) => (is ? -1 : 1)) })
      : grad();
    const before = start.map((first, axis) =>
      isBackwards[axis] && size[axis] > 0 ? first + (size[axis] - 1) * steps[axis] : first,
    );
    const apart = steps.map(Math.abs);
    const after = x.shape.map((length, axis) => length - before[axis] - reach(size[axis], apart[axis]));
    const isWhole = size.every((count, axis) => count === x.shape[axis]);
    return [isWhole ? forwards : padZeros(forwards, before, after, { steps: apart })];
  },
});

interface PadZerosOptions {
  /** By axis: how far apart neighbours come to stand; default 1. */
  steps?: readonly number[];
}

const padZerosOptions: OptionNames<PadZerosOptions> = { steps: true };

interface PadZerosAttrs {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly steps: readonly number[];
}

/**
 * `x` with zeros around it: `before[i]` and `after[i]` of them along axis i. With `steps`, neighbours along axis i
 * come to stand `steps[i]` apart, zeros between them: what undoes a stepped `slice`.
 *
 * @throws ArgumentError unless there is one whole number of at least 0 (steps: 1) an axis
 */
export const padZeros: OpFunction<
  [x: TensorLike, before: readonly number[], after: readonly number[], options?: PadZerosOptions],
  Tensor
> = defineOp({
  family: padFamily,
  name: "padZeros",
  accuracy: { ulp: 0 },
  saves: {},
  call: (x: TensorLike, before: readonly number[], after: readonly number[], options?: PadZerosOptions) => {
    checkOptions("padZeros", options, padZerosOptions);
    checkNumbers("padZeros", '"before"', before, false);
    checkNumbers("padZeros", '"after"', after, false);
    const steps = options?.steps ?? shapeOf("padZeros", x).map(() => 1);
    return { inputs: [x], attrs: { before: [...before], after: [...after], steps: [...steps] } };
  },
  infer: ([x], attrs: PadZerosAttrs) => {
    for (const [what, least] of [
      ["before", 0],
      ["after", 0],
      ["steps", 1],
    ] as const) {
      const list = attrs[what];
      if (list.length !== x.shape.length || list.some((value) => !Number.isInteger(value) || value < least)) {
        throw new ArgumentError(
          `padZeros: "${what}" is [${list.join(", ")}]; for ${showShape(x.shape)} it must hold ${x.shape.length} whole numbers of at least ${least}, one an axis`,
        );
      }
    }
    const { before, after, steps } = attrs;
    return [
      {
        shape: x.shape.map((length, axis) => before[axis] + reach(length, steps[axis]) + after[axis]),
        dtype: x.dtype,
      },
    ];
  },
  kernels: ({ inputs: [x], outputs: [out], attrs: { before, steps }, profile }) =>
    padKernels(out, padAxes(x, out, before, steps), "fill", 0, profile),
  variants: ({ inputs: [x], outputs: [out], attrs: { before, steps }, profile }) =>
    padVariants(out, padAxes(x, out, before, steps), "fill", profile),
  reference: ([x], { before, steps }, [out]) => placeInto(x, out, before, steps, 0),
  vjp: ({ grad, attrs: { before, after, steps }, outputSpecs: [out] }): Tensor[] => [
    slice(
      grad(),
      before,
      out.shape.map((length, axis) => length - after[axis]),
      { steps },
    ),
  ],
  samples: [
    { inputs: [{ shape: [3, 4] }], attrs: { before: [1, 2], after: [1, 1], steps: [1, 1] } },
    { inputs: [{ shape: [3, 8] }], attrs: { before: [0, 4], after: [2, 0], steps: [1, 1] } },
    { inputs: [{ shape: [3, 3] }], attrs: { before: [1, 0], after: [0, 2], steps: [3, 2] } },
  ],
});
