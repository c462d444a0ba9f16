// Every layer of nn, called in training mode, forward and backward: as the table says, else as its class does. Backward
// gives the gradients of its input and of its weights.

import { type Device, disposeAll, type Shape, tensor, tidy } from "../../engine/index.ts";
import * as nn from "../../nn/index.ts";
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
  type LayerSample,
  MaxPooling1D,
  MaxPooling2D,
  Permute,
  Rescaling,
  Reshape,
  RMSNormalization,
  type SampleSpec,
} from "../../nn/index.ts";
import type { BenchCase } from "../bench-case.ts";
import { type Cost, type Pass, passes } from "./op-case.ts";
import { countOf, type InputSpec, type OpAttributes, type OpName, valuesOf } from "./op-spec.ts";

interface LayerCase extends LayerSample {
  /** What tells it from other lines of its layer. */
  readonly label?: string;
  /** What it computes, by the name that peers know it by; absent of views, which move nothing. */
  readonly op?: OpName;
  /** The shapes of its trained weights. */
  readonly weights?: readonly Shape[];
  readonly attributes?: OpAttributes;
  readonly isQuick?: boolean;
  /** Multiply-adds of the forward pass; backward takes twice as many. */
  readonly products?: number;
}

const dense = (rows: number, inputs: number, units: number): LayerCase => ({
  make: () => new Dense(units, { activation: "relu" }),
  label: String(units),
  shape: [rows, inputs],
  op: "denseRelu",
  weights: [[inputs, units], [units]],
  products: rows * inputs * units,
  isQuick: rows === 128,
});

/** Images inside a small convolutional net, and a sequence inside a small text model: the batch first. */
const images = [32, 14, 14, 32];
const sequence = [32, 128, 64];
const pixels = [128, 28, 28];
const same = { padding: "same" } as const;
/** The weights of a normalization of so many features: gamma and beta. */
const affine = (features: number): Shape[] => [[features], [features]];
const halved = { window: 2 };

const listed: readonly LayerCase[] = [
  dense(128, 784, 64),
  dense(100, 512, 512),
  { make: () => new Activation("relu"), label: "relu", shape: [128, 512], op: "relu" },
  { make: () => new Activation("softmax"), label: "softmax", shape: [128, 512], op: "softmax" },
  { make: () => new Dropout(0.5), shape: [128, 512], op: "dropout", attributes: { rate: 0.5 } },
  { make: () => new Flatten(), shape: pixels },
  { make: () => new Reshape([784]), shape: pixels },
  { make: () => new Permute([2, 1]), shape: pixels, op: "permute" },
  { make: () => new Rescaling(1 / 255), shape: [128, 784], op: "scale", attributes: { factor: 1 / 255 } },
  {
    make: () => new BatchNormalization(),
    shape: [128, 512],
    op: "batchNorm",
    weights: affine(512),
    isQuick: true,
  },
  { make: () => new BatchNormalization(), shape: images, op: "batchNorm", weights: affine(32) },
  {
    make: () => new LayerNormalization(),
    shape: sequence,
    op: "layerNorm",
    weights: affine(64),
    attributes: { epsilon: 1e-3 },
    isQuick: true,
  },
  {
    make: () => new RMSNormalization(),
    shape: sequence,
    op: "rmsNorm",
    weights: [[64]],
    attributes: { epsilon: 1e-6 },
  },
  {
    make: () => new GroupNormalization({ groups: 8 }),
    shape: images,
    op: "groupNorm",
    weights: affine(32),
    attributes: { groups: 8, epsilon: 1e-3 },
  },
  {
    make: () => new Embedding(10000, 64),
    shape: [32, 128],
    limit: 10000,
    op: "embedding",
    weights: [[10000, 64]],
    isQuick: true,
  },
  {
    make: () => new Conv1D(64, 3, same),
    label: "64x3",
    shape: sequence,
    op: "conv1d",
    weights: [[3, 64, 64], [64]],
    products: 32 * 128 * 3 * 64 * 64,
  },
  {
    make: () => new Conv2D(32, 3, same),
    label: "32x3x3",
    shape: [32, 28, 28, 1],
    op: "conv2d",
    weights: [[3, 3, 1, 32], [32]],
    products: 32 * 28 * 28 * 9 * 32,
  },
  {
    make: () => new Conv2D(64, 3, same),
    label: "64x3x3",
    shape: images,
    op: "conv2d",
    weights: [[3, 3, 32, 64], [64]],
    products: 32 * 14 * 14 * 9 * 32 * 64,
    isQuick: true,
  },
  {
    make: () => new DepthwiseConv2D(3, same),
    label: "3x3",
    shape: images,
    op: "depthwiseConv2d",
    weights: [[3, 3, 32, 1], [32]],
    products: 32 * 14 * 14 * 9 * 32,
  },
  {
    make: () => new Conv2DTranspose(16, 3, { ...same, strides: 2 }),
    label: "16x3x3",
    shape: images,
    op: "conv2dTranspose",
    weights: [[3, 3, 16, 32], [16]],
    attributes: { stride: 2 },
    products: 32 * 14 * 14 * 9 * 32 * 16,
  },
  { make: () => new MaxPooling1D(2), shape: sequence, op: "maxPool", attributes: halved },
  { make: () => new MaxPooling2D(2), shape: images, op: "maxPool", attributes: halved, isQuick: true },
  { make: () => new AveragePooling1D(2), shape: sequence, op: "averagePool", attributes: halved },
  { make: () => new AveragePooling2D(2), shape: images, op: "averagePool", attributes: halved },
  { make: () => new GlobalMaxPooling1D(), shape: sequence, op: "globalMaxPool" },
  { make: () => new GlobalMaxPooling2D(), shape: images, op: "globalMaxPool" },
  { make: () => new GlobalAveragePooling1D(), shape: sequence, op: "globalAveragePool" },
  { make: () => new GlobalAveragePooling2D(), shape: images, op: "globalAveragePool" },
];

