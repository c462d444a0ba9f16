// What windowed layers check about their options, and what they share: sizes by spatial axis, padding, the order of
// axes, places of a window.

import { ArgumentError, type PerAxis, ShapeError } from "../../../engine/index.ts";
import { choiceOf, showGivenList } from "../../../engine/internal.ts";
import { batched, type SampleShape } from "../spec.ts";

/** One whole number of at least 1 for each of `rank` spatial axes. */
export function spatial(layer: string, what: string, value: PerAxis, rank: number, least = 1): number[] {
  const list = typeof value === "number" ? new Array<number>(rank).fill(value) : Array.from(value ?? []);
  if (list.length !== rank || list.some((n) => !Number.isInteger(n) || n < least)) {
    throw new ArgumentError(
      `${layer}: ${what} is ${showGivenList(value)}; it must be a whole number of at least ${least}${rank > 1 ? `, or ${rank} of them` : ""}`,
    );
  }
  return list;
}

/** Keras's kinds of padding. */
export type LayerPadding = "valid" | "same";

/** Those of layers over time: "causal" puts all zeros in front, so that a place sees nothing that comes after it. */
export type CausalLayerPadding = LayerPadding | "causal";

export function paddingOf(layer: string, padding: string = "valid"): LayerPadding {
  return choiceOf(`${layer} padding`, padding, ["valid", "same"]);
}

export function causalPaddingOf(layer: string, padding: string = "valid"): CausalLayerPadding {
  return choiceOf(`${layer} padding`, padding, ["valid", "same", "causal"]);
}

/** The order of axes that there is. */
export type DataFormat = "channelsLast";

const layouts = ["[batch, channels]", "[batch, length, channels]", "[batch, height, width, channels]"];
const toLast = ["", "Permute([2, 1])", "Permute([2, 3, 1])"];

/** @throws ArgumentError for images whose channels come first */
export function checkDataFormat(layer: string, dataFormat: string | undefined, rank: number): void {
  if (dataFormat === undefined) return;
  const given = choiceOf(`${layer} dataFormat`, dataFormat, ["channelsLast", "channelsFirst"]);
  if (given === "channelsLast") return;
  throw new ArgumentError(
    `${layer}: takes ${layouts[rank]}; dataFormat "channelsFirst" does not exist here. Leave it out and put new ${toLast[rank]} in front, which brings channels to the end`,
  );
}

/** Checks that an input has `rank` spatial axes and channels. */
export function checkImageShape(layer: string, rank: number, inputShape: SampleShape): void {
  if (inputShape.length === rank + 1) return;
  const remedy =
    inputShape.length === rank
      ? "; a Reshape layer gives them a channels axis"
      : inputShape.length === 4
        ? "; there are no windows over three axes: a Reshape layer joins two of them, or the last with the channels"
        : "";
  throw new ShapeError(`${layer}: needs inputs ${layouts[rank]}, got ${batched(inputShape)}${remedy}`);
}

/** Places of a window along each spatial axis; throws where it does not fit. */
export function placesOf(
  layer: string,
  inputShape: SampleShape,
  size: readonly number[],
  strides: readonly number[],
  dilation: readonly number[],
  padding: CausalLayerPadding,
): (number | null)[] {
  return size.map((taps, axis) => {
    const length = inputShape[axis];
    if (length === null) return null;
    if (padding !== "valid") return Math.ceil(length / strides[axis]);
    const span = (taps - 1) * dilation[axis] + 1;
    if (span > length) {
      throw new ShapeError(
        `${layer}: a window that spans ${span} does not fit into axis ${axis + 1} of its inputs ${batched(inputShape)}; use a smaller one, or padding: "same"`,
      );
    }
    return Math.floor((length - span) / strides[axis]) + 1;
  });
}
