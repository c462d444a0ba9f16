// How large a batch may be in a budget, and whether larger is better.

import { lesson } from "../frame/lesson.ts";
import { bySeed, curvesOf, last, numberOf, percent, rowsOf } from "../frame/measured.ts";
import { largestBatch } from "../largest-batch.ts";

const names = ["the largest", "128", "32"];

export default lesson({
  name: "largest-batch",
  title: "The largest batch that fits",
  korean: "Minibatch size: 메모리가 허용하는 한 크게",
  notes: ["003"],
  topic: "Batches, memory and devices",
  about: `
How large may a batch be in so many MiB? A step is tried, the device memory that its program holds is read, and the interval halved. Then 784-256-256-10
learns as many epochs with the largest batch and with smaller ones, at the same rate.`,
  sizes: {
    quick: { rows: 4000, tests: 1000, budget: 16, epochs: 3 },
    usual: { rows: 10_000, tests: 2000, budget: 32, epochs: 4 },
    full: { rows: 60_000, tests: 10_000, budget: 64, epochs: 5 },
    cpu: { rows: 150, tests: 50, budget: 1, epochs: 1 },
  },
  seeds: { quick: 1, usual: 1, full: 1, cpu: 1 },
  isWeighing: true,
  parts: () => 4,
  program: largestBatch,
  machine: ["largest"],
  claims: [
    {
      note: "003",
      says: "Memory limits the batch: a largest one can be found.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ largest: numberOf(run, "largest") }),
          isTrue: ({ largest }) => largest > 1,
          tell: (text) => `${text("largest")} samples, after ${rowsOf(runs[0], "tried").length} tries`,
        }),
    },
    {
      note: "003",
      says: "A batch as large as memory allows is good.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            large: last(curvesOf(run, "the largest").valAccuracy),
            middle: last(curvesOf(run, "128").valAccuracy),
            small: last(curvesOf(run, "32").valAccuracy),
          }),
          isTrue: ({ large, small }) => large >= small,
          tell: (text) =>
            `after as many epochs ${text("large", percent)} of new digits are right with the largest batch, ${text("middle", percent)} with 128, ${text("small", percent)} with 32`,
          range: () => {
            const largest = numberOf(runs[0], "largest");
            return `At one rate for all: a batch of 32 makes ${Math.round(largest / 32)} times as many updates in an epoch as the largest one.`;
          },
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "curves",
      title: "Batches of three sizes",
      caption:
        "Accuracy on new digits, epoch by epoch: the largest batch that fits makes the fewest updates.",
      panels: [
        {
          kind: "lines",
          title: "Accuracy on new digits",
          x: { label: "epoch" },
          y: { label: "right (share of images)" },
          series: names.map((name) => ({
            name: name === "the largest" ? `${numberOf(run, "largest")}, the largest` : name,
            y: curvesOf(run, name).valAccuracy,
          })),
        },
      ],
    }),
  ],
  tables: ([run]) => [
    {
      title: "Tries",
      rows: [
        ["samples", "memory of a step (MiB)"],
        ...rowsOf(run, "tried").map(([samples, bytes]) => [samples, (bytes / 2 ** 20).toFixed(1)]),
      ],
    },
  ],
});
