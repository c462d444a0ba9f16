// RandomRotation, RandomTranslation and RandomZoom: images turned, moved and zoomed by chance, by a matrix each.

import {
  add,
  affineTransform,
  cos,
  type FillMode,
  type Interpolation,
  mul,
  reshape,
  sin,
  type Tensor,
} from "../../../engine/index.ts";
import { aNumber, choiceOf } from "../../../engine/internal.ts";
import type { LayerSample, OwnLayerOptions } from "../layer.ts";
import type { RandomLayerOptions } from "../regularizing/random-layer.ts";
import { type Ends, interpolationOf, type Range, rangeOf } from "./images.ts";
import { type Draw, RandomImages, row } from "./random-images.ts";

export interface RandomTransformOptions extends RandomLayerOptions {
  /**
   * What comes in from outside of an image: its mirror image ("reflect", the default), `fillValue` ("constant"), its
   * outermost pixels ("nearest"), or the image again ("wrap").
   */
  fillMode?: FillMode;
  /** What a place between pixels is: the mean of those around it by distance ("bilinear", default), or the nearest one. */
  interpolation?: Interpolation;
  /** Of fill mode "constant"; default 0. */
  fillValue?: number;
}

const transformOptions: OwnLayerOptions<Omit<RandomTransformOptions, "seed">> = {
  fillMode: true,
  interpolation: true,
  fillValue: true,
};

abstract class RandomTransform extends RandomImages {
  readonly fillMode: FillMode;
  readonly interpolation: Interpolation;
  readonly fillValue: number;

  protected constructor(
    type: string,
    options: RandomTransformOptions,
    own: Readonly<Record<string, true>> = {},
  ) {
    const modes = ["constant", "nearest", "reflect", "wrap"] as const;
    const fillMode = choiceOf(`${type} fillMode`, options.fillMode ?? "reflect", modes);
    const interpolation = interpolationOf(type, options.interpolation);
    const fillValue = aNumber(type, "fillValue", options.fillValue ?? 0);
    super(type, options, { ...transformOptions, ...own });
    this.fillMode = fillMode;
    this.interpolation = interpolation;
    this.fillValue = fillValue;
  }

  /**
   * Matrices [batch, 6] that take a pixel of the result to where it comes from, as sums: of what stays, and of numbers
   * [batch] times six numbers.
   */
  protected abstract terms(size: Ends, draw: Draw): Terms;

  protected changed(x: Tensor, draw: Draw): Tensor {
    const { fillMode, interpolation, fillValue } = this;
    const [batch, height, width] = x.shape;
    const { still, moved } = this.terms([height, width], draw);
    let matrices = row(still, x);
    for (const [numbers, part] of moved) {
      matrices = add(matrices, mul(reshape(numbers, [batch, 1]), row(part, x)));
    }
    return affineTransform(x, matrices, { fillMode, interpolation, fillValue });
  }
}

interface Terms {
  readonly still: readonly number[];
  readonly moved: readonly (readonly [numbers: Tensor, part: readonly number[]])[];
}

/**
 * In training turns each image [height, width, channels] about its middle, by an angle of its own that is drawn evenly; in
 * inference the identity. Angles are shares of a whole turn, positive ones counter-clockwise, as in Keras.
 */
export class RandomRotation extends RandomTransform {
  static override readonly positional: readonly string[] = ["factor"];
  static override readonly samples = (): LayerSample[] => [
    { make: () => new RandomRotation(0.1), shape: [32, 14, 14, 3] },
  ];
  /** Lowest and highest angle, in whole turns. */
  readonly factor: Ends;

  /** @param factor the largest angle to either side, or [lowest, highest], in whole turns: 0.1 is 36 degrees */
  constructor(factor: Range, options: RandomTransformOptions = {}) {
    const range = rangeOf("RandomRotation", "factor", factor);
    super("RandomRotation", options);
    this.factor = range;
  }

  protected get isIdle(): boolean {
    return this.factor.every((turns) => turns === 0);
  }

  protected terms([height, width]: Ends, draw: Draw): Terms {
    const [x, y] = [(width - 1) / 2, (height - 1) / 2];
    const [lower, upper] = this.factor.map((turns) => turns * 2 * Math.PI);
    const [angle] = draw([lower, upper]);
    return {
      still: [0, 0, x, 0, 0, y],
      moved: [
        [cos(angle), [1, 0, -x, 0, 1, -y]],
        [sin(angle), [0, -1, y, 1, 0, -x]],
      ],
    };
  }
}

