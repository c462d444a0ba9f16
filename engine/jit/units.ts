// What fusing makes: a unit is what one kernel computes. Knows what can be seen from a unit alone.

import { sizeOf } from "../base/shape.ts";
import type { AdapterProfile, KernelContext, Spec } from "../kernel/kernel.ts";
import type { EpilogueSite } from "../kernel/kernel-op.ts";
import { type Node, pointwiseOf, readsApart, type Value } from "./graph.ts";

/** Nodes that one kernel (or one structured op's kernels) computes. */
export interface Unit {
  readonly id: number;
  /** In graph order. The anchor, where there is one, is among them. */
  nodes: Node[];
  /** The structured node; without one the unit is a pointwise chain. */
  readonly anchor: Node | undefined;
  /** A node that the anchor's kernel computes on the way. */
  companion?: Node;
  /** Chains that make what the anchor reads, computed as it is read. */
  prologues?: readonly Prologue[];
  /** The element space of a pointwise chain. */
  target: Spec | undefined;
  /** Chains over unlike elements that share one dispatch, side by side. */
  parts?: readonly Unit[];
}

export interface Prologue {
  /** Which of the anchor's inputs it makes. */
  readonly input: number;
  readonly nodes: readonly Node[];
  readonly target: Spec;
}

/** The nodes that compute what the anchor reads. */
export const nodesBefore = ({ prologues = [] }: Unit): Node[] => prologues.flatMap(({ nodes }) => nodes);

/** The nodes among `nodes`, which are in graph order, that values are computed by. */
export function makersOf(values: readonly Value[], nodes: readonly Node[]): Node[] {
  const wanted = new Set(values);
  return [...nodes]
    .reverse()
    .filter((node) => {
      const isWanted = wanted.has(node.outputs[0]);
      if (isWanted) for (const use of node.inputs) wanted.add(use.value);
      return isWanted;
    })
    .reverse();
}

/** The shape that a chain's node broadcasts its inputs to: its own, or the chain's where it is a smaller part. */
export function spaceOf(node: Node, target: Spec): Spec {
  const own = node.outputs[0].spec;
  return sizeOf(own.shape) === sizeOf(target.shape) ? own : target;
}

/** What tells the bindings of a chain apart: a value read in two ways is bound twice. */
export function bindingKey(node: Node, k: number, target: Spec): string {
  const { shape, value } = node.inputs[k];
  const pointwise = pointwiseOf(node)!;
  const raw = pointwise.rawInputs?.(node.attrs, node.inputs)[k];
  if (raw !== undefined || pointwise.wholeInputs?.includes(k)) return `${value.id}!${raw ?? ""}`;
  const under = spaceOf(node, target).shape;
  return `${value.id}:${sizeOf(shape) === sizeOf(under) ? "same" : `${shape}/${under}`}`;
}

/** Whether a chain's kernel would be the same under any shape of as many elements. */
export function isFlat(unit: Unit): boolean {
  const size = sizeOf(unit.target!.shape);
  return unit.nodes.every(
    (node) =>
      sizeOf(node.outputs[0].spec.shape) === size &&
      node.inputs.every(
        (use, k) => readsApart(node, k) || sizeOf(use.shape) === size || sizeOf(use.shape) === 1,
      ),
  );
}

/** Whether a chain broadcasts numbers and values of a row's width alone: how its leading axes are cut does not matter. */
export function isByRows(unit: Unit): boolean {
  const { shape } = unit.target!;
  const size = sizeOf(shape);
  const width = shape.at(-1);
  return unit.nodes.every(
    (node) =>
      sizeOf(node.outputs[0].spec.shape) === size &&
      node.outputs[0].spec.shape.at(-1) === width &&
      node.inputs.every((use, k) => {
        const count = sizeOf(use.shape);
        const isRow = count === width && use.shape.at(-1) === width;
        return readsApart(node, k) || count === size || count === 1 || isRow;
      }),
  );
}

/** Whether a chain reaches its inputs without the size buffer's help, so that it can share a dispatch. */
export function isSimple(unit: Unit): boolean {
  const target = unit.target!;
  return unit.nodes.every((node) =>
    node.inputs.every((use, k) => {
      const size = sizeOf(use.shape);
      return readsApart(node, k) || size === sizeOf(target.shape) || size === 1;
    }),
  );
}

/** Where pointwise work can ride on a structured node's result. */
export function siteOf(node: Node, profile: AdapterProfile): EpilogueSite | undefined {
  return node.op.epilogue?.(contextOf(node, profile));
}

/** What a node's kernels may know. */
export function contextOf(node: Node, profile: AdapterProfile): KernelContext {
  return {
    inputs: node.inputs.map(({ shape, dtype }) => ({ shape, dtype })),
    outputs: node.outputs.map((value) => value.spec),
    attrs: node.attrs,
    profile,
  };
}

/**
 * Whether no recomputation begins between two units. All nodes of a unit are of one stage: what is computed again for
 * lack of memory must not move into a kernel that runs before, where its results would have to be kept.
 */
export function sameStage(a: Unit, b: Unit): boolean {
  return a.nodes[0].stage === b.nodes[0].stage;
}

/** Whether two pointwise nodes bring helper functions of one name that are not the same. */
export function haveUnlikeHelpers(a: readonly Node[], b: readonly Node[]): boolean {
  const known = new Map<string, string>();
  for (const node of a)
    for (const [name, code] of Object.entries(pointwiseOf(node)?.helpers ?? {})) known.set(name, code);
  return b.some((node) =>
    Object.entries(pointwiseOf(node)?.helpers ?? {}).some(
      ([name, code]) => (known.get(name) ?? code) !== code,
    ),
  );
}
