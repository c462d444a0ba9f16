// ReLU, LeakyReLU, PReLU, ELU and Softmax: activations that have numbers of their own.

import {
  ArgumentError,
  add,
  cast,
  elu,
  leakyRelu,
  lessEqual,
  minimum,
  mul,
  prelu,
  relu,
  type Shape,
  softmax,
  sub,
  type Tensor,
  type Variable,
  where,
} from "../../../engine/index.ts";
import { aNumber, atLeastZero, showGiven } from "../../../engine/internal.ts";
import type { NamedActivation } from "../activations.ts";
import type { CallContext } from "../call-context.ts";
import type { ConstraintLike } from "../constraints.ts";
import type { Initializer } from "../initializers.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import { conditionOf, type Mask } from "../masks.ts";
import type { RegularizerLike } from "../regularizers.ts";
import { axisOf, knownShape, type SampleSpec } from "../spec.ts";
import { rulesOf, type WeightRules } from "../weight-options.ts";
import type { Weights } from "../weights.ts";

export interface ReLUOptions extends LayerOptions {
  /** The largest value that comes out; default: there is none. */
  maxValue?: number | null;
  /** Slope at and below the threshold; default 0. */
  negativeSlope?: number;
  /** Up to where a value does not pass, at least 0; default 0. */
  threshold?: number;
}

const sample: Shape = [128, 512];

/**
 * x above `threshold`, `negativeSlope` (x - threshold) at and below it, at most `maxValue`; as it stands, max(0, x). At a
 * kink the gradient is that of the side away from the identity.
 */
export class ReLU extends Layer<Tensor, Tensor> {
  static override readonly samples = () => [
    { make: () => new ReLU({ maxValue: 6, negativeSlope: 0.1, threshold: 0.5 }), shape: sample },
  ];
  readonly maxValue: number | undefined;
  readonly negativeSlope: number;
  readonly threshold: number;

  constructor(options: ReLUOptions = {}) {
    const { maxValue, negativeSlope = 0, threshold = 0 } = options;
    const most =
      maxValue === undefined || maxValue === null ? undefined : atLeastZero("ReLU", "maxValue", maxValue);
    atLeastZero("ReLU", "negativeSlope", negativeSlope);
    atLeastZero("ReLU", "threshold", threshold);
    super("ReLU", options, {
      maxValue: true,
      negativeSlope: true,
      threshold: true,
    } satisfies OwnLayerOptions<ReLUOptions>);
    this.maxValue = most;
    this.negativeSlope = negativeSlope;
    this.threshold = threshold;
  }

  override get passesMask(): boolean {
    return true;
  }

  protected forward(x: Tensor): Tensor {
    const y = this.#rectified(x);
    return this.maxValue === undefined ? y : minimum(y, this.maxValue);
  }

  #rectified(x: Tensor): Tensor {
    const { negativeSlope, threshold } = this;
    if (threshold === 0) return negativeSlope === 0 ? relu(x) : leakyRelu(x, negativeSlope);
    const below = negativeSlope === 0 ? 0 : mul(sub(x, threshold), negativeSlope);
    // In this order NaN stays NaN.
    return where(lessEqual(x, threshold), below, x);
  }
}

export interface LeakyReLUOptions extends LayerOptions {
  /** Slope where x is at most 0; default 0.3. */
  negativeSlope?: number;
}

/** x where x > 0, else `negativeSlope` x; the slope is 0.3, Keras's, where PyTorch's is 0.01. */
export class LeakyReLU extends Layer<Tensor, Tensor> {
  static override readonly samples = () => [{ make: () => new LeakyReLU(), shape: sample }];
  readonly negativeSlope: number;

  constructor(options: LeakyReLUOptions = {}) {
    const slope = aNumber("LeakyReLU", "negativeSlope", options.negativeSlope ?? 0.3);
    super("LeakyReLU", options, { negativeSlope: true } satisfies OwnLayerOptions<LeakyReLUOptions>);
    this.negativeSlope = slope;
  }

  override get passesMask(): boolean {
    return true;
  }

  protected forward(x: Tensor): Tensor {
    return leakyRelu(x, this.negativeSlope);
  }
}

export interface PReLUOptions extends LayerOptions {
  /** Default "zeros". */
  alphaInitializer?: string | Initializer;
  /** A penalty on the slopes that is added to the loss: "l2", an object or a function. */
  alphaRegularizer?: RegularizerLike | null;
  /** What the slopes become after each update: "nonNeg", an object or a function. */
  alphaConstraint?: ConstraintLike | null;
  /** Axes, the batch being axis 0, along which the slope is one: [1, 2] for a slope for each channel of images. */
  sharedAxes?: readonly number[] | null;
}

/**
 * x where x > 0, else alpha x with a learnt slope alpha for each number of a sample, [...shape]; 1 along `sharedAxes`.
 * Source: He et al. 2015.
 */
