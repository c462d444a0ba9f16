// What searching finds, and that it finds the same again.

import { lesson, type Run } from "../frame/lesson.ts";
import { bySeed, least, mean, numberOf, numbersOf, percent, textOf } from "../frame/measured.ts";
import { hyperParameters } from "../hyper-parameters.ts";

const median = (values: readonly number[]) => {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
};
const losses = (run: Run) => numbersOf(run, "random: losses");

export default lesson({
  name: "hyper-parameters",
  title: "Hyper-parameters, searched: grid, random, halving",
  korean: "Hyper Parameter tuning",
  notes: ["003"],
  topic: "Learning rates and optimizers",
  about: `
Note 003 names what there is to choose: the optimizer, its rate, hidden layers, units, iterations, the activation, the batch size, and
regularization. \`search\` draws all of them at random; tries every combination of a grid of optimizer and rate; or gives many choices one
epoch and the best of them more (successive halving). The loss is that on digits that are held back.`,
  sizes: {
    quick: { rows: 1000, tests: 500, trials: 5, epochs: 2 },
    usual: { rows: 5000, tests: 2000, trials: 12, epochs: 3 },
    full: { rows: 20_000, tests: 5000, trials: 30, epochs: 5 },
    cpu: { rows: 64, tests: 32, trials: 2, epochs: 2 },
  },
  seeds: { quick: 1, usual: 1, full: 1, cpu: 1 },
  parts: () => 1,
  program: hyperParameters,
  claims: [
    {
      note: "003",
      says: "Trying many combinations finds ones whose loss falls quickly.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            best: least(losses(run).filter(Number.isFinite)),
            middle: median(losses(run)),
          }),
          isTrue: ({ best, middle }) => best < 0.8 * middle,
          tell: (text) =>
            `the best of the random trials has a validation loss of ${text("best")}, the middle one ${text("middle")}`,
        }),
    },
    {
      note: "003",
      says: "A search can be repeated: the same seed gives the same trials and losses.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const again = numbersOf(run, "again: losses");
            return { equal: mean(losses(run).map((loss, i) => (Object.is(loss, again[i]) ? 1 : 0))) };
          },
          isTrue: ({ equal }) => equal === 1,
          tell: (text) =>
            `${text("equal", percent)} of ${losses(runs[0]).length} losses are the same to the last bit`,
        }),
    },
    {
      note: "003",
      says: "Grid, random search and halving find about as good ones.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            random: numberOf(run, "random: best"),
            halving: numberOf(run, "halving: best"),
            grid: numberOf(run, "grid: best"),
          }),
          isTrue: ({ random, halving, grid }) =>
            Math.max(random, halving, grid) < 2 * Math.min(random, halving, grid),
          tell: (text) =>
            `best validation loss ${text("random")} at random, ${text("halving")} by halving, ${text("grid")} in the grid`,
          range: "The grid runs over two of the seven; the other five stay as they are.",
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "trials",
      title: "Random trials, ranked",
      caption: "Validation loss of each random trial, from the best to the worst.",
      panels: [
        {
          kind: "bars",
          title: "Validation loss",
          x: { label: "trial, ranked" },
          y: { label: "cross-entropy (nats per image)" },
          categories: losses(run).map((_, i) => String(i + 1)),
          series: [
            {
              name: "validation loss",
              values: losses(run)
                .filter(Number.isFinite)
                .sort((a, b) => a - b),
            },
          ],
        },
      ],
    }),
  ],
  sections: ([run]) =>
    ["random", "halving", "grid"].map((name) => ({
      title: { random: "At random", halving: "By halving", grid: "The grid" }[name] as string,
      text: `\`\`\`\n${textOf(run, `${name}: table`)}\n\`\`\``,
    })),
});
