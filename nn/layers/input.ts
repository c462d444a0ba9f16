// Input: says what a model takes. It has no weights, does nothing to numbers, and gets no row in the summary.

import { ArgumentError, div, mul, type Shape, type Tensor } from "../../engine/index.ts";
import { checkOptions, showGiven } from "../../engine/internal.ts";
import { checkSampleShape } from "./layer.ts";

export interface InputOptions {
  /**
   * What bytes mean: u8 data is multiplied by this on the device as it comes in (for 1 / n, n a whole number, divided by
   * n), f32 data is taken as it is. With 1 / 255, images stored as bytes and images stored as floats of 0 to 1 are the same to the model, wherever they
   * come in: `fit`, `evaluate`, `predict`, `call`. Default 1, as in Keras.
   */
  byteScale?: number;
}

/**
 * The shape of one input, without the batch axis, as the first entry of a model:
 *
 *     new Sequential([new Input([28, 28], { byteScale: 1 / 255 }), new Flatten(), new Dense(10)])
 */
export class Input {
  readonly shape: Shape;
  readonly byteScale: number;

  constructor(shape: Shape, options: InputOptions = {}) {
    checkSampleShape("Input", shape);
    checkOptions("Input", options, { byteScale: true });
    this.shape = [...shape];
    this.byteScale = options.byteScale ?? 1;
    if (!Number.isFinite(this.byteScale)) {
      throw new ArgumentError(`Input: byteScale must be a finite number, got ${showGiven(this.byteScale)}`);
    }
  }
}

/** What bytes mean, given as f32: times `scale`, or divided by n where it is 1 / n, which f32 would round. */
export function scaleBytes(bytes: Tensor, scale: number): Tensor {
  const divisor = Math.round(1 / scale);
  if (divisor > 1 && Math.fround(1 / divisor) === Math.fround(scale)) return div(bytes, divisor);
  return scale === 1 ? bytes : mul(bytes, scale);
}
