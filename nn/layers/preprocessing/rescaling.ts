// Rescaling: numbers times a scale, plus an offset, as data of another range come in.

import { ArgumentError, add, mul, ShapeError, type Tensor, tensor } from "../../../engine/index.ts";
import { showGivenList } from "../../../engine/internal.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import { batched, featuresOf, type SampleSpec } from "../spec.ts";

type Factor = number | readonly number[];

export interface RescalingOptions extends LayerOptions {
  /** Default 0. One number, or one for each place of the last axis. */
  offset?: number | readonly number[];
}

const ownOptions: OwnLayerOptions<RescalingOptions> = { offset: true };

const isFactor = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 && value.every(Number.isFinite) : Number.isFinite(value);

/** x · scale + offset, as Keras's layer of that name. For bytes alone, `Input`'s `byteScale` does without a layer. */
export class Rescaling extends Layer<Tensor, Tensor> {
  static override readonly positional: readonly string[] = ["scale"];
  readonly scale: number | readonly number[];
  readonly offset: number | readonly number[];

  /** @param scale one number, or one for each place of the last axis, as a colour's channels */
  constructor(scale: number | readonly number[], options: RescalingOptions = {}) {
    const offset = options.offset ?? 0;
    if (!isFactor(scale) || !isFactor(offset)) {
      throw new ArgumentError(
        `Rescaling: scale and offset must be finite numbers, or lists of them, got ${showGivenList(scale)} and ${showGivenList(offset)}`,
      );
    }
    super("Rescaling", options, ownOptions);
    this.scale = scale;
    this.offset = offset;
  }

  override get passesMask(): boolean {
    return true;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    for (const [what, factor] of Object.entries({ scale: this.scale, offset: this.offset })) {
      if (typeof factor === "number" || factor.length === featuresOf(this.describe(), input)) continue;
      throw new ShapeError(
        `${this.describe()}: ${what} has ${factor.length} numbers, which do not fit the last axis of ${batched(input.shape)}; give one each, or one for all`,
      );
    }
    return input;
  }

  protected forward(x: Tensor): Tensor {
    const operand = (factor: Factor) =>
      typeof factor === "number" ? factor : tensor([...factor], { device: x.device });
    const scaled = mul(x, operand(this.scale));
    return this.offset === 0 ? scaled : add(scaled, operand(this.offset));
  }
}
