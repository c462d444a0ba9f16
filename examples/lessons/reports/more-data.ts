// The gap against the size of the training set.

import { lesson, type Run } from "../frame/lesson.ts";
import { bySeed, curvesOf, last, mean, percent } from "../frame/measured.ts";
import { ending } from "../frame/overfit.ts";
import { moreData, rowCounts } from "../more-data.ts";

const countsOf = (run: Run) =>
  [...run.kept.keys()].map((name) => Number.parseInt(name, 10)).filter(Number.isFinite);

export default lesson({
  name: "more-data",
  title: "More data against overfitting",
  korean: "데이터의 양을 늘리기",
  notes: ["000", "001", "002", "003"],
  topic: "Overfitting and its cures",
  about: `
784-256-128-10 learns 250 digits, 500, and so on, by as many steps each, so that only the number of different images differs. The
gap is that between the losses at the end.`,
  sizes: {
    quick: { rows: 5000, tests: 1000, steps: 300 },
    usual: { rows: 20_000, tests: 2000, steps: 1000 },
    full: { rows: 60_000, tests: 10_000, steps: 2400 },
    cpu: { rows: 500, tests: 50, steps: 20 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  parts: ({ rows }) => rowCounts(rows).length,
  program: moreData,
  claims: [
    {
      note: "002",
      says: "The less data, the more a network overfits.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const counts = countsOf(run);
            return {
              few: ending(run, `${counts[0]} rows`).gap,
              many: ending(run, `${last(counts)} rows`).gap,
            };
          },
          isTrue: ({ few, many }) => few > many,
          tell: (text) => {
            const counts = countsOf(runs[0]);
            return `the gap is ${text("few")} with ${counts[0]} rows and ${text("many")} with ${last(counts)}`;
          },
        }),
    },
    {
      note: "001",
      says: "More training data generalize better.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const accuracies = countsOf(run).map((count) => ending(run, `${count} rows`).accuracy);
            return {
              few: accuracies[0],
              many: last(accuracies),
              rises: mean(accuracies.slice(1).map((value, i) => (value > accuracies[i] ? 1 : 0))),
            };
          },
          isTrue: ({ rises }) => rises === 1,
          tell: (text) =>
            `${text("few", percent)} of new digits are right after the fewest rows, ${text("many", percent)} after the most; it rises in ${text("rises", percent)} of the steps between`,
        }),
    },
  ],
  figures: [
    (runs) => {
      const counts = countsOf(runs[0]);
      const line = (name: string, key: "loss" | "valLoss" | "accuracy", isDashed = false) => ({
        name,
        x: counts,
        y: counts.map((count) => mean(runs.map((run) => ending(run, `${count} rows`)[key]))),
        isDashed,
      });
      return {
        name: "rows",
        title: "Losses by number of training images",
        caption: "Training and validation loss at the end, by the number of images.",
        panels: [
          {
            kind: "lines",
            title: "Loss at the end",
            x: { label: "training images", isLog: true },
            y: { label: "cross-entropy (nats per image)" },
            series: [line("training", "loss"), line("validation", "valLoss", true)],
          },
          {
            kind: "lines",
            title: "Accuracy on new digits",
            x: { label: "training images", isLog: true },
            y: { label: "right (share of images)" },
            series: [line("validation", "accuracy")],
          },
        ],
      };
    },
  ],
  tables: (runs) => [
    {
      title: "By rows",
      rows: [
        ["rows", "right", "epochs"],
        ...countsOf(runs[0]).map((count) => [
          count,
          percent(mean(runs.map((run) => ending(run, `${count} rows`).accuracy))),
          curvesOf(runs[0], `${count} rows`).loss.length,
        ]),
      ],
    },
  ],
});
