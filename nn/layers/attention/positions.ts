// Where steps of a sequence stand: SinePositionEncoding, PositionEmbedding, RotaryEmbedding.

import {
  dynamicSlice,
  expand,
  reshape,
  rotaryEmbedding,
  ShapeError,
  slice,
  type Tensor,
  tensor,
  type Variable,
} from "../../../engine/index.ts";
import { aboveZero, atLeastOne } from "../../../engine/internal.ts";
import type { ConstraintLike } from "../constraints.ts";
import type { Initializer } from "../initializers.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import type { RegularizerLike } from "../regularizers.ts";
import { batched, featuresOf, type SampleSpec } from "../spec.ts";
import { rulesOf, type WeightRules } from "../weight-options.ts";
import type { Weights } from "../weights.ts";
import { caching } from "./cache.ts";

function checkSequence(what: string, { shape }: SampleSpec): void {
  if (shape.length >= 2) return;
  throw new ShapeError(`${what}: takes sequences, [batch, time, features], got ${batched(shape)}`);
}

/** Rows from where the sequence stands, [steps, features]: the first ones, or behind those that a cache holds. */
function rowsFrom(table: Tensor, steps: number): Tensor {
  const cache = caching.value;
  if (cache !== undefined) return dynamicSlice(table, cache.position, steps);
  return steps === table.shape[0] ? table : slice(table, [0], [steps]);
}

/** The same for every sequence of the batch. */
const forAll = (rows: Tensor, { shape }: Tensor): Tensor => expand(reshape(rows, [1, ...rows.shape]), shape);

export interface SinePositionEncodingOptions extends LayerOptions {
  /** The longest wave's length, in positions times 2π; default 10,000. */
  maxWavelength?: number;
}

/**
 * Sines and cosines of each step's position, in waves of lengths from 2π to 2π · maxWavelength (Vaswani et al. 2017), of the
 * shape of the input [batch, time, features]; add them to it. Feature 2i is a sine, 2i + 1 the cosine of the same angle, as
 * in KerasHub.
 */
export class SinePositionEncoding extends Layer<Tensor, Tensor> {
  static override readonly samples = () => [
    { make: () => new SinePositionEncoding(), shape: [3, 5, 6], limit: 2 },
  ];
  readonly maxWavelength: number;

  constructor(options: SinePositionEncodingOptions = {}) {
    const maxWavelength = aboveZero("SinePositionEncoding", "maxWavelength", options.maxWavelength ?? 10_000);
    super("SinePositionEncoding", options, {
      maxWavelength: true,
    } satisfies OwnLayerOptions<SinePositionEncodingOptions>);
    this.maxWavelength = maxWavelength;
  }

  override get passesMask(): boolean {
    return true;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    checkSequence(this.describe(), input);
    featuresOf(this.describe(), input);
    return { shape: input.shape, dtype: "f32" };
  }

  protected forward(x: Tensor): Tensor {
    const [, steps, features] = x.shape;
    const count = Math.max(steps, caching.value?.maxLength ?? 0);
    const values = Float32Array.from({ length: count * features }, (_, n) => {
      const [p, i] = [Math.floor(n / features), n % features];
      const angle = p * this.maxWavelength ** (-(2 * Math.floor(i / 2)) / features);
      return i % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    });
    return forAll(rowsFrom(tensor(values, { shape: [count, features], device: x.device }), steps), x);
  }
}

export interface PositionEmbeddingOptions extends LayerOptions {
  /** Default "glorotUniform", as in KerasHub. */
  embeddingsInitializer?: string | Initializer;
  /** A penalty on the table that is added to the loss. */
  embeddingsRegularizer?: RegularizerLike | null;
  /** What the table becomes after each update. */
  embeddingsConstraint?: ConstraintLike | null;
}

/**
 * A trained row for each position, of the shape of the input [batch, time, features]; add them to it, as
 * `new Add().call([x, positions.call(x)])`. embeddings [sequenceLength, features]; sequences may be shorter.
 */
