// RandomFlip: images mirrored by chance.

import { flip, less, type Tensor, where } from "../../../engine/index.ts";
import { choiceOf } from "../../../engine/internal.ts";
import type { LayerSample } from "../layer.ts";
import type { RandomLayerOptions } from "../regularizing/random-layer.ts";
import { type Draw, perImage, RandomImages } from "./random-images.ts";

export type FlipMode = "horizontal" | "vertical" | "horizontalAndVertical";

/**
 * In training mirrors each image [height, width, channels] with a probability of one half: left and right ("horizontal"), up
 * and down ("vertical"), or one independently of the other ("horizontalAndVertical"). In inference the identity.
 */
export class RandomFlip extends RandomImages {
  static override readonly positional: readonly string[] = ["mode"];
  static override readonly samples = (): LayerSample[] => [
    { make: () => new RandomFlip(), shape: [32, 14, 14, 3] },
  ];
  readonly mode: FlipMode;

  constructor(mode: FlipMode = "horizontalAndVertical", options: RandomLayerOptions = {}) {
    const modes = ["horizontal", "vertical", "horizontalAndVertical"] as const;
    const found = choiceOf("RandomFlip mode", mode, modes);
    super("RandomFlip", options, {});
    this.mode = found;
  }

  protected get isIdle(): boolean {
    return false;
  }

  protected changed(x: Tensor, draw: Draw): Tensor {
    const [across, down] = draw([0, 1], [0, 1]).map((share) => perImage(less(share, 0.5)));
    let y = x;
    if (this.mode !== "vertical") y = where(across, flip(y, 2), y);
    if (this.mode !== "horizontal") y = where(down, flip(y, 1), y);
    return y;
  }
}
