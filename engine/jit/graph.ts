// The graph that tracing records: values and the nodes that make them, as plain data. Passes read and rewrite it;
// nothing here executes.

import type { Spec } from "../kernel/kernel.ts";
import type { KernelOp, Pointwise } from "../kernel/kernel-op.ts";
import type { Memory } from "../kernel/memory.ts";

/** Where a value comes from. */
export type Origin =
  /** Argument number `index` of the traced function. */
  | { readonly kind: "input"; readonly index: number }
  /** Memory that outlives the program: a Variable's, or a captured tensor's. */
  | { readonly kind: "external"; readonly memory: Memory }
  /**
   * Made while tracing from host numbers; `uniform` where they are all the same. Its memory is made when it is
   * first asked for: pointwise kernels write a uniform value as a literal.
   */
  | { readonly kind: "constant"; readonly memory: Memory; readonly uniform: number | undefined }
  /** Output `index` of a node. */
  | { readonly kind: "node"; readonly node: Node; readonly index: number };

/** A flat array of elements. Shapes belong to its uses: a reshape is another use of the same value. */
export interface Value {
  readonly id: number;
  readonly spec: Spec;
  readonly origin: Origin;
}

/** A value read under a shape. */
export interface Use extends Spec {
  readonly value: Value;
}

export interface Node {
  readonly id: number;
  readonly op: KernelOp;
  readonly attrs: unknown;
  readonly inputs: readonly Use[];
  readonly outputs: readonly Value[];
  /** Counts recomputations begun before: work of one stage must not be done in a kernel of another. */
  readonly stage: number;
  /** The recomputation that the node belongs to, 0 for none: it repeats earlier work on purpose. */
  readonly recomputation: number;
}

/** An assignment to memory that outlives the program, carried out at its end. */
export interface Effect {
  readonly target: Memory;
  readonly spec: Spec;
  readonly source: Value;
}

export interface Graph {
  readonly nodes: readonly Node[];
  readonly effects: readonly Effect[];
  readonly inputs: readonly Spec[];
  /** What the traced function returned. */
  readonly outputs: readonly Use[];
}

/** A node with outputs of its own, of these numbers and specs. */
export function makeNode(node: Omit<Node, "outputs">, results: readonly Pick<Value, "id" | "spec">[]): Node {
  const outputs: Value[] = [];
  const made: Node = { ...node, outputs };
  results.forEach(({ id, spec }, index) => {
    outputs.push({ id, spec, origin: { kind: "node", node: made, index } });
  });
  return made;
}

/** Whether pointwise code can write the value down instead of reading it. */
export function isLiteral(value: Value): boolean {
  return value.origin.kind === "constant" && value.origin.uniform !== undefined;
}

/** The node that makes `value`, if a node does. */
export function producerOf(value: Value): Node | undefined {
  return value.origin.kind === "node" ? value.origin.node : undefined;
}

/** How a node reads as a pointwise expression, if it does for its inputs. */
export function pointwiseOf(node: Node): Pointwise | undefined {
  const { pointwise } = node.op;
  return pointwise?.applies?.(node.attrs, node.inputs) === false ? undefined : pointwise;
}

/** Whether an input of a pointwise node is read by its own rule, not element by element. */
export function readsApart(node: Node, k: number): boolean {
  const pointwise = pointwiseOf(node)!;
  return (
    pointwise.wholeInputs?.includes(k) === true ||
    pointwise.rawInputs?.(node.attrs, node.inputs)[k] !== undefined
  );
}

/** Whether a pointwise node asks for an element's number or indexes an input itself. */
export function knowsElement(node: Node): boolean {
  return node.inputs.some((_, k) => readsApart(node, k));
}
