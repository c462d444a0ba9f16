// TimeDistributed: a layer on each step of a sequence by itself.

import { reshape, ShapeError, type Tensor } from "../../../engine/index.ts";
import { Dense } from "../core/dense.ts";
import { Layer, type LayerOptions } from "../layer.ts";
import { batched, type SampleSpec } from "../spec.ts";
import type { Weights } from "../weights.ts";

/** Runs a layer on each step: [batch, time, ...] to [batch, time, ...what the layer gives], all steps as one batch. */
export class TimeDistributed extends Layer<Tensor, Tensor> {
  static override readonly positional = ["layer"];
  static override readonly samples = () => [
    { make: () => new TimeDistributed(new Dense(4)), shape: [3, 4, 5] },
  ];
  readonly layer: Layer<Tensor, Tensor>;

  constructor(layer: Layer<Tensor, Tensor>, options: LayerOptions = {}) {
    super("TimeDistributed", options, {});
    this.layer = layer;
  }

  override get passesMask(): boolean {
    return true;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    const inner = this.layer.outputSpec(this.#stepOf(input));
    return { ...inner, shape: [input.shape[0], ...inner.shape] };
  }

  protected override createWeights(input: SampleSpec, weights: Weights): void {
    weights.inner("layer", this.layer, this.#stepOf(input));
  }

  protected forward(x: Tensor): Tensor {
    const [batch, steps, ...shape] = x.shape;
    const y = this.layer.call(reshape(x, [batch * steps, ...shape]), { mask: undefined });
    return reshape(y, [batch, steps, ...y.shape.slice(1)]);
  }

  #stepOf(input: SampleSpec): SampleSpec {
    if (input.shape.length >= 2) return { ...input, shape: input.shape.slice(1) };
    throw new ShapeError(
      `${this.describe()}: takes sequences, [batch, time, ...], got ${batched(input.shape)}`,
    );
  }
}
