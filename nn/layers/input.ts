// Input: says what a Sequential takes, as its first entry. It has no weights, and gets no row in the summary.

import { cast, type DType, div, mul, noGrad, type Tensor } from "../../engine/index.ts";
import { type InputOptions, input, type Placeholder } from "./placeholder.ts";
import type { SampleShape } from "./spec.ts";

/**
 * The shape of one input, without the batch axis, as the first entry of a Sequential:
 *
 *     new Sequential([new Input([28, 28], { byteScale: 1 / 255 }), new Flatten(), new Dense(10)])
 */
export class Input {
  /** What the model's graph starts from; `input(...)` makes the same. */
  readonly placeholder: Placeholder;

  constructor(shape: SampleShape, options: InputOptions = {}) {
    this.placeholder = input(shape, options);
  }

  get shape(): SampleShape {
    return this.placeholder.shape;
  }

  get byteScale(): number {
    return this.placeholder.byteScale;
  }
}

/** What bytes mean, given as f32: times `scale`, or divided by n where it is 1 / n, which f32 would round. */
export function scaleBytes(bytes: Tensor, scale: number): Tensor {
  const divisor = Math.round(1 / scale);
  if (divisor > 1 && Math.fround(1 / divisor) === Math.fround(scale)) return div(bytes, divisor);
  return scale === 1 ? bytes : mul(bytes, scale);
}

/** What comes into a model, in the dtype that its input has. */
export function asInput(x: Tensor, dtype: DType, byteScale: number): Tensor {
  if (x.dtype === dtype) return x;
  return noGrad(() => {
    const values = cast(x, dtype);
    return x.dtype === "u8" && dtype === "f32" ? scaleBytes(values, byteScale) : values;
  });
}
