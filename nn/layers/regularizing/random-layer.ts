// What layers share that draw random numbers in training: a state on the device, and a step of it at each call.

import type { Tensor, Variable } from "../../../engine/index.ts";
import { drawFrom } from "../../../engine/internal.ts";
import type { CallContext } from "../call-context.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import type { SampleSpec } from "../spec.ts";
import type { Weights } from "../weights.ts";

export interface RandomLayerOptions extends LayerOptions {
  /** Fixes what is drawn, whatever the device's seed. */
  seed?: number;
}

export const randomLayerOptions: OwnLayerOptions<RandomLayerOptions> = { seed: true };

/**
 * In training it changes its input by random numbers that are drawn on the device from a counter, which advances at each
 * step, the same bits on every device; in inference, and where it {@link isIdle}, the identity.
 */
export abstract class RandomLayer extends Layer<Tensor, Tensor> {
  readonly seed: number | undefined;
  #state: Variable | undefined;

  protected constructor(type: string, options: RandomLayerOptions, own: Readonly<Record<string, true>> = {}) {
    super(type, options, { ...randomLayerOptions, ...own });
    this.seed = options.seed;
  }

  /** Whether its strength is 0. */
  protected abstract get isIdle(): boolean;

  /** The input changed, by what `state` gives; backward may draw from it again. */
  protected abstract change(x: Tensor, state: Tensor): Tensor;

  /** Key, counter and stream of what is drawn, u32 [4]; no weight. Undefined until built. */
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
    if (!training || this.isIdle) return x;
    return drawFrom(this.#state as Variable, (next) => this.change(x, next));
  }
}
