// Dropout, SpatialDropout1D and SpatialDropout2D: they leave out a random share of the inputs in training, a fresh one at
// each step.

import {
  ArgumentError,
  dropout,
  mul,
  randomBernoulli,
  type Shape,
  ShapeError,
  type Tensor,
  where,
} from "../../../engine/index.ts";
import { showGiven, showGivenList } from "../../../engine/internal.ts";
import { batched, type SampleSpec } from "../spec.ts";
import { RandomLayer, type RandomLayerOptions } from "./random-layer.ts";

/** One draw for each of these: a length of 1 shares it along an axis, null is the input's. The batch comes first. */
export type NoiseShape = readonly (number | null)[];

abstract class DropoutLayer extends RandomLayer {
  static override readonly positional = ["rate"];
  readonly rate: number;
  readonly #noiseShape: NoiseShape | undefined;

  protected constructor(
    type: string,
    rate: number,
    noiseShape: NoiseShape | undefined,
    options: RandomLayerOptions,
    own?: Readonly<Record<string, true>>,
  ) {
    if (typeof rate !== "number" || !(rate >= 0 && rate <= 1)) {
      throw new ArgumentError(
        `${type}: the rate must be from 0 to 1, the share of elements to drop, got ${showGiven(rate)}`,
      );
    }
    super(type, options, own);
    this.rate = rate;
    this.#noiseShape = noiseShape;
  }

  protected get isIdle(): boolean {
    return this.rate === 0;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    if (this.#noiseShape !== undefined) checkNoiseShape(this.describe(), this.#noiseShape, input);
    return input;
  }

  protected change(x: Tensor, state: Tensor): Tensor {
    const { rate } = this;
    if (this.#noiseShape === undefined) return dropout(x, rate, state);
    const kept = randomBernoulli(state, drawnShape(this.describe(), this.#noiseShape, x), {
      probability: 1 - rate,
    });
    return where(kept, mul(x, rate === 1 ? 0 : 1 / (1 - rate)), 0);
  }
}

/** @throws ArgumentError unless it is an array of whole numbers of at least 1, or null */
export function noiseShapeOf(
  type: string,
  noiseShape: NoiseShape | null | undefined,
): NoiseShape | undefined {
  if (noiseShape === undefined || noiseShape === null) return undefined;
  const isShape =
    Array.isArray(noiseShape) &&
    noiseShape.every((length) => length === null || (Number.isInteger(length) && length >= 1));
  if (isShape) return [...noiseShape];
  throw new ArgumentError(
    `${type}: noiseShape must be an array of whole numbers of at least 1 or null, the batch first, as in [null, 1, null], got ${showGivenList(noiseShape)}`,
  );
}

/** @throws ShapeError unless noise of that shape broadcasts to the input's */
export function checkNoiseShape(what: string, noiseShape: NoiseShape, { shape }: SampleSpec): void {
  const fits =
    noiseShape.length === shape.length + 1 &&
    shape.every((length, i) => [null, 1, length].includes(noiseShape[i + 1]) || length === null);
  if (fits) return;
  throw new ShapeError(
    `${what}: noiseShape ${JSON.stringify(noiseShape)} does not fit inputs ${batched(shape)}: it must have an entry for the batch and each axis, the input's length, null (the same) or 1 (one draw for all along the axis)`,
  );
}

/** How much is drawn for an input. */
export function drawnShape(what: string, noiseShape: NoiseShape, x: Tensor): Shape {
  const shape = noiseShape.map((length, axis) => length ?? x.shape[axis]);
  if (shape.every((length, axis) => length === 1 || length === x.shape[axis])) return shape;
  throw new ShapeError(
    `${what}: noiseShape ${JSON.stringify(noiseShape)} does not fit an input of shape [${x.shape.join(", ")}]; write null for the lengths that differ from batch to batch`,
  );
}

export interface DropoutOptions extends RandomLayerOptions {
  /**
   * What is dropped together: [null, 1, null] drops features of a sequence at all steps alike. The batch comes first; null is
   * the input's length. Default: each element by itself.
   */
  noiseShape?: NoiseShape | null;
}

/**
 * In training sets a share `rate` of the elements to 0 and multiplies the others by 1 / (1 - rate); in inference
 * the identity. The mask is drawn on the device from a counter that advances at each step, the same bits on every
 * device, and the same in backward. Source: Srivastava et al. 2014, scaled as Keras does.
 */
export class Dropout extends DropoutLayer {
  readonly noiseShape: NoiseShape | undefined;

  /** @param rate share of the elements to leave out, from 0 (none) to 1 (all) */
  constructor(rate: number, options: DropoutOptions = {}) {
    const noiseShape = noiseShapeOf("Dropout", options.noiseShape);
    super("Dropout", rate, noiseShape, options, { noiseShape: true });
    this.noiseShape = noiseShape;
  }
}

/** Dropout of whole features: of [batch, time, features] each is dropped at all steps or at none. */
export class SpatialDropout1D extends DropoutLayer {
  static override readonly samples = () => [{ make: () => new SpatialDropout1D(0.5), shape: [32, 128, 64] }];

  /** @param rate share of the features to leave out, from 0 (none) to 1 (all) */
  constructor(rate: number, options: RandomLayerOptions = {}) {
    super("SpatialDropout1D", rate, [null, 1, null], options);
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    if (input.shape.length === 2) return input;
    throw new ShapeError(
      `${this.describe()}: takes sequences, [batch, time, features], got ${batched(input.shape)}; SpatialDropout2D is for images, Dropout for vectors`,
    );
  }
}

/** Dropout of whole channels: of [batch, height, width, channels] each is dropped at all pixels or at none. */
export class SpatialDropout2D extends DropoutLayer {
  static override readonly samples = () => [
    { make: () => new SpatialDropout2D(0.5), shape: [32, 14, 14, 32] },
  ];

  /** @param rate share of the channels to leave out, from 0 (none) to 1 (all) */
  constructor(rate: number, options: RandomLayerOptions = {}) {
    super("SpatialDropout2D", rate, [null, 1, 1, null], options);
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    if (input.shape.length === 3) return input;
    throw new ShapeError(
      `${this.describe()}: takes images, [batch, height, width, channels], got ${batched(input.shape)}; SpatialDropout1D is for sequences, Dropout for vectors`,
    );
  }
}
