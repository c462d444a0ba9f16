// How many units die at which rate, whether they come back, and what a leak does.

import { dyingRelu, rates } from "../dying-relu.ts";
import { lesson } from "../frame/lesson.ts";
import { bySeed, curvesOf, keptBy, last, mean, numberOf, percent } from "../frame/measured.ts";

const [low, high] = [rates[0], rates[rates.length - 1]];

export default lesson({
  name: "dying-relu",
  title: "Dying ReLU, and Leaky ReLU against it",
  korean: "죽은 렐루(dying ReLU)",
  notes: ["002"],
  topic: "Starting weights and gradients",
  about: `
A ReLU unit whose sum is negative for every image gives 0 for all of them, and so has no gradient: it is dead. Nothing is planted here:
networks 784-128-128-10 are trained by Adam at several rates, and then the units are counted that give 0 for all training images. A large
step can throw a unit's bias far down. Leaky ReLU has a small slope below 0, here 0.01, and so always a gradient. (The note gives
0.001; Keras's default is 0.3, PyTorch's 0.01.)`,
  sizes: {
    quick: { rows: 2000, tests: 1000, epochs: 4 },
    usual: { rows: 10_000, tests: 2000, epochs: 5 },
    full: { rows: 60_000, tests: 10_000, epochs: 5 },
    cpu: { rows: 200, tests: 100, epochs: 1 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  parts: () => 2 * rates.length + 1,
  program: dyingRelu,
  claims: [
    {
      note: "002",
      says: "ReLU units die.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            low: numberOf(run, `ReLU, rate ${low}: dead`),
            high: numberOf(run, `ReLU, rate ${high}: dead`),
          }),
          isTrue: ({ low, high }) => high > 0.2 && high > low,
          tell: (text) =>
            `dead are ${text("low", percent)} of the units at a rate of ${low}, ${text("high", percent)} at ${high}`,
          range: () => {
            const deadly = rates.find((rate) =>
              runs.every((run) => numberOf(run, `ReLU, rate ${rate}: dead`) > 0.2),
            );
            return `Of the rates ${rates.join(", ")} ${deadly === undefined ? "none kills" : `${deadly} is the smallest that kills`} a fifth with each seed.`;
          },
        }),
    },
    {
      note: "002",
      says: "A dead unit hardly comes back.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            before: numberOf(run, `ReLU, rate ${high}: dead`),
            after: numberOf(run, `ReLU, rate ${high}, then 0.001: dead`),
          }),
          isTrue: ({ before, after }) => after > 0.8 * before,
          tell: (text) =>
            `of ${text("before", percent)} that died at a rate of ${high}, ${text("after", percent)} are dead after as many epochs at 0.001`,
        }),
    },
    {
      note: "002",
      says: "Leaky ReLU's units do not die.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            dead: mean(rates.map((rate) => numberOf(run, `Leaky ReLU, rate ${rate}: dead`))),
          }),
          isTrue: ({ dead }) => dead === 0,
          tell: (text) => `dead are ${text("dead", percent)} of its units, at whatever rate`,
        }),
    },
    {
      note: "002",
      says: "So Leaky ReLU learns better where ReLU dies.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            relu: last(curvesOf(run, `ReLU, rate ${high}`).valAccuracy),
            leaky: last(curvesOf(run, `Leaky ReLU, rate ${high}`).valAccuracy),
          }),
          isTrue: ({ relu, leaky }) => leaky > relu + 0.05,
          tell: (text) =>
            `at a rate of ${high}: ${text("leaky", percent)} of new digits right with a leak, ${text("relu", percent)} without`,
        }),
    },
  ],
  figures: [
    (runs) => ({
      name: "dead",
      title: "Units that give 0 for every image",
      caption: "The share of dead units after training, by Adam's rate.",
      panels: [
        {
          kind: "bars",
          title: "Dead units",
          x: { label: "learning rate" },
          y: { label: "share of units", low: 0, high: 1 },
          categories: rates.map(String),
          series: ["ReLU", "Leaky ReLU"].map((kind) => ({
            name: kind,
            values: rates.map((rate) =>
              mean(runs.map((run) => numberOf(run, `${kind}, rate ${rate}: dead`))),
            ),
          })),
        },
      ],
    }),
  ],
  sections: ([run]) => [
    {
      title: `What diagnose says at a rate of ${high}`,
      text: ["ReLU", "Leaky ReLU"]
        .flatMap((kind) =>
          (keptBy(run, `${kind}, rate ${high}: warnings`) as readonly string[]).map(
            (text) => `- ${kind}: ${text}`,
          ),
        )
        .join("\n"),
    },
  ],
  tables: (runs) => [
    {
      title: "By rate",
      rows: [
        ["rate", "dead", "right", "dead, leaky", "right, leaky"],
        ...rates.map((rate) => [
          rate,
          ...["ReLU", "Leaky ReLU"].flatMap((kind) => [
            percent(mean(runs.map((run) => numberOf(run, `${kind}, rate ${rate}: dead`)))),
            percent(mean(runs.map((run) => last(curvesOf(run, `${kind}, rate ${rate}`).valAccuracy)))),
          ]),
        ]),
      ],
    },
  ],
});
