// How Adagrad's steps shrink, and that RMSprop's do not.

import { adagradStalls, optimizers } from "../adagrad.ts";
import { lesson, type Run } from "../frame/lesson.ts";
import { bySeed, last, numberOf, numbersOf } from "../frame/measured.ts";

const names = Object.keys(optimizers);

/** The power of t with which steps fall, from the 10th step on. */
function exponent(run: Run, name: string): number {
  const [steps, sizes] = [numbersOf(run, `${name}: step`), numbersOf(run, `${name}: size`)];
  const from = steps.findIndex((step) => step >= 10);
  return Math.log(last(sizes) / sizes[from]) / Math.log(last(steps) / steps[from]);
}

export default lesson({
  name: "adagrad",
  title: "Adagrad stalls, RMSprop does not",
  korean: "아다그라드(Adagrad), 알엠에스프롭(RMSprop)",
  notes: ["001", "002", "004"],
  topic: "Learning rates and optimizers",
  about: `
On a slope that goes on for ever the gradient is the same at every step, so whatever makes the steps smaller is the optimizer's doing.
Adagrad divides by the root of the sum of all squared gradients so far, RMSprop by that of a moving average of late ones. The options
are those of older Keras, which note 002 quotes; today's Adagrad starts its sums at 0.1, and all three adaptive ones have a rate of
0.001.`,
  sizes: {
    quick: { steps: 10_000 },
    usual: { steps: 10_000 },
    full: { steps: 100_000 },
    cpu: { steps: 1000 },
  },
  seeds: { quick: 1, usual: 1, full: 1, cpu: 1 },
  parts: () => 3,
  program: adagradStalls,
  claims: [
    {
      note: "002",
      says: "Adagrad's rate falls too far when training goes on.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            first: numbersOf(run, "Adagrad: size")[0],
            last: last(numbersOf(run, "Adagrad: size")),
            exponent: exponent(run, "Adagrad"),
          }),
          isTrue: ({ first, last }) => last < first / 20,
          tell: (text) =>
            `from ${text("first")} to ${text("last")}, with the ${text("exponent")}th power of the number of steps`,
        }),
    },
    {
      note: "004",
      says: "In the end its updates are 0, and nothing is updated any more.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            last: last(numbersOf(run, "Adagrad: size")),
            way: numberOf(run, "Adagrad: way"),
          }),
          isTrue: ({ last }) => last === 0,
          tell: (text) =>
            `after all steps it still moves by ${text("last")}, and has come ${text("way")} far`,
          range:
            "Steps fall as 1/√t, which adds up without bound: it never stands still, it only gets slow. In f32 an update is lost where it is below 6e-8 of the weight.",
        }),
    },
    {
      note: "001",
      says: "RMSprop mends that.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            last: last(numbersOf(run, "RMSprop: size")),
            exponent: exponent(run, "RMSprop"),
            way: numberOf(run, "RMSprop: way"),
            adagrad: numberOf(run, "Adagrad: way"),
          }),
          isTrue: ({ last, way, adagrad }) => Math.abs(last / 0.01 - 1) < 0.05 && way > 5 * adagrad,
          tell: (text) =>
            `its steps stay at ${text("last")}; it has come ${text("way")} far, Adagrad ${text("adagrad")}`,
        }),
    },
    {
      note: "002",
      says: "Adagrad has a rate for each parameter: low for those that change much, high for those that change little.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const [often, rarely] = numbersOf(run, "rates by parameter");
            return { often, rarely, ratio: rarely / often };
          },
          isTrue: ({ ratio }) => Math.abs(ratio / Math.sqrt(10) - 1) < 0.01,
          tell: (text) =>
            `where a gradient of 1 comes at every step it moves by ${text("often")}, where it comes at every tenth by ${text("rarely")}: ${text("ratio")} times as far, √10`,
        }),
    },
    {
      note: "004",
      says: "Its steps do not depend on how steep a parameter's slope is.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            steep: last(numbersOf(run, "Adagrad: size")),
            flat: last(numbersOf(run, "Adagrad: size, flat")),
            sgd: last(numbersOf(run, "SGD: size")) / last(numbersOf(run, "SGD: size, flat")),
          }),
          isTrue: ({ steep, flat }) => Math.abs(steep / flat - 1) < 0.02,
          tell: (text) =>
            `${text("steep")} on a slope of 1 and ${text("flat")} on one of 0.01, where SGD's steps differ ${text("sgd")} times`,
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "steps",
      title: "How far a step goes",
      caption: "On a slope that never ends Adagrad's steps fall as 1/√t; RMSprop's and SGD's stay.",
      panels: [
        {
          kind: "lines",
          title: "Size of the steps",
          x: { label: "step", isLog: true },
          y: { label: "change of the parameter", isLog: true },
          series: names.map((name) => ({
            name,
            x: numbersOf(run, `${name}: step`),
            y: numbersOf(run, `${name}: size`),
            isDashed: name === "SGD",
          })),
        },
      ],
    }),
  ],
});
