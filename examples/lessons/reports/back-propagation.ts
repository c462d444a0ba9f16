// Every number of the worked back-propagation, against values computed in float64 elsewhere.

import { backPropagation } from "../back-propagation.ts";
import { lesson, type Run } from "../frame/lesson.ts";
import { keptBy, most, numberOf, verdictOf } from "../frame/measured.ts";

/** Recomputed in float64 by hand from the formulas, to eight digits. */
const expected: Record<string, readonly number[]> = {
  "z1 z2": [0.08, 0.11],
  "h1 h2": [0.51998934, 0.5274723],
  "z3 z4": [0.44498412, 0.68047592],
  "o1 o2": [0.609446, 0.66384491],
  "E1 E2": [0.02193381, 0.00203809],
  E: [0.0239719],
  "∂E/∂w5..w8": [0.02592286, 0.0262959, 0.00740844, 0.00751506],
  "∂E/∂w1..w4": [0.00080888, 0.00161775, 0.00071009, 0.00142017],
  "new w5..w8": [0.43703857, 0.38685205, 0.69629578, 0.59624247],
  "new w1..w4": [0.29959556, 0.24919112, 0.39964496, 0.34928991],
  "E after": [0.02323634],
};
const valuesOf = (run: Run, name: string) => [keptBy(run, name)].flat() as number[];
const worst = (run: Run, names: readonly string[]) =>
  most(names.flatMap((name) => valuesOf(run, name).map((value, i) => Math.abs(value - expected[name][i]))));

const within = (runs: readonly Run[], names: readonly string[]) => {
  const errors = runs.map((run) => worst(run, names));
  return {
    verdict: verdictOf(errors.map((error) => error < 1e-6)),
    measured: `${names
      .map(
        (name) =>
          `${name} = ${valuesOf(runs[0], name)
            .map((value) => value.toFixed(8))
            .join(", ")}`,
      )
      .join("; ")}: off by at most ${most(errors).toExponential(1)}`,
  };
};

export default lesson({
  name: "back-propagation",
  title: "Back-propagation, worked",
  korean: "역전파(Back Propagation)",
  notes: ["002"],
  topic: "How a network computes",
  experiments: ["E10"],
  about: `
The note's example: inputs 0.1 and 0.2, targets 0.4 and 0.6, sigmoid everywhere, no bias, the error E = ½ Σ (t - o)², a rate of 0.5. The
four weights before the outputs are updated in the first stage, the four before the hidden units in the second; then the error is
smaller.

\`npm run stepper\` makes a page, \`out/stepper.html\`, that walks through the same example back and forth, node by node: each
operation's inputs and outputs, the gradient that comes in and what each input gets of it. \`docs/stepping.md\` tells about it.`,
  sizes: { quick: {}, usual: {}, full: {}, cpu: {} },
  seeds: { quick: 1, usual: 1, full: 1, cpu: 1 },
  parts: () => 1,
  program: backPropagation,
  claims: [
    {
      note: "002",
      says: "Forward: weighted sums z, outputs h and o, errors.",
      judge: (runs) => within(runs, ["z1 z2", "h1 h2", "z3 z4", "o1 o2", "E1 E2", "E"]),
    },
    {
      note: "002",
      says: "Stage 1: the gradients of w5 to w8, and the new weights.",
      judge: (runs) => within(runs, ["∂E/∂w5..w8", "new w5..w8"]),
    },
    {
      note: "002",
      says: "Stage 2: the gradients of w1 to w4, and the new weights.",
      judge: (runs) => within(runs, ["∂E/∂w1..w4", "new w1..w4"]),
    },
    {
      note: "002",
      says: "After the update the error is smaller.",
      judge: (runs) => ({
        verdict: verdictOf(runs.map((run) => numberOf(run, "E after") < numberOf(run, "E"))),
        measured: `${numberOf(runs[0], "E").toFixed(8)} before, ${numberOf(runs[0], "E after").toFixed(8)} after`,
      }),
    },
  ],
  figures: [],
  tables: ([run]) => [
    {
      title: "Here, and in float64",
      rows: [
        ["quantity", "here", "float64"],
        ...Object.entries(expected).map(([name, values]) => [
          name,
          valuesOf(run, name)
            .map((value) => value.toFixed(8))
            .join(", "),
          values.join(", "),
        ]),
      ],
    },
  ],
});
