// UnitNormalization: each sample scaled to a length of 1.

import {
  ArgumentError,
  maximum,
  mul,
  rsqrt,
  ShapeError,
  square,
  sum,
  type Tensor,
} from "../../../engine/index.ts";
import { showGiven } from "../../../engine/internal.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import { axisOf, type SampleSpec } from "../spec.ts";

export interface UnitNormalizationOptions extends LayerOptions {
  /** Along which the squares sum to 1, the batch being axis 0: one axis or several; default -1, the last. */
  axis?: number | readonly number[];
}

/** Below which a length is not divided by, squared. */
const leastSquare = 1e-24;

/** x over √(Σ x²) along an axis, or several; where all of x is 0, it stays. No parameters. */
export class UnitNormalization extends Layer<Tensor, Tensor> {
  static override readonly samples = () => [{ make: () => new UnitNormalization(), shape: [128, 512] }];
  readonly axis: number | readonly number[];

  constructor(options: UnitNormalizationOptions = {}) {
    const { axis = -1 } = options;
    const list: readonly number[] = typeof axis === "number" ? [axis] : axis;
    if (!(Array.isArray(list) && list.length > 0 && list.every(Number.isInteger))) {
      throw new ArgumentError(
        `UnitNormalization: axis must be a whole number or an array of them, got ${showGiven(axis)}`,
      );
    }
    super("UnitNormalization", options, { axis: true } satisfies OwnLayerOptions<UnitNormalizationOptions>);
    this.axis = typeof axis === "number" ? axis : [...axis];
  }

  override get passesMask(): boolean {
    return true;
  }

  override outputSpec({ shape }: SampleSpec): SampleSpec {
    this.#axesOf(shape);
    return { shape, dtype: "f32" };
  }

  protected forward(x: Tensor): Tensor {
    const axes = this.#axesOf(x.shape.slice(1));
    return mul(x, rsqrt(maximum(sum(square(x), axes, { keepDims: true }), leastSquare)));
  }

  #axesOf(shape: SampleSpec["shape"]): number[] {
    const list = typeof this.axis === "number" ? [this.axis] : this.axis;
    const axes = list.map((axis) => axisOf(this.describe(), axis, shape));
    if (new Set(axes).size === axes.length) return axes;
    throw new ShapeError(
      `${this.describe()}: axis ${JSON.stringify(this.axis)} names an axis twice; name each once`,
    );
  }
}
