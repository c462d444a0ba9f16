// Pooling layers: maxima and averages under a window, and over everything.

import {
  averagePool1d,
  averagePool2d,
  globalAveragePool,
  globalMaxPool,
  maxPool1d,
  maxPool2d,
  type PerAxis,
  type Tensor,
} from "../../../engine/index.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import type { SampleSpec } from "../spec.ts";
import {
  checkDataFormat,
  checkImageShape,
  type DataFormat,
  type LayerPadding,
  paddingOf,
  placesOf,
  spatial,
} from "./options.ts";

export interface PoolingOptions extends LayerOptions {
  /** Distance between neighbouring places of the window; default the window's size. */
  strides?: PerAxis | null;
  /** "valid" (the default): the window stays inside; "same": ⌈length / strides⌉ places. Padding is never a value. */
  padding?: LayerPadding;
  /** Channels stand last; put a Permute in front where they stand first. */
  dataFormat?: DataFormat;
}

const poolingOptions: OwnLayerOptions<PoolingOptions> = { strides: true, padding: true, dataFormat: true };

abstract class Pooling extends Layer<Tensor, Tensor> {
  static override readonly positional = ["poolSize"];
  readonly poolSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: LayerPadding;

  protected constructor(type: string, rank: 1 | 2, poolSize: PerAxis, options: PoolingOptions) {
    const size = spatial(type, "poolSize", poolSize, rank);
    const strides = spatial(type, "strides", options.strides ?? size, rank);
    const padding = paddingOf(type, options.padding);
    checkDataFormat(type, options.dataFormat, rank);
    super(type, options, poolingOptions);
    this.poolSize = size;
    this.strides = strides;
    this.padding = padding;
  }

  override outputSpec({ shape, dtype }: SampleSpec): SampleSpec {
    const { poolSize, strides, padding } = this;
    checkImageShape(this.describe(), poolSize.length, shape);
    const ones = poolSize.map(() => 1);
    const places = placesOf(this.describe(), shape, poolSize, strides, ones, padding);
    return { shape: [...places, shape[shape.length - 1]], dtype };
  }

  protected get windowOptions() {
    return { stride: this.strides, padding: this.padding };
  }
}

/** The largest value under a window: [batch, length, channels] to [batch, places, channels]. */
export class MaxPooling1D extends Pooling {
  constructor(poolSize: PerAxis = 2, options: PoolingOptions = {}) {
    super("MaxPooling1D", 1, poolSize, options);
  }

  protected forward(x: Tensor): Tensor {
    return maxPool1d(x, this.poolSize, this.windowOptions);
  }
}

/** The largest value under a window: [batch, height, width, channels] to [batch, places down, places across, channels]. */
export class MaxPooling2D extends Pooling {
  constructor(poolSize: PerAxis = 2, options: PoolingOptions = {}) {
    super("MaxPooling2D", 2, poolSize, options);
  }

  protected forward(x: Tensor): Tensor {
    return maxPool2d(x, this.poolSize, this.windowOptions);
  }
}

/** The mean under a window: [batch, length, channels] to [batch, places, channels]. */
export class AveragePooling1D extends Pooling {
  constructor(poolSize: PerAxis = 2, options: PoolingOptions = {}) {
    super("AveragePooling1D", 1, poolSize, options);
  }

  protected forward(x: Tensor): Tensor {
    return averagePool1d(x, this.poolSize, this.windowOptions);
  }
}

/** The mean under a window: [batch, height, width, channels] to [batch, places down, places across, channels]. */
export class AveragePooling2D extends Pooling {
  constructor(poolSize: PerAxis = 2, options: PoolingOptions = {}) {
    super("AveragePooling2D", 2, poolSize, options);
  }

  protected forward(x: Tensor): Tensor {
    return averagePool2d(x, this.poolSize, this.windowOptions);
  }
}

export interface GlobalPoolingOptions extends LayerOptions {
  /** Keep the spatial axes, of length 1; default false. */
  keepDims?: boolean;
  /** Channels stand last; put a Permute in front where they stand first. */
  dataFormat?: DataFormat;
}

const globalPoolingOptions: OwnLayerOptions<GlobalPoolingOptions> = { keepDims: true, dataFormat: true };

abstract class GlobalPooling extends Layer<Tensor, Tensor> {
  readonly keepDims: boolean;
  readonly #rank: 1 | 2;

  protected constructor(type: string, rank: 1 | 2, options: GlobalPoolingOptions) {
    checkDataFormat(type, options.dataFormat, rank);
    super(type, options, globalPoolingOptions);
    this.keepDims = options.keepDims ?? false;
    this.#rank = rank;
  }

  override outputSpec({ shape, dtype }: SampleSpec): SampleSpec {
    checkImageShape(this.describe(), this.#rank, shape);
    const channels = shape[shape.length - 1];
    return { shape: this.keepDims ? [...shape.slice(0, -1).map(() => 1), channels] : [channels], dtype };
  }

  protected get reduceOptions() {
    return { keepDims: this.keepDims };
  }
}

/** The mean of each channel: [batch, length, channels] to [batch, channels]. */
export class GlobalAveragePooling1D extends GlobalPooling {
  constructor(options: GlobalPoolingOptions = {}) {
    super("GlobalAveragePooling1D", 1, options);
  }

  protected forward(x: Tensor): Tensor {
    return globalAveragePool(x, this.reduceOptions);
  }
}

/** The mean of each channel: [batch, height, width, channels] to [batch, channels]. */
export class GlobalAveragePooling2D extends GlobalPooling {
  constructor(options: GlobalPoolingOptions = {}) {
    super("GlobalAveragePooling2D", 2, options);
  }

  protected forward(x: Tensor): Tensor {
    return globalAveragePool(x, this.reduceOptions);
  }
}

/** The largest value of each channel: [batch, length, channels] to [batch, channels]. */
export class GlobalMaxPooling1D extends GlobalPooling {
  constructor(options: GlobalPoolingOptions = {}) {
    super("GlobalMaxPooling1D", 1, options);
  }

  protected forward(x: Tensor): Tensor {
    return globalMaxPool(x, this.reduceOptions);
  }
}

/** The largest value of each channel: [batch, height, width, channels] to [batch, channels]. */
export class GlobalMaxPooling2D extends GlobalPooling {
  constructor(options: GlobalPoolingOptions = {}) {
    super("GlobalMaxPooling2D", 2, options);
  }

  protected forward(x: Tensor): Tensor {
    return globalMaxPool(x, this.reduceOptions);
  }
}
