// Every layer of nn, called in training mode, forward and backward: a new layer is one more line. Backward gives the
// gradients of its input and of its weights.

import { type Device, type Shape, type Tensor, tensor } from "../../engine/index.ts";
import {
  Activation,
  AveragePooling1D,
  AveragePooling2D,
  BatchNormalization,
  Conv1D,
  Conv2D,
  Conv2DTranspose,
  Dense,
  DepthwiseConv2D,
  Dropout,
  Embedding,
  Flatten,
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalMaxPooling1D,
  GlobalMaxPooling2D,
  GroupNormalization,
  type Layer,
  LayerNormalization,
  MaxPooling1D,
  MaxPooling2D,
  Permute,
  Rescaling,
  Reshape,
  RMSNormalization,
} from "../../nn/index.ts";
import type { BenchCase } from "../bench-case.ts";
import { labels, spreadTensor } from "../values.ts";
import { type Cost, passes } from "./op-case.ts";
import { countOf } from "./op-spec.ts";

interface LayerCase {
  readonly make: () => Layer;
  /** What tells it from other lines of its layer. */
  readonly label?: string;
  /** The input's, the batch first. */
  readonly shape: Shape;
  /** Input of whole numbers below this, as an embedding takes it; without a gradient. */
  readonly limit?: number;
  /** It moves nothing. */
  readonly isView?: boolean;
  readonly isQuick?: boolean;
  /** Multiply-adds of the forward pass; backward takes twice as many. */
  readonly products?: number;
}

const dense = (rows: number, inputs: number, units: number): LayerCase => ({
  make: () => new Dense(units, { activation: "relu" }),
  label: String(units),
  shape: [rows, inputs],
  products: rows * inputs * units,
  isQuick: rows === 128,
});

/** Images inside a small convolutional net, and a sequence inside a small text model: the batch first. */
const images = [32, 14, 14, 32];
const sequence = [32, 128, 64];
const same = { padding: "same" } as const;

export const layerTable: readonly LayerCase[] = [
  dense(128, 784, 64),
  dense(100, 512, 512),
  { make: () => new Activation("relu"), label: "relu", shape: [128, 512] },
  { make: () => new Activation("softmax"), label: "softmax", shape: [128, 512] },
  { make: () => new Dropout(0.5), shape: [128, 512] },
  { make: () => new Flatten(), isView: true, shape: [128, 28, 28] },
  { make: () => new Reshape([784]), isView: true, shape: [128, 28, 28] },
  { make: () => new Permute([2, 1]), shape: [128, 28, 28] },
  { make: () => new Rescaling(1 / 255), shape: [128, 784] },
  { make: () => new BatchNormalization(), isQuick: true, shape: [128, 512] },
  { make: () => new BatchNormalization(), shape: images },
  { make: () => new LayerNormalization(), isQuick: true, shape: sequence },
  { make: () => new RMSNormalization(), shape: sequence },
  { make: () => new GroupNormalization({ groups: 8 }), shape: images },
  { make: () => new Embedding(10000, 64), shape: [32, 128], limit: 10000, isQuick: true },
  {
    make: () => new Conv1D(64, 3, same),
    label: "64x3",
    shape: sequence,
    products: 32 * 128 * 3 * 64 * 64,
  },
  {
    make: () => new Conv2D(32, 3, same),
    label: "32x3x3",
    shape: [32, 28, 28, 1],
    products: 32 * 28 * 28 * 9 * 32,
  },
  {
    make: () => new Conv2D(64, 3, same),
    label: "64x3x3",
    shape: images,
    products: 32 * 14 * 14 * 9 * 32 * 64,
    isQuick: true,
  },
  {
    make: () => new DepthwiseConv2D(3, same),
    label: "3x3",
    shape: images,
    products: 32 * 14 * 14 * 9 * 32,
  },
  {
    make: () => new Conv2DTranspose(16, 3, { ...same, strides: 2 }),
    label: "16x3x3",
    shape: images,
    products: 32 * 14 * 14 * 9 * 32 * 16,
  },
  { make: () => new MaxPooling1D(2), shape: sequence },
  { make: () => new MaxPooling2D(2), shape: images, isQuick: true },
  { make: () => new AveragePooling1D(2), shape: sequence },
  { make: () => new AveragePooling2D(2), shape: images },
  { make: () => new GlobalMaxPooling1D(), shape: sequence },
  { make: () => new GlobalMaxPooling2D(), shape: images },
  { make: () => new GlobalAveragePooling1D(), shape: sequence },
  { make: () => new GlobalAveragePooling2D(), shape: images },
];

const f32 = 4;

const valuesOf = (shape: Shape, layer: Layer) =>
  countOf(shape) + shape[0] * countOf(layer.computeOutputShape(shape.slice(1))) + layer.countParams();

/** A layer's input and output each once, and its weights; backward reads or writes them all twice. */
const costOf = ({ shape, products, isView }: LayerCase, layer: Layer, factor: number): Cost => ({
  ...(products === undefined ? {} : { flops: 2 * factor * products }),
  ...(isView ? {} : { bytes: f32 * factor * valuesOf(shape, layer) }),
});

function inputOf({ shape, limit }: LayerCase, device: Device): Tensor {
  if (limit === undefined) return spreadTensor(device, shape);
  return tensor(labels(countOf(shape), limit), { shape, device });
}

export const layerBench: readonly BenchCase[] = layerTable.flatMap((line) => {
  const layer = line.make();
  const label = line.label === undefined ? "" : `-${line.label}`;
  return passes(
    {
      name: `layer/${layer.type}${label}/${line.shape.join("x")}`,
      forward: costOf(line, layer, 1),
      backward: costOf(line, layer, 2),
      isQuick: line.isQuick,
    },
    undefined,
    (device) => {
      const made = line.make().build(line.shape.slice(1), device);
      const x = inputOf(line, device);
      return {
        inputs: [...(line.limit === undefined ? [x] : []), ...made.trainableWeights],
        run: () => made.call(x, { training: true }),
        dispose: () => {
          x.dispose();
          made.dispose();
        },
      };
    },
  );
});