/** The samples of layers that are not listed: no peer knows them, so they need no more. */
function unlisted(): readonly LayerSample[] {
  const known = new Set<unknown>(listed.map(({ make }) => make().constructor));
  return Object.values<unknown>({ ...nn })
    .filter((each) => typeof each === "function" && each.prototype instanceof nn.Layer && !known.has(each))
    .flatMap((layer) => (layer as typeof nn.Layer).samples?.() ?? []);
}

export const layerTable: readonly LayerCase[] = [...listed, ...unlisted()];

const f32 = 4;

const valuesIn = (shape: Shape, layer: Layer) =>
  countOf(shape) + shape[0] * countOf(layer.computeOutputShape(shape.slice(1))) + layer.countParams();

/** A layer's input and output each once, and its weights; backward reads or writes them all twice. */
const costOf = ({ shape, products, op }: LayerCase, layer: Layer, factor: number): Cost => ({
  ...(products === undefined ? {} : { flops: 2 * factor * products }),
  ...(op === undefined ? {} : { bytes: f32 * factor * valuesIn(shape, layer) }),
});

/** The layer's inputs and its weights. */
const inputsOf = ({ shape, others = [], limit }: LayerCase, weights: readonly Shape[]): InputSpec[] => [
  limit === undefined ? { shape } : { shape, fill: "whole", limit },
  ...[...others, ...weights].map((each): InputSpec => ({ shape: each })),
];

/** What a layer takes: one value, or several in an array. */
export const asInputs = <T>(line: LayerSample, values: readonly T[]): T | readonly T[] =>
  line.others === undefined ? values[0] : values;

function passOf(line: LayerCase, device: Device): Pass {
  const shapes = [line.shape, ...(line.others ?? [])];
  const specs = shapes.map((shape): SampleSpec => ({ shape: shape.slice(1), dtype: "f32" }));
  const layer = line.make().build(asInputs(line, specs), device);
  const inputs = inputsOf(
    line,
    layer.trainableWeights.map((weight) => weight.shape),
  );
  const values = valuesOf({ inputs });
  const given = shapes.map((shape, i) => tensor(values[i], { shape, device }));
  layer.trainableWeights.forEach((weight, i) => {
    const at = shapes.length + i;
    tidy(() => weight.assign(tensor(values[at], { shape: inputs[at].shape, device })));
  });
  const called = asInputs(line, given);
  return {
    inputs: [...(line.limit === undefined ? given : []), ...layer.trainableWeights],
    run: () => layer.call(called, { training: true }),
    dispose: () => {
      disposeAll(given);
      layer.dispose();
    },
  };
}

export const layerBench: readonly BenchCase[] = layerTable.flatMap((line) => {
  const { op, attributes, isQuick } = line;
  const layer = line.make();
  const label = line.label === undefined ? "" : `-${line.label}`;
  return passes(
    {
      name: `layer/${layer.type}${label}/${line.shape.join("x")}`,
      forward: costOf(line, layer, 1),
      backward: costOf(line, layer, 2),
      isQuick,
    },
    op && { op, inputs: inputsOf(line, line.weights ?? []), attributes },
    (device) => passOf(line, device),
  );
});
