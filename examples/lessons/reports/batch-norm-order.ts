// Which order is the better one, and how much of a bad start batch normalization mends.

import { batchNormOrder, orders, starts } from "../batch-norm-order.ts";
import { lesson, type Run } from "../frame/lesson.ts";
import { bySeed, bySeedsDiffers, curvesOf, last, least, mean, most, percent } from "../frame/measured.ts";

const accuracy = (run: Run, order: string, start: string) =>
  last(curvesOf(run, `${order}, ${start}`).valAccuracy);
const range = (run: Run, order: string) => {
  const all = Object.keys(starts).map((start) => accuracy(run, order, start));
  return most(all) - least(all);
};

export default lesson({
  name: "batch-norm-order",
  title: "Batch normalization before and after the activation, and from a bad start",
  korean: "활성함수 이전에 적용, 초기 가중치에 대한 영향력",
  notes: ["000", "001", "003"],
  topic: "Batch normalization",
  about: `
Note 001 normalizes behind the activation, note 003 before it ("usually"), and note 000 says once that it is the activation's input and once
that it is its output. Both are tried on three tanh layers of 64 units, and from three starts: Glorot's weights, normal(1), which
saturates, and normal(0.001), which gives next to nothing.`,
  sizes: {
    quick: { rows: 1500, tests: 1000, epochs: 5 },
    usual: { rows: 10_000, tests: 2000, epochs: 4 },
    full: { rows: 60_000, tests: 10_000, epochs: 5 },
    cpu: { rows: 200, tests: 50, epochs: 1 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  parts: () => 9,
  program: batchNormOrder,
  claims: [
    {
      note: "003",
      says: "Batch normalization lessens the influence of random starting weights.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            none: range(run, "none"),
            before: range(run, "before"),
            after: range(run, "after"),
          }),
          isTrue: ({ none, before, after }) => before < none && after < none,
          tell: (text) =>
            `between the best and the worst start the accuracy differs by ${text("none", percent)} without it, ${text("before", percent)} before the activation, ${text("after", percent)} behind it`,
        }),
    },
    {
      note: "003",
      says: "It is applied before the activation as a rule (and so that is better).",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            before: accuracy(run, "before", "Glorot"),
            after: accuracy(run, "after", "Glorot"),
          }),
          isTrue: ({ before, after }) => before > after,
          tell: (text) =>
            `from Glorot's weights ${text("before", percent)} of new digits are right with it before the activation, ${text("after", percent)} behind it`,
          range: (all) => bySeedsDiffers(all.map(({ before, after }) => before - after)),
        }),
    },
    {
      note: "003",
      says: "From saturating weights, before the activation is the better place.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            before: accuracy(run, "before", "normal(1)"),
            after: accuracy(run, "after", "normal(1)"),
          }),
          isTrue: ({ before, after }) => before > after,
          tell: (text) =>
            `from normal(1) ${text("before", percent)} before it, ${text("after", percent)} behind it`,
          range: (all) => bySeedsDiffers(all.map(({ before, after }) => before - after)),
        }),
    },
  ],
  figures: [
    (runs) => ({
      name: "starts",
      title: "Three starts, with batch normalization and without",
      caption:
        "Share of new digits that are right after training, by starting weights and by where batch normalization stands.",
      panels: [
        {
          kind: "bars",
          title: "Accuracy on new digits",
          x: { label: "starting weights" },
          y: { label: "right (share of images)", low: 0, high: 1 },
          categories: Object.keys(starts),
          series: Object.keys(orders).map((order) => ({
            name: { none: "none", before: "before the activation", after: "behind it" }[order] as string,
            values: Object.keys(starts).map((start) => mean(runs.map((run) => accuracy(run, order, start)))),
          })),
        },
      ],
    }),
  ],
});
