// RandomBrightness and RandomContrast: what pixels are worth, changed by chance.

import { add, clip, mean, mul, sub, type Tensor } from "../../../engine/index.ts";
import type { LayerSample, OwnLayerOptions } from "../layer.ts";
import type { RandomLayerOptions } from "../regularizing/random-layer.ts";
import { type Ends, type Range, rangeOf } from "./images.ts";
import { type Draw, perImage, RandomImages } from "./random-images.ts";

export interface RandomColourOptions extends RandomLayerOptions {
  /** The least and the greatest value of a pixel, which results are clipped to; default [0, 255], as in Keras. */
  valueRange?: Ends;
}

const colourOptions: OwnLayerOptions<Omit<RandomColourOptions, "seed">> = { valueRange: true };

abstract class RandomColour extends RandomImages {
  static override readonly positional: readonly string[] = ["factor"];
  readonly factor: Ends;
  readonly valueRange: Ends;

  protected constructor(type: string, factor: Range, least: number, options: RandomColourOptions) {
    const range = rangeOf(type, "factor", factor, least);
    const values = rangeOf(type, "valueRange", options.valueRange ?? [0, 255]);
    super(type, options, colourOptions);
    this.factor = range;
    this.valueRange = values;
  }

  protected get isIdle(): boolean {
    return this.factor.every((factor) => factor === 0);
  }

  protected clipped(x: Tensor): Tensor {
    return clip(x, ...this.valueRange);
  }
}

/**
 * In training adds to each image [height, width, channels] a number of its own that is drawn evenly, and clips to the range
 * of values; in inference the identity. Images of 0 to 1, as `byteScale` makes them, want `valueRange: [0, 1]`.
 */
export class RandomBrightness extends RandomColour {
  static override readonly samples = (): LayerSample[] => [
    { make: () => new RandomBrightness(0.2, { valueRange: [-4, 4] }), shape: [32, 14, 14, 3] },
  ];

  /** @param factor the most that is added or taken away, or [lowest, highest], as a share of the range of values */
  constructor(factor: Range, options: RandomColourOptions = {}) {
    super("RandomBrightness", factor, -1, options);
  }

  protected changed(x: Tensor, draw: Draw): Tensor {
    const [least, greatest] = this.valueRange;
    const [share] = draw(this.factor);
    return this.clipped(add(x, perImage(mul(share, greatest - least))));
  }
}

/**
 * In training moves the pixels of each image [height, width, channels] away from the mean of their channel, or towards it:
 * (x - mean) · (1 + f) + mean with a factor f of the image's own that is drawn evenly, clipped to the range of values. In
 * inference the identity. Images of 0 to 1, as `byteScale` makes them, want `valueRange: [0, 1]`.
 */
export class RandomContrast extends RandomColour {
  static override readonly samples = (): LayerSample[] => [
    { make: () => new RandomContrast(0.5, { valueRange: [-4, 4] }), shape: [32, 14, 14, 3] },
  ];

  /** @param factor f at most, in both directions, or its range [lowest, highest]: -1 leaves the mean alone */
  constructor(factor: Range, options: RandomColourOptions = {}) {
    super("RandomContrast", factor, -1, options);
  }

  protected changed(x: Tensor, draw: Draw): Tensor {
    const [lower, upper] = this.factor;
    const [factor] = draw([1 + lower, 1 + upper]);
    const middle = mean(x, [1, 2], { keepDims: true });
    return this.clipped(add(mul(sub(x, middle), perImage(factor)), middle));
  }
}
