// ZeroPadding1D and 2D, Cropping1D and 2D: what stands around the spatial axes, added and taken away.

import {
  ArgumentError,
  type PerAxis,
  pad,
  ShapeError,
  showShape,
  slice,
  type Tensor,
} from "../../../engine/index.ts";
import { showGivenList } from "../../../engine/internal.ts";
import { Layer, type LayerOptions, type LayerSample, type OwnLayerOptions } from "../layer.ts";
import { batched, type SampleSpec } from "../spec.ts";
import { checkDataFormat, checkImageShape, type DataFormat } from "./options.ts";

export interface BorderOptions extends LayerOptions {
  /** Channels stand last; put a Permute in front where they stand first. */
  dataFormat?: DataFormat;
}

const ownOptions: OwnLayerOptions<BorderOptions> = { dataFormat: true };

type Ends = readonly [before: number, after: number];

/** As many at both ends of all axes; or one an axis; or a pair [before, after] an axis. */
export type Borders = PerAxis | readonly Ends[];

/** One number, a pair [before, after] of the one axis, or a number or a pair an axis. */
function endsOf(
  layer: string,
  what: string,
  borders: Borders | readonly [number, number],
  rank: 1 | 2,
): Ends[] {
  const list: readonly unknown[] =
    typeof borders === "number"
      ? new Array<number>(rank).fill(borders)
      : rank === 1 && Array.isArray(borders) && !Array.isArray(borders[0])
        ? [borders]
        : Array.from(borders ?? []);
  const ends = list.map((one) => (Array.isArray(one) ? one : [one, one]));
  const isRight =
    ends.length === rank &&
    ends.every((pair) => pair.length === 2 && pair.every((n) => Number.isInteger(n) && n >= 0));
  if (isRight) return ends as unknown as Ends[];
  const wanted =
    rank === 1
      ? "a pair [before, after]"
      : "a pair of them [height, width], or two pairs [[top, bottom], [left, right]]";
  const given = Array.isArray(borders)
    ? `[${borders.map((one) => showGivenList(one)).join(", ")}]`
    : showGivenList(borders);
  throw new ArgumentError(
    `${layer}: ${what} is ${given}; it must be a whole number of at least 0, or ${wanted}`,
  );
}

abstract class Border extends Layer<Tensor, Tensor> {
  protected readonly ends: readonly Ends[];

  protected constructor(type: string, rank: 1 | 2, ends: readonly Ends[], options: BorderOptions) {
    checkDataFormat(type, options.dataFormat, rank);
    super(type, options, ownOptions);
    this.ends = ends;
  }

  /** Of an axis that was so long. */
  protected abstract lengthOf(length: number, axis: number, input: SampleSpec): number;

  override outputSpec(input: SampleSpec): SampleSpec {
    const { shape, dtype } = input;
    checkImageShape(this.describe(), this.ends.length, shape);
    const spatial = this.ends.map((_, axis) => {
      const length = shape[axis];
      return length === null ? null : this.lengthOf(length, axis, input);
    });
    return { shape: [...spatial, shape[shape.length - 1]], dtype };
  }
}

abstract class ZeroPadding extends Border {
  static override readonly positional: readonly string[] = ["padding"];
  /** By spatial axis, before and after. */
  readonly padding: readonly Ends[];

  protected constructor(type: string, rank: 1 | 2, padding: Borders | Ends, options: BorderOptions) {
    super(type, rank, endsOf(type, "padding", padding, rank), options);
    this.padding = this.ends;
  }

  protected lengthOf(length: number, axis: number): number {
    const [before, after] = this.ends[axis];
    return before + length + after;
  }

  protected forward(x: Tensor): Tensor {
    return pad(x, [[0, 0], ...this.ends, [0, 0]]);
  }
}

/** Zeros around time: [batch, length, channels] to [batch, before + length + after, channels]. */
export class ZeroPadding1D extends ZeroPadding {
  static override readonly samples = (): LayerSample[] => [
    { make: () => new ZeroPadding1D([1, 2]), shape: [32, 128, 64] },
  ];

  /** @param padding how many at both ends, or [before, after]; default 1 */
  constructor(padding: number | Ends = 1, options: BorderOptions = {}) {
    super("ZeroPadding1D", 1, padding, options);
  }
}

/** Zeros around images: [batch, height, width, channels] to [batch, top + height + bottom, left + width + right, channels]. */
export class ZeroPadding2D extends ZeroPadding {
  static override readonly samples = (): LayerSample[] => [
    { make: () => new ZeroPadding2D([1, 2]), shape: [32, 14, 14, 32] },
  ];

  /** @param padding how many on all sides, [height, width], or [[top, bottom], [left, right]]; default 1 */
  constructor(padding: Borders = 1, options: BorderOptions = {}) {
    super("ZeroPadding2D", 2, padding, options);
  }
}

abstract class Cropping extends Border {
  static override readonly positional: readonly string[] = ["cropping"];
  /** By spatial axis, before and after. */
  readonly cropping: readonly Ends[];

  protected constructor(type: string, rank: 1 | 2, cropping: Borders | Ends, options: BorderOptions) {
    super(type, rank, endsOf(type, "cropping", cropping, rank), options);
    this.cropping = this.ends;
  }

  protected lengthOf(length: number, axis: number, { shape }: SampleSpec): number {
    const [before, after] = this.ends[axis];
    if (before + after < length) return length - before - after;
    throw new ShapeError(
      `${this.describe()}: a cropping of ${showShape([before, after])} leaves nothing of axis ${axis + 1} of its inputs ${batched(shape)}; crop less`,
    );
  }

  protected forward(x: Tensor): Tensor {
    const begin = [0, ...this.ends.map(([before]) => before), 0];
    const end = x.shape.map((length, axis) => length - (this.ends[axis - 1]?.[1] ?? 0));
    return slice(x, begin, end);
  }
}

/** Without the first and last steps: [batch, length, channels] to [batch, length - before - after, channels]. */
export class Cropping1D extends Cropping {
  static override readonly samples = (): LayerSample[] => [
    { make: () => new Cropping1D([1, 2]), shape: [32, 128, 64] },
  ];

  /** @param cropping how many at both ends, or [before, after]; default 1 */
  constructor(cropping: number | Ends = 1, options: BorderOptions = {}) {
    super("Cropping1D", 1, cropping, options);
  }
}

/** Without the outermost pixels: [batch, height, width, channels] to [batch, height - top - bottom, width - left - right, channels]. */
export class Cropping2D extends Cropping {
  static override readonly samples = (): LayerSample[] => [
    { make: () => new Cropping2D([1, 2]), shape: [32, 14, 14, 32] },
  ];

  /** @param cropping how many on all sides, [height, width], or [[top, bottom], [left, right]]; default 0, as in Keras */
  constructor(cropping: Borders = 0, options: BorderOptions = {}) {
    super("Cropping2D", 2, cropping, options);
  }
}
