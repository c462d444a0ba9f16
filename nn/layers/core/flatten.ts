// Flatten: all axes but the batch merged into one.

import { reshape, sizeOf, type Tensor } from "../../../engine/index.ts";
import { Layer, type LayerOptions } from "../layer.ts";
import { knownShape, type SampleSpec } from "../spec.ts";

/** [batch, ...shape] to [batch, size]: a view, no copy and no parameters. */
export class Flatten extends Layer<Tensor, Tensor> {
  constructor(options: LayerOptions = {}) {
    super("Flatten", options, {});
  }

  override outputSpec({ shape, dtype }: SampleSpec): SampleSpec {
    return { shape: [sizeOf(knownShape(this.describe(), shape))], dtype };
  }

  protected forward(x: Tensor): Tensor {
    return reshape(x, [x.shape[0], sizeOf(x.shape.slice(1))]);
  }
}
