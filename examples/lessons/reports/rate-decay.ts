// What falling rates do for the loss, and whether they fall as said.

import { lossPanel } from "../frame/figure.ts";
import { lesson, type Run } from "../frame/lesson.ts";
import {
  bySeed,
  bySeedsDiffers,
  curvesOf,
  deviation,
  last,
  least,
  numbersOf,
  show,
} from "../frame/measured.ts";
import { plans, rateDecay } from "../rate-decay.ts";

const names = Object.keys(plans);
const isNear = (a: number, b: number) => Math.abs(a / b - 1) < 1e-5;
const follows = (run: Run, name: string, every: number, factor: number) =>
  numbersOf(run, `${name}: rates`).every((rate, epoch) =>
    isNear(rate, 0.3 * factor ** Math.floor(epoch / every)),
  );
/** How much the validation loss jumps about at the end. */
const wobble = (run: Run, name: string) => deviation(curvesOf(run, name).valLoss.slice(-5));

export default lesson({
  name: "rate-decay",
  title: "Learning rate decay, by epochs and on plateaus",
  korean: "Learning Rate Decay(학습율 조절)",
  notes: ["003", "004"],
  topic: "Learning rates and optimizers",
  experiments: ["E14"],
  about: `
Large steps at first, smaller ones later. Clothes are learned by 784-100-10 with plain SGD from a rate of 0.3 on: constant, halved every 5
epochs, divided by ten every 20, and halved whenever the validation loss was no better than before. What decay does for the big
network of note 003 is in the lesson on its cures.`,
  sizes: {
    quick: { rows: 1500, tests: 500, epochs: 22 },
    usual: { rows: 10_000, tests: 2000, epochs: 25 },
    full: { rows: 60_000, tests: 10_000, epochs: 30 },
    cpu: { rows: 100, tests: 50, epochs: 22 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  parts: () => names.length,
  program: rateDecay,
  claims: [
    {
      note: "003",
      says: "The rate is halved every 5 epochs.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ follows: follows(run, "half every 5", 5, 0.5) ? 1 : 0 }),
          isTrue: ({ follows }) => follows === 1,
          tell: () =>
            `epochs 1, 6, 11, 16: ${[0, 5, 10, 15].map((i) => show(numbersOf(runs[0], "half every 5: rates")[i])).join(", ")}`,
        }),
    },
    {
      note: "003",
      says: "Or it is divided by ten every 20 epochs.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ follows: follows(run, "tenth every 20", 20, 0.1) ? 1 : 0 }),
          isTrue: ({ follows }) => follows === 1,
          tell: () =>
            `epochs 1, 20, 21: ${[0, 19, 20].map((i) => show(numbersOf(runs[0], "tenth every 20: rates")[i])).join(", ")}`,
        }),
    },
    {
      note: "003",
      says: "A rate that falls when the validation error does not: the usual way.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const rates = numbersOf(run, "plateau: rates");
            return { falls: new Set(rates).size - 1, last: last(rates) };
          },
          isTrue: ({ falls }) => falls > 0,
          tell: (text) => `it fell ${text("falls")} times, to ${text("last")}`,
        }),
    },
    {
      note: "003",
      says: "A falling rate improves the result.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            constant: last(curvesOf(run, "constant").valLoss),
            half: last(curvesOf(run, "half every 5").valLoss),
            plateau: last(curvesOf(run, "plateau").valLoss),
            leastConstant: least(curvesOf(run, "constant").valLoss),
          }),
          isTrue: ({ constant, half, plateau }) => half < constant && plateau < constant,
          tell: (text) =>
            `validation loss at the end ${text("half")} (halved), ${text("plateau")} (plateau), ${text("constant")} (constant; ${text("leastConstant")} at its best)`,
          range: (all) =>
            `Against the constant rate's best epoch: ${bySeedsDiffers(
              all.map(({ half, leastConstant }) => half - leastConstant),
              show,
            )}`,
        }),
    },
    {
      note: "004",
      says: "With a falling rate it settles.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ constant: wobble(run, "constant"), half: wobble(run, "half every 5") }),
          isTrue: ({ constant, half }) => half < constant,
          tell: (text) =>
            `the last five validation losses deviate by ${text("half")} where the rate is halved, by ${text("constant")} where it is constant`,
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "curves",
      title: "Falling rates",
      caption: "Validation loss and rate by epoch.",
      panels: [
        {
          ...lossPanel("Validation loss", []),
          series: names.map((name) => ({ name, y: curvesOf(run, name).valLoss })),
        },
        {
          kind: "lines",
          title: "Learning rate",
          x: { label: "epoch" },
          y: { label: "rate", isLog: true },
          series: names.map((name) => ({ name, y: numbersOf(run, `${name}: rates`) })),
        },
      ],
    }),
  ],
});
