// Underfitting, about right, overfitting: the three losses and where they turn.

import { type Figure, lossPanel } from "../frame/figure.ts";
import { lesson, type Run } from "../frame/lesson.ts";
import { bySeed, curvesOf, last, spread } from "../frame/measured.ts";
import { ending } from "../frame/overfit.ts";
import { nets, underfitting } from "../underfitting.ts";

const names = Object.keys(nets);

export default lesson({
  name: "underfitting",
  title: "Underfitting and overfitting: tiny, right and big",
  korean: "과소적합(Underfitting), 최적화와 일반화",
  notes: ["003"],
  topic: "Overfitting and its cures",
  about: `
*Optimization* makes the training loss small, *generalization* the loss on what was never seen. Three networks learn the same digits: with
2 hidden units, with 32, and with 512-512. The first is too small for either, the last can know each digit by heart.
The turning point of each validation loss is marked.`,
  sizes: {
    quick: { rows: 1000, tests: 1000, epochs: 15 },
    usual: { rows: 3000, tests: 2000, epochs: 20 },
    full: { rows: 10_000, tests: 10_000, epochs: 30 },
    cpu: { rows: 100, tests: 50, epochs: 3 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  parts: () => 3,
  program: underfitting,
  claims: [
    {
      note: "003",
      says: "Too simple a model underfits: it is bad on the training data, too.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ tiny: ending(run, "tiny").loss, right: ending(run, "right").loss }),
          isTrue: ({ tiny, right }) => tiny > 3 * right,
          tell: (text) => `training loss ${text("tiny")} with 2 units, ${text("right")} with 32`,
        }),
    },
    {
      note: "003",
      says: "Too complex a model overfits: its gap is the largest.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            tiny: ending(run, "tiny").gap,
            right: ending(run, "right").gap,
            big: ending(run, "big").gap,
          }),
          isTrue: ({ tiny, right, big }) => big > right && right > tiny,
          tell: (text) => `gap ${text("tiny")} (tiny), ${text("right")} (right), ${text("big")} (big)`,
        }),
    },
    {
      note: "003",
      says: "There is a best complexity in between: its validation loss at the end is least.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            tiny: ending(run, "tiny").valLoss,
            right: ending(run, "right").valLoss,
            big: ending(run, "big").valLoss,
            bigLeast: ending(run, "big").least,
          }),
          isTrue: ({ tiny, right, big }) => right < tiny && right < big,
          tell: (text) =>
            `${text("tiny")} (tiny), ${text("right")} (right), ${text("big")} (big, which had ${text("bigLeast")} at its turning point)`,
          range: (all) =>
            `Stopped at its turning point, the big network's loss is ${spread(all.map(({ bigLeast, right }) => bigLeast / right))} times that of the right one at its end.`,
        }),
    },
  ],
  figures: [
    ([run]: readonly Run[]): Figure => ({
      name: "curves",
      title: "Tiny, right and big",
      caption: "Training (solid) and validation loss (dashed) of the three networks.",
      panels: [
        {
          ...lossPanel(
            "Loss",
            names.map((name) => ({ name, curves: curvesOf(run, name) })),
          ),
          marks: names
            .filter((name) => ending(run, name).turn < curvesOf(run, name).loss.length)
            .map((name) => ({ x: ending(run, name).turn, text: `${name} turns` })),
        },
      ],
    }),
    (runs) => ({
      name: "ends",
      title: "Losses at the end",
      caption: "Training and validation loss at the end, by size of the network, a bar pair each.",
      panels: [
        {
          kind: "bars",
          title: "Loss at the end",
          x: { label: "network" },
          y: { label: "cross-entropy (nats per image)" },
          categories: names,
          series: [
            { name: "training", values: names.map((name) => last(curvesOf(runs[0], name).loss)) },
            { name: "validation", values: names.map((name) => last(curvesOf(runs[0], name).valLoss)) },
          ],
        },
      ],
    }),
  ],
});
