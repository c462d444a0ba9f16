// Faults elsewhere that no test noticed once.

import { faultsIn, gpu, unit } from "./fault.mjs";

export const others = faultsIn({
  "nn/objective/objective.ts": [
    [unit("objective-use"), unit("dataset-fit"), unit("nn-training", "accuracy")],
    ["kept.valuesPerSample ??= each;", "kept.valuesPerSample = each;", { row: "M7" }],
    ["amount = mul(amount, kept.valuesPerSample / each);", ""],
  ],
  "nn/layers/core/embedding.ts": [
    [unit("nn-embedding-ids")],
    ["this.constructor === Embedding ?", "this instanceof Embedding ?", { row: "M14" }],
  ],
  "shaders/batch-norm.wgsl": [
    [gpu("ops-forward", "samples batchNorm$")],
    ["let r = select(vec4f(), q, row + SHARERS < sizes.rows);", "let r = q;", { row: "M15" }],
  ],
});
