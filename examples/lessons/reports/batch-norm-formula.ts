// Batch normalization's formula beside the kernel that computes it.

import { batchNormFormula } from "../batch-norm-formula.ts";
import { lesson } from "../frame/lesson.ts";
import { bySeed, most, numbersOf, percent, rowsOf, show } from "../frame/measured.ts";
import { sourceOf } from "../frame/sources.ts";

export default lesson({
  name: "batch-norm-formula",
  title: "Batch normalization's formula, beside its kernel",
  korean: "normalize 공식",
  notes: ["003", "001"],
  topic: "Batch normalization",
  about: `
"Remember the formula", says note 003. Of each feature, over the batch's n samples:

\`\`\`
μ  = 1/n Σ x                    the mean
σ² = 1/n Σ (x - μ)²             the variance
x̂  = (x - μ) / √(σ² + ε)        mean 0, standard deviation 1
y  = γ x̂ + β                    γ scales, β shifts; both are learned
\`\`\`

When it predicts, moving averages stand for μ and σ²: with a momentum of 0.99, each training step makes the average 0.99 of what it was and
0.01 of the batch's.`,
  sizes: { quick: {}, usual: {}, full: {}, cpu: {} },
  seeds: { quick: 1, usual: 1, full: 1, cpu: 1 },
  parts: () => 1,
  program: batchNormFormula,
  claims: [
    {
      note: "003",
      says: "It normalizes each layer's values to mean 0 and standard deviation 1.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            mean: most(numbersOf(run, "means").map(Math.abs)),
            variance: numbersOf(run, "variances")[0],
            variance2: numbersOf(run, "variances")[1],
          }),
          isTrue: ({ mean, variance, variance2 }) =>
            mean < 1e-5 && Math.abs(variance - 1) < 2e-3 && Math.abs(variance2 - 1) < 2e-3,
          tell: (text) =>
            `means within ${text("mean")} of 0, variances ${text("variance", (v) => v.toFixed(5))} and ${text("variance2", (v) => v.toFixed(5))}: ε keeps them just below 1`,
        }),
    },
    {
      note: "003",
      says: "By the formula: the layer gives what the formula gives.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            difference: most(
              rowsOf(run, "layer").flatMap((row, i) =>
                row.map((value, k) => Math.abs(value - rowsOf(run, "by hand")[i][k])),
              ),
            ),
          }),
          isTrue: ({ difference }) => difference < 1e-5,
          tell: (text) => `they differ by at most ${text("difference")}`,
        }),
    },
    {
      note: "003",
      says: "When it predicts it uses moving averages.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const [means, variances] = [numbersOf(run, "moving mean"), numbersOf(run, "moving variance")];
            const expected = [
              ...numbersOf(run, "μ").map((mu, i) => 0.01 * mu - means[i]),
              ...numbersOf(run, "σ²").map((variance, i) => 0.99 + 0.01 * variance - variances[i]),
            ];
            return { off: most(expected.map(Math.abs)), mean: means[0], variance: variances[0] };
          },
          isTrue: ({ off }) => off < 1e-4,
          tell: (text) =>
            `after one batch they are ${text("mean")} and ${text("variance")} for the first feature, from 0 and 1: 0.01 of the way`,
          range: `They are ${percent(1 - 0.99 ** 100)} of the way after 100 batches, ${percent(1 - 0.99 ** 300)} after 300: who trains for fewer wants a smaller momentum than 0.99.`,
        }),
    },
  ],
  figures: [],
  tables: ([run]) => [
    {
      title: "A batch of four",
      rows: [
        ["sample", "normalized (training)", "by hand", "predicting"],
        ...rowsOf(run, "layer").map((row, i) => [
          i + 1,
          row.map((value) => show(value)).join(", "),
          rowsOf(run, "by hand")
            [i].map((value) => show(value))
            .join(", "),
          rowsOf(run, "predicts")
            [i].map((value) => show(value))
            .join(", "),
        ]),
      ],
    },
  ],
  sections: async () => [
    {
      title: "The kernel (WGSL)",
      text: `Mean and variance come from \`shaders/moments.wgsl\`; then, an element a thread or so, \`shaders/batch-norm.wgsl\`:\n\n\`\`\`wgsl\n${await sourceOf("shaders/batch-norm.wgsl")}\n\`\`\``,
    },
  ],
});
