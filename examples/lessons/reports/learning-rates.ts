// What rates too large and too small do.

import { lesson } from "../frame/lesson.ts";
import { bySeed, curvesOf, last, numbersOf, percent } from "../frame/measured.ts";
import { learningRates, rates, wellRates } from "../learning-rates.ts";

const names = rates.map((rate) => `rate ${rate}`);
/** Losses that left all bounds are cut for the picture. */
const cut = (values: readonly number[]) => values.map((value) => (value < 10 ? value : Number.NaN));

export default lesson({
  name: "learning-rates",
  title: "Learning rates too large and too small",
  korean: "학습율 (learning rate)",
  notes: ["003", "004"],
  topic: "Learning rates and optimizers",
  about: `
784-128-10 with plain SGD at five rates. Then, because note 003 says that too small a rate can't get out of local minima: a walk down a
function with two minima. A network's loss has few such traps; there a small rate is only slow.`,
  sizes: {
    quick: { rows: 2000, tests: 1000, epochs: 5 },
    usual: { rows: 10_000, tests: 2000, epochs: 5 },
    full: { rows: 60_000, tests: 10_000, epochs: 10 },
    cpu: { rows: 200, tests: 100, epochs: 2 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  parts: () => rates.length,
  program: learningRates,
  claims: [
    {
      note: "003",
      says: "With too large a rate training may not converge.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            good: last(curvesOf(run, "rate 0.1").accuracy),
            large: last(curvesOf(run, "rate 10").accuracy),
          }),
          isTrue: ({ good, large }) => large < 0.3 && good > 0.8,
          tell: (text) =>
            `${text("large", percent)} of the training images are right at a rate of 10, ${text("good", percent)} at 0.1`,
        }),
    },
    {
      note: "004",
      says: "With too small a rate training takes too long.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const { loss } = curvesOf(run, "rate 0.0001");
            return { first: loss[0], end: last(loss), good: last(curvesOf(run, "rate 0.1").loss) };
          },
          isTrue: ({ first, end, good }) => end < first && end > 2 * good,
          tell: (text) =>
            `at 0.0001 the loss goes from ${text("first")} to ${text("end")}, while at 0.1 it comes to ${text("good")}`,
        }),
    },
    {
      note: "003",
      says: "With too small a rate it can't get out of a local minimum.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) =>
            Object.fromEntries(
              wellRates.map((rate, i) => [`rate${i}`, last(numbersOf(run, `well, rate ${rate}`))]),
            ),
          isTrue: (ends) => ends.rate1 > 0.9 && ends.rate2 < -0.9,
          tell: (text) =>
            `in the double well it ends at ${wellRates.map((rate, i) => `${text(`rate${i}`)} with ${rate}`).join(", ")}; the least value is at -1.04`,
          range: () => {
            const { loss } = curvesOf(runs[0], "rate 0.0001");
            const fall = 1 - last(loss) / loss[loss.length - 2];
            return `This is so in a double well. ${fall > 0 ? `The network at 0.0001 is in no minimum: its loss still falls by ${percent(fall)} in the last epoch` : "The loss of the network at 0.0001 no longer falls in the last epoch"}.`;
          },
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "curves",
      title: "Five learning rates",
      caption: "Loss and accuracy by epoch at each rate; losses above 10 are cut off.",
      panels: [
        {
          kind: "lines",
          title: "Training loss",
          x: { label: "epoch" },
          y: { label: "cross-entropy (nats per image)" },
          series: names.map((name) => ({ name, y: cut(curvesOf(run, name).loss) })),
        },
        {
          kind: "lines",
          title: "A double well, from x = 2",
          x: { label: "step" },
          y: { label: "x" },
          series: wellRates.map((rate) => ({
            name: `rate ${rate}`,
            x: numbersOf(run, `well, rate ${rate}`).map((_, i) => i),
            y: numbersOf(run, `well, rate ${rate}`).map((x) => (Math.abs(x) < 3 ? x : Number.NaN)),
          })),
        },
      ],
    }),
  ],
});
