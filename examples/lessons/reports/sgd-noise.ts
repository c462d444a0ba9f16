// How many noisy walks leave the local minimum, and how near to the other one they stay.

import { lesson } from "../frame/lesson.ts";
import { bySeed, last, numberOf, numbersOf, percent, spread } from "../frame/measured.ts";
import { sgdNoise, ways } from "../sgd-noise.ts";

const [batch, single, falling] = ways;

export default lesson({
  name: "sgd-noise",
  title: "SGD's noise: out of a local minimum, never at rest",
  korean: "확률적 경사 하강법의 무작위성",
  notes: ["002", "004"],
  topic: "Learning rates and optimizers",
  about: `
Two hundred walks begin in the local minimum of (x² - 1)² + 0.3 x, at 0.96. With all samples the gradient there is 0 and nothing moves. One
sample's gradient is off by a random number, here of a standard deviation of 5: walks are shaken until they cross the hill to the
lower minimum at -1.04. There they go on shaking, unless the rate falls.`,
  sizes: { quick: { steps: 2000 }, usual: { steps: 10_000 }, full: { steps: 20_000 }, cpu: { steps: 500 } },
  seeds: { quick: 2, usual: 3, full: 5, cpu: 1 },
  parts: () => 1,
  program: sgdNoise,
  claims: [
    {
      note: "004",
      says: "Randomness gets out of local minima.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ batch: last(numbersOf(run, batch)), single: last(numbersOf(run, single)) }),
          isTrue: ({ batch, single }) => batch === 0 && single > 0.5,
          tell: (text) =>
            `${text("single", percent)} of the walks end at the lower minimum by single samples, ${text("batch", percent)} by all samples`,
        }),
    },
    {
      note: "004",
      says: "It comes near to the minimum, and never settles there.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ deviation: numberOf(run, `${single}: deviation`) }),
          isTrue: ({ deviation }) => deviation > 0.05,
          tell: (text) =>
            `walks at the lower minimum are off by ${text("deviation")} at the end (root mean square)`,
        }),
    },
    {
      note: "004",
      says: "A rate that falls solves that.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            single: numberOf(run, `${single}: deviation`),
            falling: numberOf(run, `${falling}: deviation`),
            lower: last(numbersOf(run, falling)),
          }),
          isTrue: ({ single, falling }) => falling < single / 2,
          tell: (text) =>
            `off by ${text("falling")} with a falling rate, by ${text("single")} with a constant one; ${text("lower", percent)} of the walks are at the lower minimum`,
          range: () =>
            `A rate that falls before walks have left the local minimum leaves them there: with a constant one ${spread(
              runs.map((run) => last(numbersOf(run, single))),
              percent,
            )} of them are at the lower one.`,
        }),
    },
  ],
  figures: [
    ([run]) => {
      const x = Array.from({ length: 100 }, (_, i) => i + 1);
      return {
        name: "walks",
        title: "Noise that leaves a local minimum",
        caption: "One walk of each kind, and the share of 200 walks at the lower minimum.",
        panels: [
          {
            kind: "lines",
            title: "One walk",
            x: { label: "hundredths of the steps" },
            y: { label: "x" },
            series: ways.map((way) => ({ name: way, x, y: numbersOf(run, `${way}: one walk`) })),
          },
          {
            kind: "lines",
            title: "At the lower minimum",
            x: { label: "hundredths of the steps" },
            y: { label: "share of walks", low: 0, high: 1 },
            series: ways.map((way) => ({ name: way, x, y: numbersOf(run, way) })),
          },
        ],
      };
    },
  ],
});
