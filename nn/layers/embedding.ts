// Embedding: a trained row of numbers for each of a set of whole numbers, as words of a vocabulary.

import { cast, embedding, type Tensor, type Variable } from "../../engine/index.ts";
import { atLeastOne } from "../../engine/internal.ts";
import * as initializers from "./initializers.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "./layer.ts";
import type { SampleSpec } from "./spec.ts";
import type { Weights } from "./weights.ts";

export interface EmbeddingOptions extends LayerOptions {
  /** Default "uniform": even over ±0.05, as in Keras. */
  embeddingsInitializer?: string | initializers.Initializer;
}

const ownOptions: OwnLayerOptions<EmbeddingOptions> = { embeddingsInitializer: true };

/**
 * Rows of a table by number: [batch, ...] to [batch, ..., outputDim]. Inputs are whole numbers from 0 to inputDim - 1,
 * i32, u32 or f32 (exact up to 2^24); one out of range gives zeros and trains nothing. Where the layer is a model's first,
 * such ids in arrays are refused (not in tensors, which stay unread but under `debug({ numerics: true })`). embeddings
 * [inputDim, outputDim].
 */
export class Embedding extends Layer<Tensor, Tensor> {
  readonly inputDim: number;
  readonly outputDim: number;
  readonly embeddingsInitializer: initializers.Initializer;
  #embeddings: Variable | undefined;

  /**
   * @param inputDim how many numbers there are: the largest and 1
   * @param outputDim features of each
   */
  constructor(inputDim: number, outputDim: number, options: EmbeddingOptions = {}) {
    atLeastOne("Embedding", "inputDim", inputDim);
    atLeastOne("Embedding", "outputDim", outputDim);
    const initializer = options.embeddingsInitializer ?? "uniform";
    const found = initializer === "uniform" ? initializers.randomUniform() : initializers.get(initializer);
    super("Embedding", options, ownOptions);
    this.inputDim = inputDim;
    this.outputDim = outputDim;
    this.embeddingsInitializer = found;
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
    return { shape: [...shape, this.outputDim], dtype: "f32" };
  }

  protected override createWeights(_input: SampleSpec, weights: Weights): void {
    const shape = [this.inputDim, this.outputDim];
    this.#embeddings = weights.add("embeddings", shape, this.embeddingsInitializer);
  }

  protected forward(x: Tensor): Tensor {
    const ids = x.dtype === "i32" || x.dtype === "u32" ? x : cast(x, "i32");
    return embedding(this.#embeddings as Variable, ids);
  }
}
