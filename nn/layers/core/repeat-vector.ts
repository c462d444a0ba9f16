// RepeatVector: one vector as a sequence of it.

import { expand, reshape, ShapeError, type Tensor } from "../../../engine/index.ts";
import { atLeastOne } from "../../../engine/internal.ts";
import { Layer, type LayerOptions } from "../layer.ts";
import { batched, type SampleSpec } from "../spec.ts";

/** [batch, features] to [batch, n, features]: the same features at each of n steps. */
export class RepeatVector extends Layer<Tensor, Tensor> {
  static override readonly positional = ["n"];
  static override readonly samples = () => [{ make: () => new RepeatVector(5), shape: [128, 512] }];
  readonly n: number;

  /** @param n how many times */
  constructor(n: number, options: LayerOptions = {}) {
    atLeastOne("RepeatVector", "n", n);
    super("RepeatVector", options, {});
    this.n = n;
  }

  override outputSpec({ shape, dtype }: SampleSpec): SampleSpec {
    if (shape.length === 1) return { shape: [this.n, shape[0]], dtype };
    throw new ShapeError(
      `${this.describe()}: takes vectors, [batch, features], got ${batched(shape)}; a Flatten layer makes them of others`,
    );
  }

  protected forward(x: Tensor): Tensor {
    const [batch, features] = x.shape;
    return expand(reshape(x, [batch, 1, features]), [batch, this.n, features]);
  }
}
