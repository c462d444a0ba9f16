// What dropout does about overfitting, and how the cures rank.

import { cures, dropoutAmongCures } from "../dropout.ts";
import { lesson, type Run } from "../frame/lesson.ts";
import { bySeed, bySeedsDiffers, mean, percent } from "../frame/measured.ts";
import { ending, overfitFigure, overfitForms, overfitTable } from "../frame/overfit.ts";

const names = Object.keys(cures);
const ranked = (run: Run) => [...names].sort((a, b) => ending(run, b).accuracy - ending(run, a).accuracy);

export default lesson({
  name: "dropout",
  title: "Dropout against overfitting, and the cures ranked",
  korean: "Dropout",
  notes: ["000", "001", "002", "003"],
  topic: "Overfitting and its cures",
  experiments: ["E5"],
  about: `
In training, dropout sets half of a layer's outputs to 0, others at each step, and doubles the rest; when it predicts it does nothing.
The same network, 784-512-512-10, is trained with each of the note's cures: a layer less, an L2 penalty of 0.001, dropout of 0.5
behind both layers, and batch normalization behind
both (with a momentum of 0.9, since there are few steps).`,
  ...overfitForms,
  sizes: {
    ...overfitForms.sizes,
    quick: { rows: 1000, tests: 1000, epochs: 12 },
    usual: { rows: 10_000, tests: 2000, epochs: 6 },
  },
  cut: "Of 60,000 images only so many rows are used.",
  parts: () => names.length,
  program: dropoutAmongCures,
  claims: [
    {
      note: "000",
      says: "Dropout prevents overfitting: validation and training loss stay together.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ none: ending(run, "none").gap, dropout: ending(run, "dropout").gap }),
          isTrue: ({ none, dropout }) => dropout < none,
          tell: (text) => `gap ${text("dropout")} with dropout, ${text("none")} without`,
          range: "The training loss is taken with dropout at work.",
        }),
    },
    {
      note: "000",
      says: "Its accuracy is higher than that of the two cures before it, a layer less and L2.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            dropout: ending(run, "dropout").accuracy,
            less: ending(run, "a layer less").accuracy,
            l2: ending(run, "L2").accuracy,
            none: ending(run, "none").accuracy,
          }),
          isTrue: ({ dropout, less, l2 }) => dropout > less && dropout > l2,
          tell: (text) =>
            `${text("dropout", percent)} with dropout, ${text("less", percent)} with a layer less, ${text("l2", percent)} with L2, ${text("none", percent)} with none`,
          range: (all) =>
            `To the better of the two: ${bySeedsDiffers(all.map(({ dropout, less, l2 }) => dropout - Math.max(less, l2)))}`,
        }),
    },
    {
      note: "003",
      says: "Dropout is the most effective of the regularizers.",
      judge: (runs) => {
        const firsts = runs.map((run) => ranked(run)[0]);
        const isFirst = firsts.map((name) => name === "dropout");
        const order = [...names].sort(
          (a, b) =>
            mean(runs.map((run) => ending(run, b).accuracy)) -
            mean(runs.map((run) => ending(run, a).accuracy)),
        );
        return {
          verdict: isFirst.every(Boolean) ? "held" : "not held",
          measured: `by accuracy, over all seeds: ${order.join(", ")}; first with each seed: ${firsts.join(", ")}`,
          ...(new Set(firsts).size > 1 ? { range: "Which one is first changes with the seed." } : {}),
        };
      },
    },
  ],
  figures: [
    ([run]) =>
      overfitFigure(
        run,
        "Cures against overfitting",
        `Losses and accuracy with each cure (seed ${run.seed}); the training loss is taken with dropout at work.`,
        ["none", "L2", "dropout", "batch norm"],
      ),
  ],
  tables: (runs) => [overfitTable(runs, names)],
});
