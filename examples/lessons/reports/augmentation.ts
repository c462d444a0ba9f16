// What augmentation looks like, and when it helps.

import { augmentation, augmentations } from "../augmentation.ts";
import type { Panel, Series } from "../frame/figure.ts";
import { lesson, type Run } from "../frame/lesson.ts";
import { bySeed, mean, most, numbersOf, percent, show } from "../frame/measured.ts";
import { ending, overfitFigure, overfitTable } from "../frame/overfit.ts";

const names = Object.keys(augmentations);
/** Names of the trainings: few rows, few augmented, many, many augmented. */
const trainings = (run: Run) => [...run.kept.keys()].filter((name) => / rows/.test(name));
const alone = names.map((name) => `only ${name}`);
const accuracyOf = (run: Run, name: string) => ending(run, name).accuracy;

export default lesson({
  name: "augmentation",
  title: "Image augmentation: rotate, shift, blur, noise, resize",
  korean: "Data Augmentation",
  notes: ["001", "003"],
  topic: "Overfitting and its cures",
  about: `
Training images are changed at random, others at each step, so that the network never sees quite the same one twice. Pictured is each
change at a strength that one sees; then a network learns few digits and many, plain and with slight turns, shifts and changes of size
(\`RandomZoom\`), by as many steps each, and few digits with each change alone at half that strength. \`docs/augmentation.md\` has all layers.`,
  sizes: {
    quick: { few: 200, many: 3000, tests: 1000, steps: 240 },
    usual: { few: 300, many: 10_000, tests: 2000, steps: 600 },
    full: { few: 500, many: 60_000, tests: 10_000, steps: 12_000 },
    cpu: { few: 50, many: 100, tests: 50, steps: 4 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  parts: () => 4 + names.length,
  program: augmentation,
  claims: [
    {
      note: "001",
      says: "Turned, blurred, shifted and noisy images are new training data: of few images a network generalizes better.",
      judge: (runs) => compare(runs, 0),
    },
    {
      note: "001",
      says: "Each of them does: turning, blurring, shifting, noise; and resizing (note 003).",
      judge: (runs) => {
        const gain = (run: Run, i: number) => accuracyOf(run, alone[i]) - accuracyOf(run, trainings(run)[0]);
        return bySeed(runs, {
          measure: (run) => Object.fromEntries(names.map((name, i) => [name, gain(run, i)])),
          isTrue: (gains) => names.every((name) => gains[name] > 0),
          tell: (text) =>
            `more new digits right with each alone: ${names.map((name) => `${name} ${text(name, percent)}`).join(", ")}`,
          range: (all) => {
            const sure = names.filter((name) => all.every((gains) => gains[name] > 0));
            return sure.length === 0
              ? "None helps with each seed."
              : `With each seed helps ${sure.join(", ")}.`;
          },
        });
      },
    },
    {
      note: "003",
      says: "It increases the amount of data (also where there are many images).",
      judge: (runs) => {
        const gaps = [0, 2].map((at) => mean(runs.map((run) => ending(run, trainings(run)[at]).gap)));
        return {
          ...compare(runs, 2),
          range: `After as many steps the gap without it is ${show(gaps[1])}, and ${show(gaps[0])} with few images${gaps[1] < gaps[0] ? ": there is less to cure" : ""}.`,
        };
      },
    },
    {
      note: "001",
      says: "Each change leaves the image as it is at a strength of 0.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const before = numbersOf(run, "as it is");
            return {
              off: most(
                names.flatMap((name) =>
                  numbersOf(run, `${name}, strength 0`).map((value, i) => Math.abs(value - before[i])),
                ),
              ),
              moved: mean(
                names.map((name) =>
                  mean(numbersOf(run, name).map((value, i) => Math.abs(value - before[i]))),
                ),
              ),
            };
          },
          isTrue: ({ off, moved }) => off < 1e-4 && moved > 0.01,
          tell: (text) =>
            `off by at most ${text("off")}; at full strength a pixel changes by ${text("moved")}`,
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "changes",
      title: "One digit, changed",
      caption:
        "The first digit of MNIST as it is, and turned, blurred, shifted, with noise, resized in its frame, each at two draws, and at half its size.",
      columns: 1,
      panels: [
        {
          kind: "images",
          title: "Each at a strength that one sees",
          columns: 7,
          images: [0, 1].flatMap((draw) =>
            ["as it is", ...names, "halved"].map((name) => {
              const pixels = numbersOf(run, name);
              const count = pixels.length / 2;
              return {
                caption: name,
                rows: Math.sqrt(count),
                pixels: pixels.slice(draw * count, (draw + 1) * count),
              };
            }),
          ),
        },
      ],
    }),
    ([run]) => {
      const figure = overfitFigure(
        run,
        "With augmentation and without",
        `Losses and accuracy with few images and with many, step by step (seed ${run.seed}); the training loss is taken on changed images.`,
        trainings(run),
      );
      // As many steps for all, but not as many epochs.
      const steps = ({ name, y }: Series) => y.map((_, i) => ((i + 1) * Number.parseInt(name, 10)) / 50);
      const byStep = (panel: Panel) =>
        panel.kind !== "lines"
          ? panel
          : {
              ...panel,
              x: { label: "step" },
              series: panel.series.map((series) => ({ ...series, x: steps(series) })),
            };
      return { ...figure, panels: figure.panels.map(byStep) };
    },
  ],
  tables: (runs) => [overfitTable(runs, [...trainings(runs[0]), ...alone])],
});

function compare(runs: readonly Run[], first: number) {
  const [plain, augmented] = trainings(runs[0]).slice(first);
  return bySeed(runs, {
    measure: (run) => ({
      plain: ending(run, plain).accuracy,
      augmented: ending(run, augmented).accuracy,
      gap: ending(run, plain).gap,
      gapAugmented: ending(run, augmented).gap,
    }),
    isTrue: (numbers) => numbers.augmented > numbers.plain,
    tell: (text) =>
      `${plain}: ${text("augmented", percent)} of new digits right with it, ${text("plain", percent)} without; gap ${text("gapAugmented")} and ${text("gap")}`,
  });
}
