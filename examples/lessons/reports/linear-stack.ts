// What a stack of linear layers is worth.

import { lesson } from "../frame/lesson.ts";
import { bySeed, curvesOf, last, numberOf, percent } from "../frame/measured.ts";
import { linearStack } from "../linear-stack.ts";

const names = ["one layer", "four linear layers", "four layers with ReLU"];

export default lesson({
  name: "linear-stack",
  title: "Why networks need an activation: linear layers collapse",
  korean: "비선형 함수",
  notes: ["002"],
  topic: "How a network computes",
  about: `
Is a point of a square inside of a ring? No line tells. A network without activations, however deep, computes (x W₁ + b₁) W₂ + b₂ ...
= x (W₁ W₂ ...) + b, which is one layer: its matrices are multiplied here and give the same outputs. ReLU between the layers is
what makes depth count.`,
  sizes: {
    quick: { rows: 1000, epochs: 40 },
    usual: { rows: 2000, epochs: 60 },
    full: { rows: 2000, epochs: 60 },
    cpu: { rows: 200, epochs: 10 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  parts: () => 3,
  program: linearStack,
  claims: [
    {
      note: "002",
      says: "Linear hidden layers can be written as one linear layer.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            linear: numberOf(run, "four linear layers: difference"),
            relu: numberOf(run, "four layers with ReLU: difference"),
          }),
          isTrue: ({ linear, relu }) => linear < 1e-4 && relu > 0.1,
          tell: (text) =>
            `three layers and the product of their matrices differ by at most ${text("linear")}; with ReLU between them by ${text("relu")}`,
        }),
    },
    {
      note: "002",
      says: "So adding them makes no difference.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            one: last(curvesOf(run, names[0]).valAccuracy),
            four: last(curvesOf(run, names[1]).valAccuracy),
            relu: last(curvesOf(run, names[2]).valAccuracy),
          }),
          isTrue: ({ one, four, relu }) => Math.abs(one - four) < 0.05 && relu > four + 0.1,
          tell: (text) =>
            `right: one layer ${text("one", percent)}, four linear layers ${text("four", percent)}, four with ReLU ${text("relu", percent)}`,
        }),
    },
    {
      note: "002",
      says: "A linear layer still adds weights.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            one: numberOf(run, "one layer: parameters"),
            four: numberOf(run, "four linear layers: parameters"),
          }),
          isTrue: ({ one, four }) => four > one,
          tell: (text) => `${text("one")} parameters become ${text("four")}`,
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "curves",
      title: "In the ring or not",
      caption: "Share of new points that are told right, epoch by epoch.",
      panels: [
        {
          kind: "lines",
          title: "Accuracy on new points",
          x: { label: "epoch" },
          y: { label: "right (share of points)" },
          series: names.map((name) => ({ name, y: curvesOf(run, name).valAccuracy })),
        },
      ],
    }),
  ],
});
