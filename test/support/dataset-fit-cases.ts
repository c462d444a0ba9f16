// Training over data sets: cases for every device. What is compared are arrays, in the order that the set has them.

import { Dataset, NdArray } from "../../data/index.ts";
import { type Device, type Tensor, tensor } from "../../engine/index.ts";
import { Dense, type FitOptions, Input, Sequential } from "../../nn/index.ts";

export const rows = 70;
const features = 4;

export const x = new NdArray(
  Float32Array.from({ length: rows * features }, (_, i) => Math.fround(Math.sin(i * 12.9898))),
  [rows, features],
);
export const y = Uint8Array.from({ length: rows }, (_, i) => (x.values[i * features] > 0 ? 2 : i % 2));

/** The same weights each time. */
export async function makeModel(): Promise<Sequential> {
  const model = new Sequential([
    new Input([features]),
    new Dense(5, { activation: "tanh" }),
    new Dense(3, { activation: "softmax" }),
  ]);
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: "accuracy" });
  const weights = await model.getWeights();
  model.setWeights(weights.map(({ values }, i) => values.map((_, j) => Math.cos(i * 7 + j) / 2)));
  return model;
}

export const slices = () => Dataset.fromTensorSlices([x, y]);

/** Pipelines of the same batches, each made in another way. */
export function sameBatches(device: Device): { sets: Record<string, Dataset<unknown>>; dispose(): void } {
  const tensors: Tensor[] = [tensor(x.values, { shape: [...x.shape], device }), tensor(y, { device })];
  const order = () => slices().shuffle({ seed: 4 });
  return {
    sets: {
      arrays: order().batch(16),
      tensors: Dataset.fromTensorSlices(tensors).shuffle({ seed: 4 }).batch(16),
      "buffer of all": slices().shuffle(1000, { seed: 4 }).batch(16).prefetch(),
      part: Dataset.fromTensorSlices([
        new NdArray(Float32Array.from([...x.values, ...x.values]), [2 * rows, features]),
        Uint8Array.from([...y, ...y]),
      ])
        .skip(rows)
        .shuffle({ seed: 4 })
        .batch(16),
      mapped: order()
        .map((element) => element)
        .batch(16),
      generator: Dataset.fromGenerator(
        async function* ({ epoch }) {
          yield* await order().toArray({ epoch });
        },
        { length: rows },
      ).batch(16),
      "unknown length": Dataset.fromGenerator(async function* ({ epoch }) {
        yield* await order().toArray({ epoch });
      }).batch(16),
      names: order()
        .map(([x, y]) => ({ x, y }))
        .batch(16)
        .prefetch(3),
      weights: order()
        .map(([x, y]) => [x, y, 1] as const)
        .batch(16),
      "on the device": order()
        .batch(16)
        .mapOnDevice(([x, y]) => [x, y]),
    },
    dispose: () => {
      for (const one of tensors) one.dispose();
    },
  };
}

/** What a run comes to. */
export async function trained(
  set: Dataset<unknown>,
  options: FitOptions = {},
): Promise<{ loss: number[]; weights: number[][] }> {
  const model = await makeModel();
  try {
    const history = await model.fit(set, { verbose: 0, ...options });
    const weights = (await model.getWeights()).map(({ values }) => Array.from(values));
    return { loss: [...(history.history.loss as number[])], weights };
  } finally {
    model.dispose();
  }
}
