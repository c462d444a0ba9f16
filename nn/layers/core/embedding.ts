// Embedding: a trained row of numbers for each of a set of whole numbers, as words of a vocabulary.

import { cast, embedding, notEqual, ShapeError, type Tensor, type Variable } from "../../../engine/index.ts";
import { atLeastOne } from "../../../engine/internal.ts";
import type { ConstraintLike } from "../constraints.ts";
import type { Initializer } from "../initializers.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import type { Mask } from "../masks.ts";
import type { RegularizerLike } from "../regularizers.ts";
import { batched, type SampleSpec } from "../spec.ts";
import { rulesOf, type WeightRules } from "../weight-options.ts";
import type { Weights } from "../weights.ts";

export interface EmbeddingOptions extends LayerOptions {
  /** Default "uniform": even over ±0.05, as in Keras. */
  embeddingsInitializer?: string | Initializer;
  /** A penalty on the table that is added to the loss: "l2", an object or a function. */
  embeddingsRegularizer?: RegularizerLike | null;
  /** What the table becomes after each update: "unitNorm", an object or a function. */
  embeddingsConstraint?: ConstraintLike | null;
  /**
   * Whether 0 stands for a step that does not count, as padding does: inputs [batch, time] then give their output a mask,
   * which layers after it and the loss heed. Default false.
   */
  maskZero?: boolean;
}

const ownOptions: OwnLayerOptions<EmbeddingOptions> = {
  embeddingsInitializer: true,
  embeddingsRegularizer: true,
  embeddingsConstraint: true,
  maskZero: true,
};

/**
 * Rows of a table by number: [batch, ...] to [batch, ..., outputDim]. Inputs are whole numbers from 0 to inputDim - 1,
 * i32, u32 or f32 (exact up to 2^24); one out of range gives zeros and trains nothing. Where the layer is a model's first,
 * such ids in arrays are refused (not in tensors, which stay unread but under `debug({ numerics: true })`). embeddings
 * [inputDim, outputDim].
 */
export class Embedding extends Layer<Tensor, Tensor> {
  static override readonly positional = ["inputDim", "outputDim"];
  readonly inputDim: number;
  readonly outputDim: number;
  readonly embeddingsInitializer: Initializer;
  readonly maskZero: boolean;
  readonly #rules: WeightRules;
  #embeddings: Variable | undefined;

  /**
   * @param inputDim how many numbers there are: the largest and 1
   * @param outputDim features of each
   */
  constructor(inputDim: number, outputDim: number, options: EmbeddingOptions = {}) {
    atLeastOne("Embedding", "inputDim", inputDim);
    atLeastOne("Embedding", "outputDim", outputDim);
    const rules = rulesOf("embeddings", options, "uniform");
    super("Embedding", options, ownOptions);
    this.inputDim = inputDim;
    this.outputDim = outputDim;
    this.embeddingsInitializer = rules.initializer;
    this.#rules = rules;
    this.maskZero = options.maskZero ?? false;
  }

  /** Undefined until built. */
  get embeddings(): Variable | undefined {
    return this.#embeddings;
  }

  override get idCount(): number | undefined {
    // A subclass may make ids of anything.
    return this.constructor === Embedding ? this.inputDim : undefined;
  }

  override outputSpec({ shape }: SampleSpec): SampleSpec {
    if (this.maskZero && shape.length !== 1) {
      throw new ShapeError(
        `${this.describe()}: with maskZero it takes numbers of steps, [batch, time], got ${batched(shape)}; reshape them, or leave maskZero out`,
      );
    }
    return { shape: [...shape, this.outputDim], dtype: "f32" };
  }

  protected override createWeights(_input: SampleSpec, weights: Weights): void {
    const shape = [this.inputDim, this.outputDim];
    this.#embeddings = weights.add("embeddings", shape, this.embeddingsInitializer, this.#rules);
  }

  override get makesMask(): boolean {
    return this.maskZero;
  }

  protected override outputMask(x: Tensor): Mask {
    return this.maskZero ? notEqual(x, 0) : undefined;
  }

  protected forward(x: Tensor): Tensor {
    const ids = x.dtype === "i32" || x.dtype === "u32" ? x : cast(x, "i32");
    return embedding(this.#embeddings as Variable, ids);
  }
}
