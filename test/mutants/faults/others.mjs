// Faults elsewhere that no test noticed once.

import { faultsIn, gpu, unit } from "./fault.mjs";

export const others = faultsIn({
  "nn/objective/objective.ts": [
    [unit("nn-training", "^accuracy")],
    ["if (values.rank > 0) kept.valuesPerSample = values.size / samples;", "", { row: "M7" }],
  ],
  "nn/layers/embedding.ts": [
    [unit("nn-embedding-ids")],
    ["this.constructor === Embedding ?", "this instanceof Embedding ?", { row: "M14" }],
  ],
  "shaders/batch-norm.wgsl": [
    [gpu("ops-forward", "samples batchNorm$")],
    ["let r = select(vec4f(), q, row + 1u < sizes.rows);", "let r = q;", { row: "M15" }],
  ],
});
