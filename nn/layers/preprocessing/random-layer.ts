// RandomLayer: what changes images by chance in training, each image by draws of its own, and lets them through in
// inference.

import {
  add,
  full,
  mul,
  noGrad,
  randomUniform,
  reshape,
  slice,
  type Tensor,
  tensor,
  tidy,
  type Variable,
} from "../../../engine/index.ts";
import { advance } from "../../../engine/internal.ts";
import type { CallContext } from "../call-context.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import type { SampleSpec } from "../spec.ts";
import type { Weights } from "../weights.ts";
import { checkImageShape } from "../windows/options.ts";
import type { Ends } from "./images.ts";

export interface RandomLayerOptions extends LayerOptions {
  /** Fixes the draws, whatever the device's seed. */
  seed?: number;
}

const ownOptions: OwnLayerOptions<RandomLayerOptions> = { seed: true };

/** Numbers that a layer draws for each image: `draw([0, 1], ...)` gives one a range, [batch] each. */
export type Draw = (...ranges: readonly Ends[]) => Tensor[];

export abstract class RandomLayer extends Layer<Tensor, Tensor> {
  readonly seed: number | undefined;
  #state: Variable | undefined;

  protected constructor(type: string, options: RandomLayerOptions, own: Readonly<Record<string, true>>) {
    super(type, options, { ...ownOptions, ...own });
    this.seed = options.seed;
  }

  /** Whether its strength is 0, so that nothing can change. */
  protected abstract get isIdentity(): boolean;

  /** Images [batch, height, width, channels], changed. */
  protected abstract change(x: Tensor, draw: Draw): Tensor;

  /** Key, counter and stream of the draws, u32 [4]; no weight. Undefined until built. */
  get state(): Variable | undefined {
    return this.#state;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    checkImageShape(this.describe(), 2, input.shape);
    return input;
  }

  protected override createWeights(_input: SampleSpec, weights: Weights): void {
    this.#state = weights.random("state", this.seed);
  }

  protected forward(x: Tensor, { training }: CallContext): Tensor {
    return training && !this.isIdentity ? this.changed(x) : x;
  }

  /** {@link change} by draws that follow those of the last call. */
  protected changed(x: Tensor): Tensor {
    const state = this.#state as Variable;
    return tidy(() => {
      const next = noGrad(() => advance(state));
      const y = this.change(x, (...ranges) => noGrad(() => drawn(next, x, ranges)));
      state.assign(next);
      return y;
    });
  }
}

function drawn(state: Tensor, { shape: [batch], device }: Tensor, ranges: readonly Ends[]): Tensor[] {
  const shares = randomUniform(state, [ranges.length, batch]);
  return ranges.map(([lower, upper], i) => {
    if (lower === upper) return full([batch], lower, { device });
    const share = reshape(slice(shares, [i, 0], [i + 1, batch]), [batch]);
    return add(mul(share, upper - lower), lower);
  });
}

/** Numbers [batch] as they multiply images [batch, height, width, channels]. */
export const perImage = (numbers: Tensor): Tensor => reshape(numbers, [numbers.shape[0], 1, 1, 1]);

/** A row of six numbers, for matrices [batch, 6]. */
export const row = (numbers: readonly number[], { device }: Tensor): Tensor =>
  tensor(numbers, { shape: [1, 6], device });
