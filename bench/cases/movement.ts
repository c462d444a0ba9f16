// Kernels that move numbers rather than compute with them: gather, scatter-add, transpose, and what cuts, joins, sorts
// and runs along rows; and those that draw them: Philox's words, uniform and normal numbers, dropout.

import type { BenchCase } from "../bench-case.ts";
import { type OpCase, opCases } from "./op-case.ts";

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
const draws = { randomBits: "bits", randomUniform: "uniform", randomNormal: "normal" } as const;

/** [rows, features]; the last is a vector of 4M. */
const dropoutSizes = [
  [128, 64],
  [128, 512],
  [1024, 1024],
  [4096, 1024],
] as const;

const arranging = [[128, 512] as const, [1024, 1024] as const].flatMap(([rows, columns]): OpCase[] => {
  const size = `${rows}x${columns}`;
  const moved = 2 * f32 * rows * columns;
  const inputs = [{ shape: [rows, columns] }];
  return [
    {
      name: `concat/2-of-${size}`,
      op: "concat",
      inputs,
      attributes: { axis: 1 },
      forward: { bytes: 2 * moved },
    },
    { name: `pad/${size}`, op: "pad", inputs, forward: { bytes: moved } },
    { name: `tril/${size}`, op: "tril", inputs, forward: { bytes: moved } },
    { name: `cumsum/${size}`, op: "cumsum", inputs, attributes: { axis: 1 }, forward: { bytes: moved } },
    { name: `sort/${size}`, op: "sort", inputs, forward: { bytes: moved } },
    {
      name: `one-hot/${size}`,
      op: "oneHot",
      inputs: [{ shape: [rows], fill: "whole", limit: columns }],
      attributes: { size: columns },
      forward: { bytes: f32 * rows * (columns + 1) },
    },
  ];
});

const random = Object.entries(draws).map(
  ([op, name]): OpCase => ({
    name: `random/${name}/1M`,
    op: op as keyof typeof draws,
    inputs: [],
    attributes: { shape: [million] },
    forward: { bytes: f32 * million },
    isQuick: name === "uniform",
  }),
);

const dropouts = dropoutSizes.map(
  ([rows, columns]): OpCase => ({
    name: `dropout/${rows}x${columns}`,
    op: "dropout",
    inputs: [{ shape: [rows, columns] }],
    attributes: { rate: 0.5 },
    forward: { bytes: 2 * f32 * rows * columns },
    backward: { bytes: 2 * f32 * rows * columns },
    isQuick: rows === 1024,
  }),
);

export const movementBench: readonly BenchCase[] = [...moves, ...arranging, ...random, ...dropouts].flatMap(
  opCases,
);
