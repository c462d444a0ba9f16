// What windowed layers check about their options, and what they share: sizes by spatial axis, padding, weights of a
// kernel and a bias.

import { ArgumentError, type PerAxis, ShapeError } from "../../engine/index.ts";
import { choiceOf, showGivenList } from "../../engine/internal.ts";
import { batched, type SampleShape } from "./spec.ts";

/** One whole number of at least 1 for each of `rank` spatial axes. */
export function spatial(layer: string, what: string, value: PerAxis, rank: number): number[] {
  const list = typeof value === "number" ? new Array<number>(rank).fill(value) : Array.from(value ?? []);
  if (list.length !== rank || list.some((n) => !Number.isInteger(n) || n < 1)) {
    throw new ArgumentError(
      `${layer}: ${what} is ${showGivenList(value)}; it must be a whole number of at least 1${rank > 1 ? `, or ${rank} of them` : ""}`,
    );
  }
  return list;
}

/** Keras's kinds of padding. */
export type LayerPadding = "valid" | "same";

export function paddingOf(layer: string, padding: string = "valid"): LayerPadding {
  return choiceOf(`${layer} padding`, padding, ["valid", "same"]);
}

const layouts = ["[batch, channels]", "[batch, length, channels]", "[batch, height, width, channels]"];

/** Checks that an input has `rank` spatial axes and channels. */
export function checkImageShape(layer: string, rank: number, inputShape: SampleShape): void {
  if (inputShape.length === rank + 1) return;
  throw new ShapeError(
    `${layer}: needs inputs ${layouts[rank]}, got ${batched(inputShape)}${inputShape.length === rank ? "; a Reshape layer gives them a channels axis" : ""}`,
  );
}

/** Places of a window along each spatial axis; throws where it does not fit. */
export function placesOf(
  layer: string,
  inputShape: SampleShape,
  size: readonly number[],
  strides: readonly number[],
  dilation: readonly number[],
  padding: LayerPadding,
): (number | null)[] {
  return size.map((taps, axis) => {
    const length = inputShape[axis];
    if (length === null) return null;
    if (padding === "same") return Math.ceil(length / strides[axis]);
    const span = (taps - 1) * dilation[axis] + 1;
    if (span > length) {
      throw new ShapeError(
        `${layer}: a window that spans ${span} does not fit into axis ${axis + 1} of its inputs ${batched(inputShape)}; use a smaller one, or padding: "same"`,
      );
    }
    return Math.floor((length - span) / strides[axis]) + 1;
  });
}