export class PReLU extends Layer<Tensor, Tensor> {
  static override readonly samples = () => [
    {
      make: () => new PReLU({ sharedAxes: [1, 2], alphaInitializer: "randomUniform" }),
      shape: [32, 14, 14, 32],
    },
  ];
  readonly sharedAxes: readonly number[];
  readonly #rules: WeightRules;
  #alpha: Variable | undefined;

  constructor(options: PReLUOptions = {}) {
    const { sharedAxes } = options;
    const rules = rulesOf("alpha", options);
    if (!Array.isArray(sharedAxes ?? [])) {
      throw new ArgumentError(
        `PReLU: sharedAxes must be an array of axes, as in [1, 2], got ${showGiven(sharedAxes)}`,
      );
    }
    super("PReLU", options, {
      alphaInitializer: true,
      alphaRegularizer: true,
      alphaConstraint: true,
      sharedAxes: true,
    } satisfies OwnLayerOptions<PReLUOptions>);
    this.sharedAxes = [...(sharedAxes ?? [])];
    this.#rules = rules;
  }

  get alpha(): Variable | undefined {
    return this.#alpha;
  }

  override get passesMask(): boolean {
    return true;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    this.#alphaShape(input);
    return input;
  }

  protected override createWeights(input: SampleSpec, weights: Weights): void {
    this.#alpha = weights.add("alpha", this.#alphaShape(input), this.#rules.initializer, this.#rules);
  }

  protected forward(x: Tensor): Tensor {
    return prelu(x, this.#alpha as Variable);
  }

  #alphaShape({ shape }: SampleSpec): Shape {
    const shared = this.sharedAxes.map((axis) => axisOf(this.describe(), axis, shape) - 1);
    return knownShape(
      this.describe(),
      shape.map((length, axis) => (shared.includes(axis) ? 1 : length)),
    );
  }
}

export interface ELUOptions extends LayerOptions {
  /** What it goes to for x towards -∞, negated; default 1. */
  alpha?: number;
}

/** x where x > 0, else alpha (eˣ - 1). Source: Clevert, Unterthiner and Hochreiter 2015. */
export class ELU extends Layer<Tensor, Tensor> {
  static override readonly samples = () => [{ make: () => new ELU({ alpha: 0.7 }), shape: sample }];
  readonly alpha: number;

  constructor(options: ELUOptions = {}) {
    const alpha = aNumber("ELU", "alpha", options.alpha ?? 1);
    super("ELU", options, { alpha: true } satisfies OwnLayerOptions<ELUOptions>);
    this.alpha = alpha;
  }

  override get passesMask(): boolean {
    return true;
  }

  protected forward(x: Tensor): Tensor {
    return elu(x, this.alpha);
  }
}

export interface SoftmaxOptions extends LayerOptions {
  /** Over which the numbers sum to 1, the batch being axis 0; default -1, the last. */
  axis?: number;
}

/** What is added to the logits of elements that do not count, as in Keras. */
const leftOut = 1e9;

/**
 * eˣ over its sum along an axis. With a mask, given in the call (`softmax.call(x, { mask })`, of the shape of x) or come
 * with x, [batch, time], what does not count gets 0.
 */
export class Softmax extends Layer<Tensor, Tensor> {
  static override readonly samples = () => [{ make: () => new Softmax({ axis: 1 }), shape: [32, 128, 64] }];
  readonly axis: number;
  readonly #activation: NamedActivation = { name: "softmax", call: (x) => softmax(x) };

  constructor(options: SoftmaxOptions = {}) {
    const { axis = -1 } = options;
    if (!Number.isInteger(axis)) {
      throw new ArgumentError(`Softmax: axis must be a whole number, got ${showGiven(axis)}`);
    }
    super("Softmax", options, { axis: true } satisfies OwnLayerOptions<SoftmaxOptions>);
    this.axis = axis;
  }

  override get passesMask(): boolean {
    return true;
  }

  /** Over the last axis a loss may take the logits. */
  override get outputActivation(): NamedActivation | undefined {
    return this.axis === -1 ? this.#activation : undefined;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    axisOf(this.describe(), this.axis, input.shape);
    return { shape: input.shape, dtype: "f32" };
  }

  /** A mask of single elements ends here. */
  protected override outputMask(x: Tensor, mask: CallContext["mask"]): CallContext["mask"] {
    return mask !== undefined && (mask as Tensor).rank < x.rank ? mask : undefined;
  }

  protected forward(x: Tensor, { mask }: CallContext): Tensor {
    const along = axisOf(this.describe(), this.axis, x.shape.slice(1));
    const counts = mask as Mask;
    // A mask of steps says nothing of what is within a step.
    const isHeeded = counts !== undefined && along < counts.rank;
    const logits = isHeeded ? add(x, mul(sub(cast(conditionOf(counts, x), "f32"), 1), leftOut)) : x;
    return this.axis === -1 ? logits : softmax(logits, along);
  }
}
