// BatchNormalization: centres and scales each feature, by the batch's statistics in training and by their moving
// averages in inference.

import {
  ArgumentError,
  add,
  batchNorm,
  mul,
  noGrad,
  normalize,
  sub,
  type Tensor,
  tidy,
  type Variable,
} from "../../engine/index.ts";
import { atLeastZero, showGiven } from "../../engine/internal.ts";
import type { CallContext } from "./call-context.ts";
import * as initializers from "./initializers.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "./layer.ts";
import { featuresOf, type SampleSpec } from "./spec.ts";
import type { Weights } from "./weights.ts";

export interface BatchNormalizationOptions extends LayerOptions {
  /** Share of the moving averages kept at each step; default 0.99. */
  momentum?: number;
  /** Added to the variance, at least 0; default 1e-3. With 0 a feature without spread in a batch gives NaN. */
  epsilon?: number;
}

const ownOptions: OwnLayerOptions<BatchNormalizationOptions> = { momentum: true, epsilon: true };

/**
 * γ (x - mean) / √(variance + ε) + β for each feature of the last axis; mean and (biased, 1/n) variance are over
 * all other axes. In training they are the batch's, the gradient flows through both, and
 * movingMean ← movingMean · momentum + mean · (1 - momentum), movingVariance likewise; in inference (and while the
 * layer is not trainable) they are those moving averages. Defaults of Keras. 2 F trainable parameters, 2 F not.
 * Source: Ioffe and Szegedy 2015. It may stand before or after an activation.
 */
export class BatchNormalization extends Layer<Tensor, Tensor> {
  readonly momentum: number;
  readonly epsilon: number;
  #gamma!: Variable;
  #beta!: Variable;
  #movingMean!: Variable;
  #movingVariance!: Variable;

  constructor(options: BatchNormalizationOptions = {}) {
    const { momentum = 0.99, epsilon = 1e-3 } = options;
    if (!(typeof momentum === "number" && momentum >= 0 && momentum <= 1)) {
      throw new ArgumentError(`BatchNormalization: momentum must be from 0 to 1, got ${showGiven(momentum)}`);
    }
    atLeastZero("BatchNormalization", "epsilon", epsilon);
    super("BatchNormalization", options, ownOptions);
    this.momentum = momentum;
    this.epsilon = epsilon;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    featuresOf(this.describe(), input);
    return { shape: input.shape, dtype: "f32" };
  }

  protected override createWeights(input: SampleSpec, weights: Weights): void {
    const features = [featuresOf(this.describe(), input)];
    const moved = { role: "moved" } as const;
    this.#gamma = weights.add("gamma", features, initializers.ones());
    this.#beta = weights.add("beta", features, initializers.zeros());
    this.#movingMean = weights.add("movingMean", features, initializers.zeros(), moved);
    this.#movingVariance = weights.add("movingVariance", features, initializers.ones(), moved);
  }

  protected forward(x: Tensor, { training, trainable }: CallContext): Tensor {
    if (!training || !trainable) {
      return normalize(x, this.#movingMean, this.#movingVariance, this.#gamma, this.#beta, this.epsilon);
    }
    const [y, mean, variance] = batchNorm(x, this.#gamma, this.#beta, this.epsilon);
    noGrad(() =>
      tidy(() => {
        this.#move(this.#movingMean, mean);
        this.#move(this.#movingVariance, variance);
      }),
    );
    return y;
  }

  #move(average: Variable, value: Tensor): void {
    average.assign(add(average, mul(sub(value, average), 1 - this.momentum)));
  }
}
