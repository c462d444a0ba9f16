// Data and initial weights of the nets whose steps are timed: the same numbers in every library and process.

import type { NetSpec } from "../cases/nets.ts";
import { labels, spread } from "../values.ts";

/** Batches that inputs usually rotate among, so that no step finds its input in a cache of the one before. */
export const rotation = 16;

export interface NetData {
  /** [batches * batchSize, inputs], in [0, 1). */
  readonly x: Float32Array;
  /** [batches * batchSize] classes. */
  readonly y: Int32Array;
}

const rowsOf = ({ batchSize, batches = rotation }: NetSpec) => batches * batchSize;

export function dataOf(net: NetSpec): NetData {
  const rows = rowsOf(net);
  return { x: spread(rows * net.inputs, 0, 1, 1), y: labels(rows, net.classes, 1) };
}

/** What a peer holds of it: rows and one-hot labels, in f32. */
export const bytesOfData = (net: NetSpec): number => 4 * rowsOf(net) * (net.inputs + net.classes);

/** The same, batch by batch. */
export function batchesOf(net: NetSpec): NetData[] {
  const { inputs, batchSize, batches = rotation } = net;
  const { x, y } = dataOf(net);
  return Array.from({ length: batches }, (_, i) => ({
    x: x.slice(i * batchSize * inputs, (i + 1) * batchSize * inputs),
    y: y.slice(i * batchSize, (i + 1) * batchSize),
  }));
}

export interface WeightSpec {
  readonly name: "kernel" | "bias" | "gamma" | "beta" | "mean" | "variance";
  readonly shape: readonly number[];
  readonly isTrainable: boolean;
  readonly values: Float32Array;
}

/** The weights of each layer that has any, in the order of `layers`. */
export function weightsOf({ inputs, layers }: NetSpec): WeightSpec[][] {
  let width = inputs;
  let seed = 1;
  return layers.map((layer) => {
    const vector = (name: WeightSpec["name"], value: number, isTrainable = true): WeightSpec => ({
      name,
      shape: [width],
      isTrainable,
      values: new Float32Array(width).fill(value),
    });
    if (layer.kind === "dropout") return [];
    if (layer.kind === "batchNorm")
      return [vector("gamma", 1), vector("beta", 0), vector("mean", 0, false), vector("variance", 1, false)];
    const limit = Math.sqrt(6 / (width + layer.units));
    const shape = [width, layer.units];
    const values = spread(width * layer.units, -limit, limit, 7919 * seed++);
    width = layer.units;
    return [{ name: "kernel", shape, isTrainable: true, values }, vector("bias", 0)];
  });
}

/** What all of them are asked for. */
export const adam = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 } as const;
export const sgd = { learningRate: 1e-3, momentum: 0.9 } as const;
export const batchNormConstants = { momentum: 0.99, epsilon: 1e-3 } as const;
