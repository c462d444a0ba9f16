// Flatten: all axes but the batch merged into one.

import { reshape, type Shape, sizeOf, type Tensor } from "../../engine/index.ts";
import { Layer, type LayerOptions } from "./layer.ts";

/** [batch, ...shape] to [batch, size]: a view, no copy and no parameters. */
export class Flatten extends Layer {
  constructor(options: LayerOptions = {}) {
    super("Flatten", options, {});
  }

  computeOutputShape(inputShape: Shape): Shape {
    return [sizeOf(inputShape)];
  }

  protected forward(x: Tensor): Tensor {
    return reshape(x, [x.shape[0], sizeOf(x.shape.slice(1))]);
  }
}
