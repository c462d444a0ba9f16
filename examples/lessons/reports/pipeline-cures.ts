// What note 003's cures do for its big network.

import { lesson, type Run } from "../frame/lesson.ts";
import {
  bySeed,
  bySeedsDiffers,
  curvesOf,
  least,
  mean,
  most,
  numbersOf,
  percent,
  show,
} from "../frame/measured.ts";
import { ending, overfitFigure, overfitTable } from "../frame/overfit.ts";
import { cures, pipelineCures } from "../pipeline-cures.ts";

const names = Object.keys(cures);
const guesses = (run: Run, name: string) => most(curvesOf(run, name).accuracy) < 0.2;

export default lesson({
  name: "pipeline-cures",
  title: "The big network with dropout, batch normalization and a falling rate",
  korean: "Dropout 적용, Batch Normalization, Learning Rate Decay",
  notes: ["003"],
  topic: "Overfitting and its cures",
  experiments: ["E12", "E13", "E14"],
  about: `
Note 003 names three cures for its network of 912,226 parameters, 784-512-512-256-256-128-128-8-10, and leaves their code empty. Here they
are: dropout of 0.2 behind each hidden layer but the one of 8 units; batch normalization before each activation (with a momentum of
0.9, since there are few steps); a rate that is halved every 5 epochs (every 2 in the short forms, which have no more than 4 or 5).`,
  sizes: {
    quick: { rows: 1200, tests: 500, epochs: 5, every: 2 },
    usual: { rows: 12_000, tests: 1000, epochs: 4, every: 2 },
    full: { rows: 60_000, tests: 10_000, epochs: 20, every: 5 },
    cpu: { rows: 100, tests: 50, epochs: 1, every: 1 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  cut: "Of 60,000 images and 20 epochs only so many are taken.",
  parts: () => names.length,
  program: pipelineCures,
  claims: [
    {
      note: "003",
      says: "Dropout regularizes: the gap is smaller (E12).",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ none: ending(run, "none").gap, dropout: ending(run, "dropout").gap }),
          isTrue: ({ none, dropout }) => dropout < none,
          tell: (text) => `gap ${text("dropout")} with dropout, ${text("none")} without`,
          range: "The training loss with dropout is that of thinned networks.",
        }),
    },
    {
      note: "003",
      says: "Batch normalization makes the network better (E13).",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            none: ending(run, "none").accuracy,
            norm: ending(run, "batch norm").accuracy,
          }),
          isTrue: ({ none, norm }) => norm > none,
          tell: (text) =>
            `${text("norm", percent)} of new digits right with it, ${text("none", percent)} without`,
          range: (all) => bySeedsDiffers(all.map(({ none, norm }) => norm - none)),
        }),
    },
    {
      note: "003",
      says: "A falling rate gives a better final loss (E14).",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            none: ending(run, "none").valLoss,
            half: ending(run, "falling rate").valLoss,
          }),
          isTrue: ({ none, half }) => half < none,
          tell: (text) =>
            `validation loss at the end ${text("half")} with a rate that is halved, ${text("none")} with a constant one`,
          range: (all) =>
            `${bySeedsDiffers(
              all.map(({ none, half }) => half - none),
              show,
            )} The lesson rate-decay has the same with plain SGD.`,
        }),
    },
    {
      note: "003",
      says: "Eight units before ten classes do no harm.",
      judge: (runs) => {
        const alive = runs.flatMap((run) => [...numbersOf(run, "units alive")]);
        const dead = runs.flatMap((run) => names.filter((name) => guesses(run, name)));
        return {
          verdict: dead.length === 0 && least(alive) >= 7 ? "held" : "not held",
          measured: `before training ${mean(alive).toFixed(1)} of 8 units give something for some digit (at least ${least(alive)}); of ${runs.length * names.length} networks ${dead.length} never learned`,
          range:
            "A ReLU unit that gives 0 for every image has no gradient; where all 8 do, the network guesses for ever.",
          numbers: { alive },
        };
      },
    },
  ],
  figures: [
    ([run]) =>
      overfitFigure(
        run,
        "Note 003's network and its cures",
        "Training (solid) and validation loss of the big network, plain, with dropout, with batch normalization and with a falling rate.",
        ["none", "dropout", "batch norm", "falling rate"],
      ),
  ],
  tables: (runs) => [overfitTable(runs, names)],
});
