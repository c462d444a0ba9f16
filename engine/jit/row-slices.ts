// Lets products read a slice of rows where it lies: a batch that is sliced out of a data set need not be copied first.
// Rewrites the graph before anything is fused.

import { sizeOf } from "../base/shape.ts";
import type { KernelOp } from "../kernel/kernel-op.ts";
import { type Graph, makeNode, type Node, type Use, type Value } from "./graph.ts";

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
  const values = graph.nodes.flatMap(({ inputs, outputs }) => [
    ...inputs.map(({ value }) => value),
    ...outputs,
  ]);
  let nextId = 1 + values.reduce((most, { id }) => Math.max(most, id), 0);
  const renewed = new Map<Value, Value>();
  const renew = (use: Use): Use => ({ ...use, value: renewed.get(use.value) ?? use.value });
  const offsets = new Map<Value, { whole: Use; offset: Value }>();
  const nodes = graph.nodes.map((node) => {
    const inputs = node.inputs.map(renew);
    if (slices.has(node)) {
      const [whole, start] = inputs;
      const [slice] = node.outputs;
      const attrs = {
        last: whole.shape[0] - slice.spec.shape[0],
        inner: sizeOf(whole.shape.slice(1)),
      };
      const spec = { shape: start.shape, dtype: "u32" } as const;
      const made = makeNode({ ...node, op: sliceOffset, attrs, inputs: [start] }, [{ id: nextId++, spec }]);
      offsets.set(slice, { whole, offset: made.outputs[0] });
      return made;
    }
    const found = offsets.get(node.inputs[0]?.value);
    const made =
      found === undefined
        ? makeNode({ ...node, inputs }, node.outputs)
        : makeNode(
            {
              ...node,
              op: node.op.traits!.readsRows!(),
              attrs: { ...(node.attrs as object), slice: node.inputs[0].shape },
              inputs: [found.whole, inputs[1], { ...found.offset.spec, value: found.offset }],
            },
            node.outputs,
          );
    node.outputs.forEach((value, i) => {
      renewed.set(value, made.outputs[i]);
    });
    return made;
  });
  return {
    ...graph,
    nodes,
    effects: graph.effects.map((effect) => ({
      ...effect,
      source: renewed.get(effect.source) ?? effect.source,
    })),
    outputs: graph.outputs.map(renew),
  };
}

/** The slices that need not be made. */
function slicesOf({ nodes, effects, outputs }: Graph): Set<Node> {
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
  for (const { source } of effects) slices.delete(source);
  for (const { value } of outputs) slices.delete(value);
  const read = new Set(nodes.flatMap((node) => node.inputs.map(({ value }) => value)));
  return new Set([...slices].filter(([value]) => read.has(value)).map(([, node]) => node));
}
