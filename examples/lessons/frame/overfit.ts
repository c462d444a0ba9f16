// What lessons on overfitting have in common: the gap between the losses, and their forms.

import { type Figure, lossPanel } from "./figure.ts";
import type { Run } from "./lesson.ts";
import { argLeast, curvesOf, last, least, mean, most, percent, show } from "./measured.ts";

/** The loss without penalties, which a metric has; the loss itself where there are none. */
const lossesOf = (run: Run, name: string) => {
  const curves = curvesOf(run, name);
  const metric = curves.sparseCategoricalCrossentropy ? "sparseCategoricalCrossentropy" : "loss";
  return {
    training: curves[metric],
    validation: curves[`val${metric[0].toUpperCase()}${metric.slice(1)}`],
  };
};

/** At the end of a training: losses without penalties, their gap, the turn, the accuracy. */
export function ending(run: Run, name: string) {
  const { training, validation } = lossesOf(run, name);
  const { valAccuracy } = curvesOf(run, name);
  return {
    loss: last(training),
    valLoss: last(validation),
    gap: last(validation) - last(training),
    least: least(validation),
    turn: argLeast(validation) + 1,
    accuracy: last(valAccuracy),
    best: most(valAccuracy),
  };
}

/** Sizes of lessons that compare several networks of 784-512-512-10. */
export const overfitForms = {
  sizes: {
    quick: { rows: 1000, tests: 1000, epochs: 18 },
    usual: { rows: 10_000, tests: 2000, epochs: 8 },
    full: { rows: 60_000, tests: 10_000, epochs: 20 },
    cpu: { rows: 100, tests: 50, epochs: 3 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
} as const;

export const overfitTable = (runs: readonly Run[], names: readonly string[]) => ({
  title: "At the end",
  rows: [
    ["network", "training loss", "validation loss", "gap", "least validation loss", "right"],
    ...names.map((name) => {
      const ends = runs.map((run) => ending(run, name));
      const of = (key: keyof ReturnType<typeof ending>) => mean(ends.map((end) => end[key]));
      return [
        name,
        show(of("loss")),
        show(of("valLoss")),
        show(of("gap")),
        show(of("least")),
        percent(of("accuracy")),
      ];
    }),
  ],
});

/** The losses, without penalties, of several networks. */
export function overfitFigure(run: Run, title: string, caption: string, names: readonly string[]): Figure {
  return {
    name: "curves",
    title,
    caption,
    panels: [
      lossPanel(
        "Loss",
        names.map((name) => {
          const { training, validation } = lossesOf(run, name);
          return { name, curves: { loss: training, valLoss: validation } };
        }),
      ),
      {
        kind: "lines",
        title: "Accuracy on new digits",
        x: { label: "epoch" },
        y: { label: "right (share of images)" },
        series: names.map((name) => ({ name, y: curvesOf(run, name).valAccuracy })),
      },
    ],
  };
}
