// How far gradients fall from the last hidden layer to the first, and what cures it.

import { lesson, type Run } from "../frame/lesson.ts";
import { bySeed, curvesOf, keptBy, last, numbersOf, percent, rowsOf, show } from "../frame/measured.ts";
import { blocks, vanishing } from "../vanishing-gradients.ts";

const names = Object.keys(blocks);
/** How many times smaller the first hidden layer's gradients are than the last one's. */
const ratio = (run: Run, name: string) => {
  const sizes = numbersOf(run, `${name}: gradients`);
  return sizes[0] / sizes[9];
};
const accuracy = (run: Run, name: string) => last(curvesOf(run, name).valAccuracy);

export default lesson({
  name: "vanishing-gradients",
  title: "Vanishing gradients, and what cures them",
  korean: "그레이디언트 소실 (Gradient Vanishing)",
  notes: ["000", "001", "002"],
  topic: "Starting weights and gradients",
  about: `
Ten hidden layers of 64 units. On the way back each sigmoid multiplies the gradient by its slope, at most 1/4, so that little arrives at
the first layers: there the weights hardly change, and what they give to all layers behind them stays noise. A gradient's size is
the root mean square over a layer's kernel, for 256 digits, before training and at some steps of it. Batch normalization's
momentum is 0.9 here: with Keras's 0.99 its moving averages would not have arrived after so few steps.`,
  sizes: {
    quick: { rows: 2000, tests: 1000, epochs: 8, every: 16 },
    usual: { rows: 10_000, tests: 2000, epochs: 5, every: 20 },
    full: { rows: 60_000, tests: 10_000, epochs: 5, every: 50 },
    cpu: { rows: 300, tests: 100, epochs: 1, every: 3 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  parts: () => names.length,
  program: vanishing,
  claims: [
    {
      note: "001",
      says: "From the last hidden layer to the first, gradients vanish.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            glorot: ratio(run, "sigmoid, Glorot"),
            normal: ratio(run, "sigmoid, normal(1)"),
          }),
          isTrue: ({ glorot, normal }) => glorot < 1e-3 && normal < 0.1,
          tell: (text) =>
            `sigmoid: the first layer's are ${text("glorot")} times the last one's with Glorot's weights, ${text("normal")} times with normal(1)`,
          range: (all) =>
            all.every(({ glorot, normal }) => normal > glorot)
              ? "normal(1)'s weights are larger than Glorot's, which makes up for a part of the small slopes."
              : undefined,
        }),
    },
    {
      note: "001",
      says: "Because of it far layers can't learn, and the network's power is lost.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ sigmoid: accuracy(run, "sigmoid, Glorot"), relu: accuracy(run, "ReLU, He") }),
          isTrue: ({ sigmoid, relu }) => sigmoid < 0.3 && relu > 0.6,
          tell: (text) =>
            `after training ${text("sigmoid", percent)} of new digits are right with sigmoid, ${text("relu", percent)} with ReLU`,
        }),
    },
    {
      note: "002",
      says: "Sigmoid and tanh have vanishing gradients; ReLU is used against it.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            sigmoid: ratio(run, "sigmoid, Glorot"),
            tanh: ratio(run, "tanh, Glorot"),
            relu: ratio(run, "ReLU, He"),
          }),
          isTrue: ({ sigmoid, tanh, relu }) => sigmoid < 0.1 && tanh < 0.1 && relu > 0.1,
          tell: (text) =>
            `first to last layer: sigmoid ${text("sigmoid")}, tanh ${text("tanh")}, ReLU ${text("relu")}`,
          range: (all) =>
            all.some(({ tanh }) => tanh > 0.1)
              ? "For tanh it does not hold over ten layers with Glorot's weights, which are made for it: its slope at 0 is 1."
              : undefined,
        }),
    },
    {
      note: "000",
      says: "Batch normalization solves vanishing gradients.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            ratio: ratio(run, "sigmoid behind batch norm"),
            without: ratio(run, "sigmoid, Glorot"),
            accuracy: accuracy(run, "sigmoid behind batch norm"),
            accuracyWithout: accuracy(run, "sigmoid, Glorot"),
            relu: accuracy(run, "ReLU behind batch norm"),
          }),
          isTrue: ({ ratio, accuracy, accuracyWithout }) => ratio > 0.1 && accuracy > accuracyWithout + 0.3,
          tell: (text) =>
            `sigmoid: first to last layer ${text("ratio")} with it, ${text("without")} without; right ${text("accuracy", percent)} and ${text("accuracyWithout", percent)}. ReLU with it: ${text("relu", percent)}`,
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "layers",
      title: "Gradients by layer, before training",
      caption:
        "What reaches each layer on the way back, from the output (right) to the input (left), before training.",
      panels: [
        {
          kind: "lines",
          title: "Size of the gradients, 256 digits",
          x: { label: "layer, from the input" },
          y: { label: "root mean square of the kernel's gradient", isLog: true },
          series: names.map((name) => ({ name, y: numbersOf(run, `${name}: gradients`) })),
        },
      ],
    }),
    ([run]) => ({
      name: "steps",
      title: "Gradients over the steps of a training",
      caption:
        "The first, the fifth and the tenth hidden layer's gradients while Adam trains: of sigmoids, and of sigmoids behind batch normalization.",
      panels: ["sigmoid, Glorot", "sigmoid behind batch norm"].map((name) => ({
        kind: "lines" as const,
        title: name,
        x: { label: "step" },
        y: { label: "root mean square of the kernel's gradient", isLog: true },
        series: [0, 4, 9].map((layer) => ({
          name: `layer ${layer + 1}`,
          x: numbersOf(run, `${name}: steps`),
          y: rowsOf(run, `${name}: gradients over steps`).map((row) => row[layer]),
        })),
      })),
    }),
    ([run]) => ({
      name: "training",
      title: "Whether they learn",
      caption: "Share of new digits that each network gets right, epoch by epoch.",
      panels: [
        {
          kind: "lines",
          title: "Accuracy on new digits",
          x: { label: "epoch" },
          y: { label: "right (share of images)", low: 0, high: 1 },
          series: names.map((name) => ({ name, y: curvesOf(run, name).valAccuracy })),
        },
      ],
    }),
  ],
  sections: ([run]) => [
    {
      title: "What Diagnostics says",
      text: names
        .flatMap((name) =>
          (keptBy(run, `${name}: warnings`) as readonly string[])
            .slice(0, 2)
            .map((text) => `- ${name}: ${text}`),
        )
        .join("\n"),
    },
  ],
  tables: ([run]) => [
    {
      title: "First layer's gradients to the last one's",
      rows: [
        ["hidden layers", "at the start", "right after training"],
        ...names.map((name) => [name, show(ratio(run, name)), percent(accuracy(run, name))]),
      ],
    },
  ],
});
