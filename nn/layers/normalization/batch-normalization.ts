// BatchNormalization: centres and scales each feature, by the batch's statistics in training and by their moving
// averages in inference.

import {
  ArgumentError,
  add,
  batchNorm,
  cast,
  div,
  maximum,
  mean as meanOf,
  mul,
  noGrad,
  normalize,
  reshape,
  ShapeError,
  square,
  sub,
  sum,
  type Tensor,
  tidy,
  type Variable,
  where,
} from "../../../engine/index.ts";
import { atLeastZero, showGiven } from "../../../engine/internal.ts";
import type { CallContext } from "../call-context.ts";
import * as initializers from "../initializers.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import { conditionOf, type Mask } from "../masks.ts";
import { axisOf, batched, type SampleSpec } from "../spec.ts";
import type { Weights } from "../weights.ts";
import { type AffineOptions, type AffineRules, affineOptions, affineRulesOf } from "./affine.ts";

export interface BatchNormalizationOptions extends LayerOptions, AffineOptions {
  /** The axis of the features, the batch being axis 0; default -1, the last, which is fastest. */
  axis?: number;
  /** Share of the moving averages kept at each step; default 0.99. */
  momentum?: number;
  /** Added to the variance, at least 0; default 1e-3. With 0 a feature without spread in a batch gives NaN. */
  epsilon?: number;
  /** Default "zeros". */
  movingMeanInitializer?: string | initializers.Initializer;
  /** Default "ones". */
  movingVarianceInitializer?: string | initializers.Initializer;
}

const ownOptions: OwnLayerOptions<BatchNormalizationOptions> = {
  ...affineOptions,
  axis: true,
  momentum: true,
  epsilon: true,
  movingMeanInitializer: true,
  movingVarianceInitializer: true,
};

/**
 * γ (x - mean) / √(variance + ε) + β for each feature of an axis, the last as a rule; mean and (biased, 1/n) variance are
 * over all other axes. In training they are the batch's, the gradient flows through both, and
 * movingMean ← movingMean · momentum + mean · (1 - momentum), movingVariance likewise; in inference (and while the
 * layer is not trainable) they are those moving averages. Steps that the input's mask leaves out count in neither. Defaults
 * of Keras. 2 F trainable parameters, 2 F not. Source: Ioffe and Szegedy 2015. It may stand before or after an activation.
 */
export class BatchNormalization extends Layer<Tensor, Tensor> {
  readonly axis: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
  readonly #rules: AffineRules;
  readonly #moved: { readonly mean: initializers.Initializer; readonly variance: initializers.Initializer };
  #gamma: Variable | undefined;
  #beta: Variable | undefined;
  #movingMean!: Variable;
  #movingVariance!: Variable;

  constructor(options: BatchNormalizationOptions = {}) {
    const { axis = -1, momentum = 0.99, epsilon = 1e-3 } = options;
    if (!Number.isInteger(axis)) {
      throw new ArgumentError(`BatchNormalization: axis must be a whole number, got ${showGiven(axis)}`);
    }
    if (!(typeof momentum === "number" && momentum >= 0 && momentum <= 1)) {
      throw new ArgumentError(`BatchNormalization: momentum must be from 0 to 1, got ${showGiven(momentum)}`);
    }
    atLeastZero("BatchNormalization", "epsilon", epsilon);
    const rules = affineRulesOf(options);
    const moved = {
      mean: initializers.get(options.movingMeanInitializer ?? "zeros"),
      variance: initializers.get(options.movingVarianceInitializer ?? "ones"),
    };
    super("BatchNormalization", options, ownOptions);
    this.axis = axis;
    this.momentum = momentum;
    this.epsilon = epsilon;
    this.center = options.center ?? true;
    this.scale = options.scale ?? true;
    this.#rules = rules;
    this.#moved = moved;
  }

  override get passesMask(): boolean {
    return true;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    this.#features(input);
    return { shape: input.shape, dtype: "f32" };
  }

