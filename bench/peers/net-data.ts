// Data and initial weights of the nets whose steps are timed: the same numbers in every library and process.

import { type NetSpec, shapesOf } from "../cases/nets.ts";
import { labels, spread } from "../values.ts";

/** Batches that inputs usually rotate among, so that no step finds its input in a cache of the one before. */
export const rotation = 16;

export interface NetData {
  /** [batches * batchSize, inputs]: numbers in [0, 1), or tokens. */
  readonly x: Float32Array | Int32Array;
  /** [batches * batchSize] classes; [batches * batchSize, inputs] where each step has one. */
  readonly y: Int32Array;
}

const rowsOf = ({ batchSize, batches = rotation }: NetSpec) => batches * batchSize;

/** Labels of a sample. */
export const labelCount = ({ labelsEach, inputs }: NetSpec): number => (labelsEach ? inputs : 1);

export function dataOf(net: NetSpec, seed = 1): NetData {
  const { inputs, classes, tokens, labelsEach } = net;
  const rows = rowsOf(net);
  if (tokens === undefined) return { x: spread(rows * inputs, 0, 1, seed), y: labels(rows, classes, seed) };
  const { vocabulary, shortest } = tokens;
  if (labelsEach) {
    // The label is the token that comes next, so that a text has one token more than there are steps.
    const text = labels(rows * (inputs + 1), vocabulary, seed);
    const from = (first: number) => {
      const part = new Int32Array(rows * inputs);
      for (let row = 0; row < rows; row++) {
        const start = row * (inputs + 1) + first;
        part.set(text.subarray(start, start + inputs), row * inputs);
      }
      return part;
    };
    return { x: from(0), y: from(1) };
  }
  const least = shortest ?? inputs;
  const lengths = labels(rows, inputs - least + 1, seed + 1).map((more) => least + more);
  const x = labels(rows * inputs, vocabulary - 1, seed).map((token, i) =>
    i % inputs < lengths[Math.floor(i / inputs)] ? token + 1 : 0,
  );
  return { x, y: labels(rows, classes, seed) };
}

/** What a peer holds of it: rows and one-hot labels, in f32. */
export const bytesOfData = (net: NetSpec): number =>
  4 * rowsOf(net) * (net.inputs + net.classes * labelCount(net));

/** The same, batch by batch. */
export function batchesOf(net: NetSpec): NetData[] {
  const { inputs, batchSize, batches = rotation } = net;
  const { x, y } = dataOf(net);
  const part = <T extends NetData["x"]>(values: T, i: number, width: number) =>
    values.slice(i * batchSize * width, (i + 1) * batchSize * width) as T;
  return Array.from({ length: batches }, (_, i) => ({
    x: part(x, i, inputs),
    y: part(y, i, labelCount(net)),
  }));
}

/** The shape of a batch of samples. */
export const batchShape = ({ batchSize, inputs, shape = [inputs] }: NetSpec): number[] => [
  batchSize,
  ...shape,
];

/** How many of a row's steps count: it ends where zeros begin. */
export const lengthsOf = ({ inputs }: NetSpec, x: NetData["x"]): number[] =>
  Array.from({ length: x.length / inputs }, (_, row) => {
    const end = x.subarray(row * inputs, (row + 1) * inputs).indexOf(0);
    return end < 0 ? inputs : end;
  });

export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly isTrainable: boolean;
  readonly values: Float32Array;
}

/** The weights of each layer, in the order of `layers`. */
export function weightsOf(net: NetSpec): WeightSpec[][] {
  const shapes = shapesOf(net);
  let seed = 1;
  const filled = (name: string, shape: readonly number[], value: number, isTrainable = true): WeightSpec => ({
    name,
    shape,
    isTrainable,
    values: new Float32Array(sizeOf(shape)).fill(value),
  });
  const drawn = (name: string, shape: readonly number[], limit: number): WeightSpec => ({
    name,
    shape,
    isTrainable: true,
    values: spread(sizeOf(shape), -limit, limit, 7919 * seed++),
  });
  /** Glorot and Bengio's, for what turns `inputs` numbers into `outputs`. */
  const glorot = (name: string, shape: readonly number[], inputs: number, outputs: number) =>
    drawn(name, shape, Math.sqrt(6 / (inputs + outputs)));
  return net.layers.map((layer, i): WeightSpec[] => {
    const width = shapes[i].at(-1)!;
    switch (layer.kind) {
      case "dense":
        return [glorot("kernel", [width, layer.units], width, layer.units), filled("bias", [layer.units], 0)];
      case "batchNorm":
        return [
          filled("gamma", [width], 1),
          filled("beta", [width], 0),
          filled("mean", [width], 0, false),
          filled("variance", [width], 1, false),
        ];
      case "conv2d": {
        const { units, size } = layer;
        const places = size * size;
        return [
          glorot("kernel", [size, size, width, units], places * width, places * units),
          filled("bias", [units], 0),
        ];
      }
      case "embedding":
        return [drawn("embeddings", [net.tokens!.vocabulary, layer.units], 0.05)];
      case "lstm":
      case "gru": {
        const { units, kind } = layer;
        const gates = (kind === "lstm" ? 4 : 3) * units;
        return [
          glorot("kernel", [width, gates], width, gates),
          glorot("recurrentKernel", [units, gates], units, gates),
          filled("bias", kind === "lstm" ? [gates] : [2, gates], 0),
        ];
      }
      case "layerNorm":
        return [filled("gamma", [width], 1), filled("beta", [width], 0)];
      case "positions":
        return [drawn("positions", shapes[i], 0.05)];
      case "block": {
        const { heads } = layer;
        const split = [heads, width / heads];
        const norm = () => [filled("gamma", [width], 1), filled("beta", [width], 0)];
        return [
          ...norm(),
          ...["query", "key", "value"].flatMap((name) => [
            glorot(name, [width, ...split], width, width),
            filled(`${name}Bias`, split, 0),
          ]),
          glorot("output", [...split, width], width, width),
          filled("outputBias", [width], 0),
          ...norm(),
          glorot("kernel", [width, 4 * width], width, 4 * width),
          filled("bias", [4 * width], 0),
          glorot("kernel", [4 * width, width], 4 * width, width),
          filled("bias", [width], 0),
        ];
      }
      default:
        return [];
    }
  });
}

/**
 * A block's weights as those have them who project queries, keys and values by one product: gamma, beta, kernel
 * [width, 3 · width], bias, output kernel [width, width], its bias, gamma, beta, and the perceptron's two kernels and biases.
 */
export function joinedBlock(list: readonly WeightSpec[]): WeightSpec[] {
  const [gamma, beta, query, queryBias, key, keyBias, value, valueBias, output, ...rest] = list;
  const width = gamma.shape[0];
  const columns = [query, key, value].map(({ values }) => values);
  const kernel = new Float32Array(3 * width * width);
  for (let row = 0; row < width; row++)
    columns.forEach((values, k) => {
      kernel.set(values.subarray(row * width, (row + 1) * width), (3 * row + k) * width);
    });
  const bias = new Float32Array([queryBias, keyBias, valueBias].flatMap(({ values }) => [...values]));
  return [
    gamma,
    beta,
    { ...query, name: "kernel", shape: [width, 3 * width], values: kernel },
    { ...queryBias, name: "bias", shape: [3 * width], values: bias },
    { ...output, shape: [width, width] },
    ...rest,
  ];
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

/** What all of them are asked for. */
export const adam = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 } as const;
export const sgd = { learningRate: 1e-3, momentum: 0.9 } as const;
export const batchNormConstants = { momentum: 0.99, epsilon: 1e-3 } as const;
