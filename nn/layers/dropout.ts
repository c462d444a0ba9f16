// Dropout: leaves out a random share of the inputs in training, a fresh one at each step.

import { ArgumentError, dropout, noGrad, type Tensor, tidy, type Variable } from "../../engine/index.ts";
import { advance, showGiven } from "../../engine/internal.ts";
import type { CallContext } from "./call-context.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "./layer.ts";
import type { SampleSpec } from "./spec.ts";
import type { Weights } from "./weights.ts";

export interface DropoutOptions extends LayerOptions {
  /** Fixes the masks, whatever the device's seed. */
  seed?: number;
}

const ownOptions: OwnLayerOptions<DropoutOptions> = { seed: true };

/**
 * In training sets a share `rate` of the elements to 0 and multiplies the others by 1 / (1 - rate); in inference
 * the identity. The mask is drawn on the device from a counter that advances at each step, the same bits on every
 * device, and drawn again in backward. Source: Srivastava et al. 2014, scaled as Keras does.
 */
export class Dropout extends Layer<Tensor, Tensor> {
  readonly rate: number;
  readonly seed: number | undefined;
  #state: Variable | undefined;

  /** @param rate share of the elements to leave out, from 0 (none) to 1 (all) */
  constructor(rate: number, options: DropoutOptions = {}) {
    if (typeof rate !== "number" || !(rate >= 0 && rate <= 1)) {
      throw new ArgumentError(
        `Dropout: the rate must be from 0 to 1, the share of elements to drop, got ${showGiven(rate)}`,
      );
    }
    super("Dropout", options, ownOptions);
    this.rate = rate;
    this.seed = options.seed;
  }

  /** Key, counter and stream of the masks, u32 [4]; no weight. Undefined until built. */
  get state(): Variable | undefined {
    return this.#state;
  }

  override get passesMask(): boolean {
    return true;
  }

  protected override createWeights(_input: SampleSpec, weights: Weights): void {
    this.#state = weights.random("state", this.seed);
  }

  protected forward(x: Tensor, { training }: CallContext): Tensor {
    if (!training || this.rate === 0) return x;
    const state = this.#state as Variable;
    return tidy(() => {
      // Backward draws the mask again from `next`, which later steps do not touch.
      const next = noGrad(() => advance(state));
      const y = dropout(x, this.rate, next);
      state.assign(next);
      return y;
    });
  }
}
