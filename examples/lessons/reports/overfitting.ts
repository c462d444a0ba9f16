// What is said of overfitting: the gap, and where the validation loss turns.

import { lossPanel } from "../frame/figure.ts";
import { lesson } from "../frame/lesson.ts";
import { argLeast, bySeed, curvesOf, last, least } from "../frame/measured.ts";
import { overfitting } from "../overfitting.ts";

const net = "784-512-512-10";

export default lesson({
  name: "overfitting",
  title: "Overfitting: the training loss falls, the validation loss rises",
  korean: "과대적합 (Overfitting)",
  notes: ["000", "001", "003"],
  topic: "Overfitting and its cures",
  experiments: ["E2"],
  about: `
A network of 670,000 parameters sees a few thousand digits again and again, until it knows each of them by heart: the training loss goes
towards 0. Overfitting is where the loss on digits that it has never seen turns and rises meanwhile: what is learned from there on is
the training images' own quirks. The epoch of the turn is where training should have ended.`,
  sizes: {
    quick: { rows: 2000, tests: 2000, epochs: 20 },
    usual: { rows: 10_000, tests: 5000, epochs: 15 },
    full: { rows: 60_000, tests: 10_000, epochs: 30 },
    cpu: { rows: 150, tests: 100, epochs: 8 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  cut: "Of 60,000 training images only so many rows are used; fewer rows overfit sooner.",
  parts: () => 1,
  program: overfitting,
  claims: [
    {
      note: "000",
      says: "The training loss falls while the validation loss rises.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const { loss, valLoss } = curvesOf(run, net);
            return {
              turn: argLeast(valLoss) + 1,
              epochs: loss.length,
              least: least(valLoss),
              end: last(valLoss),
              lossAtTurn: loss[argLeast(valLoss)],
              lossAtEnd: last(loss),
            };
          },
          isTrue: ({ turn, epochs, least, end, lossAtTurn, lossAtEnd }) =>
            turn < epochs && end > 1.05 * least && lossAtEnd < lossAtTurn,
          tell: (text) =>
            `the validation loss is least, ${text("least")}, after epoch ${text("turn")}, and ${text("end")} at the end; meanwhile the training loss goes from ${text("lossAtTurn")} to ${text("lossAtEnd")}`,
        }),
    },
    {
      note: "000",
      says: "Training loss and validation loss end far apart.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const { loss, valLoss } = curvesOf(run, net);
            return { loss: last(loss), valLoss: last(valLoss) };
          },
          isTrue: ({ loss, valLoss }) => valLoss > 5 * loss,
          tell: (text) => `${text("loss")} and ${text("valLoss")}`,
        }),
    },
  ],
  figures: [
    ([run]) => {
      const curves = curvesOf(run, net);
      const turn = argLeast(curves.valLoss) + 1;
      return {
        name: "curves",
        title: "784-512-512-10 on few digits",
        caption: `Training and validation loss; the latter is least after epoch ${turn} (seed ${run.seed}).`,
        panels: [
          lossPanel("Loss", [{ name: "784-512-512-10", curves }], { marks: [{ x: turn, text: "turns" }] }),
          lossPanel("Accuracy", [{ name: "784-512-512-10", curves }], {
            metric: "accuracy",
            label: "correct (share of images)",
          }),
        ],
      };
    },
  ],
});
