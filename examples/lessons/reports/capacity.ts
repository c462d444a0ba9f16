// What a smaller network does about overfitting.

import { capacity, nets } from "../capacity.ts";
import { lesson } from "../frame/lesson.ts";
import { bySeed, bySeedsDiffers, percent } from "../frame/measured.ts";
import { ending, overfitFigure, overfitForms, overfitTable } from "../frame/overfit.ts";

const names = Object.keys(nets).sort((a, b) => b.length - a.length);
const [big, fewer, small] = ["512-512", "512", "64"];

export default lesson({
  name: "capacity",
  title: "Less capacity against overfitting",
  korean: "Model Capacity 감소 전략",
  notes: ["000", "002", "003"],
  topic: "Overfitting and its cures",
  experiments: ["E3"],
  about: `
The network of the lesson on overfitting, 784-512-512-10, beside one with a hidden layer less, 784-512-10, and one with a single layer
of 64 units.`,
  ...overfitForms,
  cut: "Of 60,000 images only so many rows are used.",
  parts: () => 3,
  program: capacity,
  claims: [
    {
      note: "000",
      says: "With a layer less the gap between validation and training loss shrinks.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ big: ending(run, big).gap, fewer: ending(run, fewer).gap }),
          isTrue: ({ big, fewer }) => fewer < big,
          tell: (text) => `gap ${text("fewer")} with a layer less, ${text("big")} before`,
        }),
    },
    {
      note: "000",
      says: "The smaller model is a bit worse than the one before.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ big: ending(run, big).accuracy, fewer: ending(run, fewer).accuracy }),
          isTrue: ({ big, fewer }) => fewer < big,
          tell: (text) => `${text("fewer", percent)} right with a layer less, ${text("big", percent)} before`,
          range: (all) => bySeedsDiffers(all.map(({ big, fewer }) => fewer - big)),
        }),
    },
    {
      note: "003",
      says: "The smaller the model, the smaller the gap.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            big: ending(run, big).gap,
            fewer: ending(run, fewer).gap,
            small: ending(run, small).gap,
          }),
          isTrue: ({ big, fewer, small }) => small < fewer && fewer < big,
          tell: (text) =>
            `gap ${text("big")} for 512-512, ${text("fewer")} for 512, ${text("small")} for 64 units`,
        }),
    },
  ],
  figures: [
    ([run]) =>
      overfitFigure(
        run,
        "Less capacity",
        `Losses and accuracy of the three networks (seed ${run.seed}).`,
        names,
      ),
  ],
  tables: (runs) => [overfitTable(runs, names)],
});
