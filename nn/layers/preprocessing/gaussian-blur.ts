// GaussianBlur: images blurred by chance, each by a width of its own.

import {
  ArgumentError,
  depthwiseConv2d,
  div,
  exp,
  expand,
  maximum,
  pad,
  reshape,
  ShapeError,
  square,
  sum,
  type Tensor,
  tensor,
  transpose,
} from "../../../engine/index.ts";
import { showGiven } from "../../../engine/internal.ts";
import type { LayerSample } from "../layer.ts";
import type { RandomLayerOptions } from "../regularizing/random-layer.ts";
import { batched, type SampleSpec } from "../spec.ts";
import { type Ends, knownImage, rangeOf } from "./images.ts";
import { type Draw, RandomImages } from "./random-images.ts";

export interface GaussianBlurOptions extends RandomLayerOptions {
  /** Pixels that the window is wide and high, an odd number; default: three standard deviations to each side. */
  kernelSize?: number;
}

/** Narrower ones leave images as they are. */
const narrowest = 1e-3;

/**
 * In training each image [height, width, channels] becomes the mean of what lies around each pixel, weighted by a normal
 * distribution whose standard deviation is drawn evenly for each image; in inference the identity. Outside of an image stands
 * its mirror image.
 */
export class GaussianBlur extends RandomImages {
  static override readonly positional: readonly string[] = ["sigma"];
  static override readonly samples = (): LayerSample[] => [
    { make: () => new GaussianBlur([0.5, 1]), shape: [32, 14, 14, 3] },
  ];
  /** Least and greatest standard deviation, in pixels. */
  readonly sigma: Ends;
  readonly kernelSize: number;

  /** @param sigma the standard deviation in pixels: one number, or the range [lowest, highest] that it is drawn from */
  constructor(sigma: number | Ends, options: GaussianBlurOptions = {}) {
    const range = rangeOf("GaussianBlur", "sigma", typeof sigma === "number" ? [sigma, sigma] : sigma, 0);
    const kernelSize = options.kernelSize ?? 2 * Math.ceil(3 * range[1]) + 1;
    if (!(Number.isInteger(kernelSize) && kernelSize >= 1 && kernelSize % 2 === 1)) {
      throw new ArgumentError(
        `GaussianBlur: kernelSize must be an odd whole number of at least 1, got ${showGiven(kernelSize)}`,
      );
    }
    super("GaussianBlur", options, { kernelSize: true });
    this.sigma = range;
    this.kernelSize = kernelSize;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    const radius = (this.kernelSize - 1) / 2;
    if (radius > Math.min(...knownImage(this.describe(), input.shape))) {
      throw new ShapeError(
        `${this.describe()}: a window of ${this.kernelSize} pixels reaches ${radius} beyond images ${batched(input.shape)}, farther than their mirror image; give a smaller sigma or kernelSize`,
      );
    }
    return input;
  }

  protected get isIdle(): boolean {
    return this.sigma[1] === 0 || this.kernelSize === 1;
  }

  protected changed(x: Tensor, draw: Draw): Tensor {
    const { kernelSize } = this;
    const [batch, height, width, channels] = x.shape;
    const radius = (kernelSize - 1) / 2;
    const [sigma] = draw(this.sigma);
    const distances = Array.from({ length: kernelSize }, (_, i) => -((i - radius) ** 2) / 2);
    const squares = tensor(distances, { shape: [kernelSize, 1], device: x.device });
    const bells = exp(div(squares, square(maximum(reshape(sigma, [1, batch]), narrowest))));
    const shares = div(bells, sum(bells, 0, { keepDims: true }));
    const windows = expand(reshape(shares, [kernelSize, batch, 1]), [kernelSize, batch, channels]);
    // All images as the channels of one, so that each has a window of its own.
    const one = reshape(transpose(x, [1, 2, 0, 3]), [1, height, width, batch * channels]);
    const around = pad(
      one,
      [
        [0, 0],
        [radius, radius],
        [radius, radius],
        [0, 0],
      ],
      { mode: "symmetric" },
    );
    const down = depthwiseConv2d(around, reshape(windows, [kernelSize, 1, batch * channels, 1]));
    const blurred = depthwiseConv2d(down, reshape(windows, [1, kernelSize, batch * channels, 1]));
    return transpose(reshape(blurred, [height, width, batch, channels]), [2, 0, 1, 3]);
  }
}
