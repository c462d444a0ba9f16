// The shapes of activation functions, and how steep they are.

import { activationCurves, functions } from "../activations.ts";
import { lesson } from "../frame/lesson.ts";
import { bySeed, least, most, numbersOf } from "../frame/measured.ts";

const names = Object.keys(functions);

export default lesson({
  name: "activations",
  title: "Activation functions and their derivatives",
  korean: "활성화 함수(Activation Function)",
  notes: ["002"],
  topic: "How a network computes",
  about: `
Each function from -5 to 5, and its derivative as autograd computes it: what a gradient is multiplied by on its way back. ReLU's
derivative at 0 is 0 here. The step function's derivative is 0 wherever it has one: nothing can be learned through it.`,
  sizes: { quick: {}, usual: {}, full: {}, cpu: {} },
  seeds: { quick: 1, usual: 1, full: 1, cpu: 1 },
  parts: () => 1,
  program: activationCurves,
  claims: [
    {
      note: "002",
      says: "Sigmoid's gradient vanishes: its derivative is at most 1/4.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            most: most(numbersOf(run, "sigmoid: derivative")),
            atFive: numbersOf(run, "sigmoid: derivative")[200],
          }),
          isTrue: ({ most }) => most <= 0.25 + 1e-6 && most > 0.249,
          tell: (text) => `at most ${text("most")}, and ${text("atFive")} at 5`,
        }),
    },
    {
      note: "002",
      says: "Tanh's gradient vanishes, too.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            most: most(numbersOf(run, "tanh: derivative")),
            atFive: numbersOf(run, "tanh: derivative")[200],
          }),
          isTrue: ({ most, atFive }) => most <= 1 + 1e-6 && atFive < 1e-3,
          tell: (text) => `at most ${text("most")}, and ${text("atFive")} at 5`,
          range: "It is 1 at 0, so only saturated units pass no gradient.",
        }),
    },
    {
      note: "002",
      says: "For negative inputs ReLU's slope is 0, and Leaky ReLU's is not.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            relu: most(numbersOf(run, "ReLU: derivative").slice(0, 100)),
            leaky: least(numbersOf(run, "Leaky ReLU (0.1): derivative").slice(0, 100)),
          }),
          isTrue: ({ relu, leaky }) => relu === 0 && Math.abs(leaky - 0.1) < 1e-6,
          tell: (text) => `${text("relu")} and ${text("leaky")}`,
        }),
    },
    {
      note: "002",
      says: "Softmax gives probabilities of several classes.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ sum: numbersOf(run, "softmax").reduce((a, b) => a + b, 0) }),
          isTrue: ({ sum }) => Math.abs(sum - 1) < 1e-6,
          tell: (text) => `four of them add up to ${text("sum")}`,
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "curves",
      title: "Activation functions and their derivatives",
      caption: "The functions, and their derivatives: sigmoid's is at most 1/4, ReLU's is 0 or 1.",
      panels: [
        {
          kind: "lines",
          title: "Function",
          x: { label: "x" },
          y: { label: "f(x)", low: -1.5, high: 2 },
          series: names.map((name) => ({
            name,
            x: numbersOf(run, "x"),
            y: numbersOf(run, name).map((value) => (value > 2 ? Number.NaN : value)),
          })),
        },
        {
          kind: "lines",
          title: "Derivative",
          x: { label: "x" },
          y: { label: "f'(x)" },
          series: names
            .filter((name) => name !== "step")
            .map((name) => ({ name, x: numbersOf(run, "x"), y: numbersOf(run, `${name}: derivative`) })),
        },
      ],
    }),
  ],
});
