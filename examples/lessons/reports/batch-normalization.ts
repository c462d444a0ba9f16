// How large rates may be with batch normalization and without.

import { batchNormalization, factors, optimizers } from "../batch-normalization.ts";
import { lesson, type Run } from "../frame/lesson.ts";
import { bySeed, curvesOf, deviation, last, mean, percent } from "../frame/measured.ts";

const names = Object.keys(optimizers);
/** Whether it does better than one that guesses. */
const learns = (run: Run, name: string) => {
  const { loss, accuracy } = curvesOf(run, name);
  return Number.isFinite(last(loss)) && last(accuracy) > 0.5;
};
const accuracy = (run: Run, name: string) => last(curvesOf(run, name).accuracy);
const isRight = (optimizer: string, factor: number) => (runs: readonly Run[]) => {
  const name = `${optimizer} × ${factor}`;
  return bySeed(runs, {
    measure: (run) => ({ without: accuracy(run, name), with: accuracy(run, `${name}, batch norm`) }),
    isTrue: (numbers) => numbers.without < 0.5 && numbers.with > 0.5,
    tell: (text) =>
      `${optimizer} at ${factor} times the rate: ${text("without", percent)} of the training images right without it, ${text("with", percent)} with it`,
    range: () => {
      const limit = (suffix: string) =>
        Math.max(
          0,
          ...factors.filter((factor) =>
            runs.every((run) => learns(run, `${optimizer} × ${factor}${suffix}`)),
          ),
        );
      return `Of the factors ${factors.join(", ")} the largest at which ${optimizer} still learns is ${limit("")} without it and ${limit(", batch norm")} with it.`;
    },
  });
};

export default lesson({
  name: "batch-normalization",
  title: "Batch normalization lets rates be larger",
  korean: "Batch Normalization (배치 정규화)",
  notes: ["000", "001", "003"],
  topic: "Batch normalization",
  experiments: ["E6"],
  about: `
784-512-512-10, plain and with batch normalization before each ReLU, at 1, 10, 30 and 100 times a usual rate: 0.05 for SGD, 0.001 for
Adam. A network counts as learning where it gets more than half of its training images right.`,
  sizes: {
    quick: { rows: 800, tests: 300, epochs: 4 },
    usual: { rows: 10_000, tests: 1000, epochs: 2 },
    full: { rows: 60_000, tests: 10_000, epochs: 5 },
    cpu: { rows: 100, tests: 50, epochs: 1 },
  },
  seeds: { quick: 1, usual: 2, full: 3, cpu: 1 },
  cut: "Of 60,000 images only so many rows are used.",
  parts: () => 4 * factors.length,
  program: batchNormalization,
  claims: [
    { note: "000", says: "A larger rate can be used: 10 times, SGD.", judge: isRight("SGD", 10) },
    { note: "000", says: "A larger rate can be used: 30 times, SGD.", judge: isRight("SGD", 30) },
    { note: "000", says: "A larger rate can be used: 10 times, Adam.", judge: isRight("Adam", 10) },
    { note: "000", says: "A larger rate can be used: 100 times, Adam.", judge: isRight("Adam", 100) },
    {
      note: "000",
      says: "Training is steadier with it.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const wobble = (suffix: string) =>
              deviation(factors.slice(0, 3).map((factor) => accuracy(run, `SGD × ${factor}${suffix}`)));
            return { without: wobble(""), with: wobble(", batch norm") };
          },
          isTrue: (numbers) => numbers.with < numbers.without,
          tell: (text) =>
            `over SGD's rates from 1 to 30 times, the accuracy's deviation is ${text("with", percent)} with it and ${text("without", percent)} without`,
        }),
    },
  ],
  figures: [
    (runs) => ({
      name: "rates",
      title: "Training images right, by rate",
      caption: "The mean over the seeds, by optimizer and rate, without batch normalization and with it.",
      panels: names.map((optimizer) => ({
        kind: "bars" as const,
        title: optimizer,
        x: { label: `rate, times ${optimizer === "SGD" ? 0.05 : 0.001}` },
        y: { label: "right (share of training images)", low: 0, high: 1 },
        categories: factors.map(String),
        series: ["", ", batch norm"].map((suffix) => ({
          name: suffix === "" ? "plain" : "batch norm",
          values: factors.map((factor) =>
            mean(runs.map((run) => accuracy(run, `${optimizer} × ${factor}${suffix}`))),
          ),
        })),
      })),
    }),
  ],
});
