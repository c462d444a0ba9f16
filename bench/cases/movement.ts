// Kernels that move numbers rather than compute with them: gather, scatter-add, transpose; and those that draw them:
// Philox's words, uniform and normal numbers, dropout.

import {
  type Device,
  dropout,
  randomBits,
  randomNormal,
  randomUniform,
  type Tensor,
  tensor,
} from "../../engine/index.ts";
import type { BenchCase } from "../bench-case.ts";
import { spreadTensor } from "../values.ts";
import { type OpCase, opCases, passes } from "./op-case.ts";

const f32 = 4;

/** A vocabulary of 10,000 with 256 features, of which 4,096 rows are wanted, as of an embedding. */
const [vocabulary, wanted, features] = [10000, 4096, 256];
const indices = { shape: [wanted], fill: "whole", limit: vocabulary } as const;

const moves: OpCase[] = [
  {
    name: `gather/${wanted}-of-${vocabulary}x${features}`,
    op: "gather",
    inputs: [{ shape: [vocabulary, features] }, indices],
    forward: { bytes: 2 * f32 * wanted * features },
    backward: { bytes: f32 * (wanted + vocabulary) * features },
  },
  {
    name: `scatter-add/${wanted}-to-${vocabulary}x${features}`,
    op: "scatterAdd",
    inputs: [{ shape: [wanted, features] }, indices],
    attributes: { size: vocabulary },
    forward: { bytes: f32 * (wanted + vocabulary) * features },
    isQuick: true,
  },
  ...[[1024, 1024] as const, [4096, 1000] as const].map(
    ([rows, columns]): OpCase => ({
      name: `transpose/${rows}x${columns}`,
      op: "transpose",
      inputs: [{ shape: [rows, columns] }],
      forward: { bytes: 2 * f32 * rows * columns },
      isQuick: rows === 1024,
    }),
  ),
];

const million = 2 ** 20;
const draws = { randomBits, randomUniform, randomNormal };
const drawNames = { randomBits: "bits", randomUniform: "uniform", randomNormal: "normal" };

/** [rows, features]; the last is a vector of 4M. */
const dropoutSizes = [
  [128, 64],
  [128, 512],
  [1024, 1024],
  [4096, 1024],
] as const;

const stateOn = (device: Device) => tensor(device.random.state(), { device });
const disposer = (tensors: readonly Tensor[]) => () => {
  for (const each of tensors) each.dispose();
};

const random: BenchCase[] = Object.entries(draws).flatMap(([name, draw]) =>
  passes(
    {
      name: `random/${drawNames[name as keyof typeof draws]}/1M`,
      forward: { bytes: f32 * million },
      isQuick: name === "randomUniform",
    },
    undefined,
    (device) => {
      const state = stateOn(device);
      return { inputs: [], run: () => draw(state, [million]), dispose: disposer([state]) };
    },
  ),
);

const dropouts: BenchCase[] = dropoutSizes.flatMap(([rows, columns]) =>
  passes(
    {
      name: `dropout/${rows}x${columns}`,
      forward: { bytes: 2 * f32 * rows * columns },
      backward: { bytes: 2 * f32 * rows * columns },
      isQuick: rows === 1024,
    },
    undefined,
    (device) => {
      const x = spreadTensor(device, [rows, columns]);
      const state = stateOn(device);
      return { inputs: [x], run: () => dropout(x, 0.5, state), dispose: disposer([x, state]) };
    },
  ),
);

export const movementBench: readonly BenchCase[] = [...moves.flatMap(opCases), ...random, ...dropouts];
