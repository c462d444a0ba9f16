// Concatenate: inputs one after another along an axis.

import {
  ArgumentError,
  concat,
  expand,
  notEqual,
  ones,
  ShapeError,
  type Tensor,
} from "../../../engine/index.ts";
import { showGiven } from "../../../engine/internal.ts";
import type { CallContext } from "../call-context.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import type { Mask } from "../masks.ts";
import { axisOf, type SampleSpec, showSpecs } from "../spec.ts";
import { anyMask, checkSeveral } from "./several.ts";

export interface ConcatenateOptions extends LayerOptions {
  /** Along which, the batch being axis 0; default -1, the last. */
  axis?: number;
}

/**
 * Inputs one after another along an axis; all their other axes have one length. Along the axis of time their masks stand one
 * after another too; else a step counts if it does in any, where all have masks.
 */
export class Concatenate extends Layer<readonly Tensor[], Tensor> {
  static override readonly samples = () => [
    {
      make: () => new Concatenate(),
      shape: [128, 512],
      others: [[128, 64]],
    },
  ];
  readonly axis: number;

  constructor(options: ConcatenateOptions = {}) {
    const { axis = -1 } = options;
    if (!Number.isInteger(axis)) {
      throw new ArgumentError(`Concatenate: axis must be a whole number, got ${showGiven(axis)}`);
    }
    super("Concatenate", options, { axis: true } satisfies OwnLayerOptions<ConcatenateOptions>);
    this.axis = axis;
  }

  override get passesMask(): boolean {
    return true;
  }

  override outputSpec(inputs: readonly SampleSpec[]): SampleSpec {
    checkSeveral(this.describe(), inputs);
    const [first] = inputs;
    const along = axisOf(this.describe(), this.axis, first.shape) - 1;
    const fits = inputs.every(
      ({ shape, dtype }) =>
        dtype === first.dtype &&
        shape.length === first.shape.length &&
        shape.every((length, axis) => axis === along || sameOrOpen(length, first.shape[axis])),
    );
    if (!fits) {
      throw new ShapeError(
        `${this.describe()}: takes inputs of one dtype that are alike but for axis ${along + 1}, got ${showSpecs(inputs)}${inputs.some(({ dtype }) => dtype !== first.dtype) ? ` of ${inputs.map(({ dtype }) => dtype).join(" and ")}` : ""}; bring the others to one shape, as with a Reshape layer, or choose another axis`,
      );
    }
    const lengths = inputs.map(({ shape }) => shape[along]);
    const shape = first.shape.map((_, axis) => {
      if (axis !== along)
        return inputs.map((input) => input.shape[axis]).find((length) => length !== null) ?? null;
      return lengths.includes(null) ? null : (lengths as number[]).reduce((a, b) => a + b);
    });
    return { shape, dtype: first.dtype };
  }

  protected override outputMask(inputs: readonly Tensor[], mask: CallContext["mask"]): CallContext["mask"] {
    if (mask === undefined) return undefined;
    const along = axisOf(this.describe(), this.axis, inputs[0].shape.slice(1));
    if (along !== 1) return anyMask(mask);
    return concat(
      inputs.map((x, i) => flagsOf(x, (mask as readonly Mask[])[i])),
      1,
    );
  }

  protected forward(inputs: readonly Tensor[]): Tensor {
    return concat(inputs, axisOf(this.describe(), this.axis, inputs[0].shape.slice(1)));
  }
}

const sameOrOpen = (a: number | null, b: number | null): boolean => a === null || b === null || a === b;

/** Which steps of an input count, as bool; all where it has no mask. */
function flagsOf(x: Tensor, mask: Mask): Tensor {
  if (mask === undefined) return notEqual(expand(ones([1, 1], { device: x.device }), x.shape.slice(0, 2)), 0);
  return mask.dtype === "bool" ? mask : notEqual(mask, 0);
}
