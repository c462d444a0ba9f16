// What max and average pooling share: attributes, checks, samples.

import { DTypeError } from "../../base/errors.ts";
import { perAxis } from "../../base/number-checks.ts";
import type { Shape } from "../../base/shape.ts";
import type { Spec } from "../../kernel/kernel.ts";
import type { Sample } from "../../kernel/kernel-op.ts";
import { imageShape, resolveWindow, type Window, type WindowOptions } from "./windows.ts";

export interface PoolAttrs {
  readonly window: Window;
}

export interface ImageAttrs extends PoolAttrs {
  /** Of the images that the window slides over. */
  readonly shape: Shape;
}

export const nameOf = (kind: string, shape: Shape) => `${kind}${shape.length - 2}d`;

export function checkFloat(op: string, x: Spec): void {
  if (x.dtype !== "f32") throw new DTypeError(`${op}: takes f32, got ${x.dtype}; use cast(x, "f32")`);
}

export const places = (x: Shape, window: Window): Shape => imageShape(x, window.output, x[x.length - 1]);

/** Windows that overlap and reach into the padding, for samples of gradients. */
export const overlapping: readonly { readonly shape: Shape; readonly window: Window }[] = [
  { shape: [2, 5, 5, 4], window: windowFor([2, 5, 5, 4], [3, 3], { stride: 2, padding: "same" }) },
  { shape: [1, 5, 4, 2], window: windowFor([1, 5, 4, 2], [2, 3], { stride: 1, padding: [1, [0, 2]] }) },
];

export function windowFor(
  shape: Shape,
  size: readonly number[],
  { stride = size, padding = "valid" }: WindowOptions,
) {
  const strides = perAxis("pool", "stride", stride, size.length);
  const ones = size.map(() => 1);
  return resolveWindow("pool", shape.slice(1, -1), size, strides, ones, padding);
}

export function sample(shape: Shape, size: readonly number[], options: WindowOptions): Sample<PoolAttrs> {
  return { inputs: [{ shape }], attrs: { window: windowFor(shape, size, options) } };
}
