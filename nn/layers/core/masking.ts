// Masking: says which steps of a sequence count, by a value that fills those that do not.

import { any, cast, mul, notEqual, ShapeError, type Tensor } from "../../../engine/index.ts";
import { aNumber } from "../../../engine/internal.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import type { Mask } from "../masks.ts";
import { batched, type SampleSpec } from "../spec.ts";

export interface MaskingOptions extends LayerOptions {
  /** What all numbers of a step are that does not count; default 0. */
  maskValue?: number;
}

/**
 * [batch, time, ...] as it is, but 0 in steps that hold nothing but `maskValue`; these do not count for layers after it
 * nor for the loss.
 */
export class Masking extends Layer<Tensor, Tensor> {
  static override readonly samples = () => [{ make: () => new Masking(), shape: [32, 128, 64] }];
  readonly maskValue: number;

  constructor(options: MaskingOptions = {}) {
    const value = aNumber("Masking", "maskValue", options.maskValue ?? 0);
    super("Masking", options, { maskValue: true } satisfies OwnLayerOptions<MaskingOptions>);
    this.maskValue = value;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    if (input.shape.length >= 2) return input;
    throw new ShapeError(
      `${this.describe()}: takes sequences, [batch, time, ...], got ${batched(input.shape)}; a Reshape layer gives them an axis more`,
    );
  }

  override get makesMask(): boolean {
    return true;
  }

  protected override outputMask(x: Tensor): Mask {
    return any(notEqual(x, this.maskValue), stepAxes(x));
  }

  protected forward(x: Tensor): Tensor {
    const counts = any(notEqual(x, this.maskValue), stepAxes(x), { keepDims: true });
    return mul(x, cast(counts, x.dtype));
  }
}

/** The axes within a step. */
const stepAxes = ({ rank }: Tensor): number[] => Array.from({ length: rank - 2 }, (_, i) => i + 2);
