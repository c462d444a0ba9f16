// How many updates a training makes, and what is counted as a parameter.

import { cases, counting } from "../counting.ts";
import { lesson } from "../frame/lesson.ts";
import { exactly, numberOf, verdictOf } from "../frame/measured.ts";

export default lesson({
  name: "counting",
  title: "Epochs, batches, iterations; parameters and hyper-parameters",
  korean: "에포크와 배치 크기와 이터레이션, parameters와 Hyper parameters",
  notes: ["002", "003"],
  topic: "How a network computes",
  about: `
An *epoch* is one pass over all samples, forward and backward. A *batch* is as many samples as one update looks at. An *iteration* or *step*
is one update: an epoch has as many as there are batches.

*Parameters* are what training finds, weights W and biases b. *Hyper-parameters* are what one chooses before: the optimizer, the
learning rate, how many hidden layers and units, how many iterations, the activation, the batch size, regularization. Of a batch
normalization γ and β are trained, its two moving averages are kept, but not trained.`,
  sizes: { quick: {}, usual: {}, full: {}, cpu: {} },
  seeds: { quick: 1, usual: 1, full: 1, cpu: 1 },
  parts: () => cases.length,
  program: counting,
  claims: [
    {
      note: "002",
      says: "Iterations an epoch = samples / batch size.",
      judge: (runs) => ({
        verdict: verdictOf(
          cases.map(
            ({ rows, batchSize }, i) =>
              numberOf(runs[0], `case ${i + 1}: steps`) === Math.ceil(rows / batchSize),
          ),
        ),
        measured: cases
          .map(
            ({ rows, batchSize }, i) =>
              `${rows} / ${batchSize}: ${numberOf(runs[0], `case ${i + 1}: steps`)}`,
          )
          .join(", "),
        range: "Where the batch size does not divide the samples, one more: the last batch is smaller.",
      }),
    },
    {
      note: "002",
      says: "Batch gradient descent updates once an epoch.",
      judge: (runs) => exactly(runs, "case 2: steps", 1),
    },
    {
      note: "002",
      says: "Updates = epochs · iterations.",
      judge: (runs) => ({
        verdict: verdictOf(
          cases.map(
            ({ rows, batchSize, epochs }, i) =>
              numberOf(runs[0], `case ${i + 1}: updates`) === epochs * Math.ceil(rows / batchSize),
          ),
        ),
        measured: cases.map((_, i) => numberOf(runs[0], `case ${i + 1}: updates`)).join(", "),
      }),
    },
    {
      note: "003",
      says: "Parameters are weights and biases: 784 · 16 + 16 + 4 · 16 + 16 · 10 + 10 here.",
      judge: (runs) => exactly(runs, "parameters", 784 * 16 + 16 + 4 * 16 + 170),
    },
    {
      note: "003",
      says: "γ and β of batch normalization are trained, its moving averages are not.",
      judge: (runs) => exactly(runs, "trained", 784 * 16 + 16 + 2 * 16 + 170),
    },
  ],
  figures: [],
  tables: ([run]) => [
    {
      title: "Epoch, batch, iteration",
      rows: [
        ["samples", "batch size", "iterations an epoch", "epochs", "updates"],
        ...cases.map(({ rows, batchSize, epochs }, i) => [
          rows,
          batchSize,
          numberOf(run, `case ${i + 1}: steps`),
          epochs,
          numberOf(run, `case ${i + 1}: updates`),
        ]),
      ],
    },
  ],
});
