// Rescaling: a fixed linear function, as pre-processing inside the model.

import { ArgumentError, add, mul, type Tensor } from "../../engine/index.ts";
import { showGiven } from "../../engine/internal.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "./layer.ts";

export interface RescalingOptions extends LayerOptions {
  /** Default 0. */
  offset?: number;
}

const ownOptions: OwnLayerOptions<RescalingOptions> = { offset: true };

/** x · scale + offset, as Keras's layer of that name. For bytes alone, `Input`'s `byteScale` does without a layer. */
export class Rescaling extends Layer<Tensor, Tensor> {
  readonly scale: number;
  readonly offset: number;

  constructor(scale: number, options: RescalingOptions = {}) {
    const offset = options.offset ?? 0;
    if (!Number.isFinite(scale) || !Number.isFinite(offset)) {
      throw new ArgumentError(
        `Rescaling: scale and offset must be finite numbers, got ${showGiven(scale)} and ${showGiven(offset)}`,
      );
    }
    super("Rescaling", options, ownOptions);
    this.scale = scale;
    this.offset = offset;
  }

  override get passesMask(): boolean {
    return true;
  }

  protected forward(x: Tensor): Tensor {
    const scaled = mul(x, this.scale);
    return this.offset === 0 ? scaled : add(scaled, this.offset);
  }
}
