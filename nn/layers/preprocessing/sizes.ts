// Resizing, CenterCrop and RandomCrop: images of another size.

import {
  add,
  affineTransform,
  floor,
  type Interpolation,
  minimum,
  mul,
  reshape,
  resize,
  type Tensor,
} from "../../../engine/index.ts";
import type { CallContext } from "../call-context.ts";
import { Layer, type LayerOptions, type LayerSample, type OwnLayerOptions } from "../layer.ts";
import type { RandomLayerOptions } from "../regularizing/random-layer.ts";
import type { SampleSpec } from "../spec.ts";
import { checkDataFormat, checkImageShape, type DataFormat } from "../windows/options.ts";
import {
  interpolationOf,
  knownImage,
  middle,
  ofSize,
  part,
  resizeUndistorted,
  type Size,
  sizeOfImages,
} from "./images.ts";
import { type Draw, RandomImages, row } from "./random-images.ts";

export interface ResizingOptions extends LayerOptions {
  /** What a pixel between others is: the mean of those around it by distance ("bilinear", default), or the nearest one. */
  interpolation?: Interpolation;
  /** Cut the largest part of the target's shape from the middle first, so that nothing is distorted; default false. */
  cropToAspectRatio?: boolean;
  /** Channels stand last; put a Permute in front where they stand first. */
  dataFormat?: DataFormat;
}

const resizingOptions: OwnLayerOptions<ResizingOptions> = {
  interpolation: true,
  cropToAspectRatio: true,
  dataFormat: true,
};

/** [batch, any height, any width, channels] to [batch, height, width, channels]; pixels are compared by their centres. */
export class Resizing extends Layer<Tensor, Tensor> {
  static override readonly positional: readonly string[] = ["height", "width"];
  static override readonly samples = (): LayerSample[] => [
    { make: () => new Resizing(9, 20), shape: [32, 14, 14, 3] },
    { make: () => new Resizing(7, 10, { cropToAspectRatio: true }), shape: [32, 14, 11, 3] },
  ];
  readonly height: number;
  readonly width: number;
  readonly interpolation: Interpolation;
  readonly cropToAspectRatio: boolean;

  constructor(height: number, width: number, options: ResizingOptions = {}) {
    sizeOfImages("Resizing", height, width);
    const interpolation = interpolationOf("Resizing", options.interpolation);
    checkDataFormat("Resizing", options.dataFormat, 2);
    super("Resizing", options, resizingOptions);
    this.height = height;
    this.width = width;
    this.interpolation = interpolation;
    this.cropToAspectRatio = options.cropToAspectRatio ?? false;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    checkImageShape(this.describe(), 2, input.shape);
    return ofSize(input, [this.height, this.width]);
  }

  protected forward(x: Tensor): Tensor {
    const { height, width, interpolation, cropToAspectRatio } = this;
    if (cropToAspectRatio) return resizeUndistorted(x, [height, width], interpolation);
    return resize(x, [height, width], { interpolation });
  }
}

export interface CropOptions extends LayerOptions {
  /** Channels stand last; put a Permute in front where they stand first. */
  dataFormat?: DataFormat;
}

const cropOptions: OwnLayerOptions<CropOptions> = { dataFormat: true };

/**
 * The middle of images: [batch, any height, any width, channels] to [batch, height, width, channels]. Smaller images are made
 * larger first, without distortion, as in Keras.
 */
export class CenterCrop extends Layer<Tensor, Tensor> {
  static override readonly positional: readonly string[] = ["height", "width"];
  static override readonly samples = (): LayerSample[] => [
    { make: () => new CenterCrop(9, 12), shape: [32, 14, 14, 3] },
  ];
  readonly height: number;
  readonly width: number;

  constructor(height: number, width: number, options: CropOptions = {}) {
    sizeOfImages("CenterCrop", height, width);
    checkDataFormat("CenterCrop", options.dataFormat, 2);
    super("CenterCrop", options, cropOptions);
    this.height = height;
    this.width = width;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    checkImageShape(this.describe(), 2, input.shape);
    return ofSize(input, [this.height, this.width]);
  }

  protected forward(x: Tensor): Tensor {
    const size: Size = [this.height, this.width];
    return fits(x, size) ? middle(x, size) : resizeUndistorted(x, size, "bilinear");
  }
}

const fits = ({ shape }: Tensor, [height, width]: Size): boolean => shape[1] >= height && shape[2] >= width;

/**
 * In training a part of each image, from a place of its own that is drawn evenly: [batch, any height, any width, channels] to
 * [batch, height, width, channels]. In inference, and where images are smaller, the whole image resized, with as much cut off
 * at two sides as the other shape needs, as in Keras.
 */
export class RandomCrop extends RandomImages {
  static override readonly positional: readonly string[] = ["height", "width"];
  static override readonly samples = (): LayerSample[] => [
    { make: () => new RandomCrop(9, 12), shape: [32, 14, 14, 3] },
  ];
  readonly height: number;
  readonly width: number;

  constructor(height: number, width: number, options: RandomLayerOptions = {}) {
    sizeOfImages("RandomCrop", height, width);
    super("RandomCrop", options, {});
    this.height = height;
    this.width = width;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    knownImage(this.describe(), input.shape);
    return ofSize(input, [this.height, this.width]);
  }

  protected get isIdle(): boolean {
    return false;
  }

  protected override forward(x: Tensor, context: CallContext): Tensor {
    const size: Size = [this.height, this.width];
    if (context.training && fits(x, size)) return super.forward(x, context);
    return resizeUndistorted(x, size, "bilinear");
  }

  protected changed(x: Tensor, draw: Draw): Tensor {
    const { height, width } = this;
    const [batch, rows, columns] = x.shape;
    if (rows === height && columns === width) return x;
    // A number below 1 times the count of places, rounded down, is one of them. f32 may round the product up to the count.
    const [down, across] = draw([0, rows - height + 1], [0, columns - width + 1]);
    const moved = (places: Tensor, most: number, numbers: readonly number[]) =>
      mul(reshape(minimum(floor(places), most), [batch, 1]), row(numbers, x));
    const matrices = add(
      add(row([1, 0, 0, 0, 1, 0], x), moved(across, columns - width, [0, 0, 1, 0, 0, 0])),
      moved(down, rows - height, [0, 0, 0, 0, 0, 1]),
    );
    return part(affineTransform(x, matrices, { interpolation: "nearest" }), [0, 0], [height, width]);
  }
}
