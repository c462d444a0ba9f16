// ReversibleEmbedding: a table by which numbers become rows, and rows logits of the numbers.

import {
  ArgumentError,
  cast,
  div,
  embedding,
  matmul,
  mul,
  notEqual,
  reshape,
  ShapeError,
  Tensor,
  tanh,
  type Variable,
} from "../../../engine/index.ts";
import { aboveZero, atLeastOne, kindOf } from "../../../engine/internal.ts";
import type { EmbeddingOptions } from "../core/embedding.ts";
import type { Initializer } from "../initializers.ts";
import { Layer, type OwnLayerOptions } from "../layer.ts";
import type { Mask } from "../masks.ts";
import { batched, featuresOf, isSpec, type SampleSpec } from "../spec.ts";
import { rulesOf, type WeightRules } from "../weight-options.ts";
import type { Weights } from "../weights.ts";

export interface ReversibleEmbeddingOptions extends EmbeddingOptions {
  /**
   * Whether the table itself makes the logits; else a matrix of its own does, reverseEmbeddings [outputDim, inputDim].
   * Default true.
   */
  tieWeights?: boolean;
  /** Logits l become cap · tanh(l / cap); default: they stay. */
  logitSoftCap?: number | null;
}

/**
 * An Embedding whose table also makes the logits (tied embeddings, Press and Wolf 2017): `call(ids)` gives rows,
 * [batch, ...] to [batch, ..., outputDim]; `call({ reverse: x })` the products of x [batch, ..., outputDim] with all rows,
 * [batch, ..., inputDim]. A model calls it at its beginning and at its end. embeddings [inputDim, outputDim].
 */
export class ReversibleEmbedding extends Layer<Tensor | { readonly reverse: Tensor }, Tensor> {
  static override readonly positional = ["inputDim", "outputDim"];
  static override readonly samples = () => [
    { make: () => new ReversibleEmbedding(11, 4), shape: [3, 5], limit: 11 },
  ];
  readonly inputDim: number;
  readonly outputDim: number;
  readonly embeddingsInitializer: Initializer;
  readonly maskZero: boolean;
  readonly tieWeights: boolean;
  readonly logitSoftCap: number | undefined;
  readonly #rules: WeightRules;
  #embeddings: Variable | undefined;
  #reverse: Variable | undefined;

  /**
   * @param inputDim how many numbers there are: the largest and 1
   * @param outputDim features of each
   */
  constructor(inputDim: number, outputDim: number, options: ReversibleEmbeddingOptions = {}) {
    atLeastOne("ReversibleEmbedding", "inputDim", inputDim);
    atLeastOne("ReversibleEmbedding", "outputDim", outputDim);
    const rules = rulesOf("embeddings", options, "uniform");
    const cap = options.logitSoftCap ?? undefined;
    if (cap !== undefined) aboveZero("ReversibleEmbedding", "logitSoftCap", cap);
    super("ReversibleEmbedding", options, {
      embeddingsInitializer: true,
      embeddingsRegularizer: true,
      embeddingsConstraint: true,
      maskZero: true,
      tieWeights: true,
      logitSoftCap: true,
    } satisfies OwnLayerOptions<ReversibleEmbeddingOptions>);
    this.inputDim = inputDim;
    this.outputDim = outputDim;
    this.embeddingsInitializer = rules.initializer;
    this.maskZero = options.maskZero ?? false;
    this.tieWeights = options.tieWeights ?? true;
    this.logitSoftCap = cap;
    this.#rules = rules;
  }

  /** Undefined until built. */
  get embeddings(): Variable | undefined {
    return this.#embeddings;
  }

  /** What makes the logits where weights are not tied; undefined until built. */
  get reverseEmbeddings(): Variable | undefined {
    return this.#reverse;
  }

  override get idCount(): number | undefined {
    return this.constructor === ReversibleEmbedding ? this.inputDim : undefined;
  }

  override outputSpec(inputs: unknown): SampleSpec {
    const { ids, reverse } = this.#read<SampleSpec>(inputs);
    if (reverse !== undefined) {
      const features = featuresOf(this.describe(), reverse);
      if (features !== this.outputDim)
        throw new ShapeError(
          `${this.describe()}: makes logits of [batch, ..., ${this.outputDim}], got ${batched(reverse.shape)}; a Dense before brings others to that`,
        );
      return { shape: [...reverse.shape.slice(0, -1), this.inputDim], dtype: "f32" };
    }
    const { shape } = ids as SampleSpec;
    if (this.maskZero && shape.length !== 1)
      throw new ShapeError(
        `${this.describe()}: with maskZero it takes numbers of steps, [batch, time], got ${batched(shape)}; reshape them, or leave maskZero out`,
      );
    return { shape: [...shape, this.outputDim], dtype: "f32" };
  }

  protected override createWeights(_inputs: unknown, weights: Weights): void {
    const { initializer } = this.#rules;
    this.#embeddings = weights.add("embeddings", [this.inputDim, this.outputDim], initializer, this.#rules);
    if (!this.tieWeights)
      this.#reverse = weights.add("reverseEmbeddings", [this.outputDim, this.inputDim], initializer);
  }

  override get makesMask(): boolean {
    return this.maskZero;
  }

  protected override outputMask(inputs: unknown): Mask {
    const { ids } = this.#read<Tensor>(inputs);
    return this.maskZero && ids !== undefined ? notEqual(ids, 0) : undefined;
  }

  protected forward(inputs: unknown): Tensor {
    const { ids, reverse } = this.#read<Tensor>(inputs);
    const table = this.#embeddings as Variable;
    if (ids !== undefined)
      return embedding(table, ids.dtype === "i32" || ids.dtype === "u32" ? ids : cast(ids, "i32"));
    const x = reverse as Tensor;
    const rows = reshape(x, [-1, this.outputDim]);
    const product =
      this.#reverse === undefined ? matmul(rows, table, { transposeB: true }) : matmul(rows, this.#reverse);
    const cap = this.logitSoftCap;
    const logits = cap === undefined ? product : mul(tanh(div(product, cap)), cap);
    return reshape(logits, [...x.shape.slice(0, -1), this.inputDim]);
  }

  #read<T>(inputs: unknown): { readonly ids?: T; readonly reverse?: T } {
    if (inputs instanceof Tensor || isSpec(inputs)) return { ids: inputs as T };
    const given = inputs as { readonly reverse?: T } | null;
    if (typeof given === "object" && given?.reverse !== undefined) return { reverse: given.reverse };
    throw new ArgumentError(
      `${this.describe()}: takes numbers, or { reverse: x } for logits of x, got ${kindOf(inputs)}`,
    );
  }
}
