// Lets products read a slice of rows where it lies: a batch that is sliced out of a data set need not be copied first.
// Rewrites the graph before anything is fused.

import { sizeOf } from "../base/shape.ts";
import type { KernelOp } from "../kernel/kernel-op.ts";
import { Readers, type Rewriting, rewritten } from "../kernel/op-graph.ts";
import { type Graph, type Node, producerOf, type Use, type Value } from "./graph.ts";

/** The number of the element at which the rows begin that are taken from a row on. */
const sliceOffset: KernelOp<{ readonly last: number; readonly inner: number }> = {
  name: "sliceOffset",
  infer: ([start]) => [{ shape: start.shape, dtype: "u32" }],
  pointwise: {
    expression: ({ last, inner }, [{ dtype }]) =>
      dtype === "i32"
        ? `vec4u(clamp(a, vec4i(0i), vec4i(${last}i))) * ${inner}u`
        : `min(a, vec4u(${last}u)) * ${inner}u`,
  },
  samples: [],
};

/** The graph with slices that only products read, as their left operand, taken by these products themselves. */
export function readRowSlices(graph: Graph): Graph {
  const slices = slicesOf(graph);
  if (slices.size === 0) return graph;
  const read = new Map<Value, readonly Use[]>();
  const instead = new Map<Node, Rewriting<KernelOp>>();
  for (const node of graph.nodes) {
    const [made] = node.outputs;
    if (slices.has(node))
      instead.set(node, ([whole, start], make) => {
        const attrs = { last: whole.shape[0] - made.spec.shape[0], inner: sizeOf(whole.shape.slice(1)) };
        const spec = { shape: start.shape, dtype: "u32" } as const;
        const { outputs } = make(sliceOffset, attrs, [start], [spec]);
        read.set(made, [whole, { ...spec, value: outputs[0] }]);
        return outputs;
      });
    const [use] = node.inputs;
    if (use !== undefined && slices.has(producerOf(use.value)!))
      instead.set(node, ([, other], make) => {
        const [whole, offset] = read.get(use.value)!;
        const attrs = { ...(node.attrs as object), slice: use.shape };
        const specs = node.outputs.map(({ spec }) => spec);
        return make(node.op.traits!.readsRows!(), attrs, [whole, other, offset], specs).outputs;
      });
  }
  return rewritten(graph, instead);
}

/** The slices that need not be made. */
function slicesOf(graph: Graph): Set<Node> {
  const { nodes } = graph;
  const slices = new Map<Value, Node>();
  for (const node of nodes)
    if (node.op.traits?.takesRows && node.inputs[0].dtype === "f32" && sizeOf(node.inputs[0].shape) > 0)
      slices.set(node.outputs[0], node);
  if (slices.size === 0) return new Set();
  for (const node of nodes) {
    node.inputs.forEach((use, k) => {
      const slice = slices.get(use.value);
      // A matrix of the slice's rows, or a row of it in each.
      const isRead =
        slice !== undefined &&
        node.op.traits?.readsRows !== undefined &&
        k === 0 &&
        use.shape.length === 2 &&
        use.shape[0] === use.value.spec.shape[0] &&
        sizeOf(node.outputs[0].spec.shape) > 0;
      if (!isRead) slices.delete(use.value);
    });
  }
  const readers = new Readers(graph);
  return new Set(
    [...slices]
      .filter(([value]) => readers.of(value).length > 0 && !readers.isKept(value))
      .map(([, node]) => node),
  );
}
