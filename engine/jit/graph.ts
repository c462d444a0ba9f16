// The graph that tracing records: values and the nodes that make them. Passes read and rewrite it; nothing here executes.

import type { KernelOp, Pointwise } from "../kernel/kernel-op.ts";
import type { OpEffect, OpGraph, OpNode, OpOrigin, OpUse, OpValue } from "../kernel/op-graph.ts";

export { makeNode, producerOf } from "../kernel/op-graph.ts";

export type Origin = OpOrigin<KernelOp>;
export type Value = OpValue<KernelOp>;
export type Use = OpUse<KernelOp>;
export type Node = OpNode<KernelOp>;
export type Effect = OpEffect<KernelOp>;
export type Graph = OpGraph<KernelOp>;

/** Whether pointwise code can write the value down instead of reading it. */
export function isLiteral(value: Value): boolean {
  return value.origin.kind === "constant" && value.origin.uniform !== undefined;
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
