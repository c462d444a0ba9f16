// `gradgpu/methods`: public ops as methods of tensors, `x.matmul(w).add(b).relu()`, for programs that import it once.
// What `ops/index.ts` lists becomes one, with the op's own type: a new op needs no line here.

import * as ops from "./ops/index.ts";
import { Tensor } from "./tensor/tensor.ts";

/** Functions that are no methods: what comes first is no tensor, or one that is no subject. */
const functions = [
  "concat",
  "einsum",
  "randomBernoulli",
  "randomBits",
  "randomCategorical",
  "randomGumbel",
  "randomInteger",
  "randomNormal",
  "randomTruncatedNormal",
  "randomUniform",
  "stack",
] as const;

type Functions = (typeof functions)[number];

/** Parameters without the first, which is the tensor itself. */
type Rest<P> = P extends [unknown, ...infer R] ? R : never;
type Method<F> = F extends (...args: infer P) => infer R ? (...rest: Rest<P>) => R : never;

/** Ops by name, as methods. */
export type Methods = { readonly [K in Exclude<keyof typeof ops, Functions>]: Method<(typeof ops)[K]> };

declare module "./tensor/tensor.ts" {
  interface Tensor extends Methods {}
}

for (const [name, op] of Object.entries(ops) as [string, (...args: unknown[]) => unknown][]) {
  if (typeof op !== "function" || functions.includes(name as Functions)) continue;
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...rest: unknown[]) {
      return op(this, ...rest);
    },
    writable: true,
    configurable: true,
  });
}
