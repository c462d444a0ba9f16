// Merges pointwise ops into chains, where that costs nothing.

import { sameShape, sizeOf } from "../base/shape.ts";
import type { Spec } from "../kernel/kernel.ts";
import { knowsElement, type Node, pointwiseOf, producerOf, readsApart, type Use } from "./graph.ts";
import type { Groups } from "./groups.ts";
import type { Refusal } from "./refusal.ts";
import { haveUnlikeHelpers, isByRows, isFlat, sameStage, type Unit } from "./units.ts";

/** Small values are computed again for every element of a larger chain up to this many elements. */
const recomputeLimit = 1 << 12;

export function mergeChains(groups: Groups): void {
  for (const node of groups.graph.nodes) {
    if (pointwiseOf(node) === undefined) continue;
    // A mask is cheap to compute and dear to keep: it joins what reads it, never what it is computed from.
    const isMask = node.outputs[0].spec.dtype === "bool";
    for (const [k, use] of node.inputs.entries()) {
      const producer = producerOf(use.value);
      if (producer === undefined || readsApart(node, k)) continue;
      const [from, to] = [groups.unitOf(producer), groups.unitOf(node)];
      if (!groups.isDear(from, to, isMask)) tryChain(groups, from, to, use, node);
    }
  }
  mergeSiblings(groups);
}

/** Chains over the same elements that read the same values, one after the other otherwise. */
function mergeSiblings(groups: Groups): void {
  for (const readers of groups.readers) {
    for (let i = 1; i < readers.length; i++) {
      const [a, b] = [groups.unitOf(readers[i - 1]), groups.unitOf(readers[i])];
      if (a === b || a.target === undefined || b.target === undefined) continue;
      if (!sameStage(a, b) || weightOf(a) + weightOf(b) > chainLimit) continue;
      if (!sameShape(a.target.shape, b.target.shape)) continue;
      if (groups.reaches(a, b) || groups.reaches(b, a)) continue;
      if (groups.refuseBindings([a, b]) !== undefined) continue;
      if (haveUnlikeHelpers(a.nodes, b.nodes)) continue;
      groups.merge(a, b);
    }
  }
}

function tryChain(groups: Groups, from: Unit, to: Unit, use: Use, reader: Node): void {
  if (from === to || from.target === undefined || to.target === undefined) return;
  const why = refuseChain(groups, from, to, use, reader, from.target, to.target);
  if (why === undefined) groups.merge(from, to);
  else groups.refusals.push({ from: from.nodes.at(-1)!.op.name, to: to.nodes[0].op.name, why });
}

function refuseChain(
  groups: Groups,
  from: Unit,
  to: Unit,
  use: Use,
  reader: Node,
  fromSpec: Spec,
  toSpec: Spec,
): Refusal | undefined {
  if (!sameStage(from, to)) return ["stage"];
  const reads = (node: Node, k: number) =>
    from.nodes.some(({ outputs }) => outputs.includes(node.inputs[k].value));
  if (to.nodes.some((node) => node.inputs.some((_, k) => readsApart(node, k) && reads(node, k))))
    return ["others"];
  if (haveUnlikeHelpers(from.nodes, to.nodes)) return ["helpers"];
  if (weightOf(from) + weightOf(to) > chainLimit) return ["compiling"];
  const fromSize = sizeOf(fromSpec.shape);
  const toSize = sizeOf(toSpec.shape);
  if (fromSize !== toSize) {
    // Broadcasts compose by trailing axes: a reshape on the way would break that.
    const isReshaped = ({ outputs: [{ spec }] }: Node) =>
      sizeOf(spec.shape) === fromSize && !sameShape(spec.shape, use.shape);
    const composes = !from.nodes.some(isReshaped) && sameShape(reader.outputs[0].spec.shape, toSpec.shape);
    if (fromSize > toSize || !composes) return ["sizes", fromSize, toSize];
    // Its elements' numbers would be those of the larger one.
    const counting = from.nodes.find(knowsElement);
    if (counting !== undefined) return ["numberAmong", counting.op.name, fromSize];
    if (groups.isDear(from, to, toSize > recomputeLimit)) {
      return ["again", fromSize, toSize];
    }
    if (from.nodes.some((node) => groups.isReadOutside(node, [from, to]))) return ["elsewhere"];
  } else if (!sameShape(fromSpec.shape, toSpec.shape) && !mayBeCut(from, to)) {
    return ["reshape"];
  }
  if (groups.reachesAround(from, to)) return ["between"];
  return groups.refuseBindings([from, to]);
}

/** Whether two chains over as many elements may have them in either's shape. */
function mayBeCut(from: Unit, to: Unit): boolean {
  if (isFlat(from) && isFlat(to)) return true;
  return from.target!.shape.at(-1) === to.target!.shape.at(-1) && isByRows(from) && isByRows(to);
}

/**
 * The longest pointwise chain, in plain ops. What a driver takes to compile a kernel grows with the square of its
 * length: on lavapipe a second for 400 multiplications, 5 for 100 tanh with their gradients. Optimizers and losses stay
 * below.
 */
const chainLimit = 1024;
/** An op that calls functions of its own, in plain ops. */
const helperWeight = 80;

/** The length of a unit's code, in plain ops. */
function weightOf(unit: Unit): number {
  return unit.nodes.reduce(
    (sum, node) => sum + (pointwiseOf(node)?.helpers === undefined ? 1 : helperWeight),
    0,
  );
}
