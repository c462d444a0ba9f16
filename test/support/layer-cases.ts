// The layers whose numbers stand in test/numbers/layers.json, and those numbers.

import fs from "node:fs";
import {
  Add,
  AdditiveAttention,
  Attention,
  Average,
  BatchNormalization,
  type BatchNormalizationOptions,
  Bidirectional,
  Concatenate,
  Dot,
  ELU,
  Embedding,
  GRU,
  GroupedQueryAttention,
  initializers,
  type Layer,
  LSTM,
  Masking,
  Maximum,
  Minimum,
  MultiHeadAttention,
  Multiply,
  PositionEmbedding,
  PReLU,
  ReLU,
  RepeatVector,
  RotaryEmbedding,
  SimpleRNN,
  Softmax,
  Subtract,
  UnitNormalization,
} from "../../nn/index.ts";

export interface Values {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

export interface LayerNumbers {
  readonly name: string;
  readonly make: () => Layer;
  readonly isTraining: boolean;
  readonly inputs: readonly Values[];
  /** The trained ones. */
  readonly weights: readonly Values[];
  /** Of the inputs. */
  readonly mask: readonly (Values | undefined)[] | undefined;
  readonly output: Values;
  /** Of inputs and weights, for outputs weighted by cos(1.7 i). */
  readonly gradients: readonly Values[];
  /** What moving averages become. */
  readonly moved: readonly Values[];
}

const turning = () => new RotaryEmbedding({ maxWavelength: 100, scalingFactor: 2 });

const batchNormalization =
  (options: BatchNormalizationOptions = {}) =>
  () =>
    new BatchNormalization({
      momentum: 0.9,
      movingMeanInitializer: initializers.constant(0.125),
      movingVarianceInitializer: initializers.constant(2),
      ...options,
    });

/** By the name before ", training" and ", inference". */
const makers: Readonly<Record<string, () => Layer>> = {
  "ReLU above 0.4": () => new ReLU({ threshold: 0.4 }),
  "ReLU of all": () => new ReLU({ maxValue: 1.5, negativeSlope: 0.1, threshold: 0.25 }),
  "ReLU to 1 with a slope": () => new ReLU({ maxValue: 1, negativeSlope: 0.2 }),
  "ELU of 1.5": () => new ELU({ alpha: 1.5 }),
  PReLU: () => new PReLU({ sharedAxes: [2] }),
  Softmax: () => new Softmax(),
  "Softmax over time": () => new Softmax({ axis: 1 }),
  "Softmax of masked elements": () => new Softmax(),
  "Softmax over masked time": () => new Softmax({ axis: 1 }),
  UnitNormalization: () => new UnitNormalization(),
  "UnitNormalization over two axes": () => new UnitNormalization({ axis: [1, 2] }),
  RepeatVector: () => new RepeatVector(4),
  Masking: () => new Masking({ maskValue: 0.5 }),
  Embedding: () => new Embedding(11, 3, { maskZero: true }),
  Add: () => new Add(),
  Subtract: () => new Subtract(),
  Multiply: () => new Multiply(),
  Average: () => new Average(),
  Maximum: () => new Maximum(),
  Minimum: () => new Minimum(),
  "Multiply of masked steps": () => new Multiply(),
  "Maximum of masked steps": () => new Maximum(),
  "Minimum of masked steps": () => new Minimum(),
  Concatenate: () => new Concatenate(),
  "Concatenate along time": () => new Concatenate({ axis: 1 }),
  "Dot of vectors": () => new Dot(1),
  "Dot of directions": () => new Dot(2, { normalize: true }),
  "Dot of matrices": () => new Dot([2, 1]),
  "Dot over time": () => new Dot(1),
  "Dot of four axes": () => new Dot([2, 1]),
  BatchNormalization: batchNormalization(),
  "BatchNormalization of axis 1": batchNormalization({ axis: 1 }),
  "BatchNormalization without gamma": batchNormalization({ scale: false }),
  "BatchNormalization without beta": batchNormalization({ center: false }),
  "BatchNormalization of neither": batchNormalization({ scale: false, center: false }),
  "BatchNormalization of masked steps": batchNormalization(),
  "BatchNormalization of axis 1 and masked steps": batchNormalization({ axis: 1 }),
  LSTM: () => new LSTM(6),
  "LSTM of sequences": () => new LSTM(6, { returnSequences: true }),
  "LSTM of sequences backwards": () => new LSTM(6, { returnSequences: true, goBackwards: true }),
  "LSTM of masked steps": () => new LSTM(6, { returnSequences: true }),
  GRU: () => new GRU(6),
  "GRU of sequences": () => new GRU(6, { returnSequences: true }),
  "GRU of masked steps": () => new GRU(6),
  "SimpleRNN of sequences": () => new SimpleRNN(6, { returnSequences: true }),
  "Bidirectional LSTM": () => new Bidirectional(new LSTM(6)),
  MultiHeadAttention: () => new MultiHeadAttention(2, 4),
  "MultiHeadAttention that looks back": () => new MultiHeadAttention(2, 4, { useCausalMask: true }),
  "MultiHeadAttention of masked steps": () => new MultiHeadAttention(2, 4),
  "MultiHeadAttention to masked values": () => new MultiHeadAttention(2, 3, { valueDim: 5, outputShape: 4 }),
  "MultiHeadAttention of three": () => new MultiHeadAttention(2, 3, { valueDim: 5, outputShape: 4 }),
  GroupedQueryAttention: () => new GroupedQueryAttention(3, 4, 2),
  "GroupedQueryAttention of turned heads": () =>
    new GroupedQueryAttention(4, 4, 2, { useCausalMask: true, rotary: turning() }),
  "MultiHeadAttention of turned heads": () =>
    new MultiHeadAttention(2, 4, { valueDim: 5, outputShape: 4, rotary: turning() }),
  "MultiHeadAttention of three turned heads": () =>
    new MultiHeadAttention(2, 4, { valueDim: 5, outputShape: 4, rotary: turning() }),
  Attention: () => new Attention(),
  "Attention with a scale": () => new Attention({ useScale: true }),
  "Attention to masked values": () => new Attention(),
  "Attention by sums": () => new Attention({ scoreMode: "concat" }),
  AdditiveAttention: () => new AdditiveAttention(),
  PositionEmbedding: () => new PositionEmbedding(7),
  RotaryEmbedding: turning,
  "AdditiveAttention that looks back": () => new AdditiveAttention({ useCausalMask: true }),
};

interface Stored {
  readonly shape: readonly number[];
  /** The place among the file's arrays. */
  readonly values: number;
}

const file = new URL("../numbers/layers.json", import.meta.url);
const { arrays, cases } = JSON.parse(fs.readFileSync(file, "utf8"));
const valuesOf = ({ shape, values }: Stored): Values => ({ shape, values: arrays[values] });

// biome-ignore lint/suspicious/noExplicitAny: as the script writes it
export const layerNumbers: readonly LayerNumbers[] = cases.map((one: any) => ({
  name: one.name,
  make: makers[one.name.split(", ")[0]],
  isTraining: one.name.endsWith(", training"),
  inputs: one.inputs.map(valuesOf),
  weights: one.weights.map(valuesOf),
  mask: one.mask?.map((mask: Stored | null) => (mask === null ? undefined : valuesOf(mask))),
  output: valuesOf(one.output),
  gradients: one.gradients.map(valuesOf),
  moved: one.moved.map(valuesOf),
}));
