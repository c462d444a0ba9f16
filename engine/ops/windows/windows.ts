// Windows that slide over the spatial axes of [batch, ...spatial, channels]: sizes, padding, and which input pixel a
// tap of an output pixel reads. Convolutions and pooling stand on it; what they do with a window it does not know.

import windowSource from "../../../shaders/window.wgsl";
import { ArgumentError, type OptionNames, ShapeError, unknownName } from "../../base/errors.ts";
import { choiceOf } from "../../base/names.ts";
import type { PerAxis } from "../../base/number-checks.ts";
import { type Shape, showShape, sizeOf } from "../../base/shape.ts";
import type { Spec } from "../../kernel/kernel.ts";

/** WGSL in front of every window kernel. */
export const windowPreamble: string = windowSource;

export type Pair = readonly [vertical: number, horizontal: number];

/** A window with everything worked out. One spatial axis counts as the horizontal one of an image one pixel high. */
export interface Window {
  readonly size: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  /** Padding above and to the left; what is below and to the right follows from the sizes. */
  readonly before: Pair;
  /** Spatial lengths of what the window slides over, and of how many places it takes. */
  readonly input: Pair;
  readonly output: Pair;
}

/**
 * - `"valid"`: none.
 * - `"same"`: as many zeros as make the output ⌈input / stride⌉ long; the odd one comes after (TensorFlow's rule).
 * - a number, or one an axis: as many before as after.
 * - pairs `[before, after]`, one an axis.
 */
export type Padding = "valid" | "same" | number | readonly (number | readonly [number, number])[];

/** Of a convolution over time, too: `"causal"` puts all zeros in front, so that a result sees what stands at or before its place. */
export type CausalPadding = Padding | "causal";

export interface WindowOptions {
  /** Distance between neighbouring places of the window; default 1 (for pooling: the window's size). */
  stride?: PerAxis;
  /** Default "valid". */
  padding?: Padding;
}

export interface ConvolutionOptions extends WindowOptions {
  /** Distance between the pixels that neighbouring taps read; default 1. */
  dilation?: PerAxis;
  /** Groups of channels: each group of outputs sees only its group of inputs; default 1. */
  groups?: number;
}

/** Of convolutions over one spatial axis. */
export interface Convolution1dOptions extends Omit<ConvolutionOptions, "padding"> {
  /** Default "valid". */
  padding?: CausalPadding;
}

export const windowOptions: OptionNames<WindowOptions> = { stride: true, padding: true };

/** Explicit padding by axis, [before, after]; undefined for the named kinds. */
export function explicitPadding(op: string, padding: Padding, rank: number): [number, number][] | undefined {
  if (typeof padding === "string") {
    if (padding === "valid" || padding === "same") return undefined;
    throw unknownName(`${op} padding`, padding, ["valid", "same"]);
  }
  const list = typeof padding === "number" ? new Array<number>(rank).fill(padding) : [...padding];
  const pairs = list.map((pad): [number, number] =>
    typeof pad === "number" ? [pad, pad] : [pad[0], pad[1]],
  );
  if (pairs.length !== rank || pairs.flat().some((n) => !Number.isInteger(n) || n < 0)) {
    throw new ArgumentError(
      `${op}: padding is ${JSON.stringify(padding)}; it must be "valid", "same", a whole number of at least 0, or ${rank} of them or of pairs [before, after], one a spatial axis`,
    );
  }
  return pairs;
}

/** Pixels that a window of `size` taps spans. */
export const span = (size: number, dilation: number): number => (size - 1) * dilation + 1;

/** What `padding` comes to for a window along one axis: "causal" in numbers. */
export function causalPadding(op: string, padding: CausalPadding, size: number, dilation: number): Padding {
  if (typeof padding !== "string") return padding;
  const named = choiceOf(`${op} padding`, padding, ["valid", "same", "causal"] as const);
  return named === "causal" ? [[span(size, dilation) - 1, 0]] : named;
}

/** One spatial axis as two, the first of length `fill`. */
export const asPair = (list: readonly number[], fill = 1): Pair =>
  list.length === 1 ? [fill, list[0]] : [list[0], list[1]];

