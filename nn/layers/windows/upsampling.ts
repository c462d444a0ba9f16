// UpSampling1D and UpSampling2D: sequences and images a whole number of times as large, without weights.

import {
  type Interpolation,
  type PerAxis,
  type Tensor,
  upsample1d,
  upsample2d,
} from "../../../engine/index.ts";
import { choiceOf } from "../../../engine/internal.ts";
import { Layer, type LayerOptions, type LayerSample, type OwnLayerOptions } from "../layer.ts";
import type { SampleSpec } from "../spec.ts";
import { checkDataFormat, checkImageShape, type DataFormat, spatial } from "./options.ts";

export interface UpSamplingOptions extends LayerOptions {
  /** Each pixel repeated ("nearest", default), or what lies between two of them ("bilinear"). */
  interpolation?: Interpolation;
  /** Channels stand last; put a Permute in front where they stand first. */
  dataFormat?: DataFormat;
}

const ownOptions: OwnLayerOptions<UpSamplingOptions> = { interpolation: true, dataFormat: true };

abstract class UpSampling extends Layer<Tensor, Tensor> {
  static override readonly positional: readonly string[] = ["size"];
  /** How many times as long, by spatial axis. */
  readonly size: readonly number[];
  readonly interpolation: Interpolation;

  protected constructor(type: string, rank: 1 | 2, size: PerAxis, options: UpSamplingOptions) {
    const factors = spatial(type, "size", size, rank);
    const kinds = ["nearest", "bilinear"] as const;
    const interpolation = choiceOf(`${type} interpolation`, options.interpolation ?? "nearest", kinds);
    checkDataFormat(type, options.dataFormat, rank);
    super(type, options, ownOptions);
    this.size = factors;
    this.interpolation = interpolation;
  }

  override outputSpec({ shape }: SampleSpec): SampleSpec {
    checkImageShape(this.describe(), this.size.length, shape);
    const longer = this.size.map((factor, axis) => {
      const length = shape[axis];
      return length === null ? null : length * factor;
    });
    return { shape: [...longer, shape[shape.length - 1]], dtype: "f32" };
  }
}

/** [batch, length, channels] to [batch, length · size, channels]. Pixels are compared by their centres, as in Keras. */
export class UpSampling1D extends UpSampling {
  static override readonly samples = (): LayerSample[] => [
    { make: () => new UpSampling1D(3), shape: [32, 128, 64] },
  ];

  constructor(size: PerAxis = 2, options: UpSamplingOptions = {}) {
    super("UpSampling1D", 1, size, options);
  }

  protected forward(x: Tensor): Tensor {
    return upsample1d(x, this.size, { interpolation: this.interpolation });
  }
}

/**
 * [batch, height, width, channels] to [batch, height · size, width · size, channels], by one factor or one an axis. Pixels
 * are compared by their centres, as in Keras.
 */
export class UpSampling2D extends UpSampling {
  static override readonly samples = (): LayerSample[] => [
    { make: () => new UpSampling2D([2, 3], { interpolation: "bilinear" }), shape: [32, 14, 14, 32] },
  ];

  constructor(size: PerAxis = 2, options: UpSamplingOptions = {}) {
    super("UpSampling2D", 2, size, options);
  }

  protected forward(x: Tensor): Tensor {
    return upsample2d(x, this.size, { interpolation: this.interpolation });
  }
}
