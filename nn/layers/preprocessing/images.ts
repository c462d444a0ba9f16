// What layers for images share: the check of their inputs, heights and widths, and the largest part of another shape.

import {
  ArgumentError,
  type Interpolation,
  resize,
  ShapeError,
  slice,
  type Tensor,
} from "../../../engine/index.ts";
import { atLeastOne, choiceOf } from "../../../engine/internal.ts";
import { batched, type SampleShape, type SampleSpec } from "../spec.ts";
import { checkImageShape } from "../windows/options.ts";

export type Size = readonly [height: number, width: number];

export function sizeOfImages(layer: string, height: number, width: number): Size {
  return [atLeastOne(layer, "height", height), atLeastOne(layer, "width", width)];
}

export const interpolationOf = (layer: string, interpolation: Interpolation = "bilinear"): Interpolation =>
  choiceOf(`${layer} interpolation`, interpolation, ["nearest", "bilinear"]);

/** @throws ShapeError unless images of one known size come in */
export function knownImage(layer: string, shape: SampleShape): Size {
  checkImageShape(layer, 2, shape);
  const [height, width] = shape;
  if (height !== null && width !== null) return [height, width];
  throw new ShapeError(
    `${layer}: needs images whose height and width are known, got ${batched(shape)}; give the model's input that size`,
  );
}

/** [batch, height, width, channels] with another size. */
export const ofSize = ({ shape }: SampleSpec, [height, width]: Size): SampleSpec => ({
  shape: [height, width, shape[2]],
  dtype: "f32",
});

/** A part of the images. */
export const part = (x: Tensor, [top, left]: Size, [height, width]: Size): Tensor =>
  slice(x, [0, top, left, 0], [x.shape[0], top + height, left + width, x.shape[3]]);

/** The middle of images. */
export function middle(x: Tensor, [height, width]: Size): Tensor {
  const [top, left] = [x.shape[1] - height, x.shape[2] - width].map((rest) => Math.floor(rest / 2));
  return part(x, [top, left], [height, width]);
}

/** The largest part in the middle that has the target's ratio of height to width, resized: nothing is distorted. */
export function resizeUndistorted(x: Tensor, [height, width]: Size, interpolation: Interpolation): Tensor {
  const [, rows, columns] = x.shape;
  const tall = Math.max(Math.min(rows, Math.floor((columns * height) / width)), 1);
  const wide = Math.max(Math.min(columns, Math.floor((rows * width) / height)), 1);
  return resize(middle(x, [tall, wide]), [height, width], { interpolation });
}

/** The ends of a range: of one number, from its opposite to it. */
export function rangeOf(layer: string, what: string, given: Range, least = Number.NEGATIVE_INFINITY): Ends {
  const ends = typeof given === "number" ? [-given, given] : Array.from(given ?? []);
  const isRange =
    ends.length === 2 && ends.every((end) => Number.isFinite(end) && end >= least) && ends[0] <= ends[1];
  if (isRange && !(typeof given === "number" && given < 0)) return ends as unknown as Ends;
  throw new ArgumentError(
    `${layer}: ${what} is ${JSON.stringify(given) ?? String(given)}; it must be a number of at least 0, which stands for the range from its opposite to it, or a range [lower, upper]${least > Number.NEGATIVE_INFINITY ? ` of at least ${least}` : ""}`,
  );
}

export type Ends = readonly [lower: number, upper: number];

/** A number, for the range from its opposite to it, or a range. */
export type Range = number | Ends;
