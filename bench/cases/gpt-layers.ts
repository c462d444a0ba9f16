// Layers of the bench's GPT: learned positions, and a block of attention and a perceptron, each behind a normalization and
// with a shortcut around it.

import { add, type Tensor, type Variable } from "../../engine/index.ts";
import {
  activations,
  Dense,
  initializers,
  Layer,
  LayerNormalization,
  MultiHeadAttention,
  type Weights,
} from "../../nn/index.ts";

type Spec = Parameters<Layer<Tensor, Tensor>["outputSpec"]>[0];

/** Adds a trained row of numbers to each step. */
export class Positions extends Layer<Tensor, Tensor> {
  #rows: Variable | undefined;

  constructor() {
    super("Positions", {});
  }

  protected override createWeights({ shape }: Spec, weights: Weights): void {
    this.#rows = weights.add("positions", shape as number[], initializers.get("zeros"));
  }

  protected forward(x: Tensor): Tensor {
    return add(x, this.#rows as Variable);
  }
}

/** A block of a transformer that sees no later steps, [batch, time, width] to the same. */
export class Block extends Layer<Tensor, Tensor> {
  readonly #first = new LayerNormalization();
  readonly #attention: MultiHeadAttention;
  readonly #second = new LayerNormalization();
  readonly #wide: Dense;
  readonly #narrow: Dense;

  constructor(width: number, heads: number) {
    super("Block", {});
    this.#attention = new MultiHeadAttention(heads, width / heads, { useCausalMask: true });
    this.#wide = new Dense(4 * width, { activation: activations.gelu });
    this.#narrow = new Dense(width);
  }

  protected override createWeights(input: Spec, weights: Weights): void {
    weights.inner("first", this.#first, input);
    weights.inner("attention", this.#attention, input);
    weights.inner("second", this.#second, input);
    const wide = weights.inner("wide", this.#wide, input) as Spec;
    weights.inner("narrow", this.#narrow, wide);
  }

  protected forward(x: Tensor): Tensor {
    const seen = add(x, this.#attention.call(this.#first.call(x)));
    return add(seen, this.#narrow.call(this.#wide.call(this.#second.call(seen))));
  }
}
