// Every layer of nn, called in training mode, forward and backward: a new layer is one more line. Backward gives the
// gradients of its input and of its weights.

import type { Device, Shape, Tensor } from "../../engine/index.ts";
import { tensor } from "../../engine/index.ts";
import {
  Activation,
  BatchNormalization,
  Dense,
  Dropout,
  Flatten,
  type Layer,
  Rescaling,
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

export const layerTable: readonly LayerCase[] = [
  dense(128, 784, 64),
  dense(100, 512, 512),
  { make: () => new Activation("relu"), label: "relu", shape: [128, 512] },
  { make: () => new Activation("softmax"), label: "softmax", shape: [128, 512] },
  { make: () => new BatchNormalization(), isQuick: true, shape: [128, 512] },
  { make: () => new Dropout(0.5), shape: [128, 512] },
  { make: () => new Flatten(), isView: true, shape: [128, 28, 28] },
  { make: () => new Rescaling(1 / 255), shape: [128, 784] },
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
