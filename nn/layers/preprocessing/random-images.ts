// RandomImages: what changes images by chance in training, each image by draws of its own, and lets them through in
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
} from "../../../engine/index.ts";
import { RandomLayer } from "../regularizing/random-layer.ts";
import type { SampleSpec } from "../spec.ts";
import { checkImageShape } from "../windows/options.ts";
import type { Ends } from "./images.ts";

/** Numbers that a layer draws for each image: `draw([0, 1], ...)` gives one a range, [batch] each. */
export type Draw = (...ranges: readonly Ends[]) => Tensor[];

export abstract class RandomImages extends RandomLayer {
  /** Images [batch, height, width, channels], changed. */
  protected abstract changed(x: Tensor, draw: Draw): Tensor;

  override get passesMask(): boolean {
    return false;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    checkImageShape(this.describe(), 2, input.shape);
    return input;
  }

  protected change(x: Tensor, state: Tensor): Tensor {
    return this.changed(x, (...ranges) => noGrad(() => drawn(state, x, ranges)));
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
