// How many weights an L1 penalty leaves, and which.

import { lesson, type Run } from "../frame/lesson.ts";
import { bySeed, mean, numberOf, numbersOf } from "../frame/measured.ts";
import { l1Sparsity } from "../l1-sparsity.ts";

const names = ["none", "L1", "L2"];
/** Weights that an update of Adam may leave around 0. */
const near = 0.005;
const zeros = (run: Run, name: string) =>
  mean(
    numbersOf(run, `${name}: weights`)
      .slice(4)
      .map((w) => (Math.abs(w) < near ? 1 : 0)),
  );

export default lesson({
  name: "l1-sparsity",
  title: "L1 and L2: sparse weights and small weights",
  korean: "L1 규제(Lasso), L2 규제(Ridge)",
  notes: ["001", "002"],
  topic: "Overfitting and its cures",
  about: `
A line of 40 inputs is fitted to few samples; 4 of the inputs make the target, 36 are noise. The L1 penalty (lasso) is λ Σ |w|: it pulls each
weight towards 0 with the same force, however small the weight is, and so keeps those at 0 that are good for nothing. L2 (ridge),
λ Σ w², pulls in proportion to the weight and makes none 0. Below ${near} counts as 0, since Adam's last steps leave so much.`,
  sizes: {
    quick: { rows: 80, epochs: 120 },
    usual: { rows: 80, epochs: 200 },
    full: { rows: 80, epochs: 200 },
    cpu: { rows: 80, epochs: 60 },
  },
  seeds: { quick: 2, usual: 5, full: 5, cpu: 1 },
  parts: () => 3,
  program: l1Sparsity,
  claims: [
    {
      note: "001",
      says: "L1 makes weights sparse (lasso).",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            none: 36 * zeros(run, "none"),
            l1: 36 * zeros(run, "L1"),
            l2: 36 * zeros(run, "L2"),
          }),
          isTrue: ({ none, l1, l2 }) => l1 > 18 && l1 > 2 * none && l1 > 2 * l2,
          tell: (text) =>
            `of 36 weights that are good for nothing ${text("l1")} are 0 with L1, ${text("l2")} with L2, ${text("none")} without a penalty`,
        }),
    },
    {
      note: "002",
      says: "L1 and L2 reduce overfitting.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            none: numberOf(run, "none: error"),
            l1: numberOf(run, "L1: error"),
            l2: numberOf(run, "L2: error"),
          }),
          isTrue: ({ none, l1, l2 }) => l1 < none && l2 < none,
          tell: (text) =>
            `squared error on 200 new samples: ${text("l1")} with L1, ${text("l2")} with L2, ${text("none")} without`,
          range: (all) =>
            all.some(({ l2, none }) => l2 >= none)
              ? "L2 of this size also shrinks the four weights that matter: where few inputs count, L1 is the better one."
              : undefined,
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "weights",
      title: "The 40 weights",
      caption: "The weights by input, of which only the first four count: with no penalty, with L1, with L2.",
      columns: 3,
      panels: names.map((name) => ({
        kind: "lines" as const,
        title: name === "none" ? "no penalty" : name,
        x: { label: "input" },
        y: { label: "weight", low: -3, high: 3 },
        series: [{ name: "weight", y: numbersOf(run, `${name}: weights`), isDots: true }],
      })),
    }),
  ],
});
