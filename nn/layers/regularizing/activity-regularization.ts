// ActivityRegularization: a penalty on what passes through.

import type { Tensor } from "../../../engine/index.ts";
import { atLeastZero } from "../../../engine/internal.ts";
import type { CallContext } from "../call-context.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import { l1l2 } from "../regularizers.ts";

export interface ActivityRegularizationOptions extends Omit<LayerOptions, "activityRegularizer"> {
  /** What Σ |x| is multiplied by; default 0. */
  l1?: number;
  /** What Σ x² is multiplied by; default 0. */
  l2?: number;
}

/**
 * What comes in, and l1 Σ |x| + l2 Σ x² of it added to the loss: over the batch, not divided by the number of samples, as in
 * Keras 3. Any layer's `activityRegularizer` does the same for what it gives.
 */
export class ActivityRegularization extends Layer<Tensor, Tensor> {
  static override readonly samples = () => [
    { make: () => new ActivityRegularization({ l2: 0.01 }), shape: [128, 512] },
  ];
  readonly l1: number;
  readonly l2: number;

  constructor(options: ActivityRegularizationOptions = {}) {
    const l1 = atLeastZero("ActivityRegularization", "l1", options.l1 ?? 0);
    const l2 = atLeastZero("ActivityRegularization", "l2", options.l2 ?? 0);
    super("ActivityRegularization", options, {
      l1: true,
      l2: true,
    } satisfies OwnLayerOptions<ActivityRegularizationOptions>);
    this.l1 = l1;
    this.l2 = l2;
  }

  override get passesMask(): boolean {
    return true;
  }

  protected forward(x: Tensor, { addLoss }: CallContext): Tensor {
    addLoss(l1l2({ l1: this.l1, l2: this.l2 }).call(x));
    return x;
  }
}