/** A window over `spatial` lengths, or the error that says why it has no place. */
export function resolveWindow(
  op: string,
  spatial: readonly number[],
  size: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
  padding: Padding,
): Window {
  const explicit = explicitPadding(op, padding, spatial.length);
  const before: number[] = [];
  const output: number[] = [];
  spatial.forEach((length, axis) => {
    const reach = span(size[axis], dilation[axis]);
    if (padding === "same") {
      const places = Math.ceil(length / stride[axis]);
      before.push(Math.floor(Math.max((places - 1) * stride[axis] + reach - length, 0) / 2));
      output.push(places);
    } else {
      const [first, last] = explicit?.[axis] ?? [0, 0];
      before.push(first);
      output.push(Math.floor((length + first + last - reach) / stride[axis]) + 1);
    }
    if (output[axis] < 1) {
      const padded = length + (explicit === undefined ? 0 : explicit[axis][0] + explicit[axis][1]);
      throw new ShapeError(
        `${op}: a window that spans ${reach} (size ${size[axis]}, dilation ${dilation[axis]}) does not fit into ${padded}, the padded length of spatial axis ${axis}; use a smaller window, or padding: "same"`,
      );
    }
  });
  return {
    size: asPair(size),
    stride: asPair(stride),
    dilation: asPair(dilation),
    before: asPair(before, 0),
    input: asPair(spatial),
    output: asPair(output),
  };
}

/** [batch, ...spatial, channels] of a tensor of 3 or 4 axes, one spatial axis as an image one pixel high. */
export function imageOf({ shape }: { readonly shape: Shape }) {
  return {
    batch: shape[0],
    height: shape.length === 3 ? 1 : shape[1],
    width: shape[shape.length - 2],
    channels: shape[shape.length - 1],
  };
}

/** The shape of `x` with the two spatial lengths and the channels replaced. */
export function imageShape(x: Shape, [height, width]: Pair, channels: number): Shape {
  return x.length === 3 ? [x[0], width, channels] : [x[0], height, width, channels];
}

/** Checks the spatial lengths of a tensor that a window slides over (`input`) or that it makes (`output`). */
export function checkImage(op: string, what: string, { shape }: Spec, [height, width]: Pair): void {
  const image = imageOf({ shape });
  const fits = (shape.length === 3 || shape.length === 4) && image.height === height && image.width === width;
  if (!fits) {
    throw new ShapeError(
      `${op}: ${what} ${showShape(shape)} must have the spatial lengths [${height}, ${width}] that the window is for`,
    );
  }
}

export const tapsOf = ({ size }: Window): number => size[0] * size[1];

/** The words of window.wgsl's `Sizes` from the window on; `more` are up to eight words that a kernel wants besides. */
export function windowWords(window: Window, more: readonly number[]): number[] {
  const { input, output, size, stride, dilation, before } = window;
  const rest = Array.from({ length: 8 }, (_, i) => more[i] ?? 0);
  return [...input, ...output, ...size, ...stride, ...dilation, ...before, ...rest];
}

/** Visits each (output pixel, tap, input pixel) of `batch` images, pixels and taps numbered row by row. */
export function eachTap(
  window: Window,
  batch: number,
  visit: (outputPixel: number, tap: number, inputPixel: number) => void,
): void {
  const { size, stride, dilation, before, input, output } = window;
  for (let image = 0; image < batch; image++) {
    for (let y = 0; y < output[0]; y++) {
      for (let x = 0; x < output[1]; x++) {
        const pixel = (image * output[0] + y) * output[1] + x;
        for (let i = 0; i < size[0]; i++) {
          const row = y * stride[0] - before[0] + i * dilation[0];
          if (row < 0 || row >= input[0]) continue;
          for (let j = 0; j < size[1]; j++) {
            const column = x * stride[1] - before[1] + j * dilation[1];
            if (column < 0 || column >= input[1]) continue;
            visit(pixel, i * size[1] + j, (image * input[0] + row) * input[1] + column);
          }
        }
      }
    }
  }
}

/** Whether the window is one pixel that walks over every pixel: its patches are the image itself. */
export const isPointwiseWindow = ({ size, stride, before, input, output }: Window): boolean =>
  sizeOf(size) === 1 &&
  sizeOf(stride) === 1 &&
  before.every((n) => n === 0) &&
  input.every((n, i) => n === output[i]);

/** Whether the window reaches past what it reads somewhere. */
export const isBounded = ({ input, output, size, stride, dilation, before }: Window): boolean =>
  [0, 1].some(
    (axis) =>
      before[axis] > 0 ||
      (output[axis] - 1) * stride[axis] + (size[axis] - 1) * dilation[axis] - before[axis] >= input[axis],
  );
