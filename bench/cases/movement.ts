// Kernels that move numbers rather than compute with them: gather, scatter-add, transpose, and what cuts, joins, sorts
// and runs along rows; and those that draw them: Philox's words, uniform and normal numbers, dropout.

import {
  concat,
  cumsum,
  type Device,
  dropout,
  oneHot,
  pad,
  randomBits,
  randomNormal,
  randomUniform,
  sort,
  type Tensor,
  tensor,
  tril,
} from "../../engine/index.ts";
import type { BenchCase } from "../bench-case.ts";
import { labels, spreadTensor } from "../values.ts";
import { type OpCase, opCases, passes } from "./op-case.ts";

const f32 = 4;

/** Rows wanted of a vocabulary of 10,000 with so many features, as of an embedding. */
const vocabulary = 10000;
const embeddings = [
  [128, 16],
  [4096, 256],
] as const;

const rowsOf = ([wanted, features]: readonly [number, number]): OpCase[] => {
  const indices = { shape: [wanted], fill: "whole", limit: vocabulary } as const;
  return [
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
      isQuick: wanted === 4096,
    },
  ];
};

const moves: OpCase[] = [
  ...embeddings.flatMap(rowsOf),
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

/** One tensor in, one out. */
const one = (
  name: string,
  bytes: number,
  x: (device: Device) => Tensor,
  run: (x: Tensor) => Tensor,
): BenchCase[] =>
  passes({ name, forward: { bytes } }, undefined, (device) => {
    const input = x(device);
    return { inputs: [input], run: () => run(input), dispose: disposer([input]) };
  });

const arranging: BenchCase[] = [
  [128, 512],
  [1024, 1024],
].flatMap(([rows, columns]) => {
  const size = `${rows}x${columns}`;
  const moved = 2 * f32 * rows * columns;
  const x = (device: Device) => spreadTensor(device, [rows, columns]);
  return [
    ...one(`concat/2-of-${size}`, 2 * moved, x, (a) => concat([a, a], 1)),
    ...one(`pad/${size}`, moved, x, (a) => pad(a, 1)),
    ...one(`tril/${size}`, moved, x, (a) => tril(a)),
    ...one(`cumsum/${size}`, moved, x, (a) => cumsum(a, 1)),
    ...one(`sort/${size}`, moved, x, (a) => sort(a)),
    ...one(
      `one-hot/${size}`,
      f32 * rows * (columns + 1),
      (device) => tensor(labels(rows, columns, 1), { device }),
      (a) => oneHot(a, columns),
    ),
  ];
});

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

export const movementBench: readonly BenchCase[] = [
  ...moves.flatMap(opCases),
  ...arranging,
  ...random,
  ...dropouts,
];
