// That a batch is a matrix product, and adds no parameters.

import { batchAsMatrix } from "../batch-as-matrix.ts";
import { lesson } from "../frame/lesson.ts";
import { bySeed, exactly, most, rowsOf, show } from "../frame/measured.ts";

export default lesson({
  name: "batch-as-matrix",
  title: "A batch is a matrix product",
  korean: "행렬곱으로 병렬 연산 이해 (배치 연산)",
  notes: ["002"],
  topic: "How a network computes",
  about: `
A layer of 3 inputs and 2 units has 3 · 2 weights and 2 biases: 8 parameters. Four samples are the four rows of a matrix X, and all of
their outputs are X W + b:

\`\`\`
[4 samples × 3 inputs] · [3 inputs × 2 units] + [2 biases] = [4 samples × 2 outputs]
\`\`\``,
  sizes: { quick: {}, usual: {}, full: {}, cpu: {} },
  seeds: { quick: 1, usual: 1, full: 1, cpu: 1 },
  parts: () => 1,
  program: batchAsMatrix,
  claims: [
    {
      note: "002",
      says: "As a matrix product, samples are computed side by side.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const alone = rowsOf(run, "one by one");
            return {
              difference: most(
                rowsOf(run, "together").flatMap((row, i) =>
                  row.map((value, k) => Math.abs(value - alone[i][k])),
                ),
              ),
            };
          },
          isTrue: ({ difference }) => difference < 1e-5,
          tell: (text) => `four samples at once and one by one differ by at most ${text("difference")}`,
        }),
    },
    {
      note: "002",
      says: "Four samples are processed at once, and there are still 8 parameters.",
      judge: (runs) => exactly(runs, "parameters", 8),
    },
  ],
  figures: [],
  tables: ([run]) => [
    {
      title: "Outputs",
      rows: [
        ["sample", "at once", "alone"],
        ...rowsOf(run, "together").map((row, i) => [
          i + 1,
          row.map((value) => show(value)).join(", "),
          rowsOf(run, "one by one")
            [i].map((value) => show(value))
            .join(", "),
        ]),
      ],
    },
  ],
});
