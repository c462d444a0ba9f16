// GaussianNoise, GaussianDropout and AlphaDropout: random numbers in training that keep the inputs' means.

import { add, mul, randomBernoulli, randomNormal, type Tensor, where } from "../../../engine/index.ts";
import { atLeastZero, belowOne } from "../../../engine/internal.ts";
import type { SampleSpec } from "../spec.ts";
import { checkNoiseShape, drawnShape, type NoiseShape, noiseShapeOf } from "./dropout.ts";
import { RandomLayer, type RandomLayerOptions } from "./random-layer.ts";

/** In training adds numbers of the normal distribution of mean 0 and a standard deviation; in inference the identity. */
export class GaussianNoise extends RandomLayer {
  static override readonly positional = ["stddev"];
  static override readonly samples = () => [{ make: () => new GaussianNoise(0.1), shape: [128, 512] }];
  readonly stddev: number;

  /** @param stddev at least 0 */
  constructor(stddev: number, options: RandomLayerOptions = {}) {
    atLeastZero("GaussianNoise", "stddev", stddev);
    super("GaussianNoise", options);
    this.stddev = stddev;
  }

  protected get isIdle(): boolean {
    return this.stddev === 0;
  }

  protected change(x: Tensor, state: Tensor): Tensor {
    return add(x, randomNormal(state, x.shape, { stddev: this.stddev }));
  }
}

/**
 * In training multiplies by numbers of the normal distribution of mean 1 and variance rate / (1 - rate), that of Dropout's
 * factors; in inference the identity. Source: Srivastava et al. 2014.
 */
export class GaussianDropout extends RandomLayer {
  static override readonly positional = ["rate"];
  static override readonly samples = () => [{ make: () => new GaussianDropout(0.3), shape: [128, 512] }];
  readonly rate: number;

  /** @param rate from 0 (nothing changes) to below 1, where the variance would be infinite */
  constructor(rate: number, options: RandomLayerOptions = {}) {
    belowOne("GaussianDropout", "rate", rate);
    super("GaussianDropout", options);
    this.rate = rate;
  }

  protected get isIdle(): boolean {
    return this.rate === 0;
  }

  protected change(x: Tensor, state: Tensor): Tensor {
    const stddev = Math.sqrt(this.rate / (1 - this.rate));
    return mul(x, randomNormal(state, x.shape, { mean: 1, stddev }));
  }
}

export interface AlphaDropoutOptions extends RandomLayerOptions {
  /** What is dropped together, as in {@link Dropout}. */
  noiseShape?: NoiseShape | null;
}

/** Where selu goes to for x towards -∞: minus the product of its two numbers. */
const dropped = -1.0507009873554805 * 1.6732632423543772;

/**
 * Dropout for networks of selu: in training sets a share `rate` of the elements to selu's least value, and then shifts and
 * scales all so that a mean of 0 and a variance of 1 stay; in inference the identity. Source: Klambauer et al. 2017.
 */
export class AlphaDropout extends RandomLayer {
  static override readonly positional = ["rate"];
  static override readonly samples = () => [{ make: () => new AlphaDropout(0.2), shape: [128, 512] }];
  readonly rate: number;
  readonly noiseShape: NoiseShape | undefined;

  /** @param rate share of the elements to drop, from 0 to below 1: of none that is left the variance can't be kept */
  constructor(rate: number, options: AlphaDropoutOptions = {}) {
    belowOne("AlphaDropout", "rate", rate);
    const noiseShape = noiseShapeOf("AlphaDropout", options.noiseShape);
    super("AlphaDropout", options, { noiseShape: true });
    this.rate = rate;
    this.noiseShape = noiseShape;
  }

  protected get isIdle(): boolean {
    return this.rate === 0;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    if (this.noiseShape !== undefined) checkNoiseShape(this.describe(), this.noiseShape, input);
    return input;
  }

  protected change(x: Tensor, state: Tensor): Tensor {
    const { rate, noiseShape } = this;
    const shape = noiseShape === undefined ? x.shape : drawnShape(this.describe(), noiseShape, x);
    const kept = randomBernoulli(state, shape, { probability: 1 - rate });
    const scale = 1 / Math.sqrt((1 - rate) * (1 + rate * dropped ** 2));
    return add(mul(where(kept, x, dropped), scale), -scale * dropped * rate);
  }
}
