// Dropout's masks, its ensemble, and how much longer it trains.

import { dropoutEnsemble } from "../dropout-ensemble.ts";
import { lesson } from "../frame/lesson.ts";
import {
  argLeast,
  bySeed,
  curvesOf,
  last,
  mean,
  numberOf,
  numbersOf,
  percent,
  rowsOf,
} from "../frame/measured.ts";
import { ending, overfitFigure } from "../frame/overfit.ts";

export default lesson({
  name: "dropout-ensemble",
  title: "Dropout: its masks, an ensemble, and longer training",
  korean: "앙상블의 효과, epoch수를 더 늘려준다",
  notes: ["002", "003"],
  topic: "Overfitting and its cures",
  about: `
Each training step drops other units, so each trains another network that shares its weights with all others. For a trained model, 30
such thinned networks predict new digits, alone and averaged, beside the model with all units at work, which is what \`predict\`
uses: because what is kept was multiplied by 1 / (1 - rate), no rescaling is needed. A mask belongs to a step; note 003 says to an
epoch.`,
  sizes: {
    quick: { rows: 2000, tests: 1000, epochs: 15 },
    usual: { rows: 5000, tests: 2000, epochs: 25 },
    full: { rows: 60_000, tests: 10_000, epochs: 30 },
    cpu: { rows: 100, tests: 50, epochs: 3 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  parts: () => 3,
  program: dropoutEnsemble,
  claims: [
    {
      note: "002",
      says: "Dropout is as if different networks were used as an ensemble.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            one: mean(numbersOf(run, "thinned networks")),
            thirty: last(numbersOf(run, "averaged")),
            all: numberOf(run, "all units"),
          }),
          isTrue: ({ one, thirty, all }) => thirty > one && Math.abs(thirty - all) < 0.02,
          tell: (text) =>
            `right: one thinned network ${text("one", percent)}, thirty averaged ${text("thirty", percent)}, all units at once ${text("all", percent)}`,
        }),
    },
    {
      note: "003",
      says: "With dropout one trains longer: the validation loss turns later.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            turn: argLeast(curvesOf(run, "with dropout").valLoss) + 1,
            without: argLeast(curvesOf(run, "without").valLoss) + 1,
            loss: ending(run, "with dropout").least,
            lossWithout: ending(run, "without").least,
          }),
          isTrue: ({ turn, without }) => turn > without,
          tell: (text) =>
            `least after epoch ${text("turn")} with dropout (${text("loss")}), after epoch ${text("without")} without (${text("lossWithout")})`,
        }),
    },
    {
      note: "002",
      says: "Units are left out at random while training, and none when predicting.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            masks: new Set(rowsOf(run, "masks").map((row) => row.join())).size,
            dropped: mean(rowsOf(run, "masks").flatMap((row) => row.map((value) => (value === 0 ? 1 : 0)))),
            inference: mean(numbersOf(run, "inference")),
          }),
          isTrue: ({ masks, dropped, inference }) =>
            masks === 3 && Math.abs(dropped - 0.5) < 0.3 && inference === 1,
          tell: (text) =>
            `three calls gave ${text("masks")} masks that drop ${text("dropped", percent)} of the units; when predicting all are as they are`,
        }),
    },
  ],
  figures: [
    ([run]) =>
      overfitFigure(
        run,
        "Dropout trains longer",
        "With dropout the validation loss goes on falling when it rises without.",
        ["without", "with dropout"],
      ),
    ([run]) => ({
      name: "ensemble",
      title: "Thinned networks, averaged",
      caption:
        "Share of new digits that so many thinned networks, averaged, get right, beside all units at work at once.",
      panels: [
        {
          kind: "lines",
          title: "Accuracy on new digits",
          x: { label: "thinned networks averaged", isLog: true },
          y: { label: "right (share of images)" },
          series: [
            { name: "averaged", x: numbersOf(run, "networks averaged"), y: numbersOf(run, "averaged") },
            {
              name: "all units at once",
              x: [1, 30],
              y: [numberOf(run, "all units"), numberOf(run, "all units")],
              isDashed: true,
            },
          ],
        },
      ],
    }),
    ([run]) => ({
      name: "masks",
      title: "Masks of three steps",
      caption:
        "What dropout of 0.5 makes of sixteen ones at three steps: 0 (dark) or 2 (light); each step draws another mask.",
      panels: [
        {
          kind: "images",
          title: "16 units, three steps",
          columns: 3,
          images: rowsOf(run, "masks").map((row, i) => ({
            caption: `step ${i + 1}`,
            rows: 4,
            pixels: row.map((value) => value / 2),
          })),
        },
      ],
    }),
  ],
});
