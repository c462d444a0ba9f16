// What an L2 penalty does about overfitting, judged by losses without the penalty.

import { lesson, type Run } from "../frame/lesson.ts";
import { bySeed, curvesOf, last, mean, numberOf, percent, show, spread } from "../frame/measured.ts";
import { ending, overfitFigure, overfitForms, overfitTable } from "../frame/overfit.ts";
import { l2Penalty, lambdas } from "../l2.ts";

const names = lambdas.map((lambda) => `λ = ${lambda}`);
const [none, , middle, strong] = names;

export default lesson({
  name: "l2",
  title: "L2 regularization against overfitting",
  korean: "L2 Regularization",
  notes: ["000", "001", "002"],
  topic: "Overfitting and its cures",
  experiments: ["E4"],
  about: `
A penalty λ Σ w² on the weights of both hidden layers. The note calls it "noise proportional to the squares of the weights"; it is a
penalty, and nothing about it is random. Losses with different penalties can't be compared, so what is compared here is the
cross-entropy alone, which a metric reports. The note does not say its λ.`,
  ...overfitForms,
  cut: "Of 60,000 images only so many rows are used.",
  parts: () => lambdas.length,
  program: l2Penalty,
  claims: [
    {
      note: "000",
      says: "L2 regularization keeps the network from overfitting: the gap is smaller.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ none: ending(run, none).gap, middle: ending(run, middle).gap }),
          isTrue: ({ none, middle }) => middle < none,
          tell: (text) => `gap ${text("middle")} with ${middle}, ${text("none")} without`,
        }),
    },
    {
      note: "000",
      says: "And its validation loss at the end is lower.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) =>
            Object.fromEntries(names.map((name, i) => [`lambda${i}`, ending(run, name).valLoss])),
          isTrue: (numbers) => Math.min(numbers.lambda1, numbers.lambda2) < numbers.lambda0,
          tell: (text) => names.map((name, i) => `${text(`lambda${i}`)} with ${name}`).join(", "),
          range: () => {
            const share = (run: Run) => 1 - ending(run, strong).loss / last(curvesOf(run, strong).loss);
            return `With ${strong} the penalty is ${spread(runs.map(share), percent)} of the training loss.`;
          },
        }),
    },
    {
      note: "000",
      says: "It is weight decay: weights become smaller.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            none: numberOf(run, `${none}: weights`),
            middle: numberOf(run, `${middle}: weights`),
          }),
          isTrue: ({ none, middle }) => middle < none,
          tell: (text) =>
            `root mean square of the first layer's: ${text("middle")} with ${middle}, ${text("none")} without`,
        }),
    },
    {
      note: "000",
      says: "The reported loss has the penalty in it, so that it can't be compared.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            loss: last(curvesOf(run, middle).loss),
            crossEntropy: ending(run, middle).loss,
          }),
          isTrue: ({ loss, crossEntropy }) => loss > crossEntropy,
          tell: (text) =>
            `with ${middle} the loss is ${text("loss")}, its cross-entropy ${text("crossEntropy")}`,
        }),
    },
  ],
  figures: [
    ([run]) =>
      overfitFigure(
        run,
        "L2 penalties",
        "Cross-entropy without the penalty: it no longer falls to 0 on the training images, and rises less on others.",
        names,
      ),
  ],
  tables: (runs) => [
    overfitTable(runs, names),
    {
      title: "Weights of the first layer",
      rows: [
        ["penalty", "root mean square", "right at best"],
        ...names.map((name) => [
          name,
          show(mean(runs.map((run) => numberOf(run, `${name}: weights`)))),
          percent(mean(runs.map((run) => ending(run, name).best))),
        ]),
      ],
    },
  ],
});