export class PositionEmbedding extends Layer<Tensor, Tensor> {
  static override readonly positional = ["sequenceLength"];
  static override readonly samples = () => [{ make: () => new PositionEmbedding(7), shape: [3, 5, 6] }];
  readonly sequenceLength: number;
  readonly #rules: WeightRules;
  #embeddings: Variable | undefined;

  /** @param sequenceLength steps of the longest sequence */
  constructor(sequenceLength: number, options: PositionEmbeddingOptions = {}) {
    atLeastOne("PositionEmbedding", "sequenceLength", sequenceLength);
    const rules = rulesOf("embeddings", options, "glorotUniform");
    super("PositionEmbedding", options, {
      embeddingsInitializer: true,
      embeddingsRegularizer: true,
      embeddingsConstraint: true,
    } satisfies OwnLayerOptions<PositionEmbeddingOptions>);
    this.sequenceLength = sequenceLength;
    this.#rules = rules;
  }

  /** Undefined until built. */
  get embeddings(): Variable | undefined {
    return this.#embeddings;
  }

  override get passesMask(): boolean {
    return true;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    checkSequence(this.describe(), input);
    const [steps] = input.shape;
    if (input.shape.length !== 2 || (steps !== null && steps > this.sequenceLength))
      throw new ShapeError(
        `${this.describe()}: has rows for ${this.sequenceLength} steps of [batch, time, features], got ${batched(input.shape)}; give it as many as the longest sequence has`,
      );
    return { shape: input.shape, dtype: "f32" };
  }

  protected override createWeights(input: SampleSpec, weights: Weights): void {
    const shape = [this.sequenceLength, featuresOf(this.describe(), input)];
    this.#embeddings = weights.add("embeddings", shape, this.#rules.initializer, this.#rules);
  }

  protected forward(x: Tensor): Tensor {
    return forAll(rowsFrom(this.#embeddings as Variable, x.shape[1]), x);
  }
}

export interface RotaryEmbeddingOptions extends LayerOptions {
  /** The longest wave's length, in positions times 2π; default 10,000. */
  maxWavelength?: number;
  /** Positions are divided by it; default 1. */
  scalingFactor?: number;
}

/**
 * Positions as rotations of pairs of features (Su et al. 2021), for queries and keys: [batch, time, ..., features] of the same
 * shape. See `rotaryEmbedding`.
 */
export class RotaryEmbedding extends Layer<Tensor, Tensor> {
  static override readonly samples = () => [{ make: () => new RotaryEmbedding(), shape: [3, 5, 2, 6] }];
  readonly maxWavelength: number;
  readonly scalingFactor: number;

  constructor(options: RotaryEmbeddingOptions = {}) {
    const { maxWavelength = 10_000, scalingFactor = 1 } = options;
    aboveZero("RotaryEmbedding", "maxWavelength", maxWavelength);
    aboveZero("RotaryEmbedding", "scalingFactor", scalingFactor);
    super("RotaryEmbedding", options, {
      maxWavelength: true,
      scalingFactor: true,
    } satisfies OwnLayerOptions<RotaryEmbeddingOptions>);
    this.maxWavelength = maxWavelength;
    this.scalingFactor = scalingFactor;
  }

  override get passesMask(): boolean {
    return true;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    checkSequence(this.describe(), input);
    const features = featuresOf(this.describe(), input);
    if (features % 2 !== 0)
      throw new ShapeError(
        `${this.describe()}: turns pairs of features, so it takes an even number of them, got ${batched(input.shape)}`,
      );
    return { shape: input.shape, dtype: "f32" };
  }

  protected forward(x: Tensor): Tensor {
    return rotated(x, this);
  }
}

/** Turned from where the sequence stands; from 0 where it `isWhole`, there in full at every step, as what a decoder attends to is. */
export function rotated(
  x: Tensor,
  { maxWavelength, scalingFactor }: { maxWavelength?: number; scalingFactor?: number },
  isWhole = false,
): Tensor {
  const cache = isWhole ? undefined : caching.value;
  const at = cache === undefined ? {} : { offset: cache.position, maxLength: cache.maxLength };
  return rotaryEmbedding(x, { maxWavelength, scalingFactor, ...at });
}
