// Add, Subtract, Multiply, Average, Maximum and Minimum: several inputs to one, element by element.

import {
  add,
  div,
  logicalOr,
  maximum,
  minimum,
  mul,
  reshape,
  sub,
  type Tensor,
  where,
} from "../../../engine/index.ts";
import type { CallContext } from "../call-context.ts";
import { Layer, type LayerOptions } from "../layer.ts";
import { conditionOf, type Mask } from "../masks.ts";
import type { SampleSpec } from "../spec.ts";
import { anyMask, broadcastSamples, checkSeveral } from "./several.ts";

/** Two inputs as the bench and tests give them. */
const two = { shape: [128, 512], others: [[128, 512]] };

/**
 * Inputs [batch, ...] of one shape, or of such as broadcast: aligned at the last axis, lengths are equal or 1; one of fewer
 * axes is the same along those that it lacks. Where all inputs have masks, a step counts if it does in any.
 */
abstract class Merge extends Layer<readonly Tensor[], Tensor> {
  protected constructor(type: string, options: LayerOptions) {
    super(type, options, {});
  }

  /** How many inputs it takes; undefined for two or more. */
  protected get inputCount(): number | undefined {
    return undefined;
  }

  /** Of inputs of one rank. */
  protected abstract merge(inputs: readonly Tensor[], masks: readonly Mask[]): Tensor;

  override get passesMask(): boolean {
    return true;
  }

  override outputSpec(inputs: readonly SampleSpec[]): SampleSpec {
    checkSeveral(this.describe(), inputs, this.inputCount);
    const isSame = inputs.every(({ dtype }) => dtype === inputs[0].dtype);
    return { shape: broadcastSamples(this.describe(), inputs), dtype: isSame ? inputs[0].dtype : "f32" };
  }

  protected override outputMask(_inputs: readonly Tensor[], mask: CallContext["mask"]): CallContext["mask"] {
    return mask === undefined ? undefined : anyMask(mask);
  }

  protected forward(inputs: readonly Tensor[], { mask }: CallContext): Tensor {
    const rank = Math.max(...inputs.map((x) => x.rank));
    const masks = (mask ?? []) as readonly Mask[];
    return this.merge(
      inputs.map((x) =>
        x.rank === rank
          ? x
          : reshape(x, [x.shape[0], ...new Array<number>(rank - x.rank).fill(1), ...x.shape.slice(1)]),
      ),
      inputs.map((_, i) => masks[i]),
    );
  }
}

/** The sum: what a residual connection ends with, `new Add().call([x, block])`. */
export class Add extends Merge {
  static override readonly samples = () => [{ make: () => new Add(), ...two }];

  constructor(options: LayerOptions = {}) {
    super("Add", options);
  }

  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((a, b) => add(a, b));
  }
}

/** The first of two inputs less the second. */
export class Subtract extends Merge {
  static override readonly samples = () => [{ make: () => new Subtract(), ...two }];

  constructor(options: LayerOptions = {}) {
    super("Subtract", options);
  }

  protected override get inputCount(): number {
    return 2;
  }

  protected merge([a, b]: readonly Tensor[]): Tensor {
    return sub(a, b);
  }
}

/** The product; steps that a mask leaves out of an input count as 1 there, and give 0 where all inputs leave them out. */
export class Multiply extends Merge {
  static override readonly samples = () => [{ make: () => new Multiply(), ...two }];

  constructor(options: LayerOptions = {}) {
    super("Multiply", options);
  }

  protected merge(inputs: readonly Tensor[], masks: readonly Mask[]): Tensor {
    const product = inputs
      .map((x, i) => {
        const mask = masks[i];
        return mask === undefined ? x : where(conditionOf(mask, x), x, 1);
      })
      .reduce((a, b) => mul(a, b));
    const counts = anyMask(masks);
    return counts === undefined ? product : where(conditionOf(counts, product), product, 0);
  }
}

/** The mean of the inputs. */
export class Average extends Merge {
  static override readonly samples = () => [{ make: () => new Average(), ...two }];

  constructor(options: LayerOptions = {}) {
    super("Average", options);
  }

  override outputSpec(inputs: readonly SampleSpec[]): SampleSpec {
    return { ...super.outputSpec(inputs), dtype: "f32" };
  }

  protected merge(inputs: readonly Tensor[]): Tensor {
    return div(
      inputs.reduce((a, b) => add(a, b)),
      inputs.length,
    );
  }
}

/** One of the inputs, element by element; steps that a mask leaves out of an input are not chosen from it. */
abstract class Choice extends Merge {
  protected abstract choose(a: Tensor, b: Tensor): Tensor;

  protected merge(inputs: readonly Tensor[], masks: readonly Mask[]): Tensor {
    let [output] = inputs;
    let counts = masks[0] && conditionOf(masks[0], output);
    inputs.slice(1).forEach((input, i) => {
      const mask = masks[i + 1];
      const own = mask && conditionOf(mask, input);
      const x = own === undefined ? input : where(own, input, output);
      const before = counts === undefined ? output : where(counts, output, x);
      counts = own === undefined || counts === undefined ? undefined : logicalOr(counts, own);
      output = this.choose(before, x);
    });
    return output;
  }
}

/** The largest of the inputs. */
export class Maximum extends Choice {
  static override readonly samples = () => [{ make: () => new Maximum(), ...two }];

  constructor(options: LayerOptions = {}) {
    super("Maximum", options);
  }

  protected choose(a: Tensor, b: Tensor): Tensor {
    return maximum(a, b);
  }
}

/** The smallest of the inputs. */
export class Minimum extends Choice {
  static override readonly samples = () => [{ make: () => new Minimum(), ...two }];

  constructor(options: LayerOptions = {}) {
    super("Minimum", options);
  }

  protected choose(a: Tensor, b: Tensor): Tensor {
    return minimum(a, b);
  }
}