/**
 * In training moves each image [height, width, channels], by distances of its own that are drawn evenly; in inference the
 * identity. Distances are shares of height and width, positive ones down and to the right, as in Keras.
 */
export class RandomTranslation extends RandomTransform {
  static override readonly positional: readonly string[] = ["heightFactor", "widthFactor"];
  static override readonly samples = (): LayerSample[] => [
    { make: () => new RandomTranslation(0.1, 0.2), shape: [32, 14, 14, 3] },
  ];
  /** Least and greatest distance, as shares of the height; positive ones down. */
  readonly heightFactor: Ends;
  /** The same as shares of the width; positive ones to the right. */
  readonly widthFactor: Ends;

  /**
   * @param heightFactor the largest distance up and down, or [lowest, highest], as a share of the height
   * @param widthFactor the same to the left and right, as a share of the width
   */
  constructor(heightFactor: Range, widthFactor: Range, options: RandomTransformOptions = {}) {
    const vertical = rangeOf("RandomTranslation", "heightFactor", heightFactor);
    const horizontal = rangeOf("RandomTranslation", "widthFactor", widthFactor);
    super("RandomTranslation", options);
    this.heightFactor = vertical;
    this.widthFactor = horizontal;
  }

  protected get isIdle(): boolean {
    return [...this.heightFactor, ...this.widthFactor].every((share) => share === 0);
  }

  protected terms([height, width]: Ends, draw: Draw): Terms {
    const [down, right] = draw(this.heightFactor, this.widthFactor);
    return {
      still: [1, 0, 0, 0, 1, 0],
      moved: [
        [right, [0, 0, -width, 0, 0, 0]],
        [down, [0, 0, 0, 0, 0, -height]],
      ],
    };
  }
}

export interface RandomZoomOptions extends RandomTransformOptions {
  /** Another range for the width; default: that of the height, so that nothing is distorted. */
  widthFactor?: Range | null;
}

/**
 * In training zooms each image [height, width, channels] about its middle, by factors of its own that are drawn evenly; in
 * inference the identity. Positive factors zoom out, negative ones in, as in Keras: 0.2 shows 1.2 times as much.
 */
export class RandomZoom extends RandomTransform {
  static override readonly positional: readonly string[] = ["heightFactor"];
  static override readonly samples = (): LayerSample[] => [
    { make: () => new RandomZoom(0.2, { widthFactor: [-0.1, 0.3] }), shape: [32, 14, 14, 3] },
  ];
  /** Least and greatest factor, above -1. */
  readonly heightFactor: Ends;
  /** Those of the width; undefined where they are the height's. */
  readonly widthFactor: Ends | undefined;

  /** @param heightFactor the largest factor out and in, or [lowest, highest] */
  constructor(heightFactor: Range, options: RandomZoomOptions = {}) {
    const { widthFactor } = options;
    const vertical = rangeOf("RandomZoom", "heightFactor", heightFactor, -1);
    const isGiven = widthFactor !== undefined && widthFactor !== null;
    const horizontal = isGiven ? rangeOf("RandomZoom", "widthFactor", widthFactor, -1) : undefined;
    super("RandomZoom", options, { widthFactor: true });
    this.heightFactor = vertical;
    this.widthFactor = horizontal;
  }

  protected get isIdle(): boolean {
    return [...this.heightFactor, ...(this.widthFactor ?? [])].every((factor) => factor === 0);
  }

  protected terms([height, width]: Ends, draw: Draw): Terms {
    const [x, y] = [(width - 1) / 2, (height - 1) / 2];
    const beside = ([lower, upper]: Ends): Ends => [1 + lower, 1 + upper];
    const ranges = [this.heightFactor, ...(this.widthFactor === undefined ? [] : [this.widthFactor])];
    const [down, across = down] = draw(...ranges.map(beside));
    return {
      still: [0, 0, x, 0, 0, y],
      moved: [
        [across, [1, 0, -x, 0, 0, 0]],
        [down, [0, 0, 0, 0, 1, -y]],
      ],
    };
  }
}
