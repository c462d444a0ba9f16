// What optim, nn, data and bench need of the engine beyond its public face. The package does not export it.

export { Ambient } from "./base/ambient.ts";
export { hostArray } from "./base/dtype.ts";
export type { OptionNames } from "./base/errors.ts";
/** @internal The declarations that are published know none of them. */
export {
  checkDifferentiable,
  checkFunction,
  checkOptions,
  isPromise,
  kindOf,
  nearest,
  unknownName,
} from "./base/errors.ts";
export { hash } from "./base/hash.ts";
/** @internal */
export { importByName, nodeModule, nodeProcess } from "./base/host.ts";
export { checkedName, choiceOf, lookup, NameTable, namesIn, spellingOf, spellingsIn } from "./base/names.ts";
export * from "./base/number-checks.ts";
export { printable } from "./base/printable.ts";
// One by one: bundlers keep all of a namespace.
export {
  normal as hostNormal,
  truncatedNormal as hostTruncatedNormal,
  uniform as hostUniform,
} from "./base/random/draws.ts";
export { fillPermutation } from "./base/random/permutation.ts";
export { philoxFill, purpose as randomPurpose } from "./base/random/philox.ts";
export { sameShape } from "./base/shape.ts";
export { isPlainObject, leavesOf, mapTree, withLeaves } from "./base/tree.ts";
/** @internal */
export { keepingHalves } from "./jit/half-region.ts";
// Other forms of public ops, by the same names.
export { takeRows } from "./ops/indexing/dynamic-slice.ts";
export { gatherRows } from "./ops/indexing/gather.ts";
export * from "./ops/internal.ts";
export { stretchOf } from "./ops/layout/slice-kernel.ts";
export { advanced, drawFrom } from "./state/draw-from.ts";
export { packVariables, VariablePack } from "./state/pack.ts";
export { checkSize, fromValues, isList } from "./tensor/create.ts";
/** @internal */
export { joinRows } from "./tensor/join-rows.ts";
/** @internal */
export { deviceWatch } from "./tensor/open.ts";
/** @internal */
export { isRecording } from "./tensor/recording.ts";
/** @internal */
export { claim } from "./tensor/scope.ts";
export { track } from "./tensor/scope-stack.ts";
/** @internal */
export { undone } from "./tensor/undone.ts";
/** @internal */
export { variablesOf } from "./tensor/variable.ts";
