// Normalization: features centred and scaled by the mean and variance of data that the layer was shown before training.

import {
  ArgumentError,
  add,
  div,
  maximum,
  mul,
  reshape,
  type Shape,
  ShapeError,
  showShape,
  sizeOf,
  sqrt,
  sub,
  type Tensor,
  type Variable,
} from "../../../engine/index.ts";
import { showGiven, showGivenList } from "../../../engine/internal.ts";
import type { Config } from "../config.ts";
import { Layer, type LayerOptions, type LayerSample, type OwnLayerOptions } from "../layer.ts";
import { batched, equalShapes, type SampleShape, type SampleSpec } from "../spec.ts";
import type { Weights } from "../weights.ts";
import { type AdaptData, checkAdapted, givenValues, type HostData, readData } from "./adapted.ts";

export interface NormalizationOptions extends LayerOptions {
  /**
   * Axes of which each place has a mean and a variance of its own, the batch being axis 0; null for one of all. Default -1:
   * each feature has its own.
   */
  axis?: number | readonly number[] | null;
  /** The mean, together with `variance` in the place of `adapt`: one number for all, or one each in row-major order. */
  mean?: number | readonly number[];
  variance?: number | readonly number[];
  /** Go back from normalized values to those of the data; default false. */
  invert?: boolean;
}

const ownOptions: OwnLayerOptions<NormalizationOptions> = {
  axis: true,
  mean: true,
  variance: true,
  invert: true,
};

/** The least standard deviation that is divided by, Keras's. */
const epsilon = 1e-7;

/**
 * (x - mean) / √variance. Mean and variance are given, or found by `adapt` in data, once, before the layer is used; training
 * does not change them. They are the layer's weights.
 *
 *     const normalize = await new Normalization().adapt(xTrain);
 *     const model = new Sequential([new Input([8]), normalize, new Dense(1)]);
 */
export class Normalization extends Layer<Tensor, Tensor> {
  static override readonly samples = (): LayerSample[] => [
    { make: () => new Normalization({ mean: 0.5, variance: 4 }), shape: [128, 512] },
  ];
  readonly axis: number | readonly number[] | null;
  readonly invert: boolean;
  #mean: number | readonly number[] | undefined;
  #variance: number | readonly number[] | undefined;
  #means: Variable | undefined;
  #variances: Variable | undefined;

  constructor(options: NormalizationOptions = {}) {
    const { axis = -1, mean, variance } = options;
    const axes = axis === null || typeof axis === "number" ? [axis ?? -1] : axis;
    if (!Array.isArray(axes) || !axes.every((one) => Number.isInteger(one) && one !== 0)) {
      throw new ArgumentError(
        `Normalization: axis is ${showGivenList(axis)}; it must be a whole number other than 0 (the batch), a list of them, or null`,
      );
    }
    if ((mean === undefined) !== (variance === undefined)) {
      throw new ArgumentError(
        "Normalization: mean and variance go together; give both, or neither and adapt",
      );
    }
    for (const [what, given, least] of [
      ["mean", mean, Number.NEGATIVE_INFINITY],
      ["variance", variance, 0],
    ] as const) {
      const wrong = [given ?? 0].flat().find((n) => !(Number.isFinite(n) && n >= least));
      if (wrong === undefined) continue;
      const wanted = least === 0 ? "finite and at least 0" : "finite";
      throw new ArgumentError(`Normalization: numbers of ${what} must be ${wanted}, got ${showGiven(wrong)}`);
    }
    super("Normalization", options, ownOptions);
    this.axis = axis;
    this.invert = options.invert ?? false;
    this.#mean = mean;
    this.#variance = variance;
  }

  /** Given or adapted; undefined before. */
  get mean(): number | readonly number[] | undefined {
    return this.#mean;
  }

  /** Given or adapted; undefined before. */
  get variance(): number | readonly number[] | undefined {
    return this.#variance;
  }

  override get passesMask(): boolean {
    return true;
  }

