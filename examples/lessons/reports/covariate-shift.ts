// How far a layer's inputs move in training.

import { covariateShift } from "../covariate-shift.ts";
import { histogramPanel } from "../frame/figure.ts";
import { lesson, type Run } from "../frame/lesson.ts";
import { bySeed, curvesOf, last, mean, numbersOf, percent, rowsOf } from "../frame/measured.ts";

/** How far units' means move from before training to its end, in units of their first deviation. */
function shift(run: Run, name: string): number {
  const [means, deviations] = [rowsOf(run, `${name}: means`), rowsOf(run, `${name}: deviations`)];
  return mean(means[0].map((before, k) => Math.abs(last2(means)[k] - before) / deviations[0][k]));
}
/** The same of their deviations, as a factor. */
function widening(run: Run, name: string): number {
  const deviations = rowsOf(run, `${name}: deviations`);
  return mean(last2(deviations)) / mean(deviations[0]);
}
const last2 = (rows: readonly (readonly number[])[]) => rows[rows.length - 1];

export default lesson({
  name: "covariate-shift",
  title: "Internal covariate shift",
  korean: "내부 공변량 변화(Internal Covariate Shift)",
  notes: ["001", "003"],
  topic: "Batch normalization",
  about: `
While a network learns, what its deep layers get as input changes, because the layers before them change. Noted is what the third tanh of
784-64-64-64-10 gets for 250 digits, before training and after each epoch, plain and with batch normalization before each tanh. γ and β
are learned, so batch normalization does not fix the distribution at mean 0 and deviation 1; it makes the shift a matter of two
numbers a unit.`,
  sizes: {
    quick: { rows: 3000, tests: 1000, epochs: 6 },
    usual: { rows: 10_000, tests: 2000, epochs: 8 },
    full: { rows: 60_000, tests: 10_000, epochs: 10 },
    cpu: { rows: 300, tests: 50, epochs: 2 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  parts: () => 2,
  program: covariateShift,
  claims: [
    {
      note: "001",
      says: "While a network trains, the distribution of a layer's inputs moves.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ shift: shift(run, "plain"), widening: widening(run, "plain") }),
          isTrue: ({ shift, widening }) => shift > 0.1 || Math.abs(Math.log(widening)) > 0.2,
          tell: (text) =>
            `a unit's mean moves by ${text("shift")} of its deviation, and the deviation becomes ${text("widening")} times as large`,
        }),
    },
    {
      note: "001",
      says: "Batch normalization holds it at mean 0 and deviation 1.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            mean: mean(last2(rowsOf(run, "batch norm: means")).map(Math.abs)),
            deviation: mean(last2(rowsOf(run, "batch norm: deviations"))),
            shift: shift(run, "batch norm"),
            plain: shift(run, "plain"),
            plainWidening: widening(run, "plain"),
          }),
          isTrue: ({ mean, deviation }) => mean < 0.25 && Math.abs(deviation - 1) < 0.25,
          tell: (text) =>
            `after training a unit's mean is ${text("mean")} from 0 and its deviation ${text("deviation")}; the mean has moved by ${text("shift")} of the deviation (plain ${text("plain")}; there the deviation becomes ${text("plainWidening")} times as large)`,
          range: "Counted as held within 0.25. What it still moves is by β and γ, which are learned.",
        }),
    },
    {
      note: "003",
      says: "Performance suffers from the shift; batch normalization raises it.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            plain: last(curvesOf(run, "plain").valAccuracy),
            normalized: last(curvesOf(run, "batch norm").valAccuracy),
          }),
          isTrue: ({ plain, normalized }) => normalized > plain,
          tell: (text) =>
            `${text("normalized", percent)} of new digits right with it, ${text("plain", percent)} without`,
          range:
            "Whether it is better is measured; whether that is because of the shift is disputed (Santurkar et al. 2018 find a smoother loss instead).",
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "histograms",
      title: "What the third tanh gets",
      caption: "Before training and after it, plain and with batch normalization.",
      panels: ["plain", "batch norm"].flatMap((name) =>
        ["first", "last"].map((when) =>
          histogramPanel(
            `${name}, ${when === "first" ? "before training" : "after it"}`,
            "sum of a unit",
            numbersOf(run, `${name}: ${when}`),
          ),
        ),
      ),
    }),
    ([run]) => ({
      name: "epochs",
      title: "A layer's inputs, epoch by epoch",
      caption: "The mean over units of their deviation, and how far their means are from where they began.",
      panels: [
        {
          kind: "lines",
          title: "Deviation of a unit's sums",
          x: { label: "epoch" },
          y: { label: "deviation, the mean over units" },
          series: ["plain", "batch norm"].map((name) => ({
            name,
            x: rowsOf(run, `${name}: deviations`).map((_, i) => i),
            y: rowsOf(run, `${name}: deviations`).map(mean),
          })),
        },
        {
          kind: "lines",
          title: "Shift of their means",
          x: { label: "epoch" },
          y: { label: "distance from the start, the mean over units" },
          series: ["plain", "batch norm"].map((name) => {
            const rows = rowsOf(run, `${name}: means`);
            return {
              name,
              x: rows.map((_, i) => i),
              y: rows.map((row) => mean(row.map((value, k) => Math.abs(value - rows[0][k])))),
            };
          }),
        },
      ],
    }),
  ],
});