  protected override createWeights(input: SampleSpec, weights: Weights): void {
    const features = [this.#features(input)];
    const moved = { role: "moved" } as const;
    const { gamma, beta } = this.#rules;
    if (this.scale) this.#gamma = weights.add("gamma", features, gamma.initializer, gamma);
    if (this.center) this.#beta = weights.add("beta", features, beta.initializer, beta);
    this.#movingMean = weights.add("movingMean", features, this.#moved.mean, moved);
    this.#movingVariance = weights.add("movingVariance", features, this.#moved.variance, moved);
  }

  protected forward(x: Tensor, { training, trainable, mask }: CallContext): Tensor {
    const axis = axisOf(this.describe(), this.axis, x.shape.slice(1));
    if (!training || !trainable) {
      return this.#normalized(
        x,
        axis,
        beside(this.#movingMean, axis, x),
        beside(this.#movingVariance, axis, x),
      );
    }
    if (axis === x.rank - 1 && mask === undefined && this.#gamma !== undefined && this.#beta !== undefined) {
      const [y, mean, variance] = batchNorm(x, this.#gamma, this.#beta, this.epsilon);
      this.#moveTo(mean, variance);
      return y;
    }
    const [mean, variance] = momentsOf(x, axis, mask as Mask);
    this.#moveTo(mean, variance);
    return this.#normalized(x, axis, mean, variance);
  }

  #normalized(x: Tensor, axis: number, mean: Tensor, variance: Tensor): Tensor {
    const gamma = this.#gamma === undefined ? 1 : beside(this.#gamma, axis, x);
    const beta = this.#beta === undefined ? 0 : beside(this.#beta, axis, x);
    return normalize(x, mean, variance, gamma, beta, this.epsilon);
  }

  #moveTo(mean: Tensor, variance: Tensor): void {
    noGrad(() =>
      tidy(() => {
        this.#move(this.#movingMean, mean);
        this.#move(this.#movingVariance, variance);
      }),
    );
  }

  #move(average: Variable, value: Tensor): void {
    const flat = value.rank === 1 ? value : reshape(value, average.shape);
    average.assign(add(average, mul(sub(flat, average), 1 - this.momentum)));
  }

  #features({ shape }: SampleSpec): number {
    const axis = axisOf(this.describe(), this.axis, shape);
    const features = shape[axis - 1];
    if (features !== null) return features;
    throw new ShapeError(
      `${this.describe()}: needs inputs whose axis ${axis}, that of the features, is known, got ${batched(shape)}; give the model's input that length`,
    );
  }
}

/** Numbers of the features, [features], where they broadcast along their axis of x. */
function beside(values: Tensor, axis: number, x: Tensor): Tensor {
  if (axis === x.rank - 1) return values;
  return reshape(values, [values.size, ...new Array<number>(x.rank - 1 - axis).fill(1)]);
}

/** Mean and variance over all axes but one, which stay as axes of 1; of the steps that count. */
function momentsOf(x: Tensor, axis: number, mask: Mask): [mean: Tensor, variance: Tensor] {
  const axes = Array.from({ length: x.rank }, (_, i) => i).filter((i) => i !== axis);
  const keep = { keepDims: true };
  if (mask === undefined) {
    const mean = meanOf(x, axes, keep);
    return [mean, meanOf(square(sub(x, mean)), axes, keep)];
  }
  const counts = conditionOf(mask, x);
  // How many numbers of a feature one step has, along the axes that the mask does not tell apart.
  const share = axes.reduce((n, i) => (counts.shape[i] === 1 ? n * x.shape[i] : n), 1);
  // Where no step counts, both are 0.
  const count = maximum(mul(sum(cast(counts, "f32"), axes, keep), share), 1);
  const mean = div(sum(where(counts, x, 0), axes, keep), count);
  return [mean, div(sum(where(counts, square(sub(x, mean)), 0), axes, keep), count)];
}