  /** With mean and variance, also adapted ones. */
  override config(): Config {
    return {
      ...super.config(),
      ...(this.#mean === undefined ? {} : { mean: this.#mean, variance: this.#variance }),
    };
  }

  /** A new layer of the same mean and variance, also adapted ones. */
  override clone(): this {
    const made = super.clone();
    made.#mean = this.#mean;
    made.#variance = this.#variance;
    return made;
  }

  /** Finds mean and variance in data, in place of those that there were. */
  async adapt(data: AdaptData): Promise<this> {
    const found = await readData(this, data);
    const row = found.shape.slice(1);
    const lengths = this.#lengths(row);
    if (this.#means !== undefined && !equalShapes(this.#means.shape, lengths)) {
      throw new ShapeError(
        `${this.describe()}: adapt: was built for a mean of shape ${showShape(this.#means.shape)}, but the data ${showShape(found.shape)} have one of ${showShape(lengths)}`,
      );
    }
    const { mean, variance } = momentsOf(found, this.#axes(row));
    this.#mean = mean;
    this.#variance = variance;
    this.#means?.set(mean);
    this.#variances?.set(variance);
    return this;
  }

  override outputSpec({ shape }: SampleSpec): SampleSpec {
    this.#lengths(shape);
    return { shape, dtype: "f32" };
  }

  protected override createWeights({ shape }: SampleSpec, weights: Weights): void {
    const lengths = this.#lengths(shape);
    const size = sizeOf(lengths);
    for (const given of [this.#mean, this.#variance]) {
      if (typeof given !== "object" || given.length === size) continue;
      throw new ShapeError(
        `${this.describe()}: has mean and variance of ${given.length} numbers, and ${batched(shape)} wants ${size}; adapt to data of that shape`,
      );
    }
    const moved = { role: "moved" } as const;
    this.#means = weights.add("mean", lengths, givenValues(this.#mean ?? 0), moved);
    this.#variances = weights.add("variance", lengths, givenValues(this.#variance ?? 1), moved);
  }

  protected forward(x: Tensor): Tensor {
    checkAdapted(this, "mean and variance", this.#mean !== undefined, this.#means, "mean and variance");
    const axes = this.#axes(x.shape.slice(1));
    const apart = x.shape.map((length, axis) => (axes.includes(axis) ? length : 1));
    const means = reshape(this.#means as Tensor, apart);
    const deviations = maximum(sqrt(reshape(this.#variances as Tensor, apart)), epsilon);
    return this.invert ? add(mul(x, deviations), means) : div(sub(x, means), deviations);
  }

  /** From 1 on, in order. */
  #axes(sample: SampleShape): number[] {
    if (this.axis === null) return [];
    const rank = sample.length + 1;
    const axes = [this.axis].flat().map((axis) => (axis < 0 ? axis + rank : axis));
    if (axes.every((axis) => axis >= 1 && axis < rank) && new Set(axes).size === axes.length)
      return axes.sort((a, b) => a - b);
    throw new ShapeError(
      `${this.describe()}: axis ${showGivenList(this.axis)} is none of ${batched(sample)} behind the batch, or names one twice; choose others, or axis: null for one mean of all`,
    );
  }

  /** Of the mean. */
  #lengths(sample: SampleShape): Shape {
    return this.#axes(sample).map((axis) => {
      const length = sample[axis - 1];
      if (length !== null) return length;
      throw new ShapeError(
        `${this.describe()}: axis ${axis} of ${batched(sample)} has no fixed length to have means for; give the model's input one, or choose another axis`,
      );
    });
  }
}

/** In float64 and two passes, so that nothing cancels. */
function momentsOf({ values, shape }: HostData, axes: readonly number[]) {
  const kept = shape.map((length, axis) => (axes.includes(axis) ? length : 1));
  const strides = kept.map((length, axis) => (length === 1 ? 0 : sizeOf(kept.slice(axis + 1))));
  const [groups, size] = [sizeOf(kept), sizeOf(shape)];
  const placeOf = (i: number) => {
    let [rest, place] = [i, 0];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += (rest % shape[axis]) * strides[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    return place;
  };
  const meansOf = (numberAt: (i: number, place: number) => number) => {
    const sums = new Array<number>(groups).fill(0);
    for (let i = 0; i < size; i++) {
      const place = placeOf(i);
      sums[place] += numberAt(i, place);
    }
    return sums.map((sum) => (sum * groups) / size);
  };
  const mean = meansOf((i) => values[i]);
  return { mean, variance: meansOf((i, place) => (values[i] - mean[place]) ** 2) };
}
