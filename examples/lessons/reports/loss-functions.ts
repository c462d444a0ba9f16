// What loss functions are for, and which one for what.

import { lossPanel } from "../frame/figure.ts";
import { lesson, type Run } from "../frame/lesson.ts";
import { bySeed, curvesOf, last, mean, most, numberOf, numbersOf, percent, show } from "../frame/measured.ts";
import { lossFunctions, ofNumbers, prices, rates } from "../loss-functions.ts";

const [crossentropy, squared] = Object.keys(rates);
const sorted = [...prices].sort((a, b) => a - b);
const median = sorted[(sorted.length - 1) / 2];
/** How far two lists are from each other, at most. */
const apart = (run: Run, a: string, b: string) =>
  most(numbersOf(run, a).map((value, i) => Math.abs(value - numbersOf(run, b)[i])));
const accuracy = (run: Run, name: string) => last(curvesOf(run, `digits, ${name}`).valAccuracy);
const guess = (run: Run, name: string) => numberOf(run, `one price, ${name}: guess`);

export default lesson({
  name: "loss-functions",
  title: "Loss functions: squared error for numbers, cross-entropy for classes",
  korean: "손실 함수(Loss function)",
  notes: ["002"],
  topic: "How a network computes",
  about: `
A loss function puts into one number how far predictions are from what is right; training makes it small. The pictures show it for a
sigmoid output where 1 is right, and its slope: what gradient descent gets. Where the output is surely wrong, cross-entropy's slope
is 1 and the squared error's almost 0. Then a network that sees nothing learns one price for five rooms, which cost
${prices.join(", ")}, and two networks learn digits, 784-64-10, by either loss, with SGD at a rate of 0.1, and of 1 for the squared error,
which is a mean over ten outputs.`,
  sizes: {
    quick: { rows: 5000, tests: 1000, epochs: 4, fits: 400 },
    usual: { rows: 20_000, tests: 2000, epochs: 6, fits: 800 },
    full: { rows: 60_000, tests: 10_000, epochs: 10, fits: 800 },
    cpu: { rows: 100, tests: 50, epochs: 1, fits: 20 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  cut: "Of 60,000 images only so many rows are used.",
  parts: () => ofNumbers.length + Object.keys(rates).length,
  program: lossFunctions,
  claims: [
    {
      note: "002",
      says: "A loss function puts the difference between actual and predicted values into a number.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const [near, far] = [160, 0].map((at) => numbersOf(run, "binaryCrossentropy: loss")[at]);
            const [nearSquare, farSquare] = [160, 0].map(
              (at) => numbersOf(run, "meanSquaredError: loss")[at],
            );
            return { near, far, nearSquare, farSquare };
          },
          isTrue: ({ near, far, nearSquare, farSquare }) =>
            near < 0.001 && far > 7 && nearSquare < 1e-6 && farSquare > 0.99,
          tell: (text) =>
            `surely right: cross-entropy ${text("near")}, squared error ${text("nearSquare")}; surely wrong: ${text("far")} and ${text("farSquare")}`,
        }),
    },
    {
      note: "002",
      says: "Regression mostly uses the mean squared error.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ mse: guess(run, "meanSquaredError"), mae: guess(run, "meanAbsoluteError") }),
          isTrue: ({ mse }) => Math.abs(mse - mean(prices)) < 0.05 * mean(prices),
          tell: (text) =>
            `one price for all: ${text("mse")} by squared errors, whose best guess is the mean, ${mean(prices)}; ${text("mae")} by absolute ones, whose best guess is the median, ${median}`,
          range: `The one price of ${most(prices)} moves the mean far from the other four: where targets have such outliers, the absolute error or Huber's fits most of them better.`,
        }),
    },
    {
      note: "002",
      says: "Classification uses cross-entropy.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            entropy: accuracy(run, crossentropy),
            squares: accuracy(run, squared),
            slope: Math.abs(numbersOf(run, "binaryCrossentropy: slope")[0]),
            slopeOfSquares: Math.abs(numbersOf(run, "meanSquaredError: slope")[0]),
          }),
          isTrue: ({ entropy, squares }) => entropy > squares,
          tell: (text) =>
            `${text("entropy", percent)} of new digits right by cross-entropy, ${text("squares", percent)} by squared errors, after as many steps; where the output is surely wrong the slopes are ${text("slope")} and ${text("slopeOfSquares")}`,
        }),
    },
    {
      note: "002",
      says: "With a sigmoid output, two classes want binary cross-entropy.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ apart: apart(run, "binary", "of two") }),
          isTrue: ({ apart }) => apart < 1e-6,
          tell: (text) =>
            `it is categorical cross-entropy of the two probabilities p and 1 - p: off by at most ${text("apart")}`,
        }),
    },
    {
      note: "002",
      says: "More classes want categorical cross-entropy.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            apart: apart(run, "categorical", "sparse"),
            slope: apart(run, "slope", "predicted less right"),
            worst: most(numbersOf(run, "categorical")),
          }),
          isTrue: ({ apart, slope, worst }) => apart < 1e-6 && slope < 1e-6 && Number.isFinite(worst),
          tell: (text) =>
            `from one-hot rows and from class numbers the same, off by at most ${text("apart")}; behind softmax its slope is what is predicted less what is right, off by at most ${text("slope")}; where the right class has probability 0 it is ${text("worst")}`,
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "curves",
      title: "A sigmoid output where 1 is right",
      caption:
        "The loss, and its slope, by the number before the sigmoid. Where the output is surely wrong, far to the left, the squared error is flat: nothing to descend.",
      panels: (["loss", "slope"] as const).map((what) => ({
        kind: "lines" as const,
        title: what === "loss" ? "Loss" : "Slope",
        x: { label: "number before the sigmoid" },
        y: { label: what === "loss" ? "loss of one sample" : "derivative of the loss" },
        series: [
          ["cross-entropy", "binaryCrossentropy"],
          ["squared error", "meanSquaredError"],
        ].map(([name, key]) => ({ name, x: numbersOf(run, "z"), y: numbersOf(run, `${key}: ${what}`) })),
      })),
    }),
    ([run]) => ({
      name: "digits",
      title: "Digits, by either loss",
      caption: `As many steps by either loss (seed ${run.seed}).`,
      columns: 1,
      panels: [
        lossPanel(
          "Accuracy",
          [
            { name: "cross-entropy", curves: curvesOf(run, `digits, ${crossentropy}`) },
            { name: "squared error", curves: curvesOf(run, `digits, ${squared}`) },
          ],
          { metric: "accuracy", label: "right (share of images)" },
        ),
      ],
    }),
  ],
  tables: ([run]) => [
    {
      title: "Which loss for what",
      rows: [
        ["what is predicted", "last layer", "loss"],
        ["a number", "`Dense(1)`", "`meanSquaredError`; with outliers `huber` or `meanAbsoluteError`"],
        ["one of two classes", '`Dense(1, { activation: "sigmoid" })`', "`binaryCrossentropy`"],
        [
          "one of n classes, given as one-hot rows",
          '`Dense(n, { activation: "softmax" })`',
          "`categoricalCrossentropy`",
        ],
        [
          "one of n classes, given as class numbers",
          '`Dense(n, { activation: "softmax" })`',
          "`sparseCategoricalCrossentropy`",
        ],
      ],
    },
    {
      title: "Loss of one sample where 1 is right",
      rows: [
        ["number before the sigmoid", "cross-entropy", "its slope", "squared error", "its slope"],
        ...[0, 40, 80, 120, 160].map((at) => [
          show(numbersOf(run, "z")[at]),
          ...["binaryCrossentropy", "meanSquaredError"].flatMap((key) =>
            ["loss", "slope"].map((what) => show(numbersOf(run, `${key}: ${what}`)[at])),
          ),
        ]),
      ],
    },
  ],
});
