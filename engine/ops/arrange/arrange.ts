// Splitting, repeating and turning around, made of slices, broadcasts and views, which are one dispatch each and have
// the gradients.

import { ArgumentError, ShapeError } from "../../base/errors.ts";
import { showGiven, showGivenList } from "../../base/number-checks.ts";
import { normalizeAxes, normalizeAxis, showShape, sizeOf } from "../../base/shape.ts";
import { apply } from "../../tensor/apply.ts";
import { checkNumbers, checkTensor } from "../../tensor/arguments.ts";
import type { Op, OpFunction } from "../../tensor/op.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { concat } from "../layout/concat.ts";
import { expand } from "../layout/movement.ts";
import { reshape } from "../layout/reshape.ts";
import { slice } from "../layout/slice.ts";

interface SplitAttrs {
  readonly axis: number;
  readonly sizes: readonly number[];
}

const alongAxis = (rank: number, axis: number, value: number) =>
  Array.from({ length: rank }, (_, k) => (k === axis ? value : 0));

const splitOp: Op<SplitAttrs> = {
  name: "split",
  saves: {},
  infer: ([x], { axis, sizes }) =>
    sizes.map((size) => ({
      shape: x.shape.map((length, k) => (k === axis ? size : length)),
      dtype: x.dtype,
    })),
  compose: ([x], { axis, sizes }) => {
    let end = 0;
    return sizes.map((size) => {
      const start = end;
      end += size;
      const ends = x.shape.map((length, k) => (k === axis ? start + size : length));
      return slice(x, alongAxis(x.shape.length, axis, start), ends);
    });
  },
  vjp: ({ grad, attrs: { axis, sizes } }) => [
    concat(
      sizes.map((_, k) => grad(k)),
      axis,
    ),
  ],
  samples: [
    { inputs: [{ shape: [5, 6] }], attrs: { axis: 1, sizes: [2, 3, 1] } },
    { inputs: [{ shape: [4, 3] }], attrs: { axis: 0, sizes: [2, 2] } },
    { inputs: [{ shape: [3, 2] }], attrs: { axis: 0, sizes: [0, 3] } },
  ],
};

/**
 * `x` in pieces along `axis`: that many of equal size, or of the sizes given. The gradient is one concat.
 *
 * @throws ArgumentError or ShapeError for sizes that do not add up to the axis's length, or sections that do not divide it
 */
export const split: OpFunction<
  [x: Tensor, sectionsOrSizes: number | readonly number[], axis?: number],
  Tensor[]
> = Object.assign(
  (x: Tensor, sectionsOrSizes: number | readonly number[], axis = 0): Tensor[] => {
    checkTensor("split", x);
    checkNumbers("split", "sections", sectionsOrSizes);
    const along = normalizeAxis("split", axis, x.shape.length);
    const length = x.shape[along];
    let sizes: readonly number[];
    if (typeof sectionsOrSizes === "number") {
      const sections = sectionsOrSizes;
      if (!Number.isInteger(sections) || sections < 1) {
        throw new ArgumentError(
          `split: the number of sections must be a whole number of at least 1, got ${showGiven(sections)}`,
        );
      }
      if (length % sections !== 0) {
        throw new ShapeError(
          `split: axis ${along} of ${showShape(x.shape)} has length ${length}, which ${sections} sections do not divide; give the sizes instead, as in [${Math.ceil(length / sections)}, ...]`,
        );
      }
      sizes = new Array<number>(sections).fill(length / sections);
    } else {
      sizes = [...sectionsOrSizes];
      const total = sizes.reduce((sum, size) => sum + size, 0);
      if (
        sizes.length === 0 ||
        sizes.some((size) => !Number.isInteger(size) || size < 0) ||
        total !== length
      ) {
        throw new ShapeError(
          `split: sizes [${sizes.join(", ")}] for axis ${along} of ${showShape(x.shape)}; they must be whole numbers of at least 0 that add up to ${length}`,
        );
      }
    }
    return apply(splitOp, [x], { axis: along, sizes });
  },
  { op: splitOp as Op },
);

/** The elements in reverse order along `axes` (default: all). */
export function flip(x: Tensor, axes?: number | readonly number[]): Tensor {
  checkTensor("flip", x);
  const turned = normalizeAxes("flip", axes, x.shape.length);
  return slice(x, [], [], { steps: x.shape.map((_, axis) => (turned.includes(axis) ? -1 : 1)) });
}

/** Each run of `inner` elements `times` over, one after the other. */
function repeatRuns(x: Tensor, inner: number, times: number): Tensor {
  const runs = inner === 0 ? 0 : sizeOf(x.shape) / inner;
  return expand(reshape(x, [runs, 1, inner]), [runs, times, inner]);
}

function checkCount(op: string, count: number): void {
  if (!Number.isInteger(count) || count < 0)
    throw new ArgumentError(`${op}: counts must be whole numbers of at least 0, got ${showGivenList(count)}`);
}

/**
 * Each element `count` times, one after the other, along `axis`: [a, b] twice is [a, a, b, b].
 *
 * @throws ArgumentError unless `count` is a whole number of at least 0
 */
export function repeat(x: Tensor, count: number, axis: number): Tensor {
  checkTensor("repeat", x);
  checkCount("repeat", count);
  const along = normalizeAxis("repeat", axis, x.shape.length);
  const shape = x.shape.map((length, k) => (k === along ? length * count : length));
  return tidy(() => reshape(repeatRuns(x, sizeOf(x.shape.slice(along + 1)), count), shape));
}

/**
 * The tensor as a whole `counts[i]` times along axis i: [a, b] twice is [a, b, a, b]. A single number is for the last
 * axis; fewer counts than axes are for the last ones, more make new axes in front, as in NumPy.
 *
 * @throws ArgumentError unless the counts are whole numbers of at least 0
 */
export function tile(x: Tensor, counts: number | readonly number[]): Tensor {
  checkTensor("tile", x);
  checkNumbers("tile", "counts", counts);
  const given = typeof counts === "number" ? [counts] : counts;
  for (const count of given) checkCount("tile", count);
  const rank = Math.max(x.shape.length, given.length);
  const shape = [...new Array<number>(rank - x.shape.length).fill(1), ...x.shape];
  const times = [...new Array<number>(rank - given.length).fill(1), ...given];
  return tidy(() => {
    let tiled = reshape(x, shape);
    for (let axis = rank - 1; axis >= 0; axis--) {
      if (times[axis] === 1) continue;
      const inner = sizeOf(shape.slice(axis));
      shape[axis] *= times[axis];
      tiled = reshape(repeatRuns(tiled, inner, times[axis]), shape);
    }
    return tiled;
  });
}
