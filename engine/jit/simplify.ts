// Clean-up passes on the graph: what is known before the program runs is folded, what is computed twice is
// computed once, what nobody reads is dropped. Each pass can be switched off.

import { referenceArray } from "../base/dtype.ts";
import { sizeOf } from "../base/shape.ts";
import type { KernelOp } from "../kernel/kernel-op.ts";
import { opId, type ReferenceTensor } from "../kernel/kernel-op.ts";
import { neededNodes } from "../kernel/op-graph.ts";
import { type Graph, knowsElement, makeNode, type Node, pointwiseOf, type Use, type Value } from "./graph.ts";

export interface SimplifyOptions {
  readonly fold?: boolean;
  readonly dedupe?: boolean;
}

/** Makes constant values; the program gives them memory. */
export type MakeUniform = (spec: Value["spec"], value: number) => Value;

/** The graph with constants folded, neutral ops removed, duplicates merged and dead nodes dropped. */
export function simplify(graph: Graph, makeUniform: MakeUniform, options: SimplifyOptions = {}): Graph {
  const replaced = new Map<Value, Value>();
  const resolve = (value: Value): Value => {
    let current = value;
    for (let next = replaced.get(current); next !== undefined; next = replaced.get(current)) current = next;
    return current;
  };
  const resolveUse = (use: Use): Use => ({ ...use, value: resolve(use.value) });
  const results = new Set(graph.outputs.map(({ value }) => value));
  const seen = new Map<string, Node>();
  const nodes: Node[] = [];
  for (const original of graph.nodes) {
    const inputs = original.inputs.map(resolveUse);
    if (options.fold !== false) {
      const simpler = foldNode(original, inputs, makeUniform);
      // A result of its own, though it be a copy of something that others can write.
      const isShared = (value: Value) => value.origin.kind === "external" || value.origin.kind === "input";
      if (simpler !== undefined && !(isShared(simpler) && results.has(original.outputs[0]))) {
        replaced.set(original.outputs[0], simpler);
        continue;
      }
    }
    const key = nodeKey(original, inputs);
    const twin = options.dedupe !== false ? seen.get(key) : undefined;
    if (twin !== undefined) {
      original.outputs.forEach((value, i) => {
        replaced.set(value, twin.outputs[i]);
      });
      continue;
    }
    const node = makeNode({ ...original, inputs }, original.outputs);
    original.outputs.forEach((value, i) => {
      replaced.set(value, node.outputs[i]);
    });
    seen.set(key, node);
    nodes.push(node);
  }
  const effects = graph.effects.map((effect) => ({ ...effect, source: resolve(effect.source) }));
  const outputs = graph.outputs.map(resolveUse);
  return { ...graph, nodes: neededNodes(nodes, effects, outputs), effects, outputs };
}

function nodeKey(node: Node, inputs: readonly Use[]): string {
  // Equal constants are equal whichever of them it is.
  const reads = inputs
    .map(
      (use) =>
        `${uniformOf(use) === undefined ? use.value.id : `${use.dtype}${exactText("", uniformOf(use))}`}:${use.shape}`,
    )
    .join(";");
  return `${opId(node.op)}|${node.recomputation}|${JSON.stringify(node.attrs, exactText)}|${reads}`;
}

/** Numbers as text that tells apart what JSON and template strings do not: NaN, the infinities, -0. */
const exactText = (_key: string, value: unknown) =>
  typeof value === "number" ? `#${Object.is(value, -0) ? "-0" : value}` : value;

/** The single value of a uniform constant. */
function uniformOf(use: Use): number | undefined {
  return use.value.origin.kind === "constant" ? use.value.origin.uniform : undefined;
}

/** A simpler value for a node's only output, or undefined. */
function foldNode(node: Node, inputs: readonly Use[], makeUniform: MakeUniform): Value | undefined {
  if (node.outputs.length !== 1) return undefined;
  const out = node.outputs[0];
  const size = sizeOf(out.spec.shape);
  const sameAs = (use: Use) =>
    sizeOf(use.shape) === size && use.dtype === out.spec.dtype ? use.value : undefined;
  const { neutral, movesOnly, keepsEqualSize } = node.op.traits ?? {};
  const left =
    neutral?.findLastIndex((number, k) => number !== undefined && uniformOf(inputs[k]) === number) ?? -1;
  if (left >= 0) return sameAs(inputs[1 - left]);
  if (movesOnly) {
    const value = uniformOf(inputs[0]);
    if (value !== undefined) return makeUniform(out.spec, value);
  }
  if (keepsEqualSize) {
    const same = sameAs(inputs[0]);
    if (same !== undefined) return same;
  }
  if (pointwiseOf(node) === undefined || knowsElement(node) || node.op.lacksReference === true)
    return undefined;
  const values = inputs.map(uniformOf);
  if (values.some((value) => value === undefined)) return undefined;
  return makeUniform(out.spec, evaluate(node.op, node.attrs, inputs, values as number[], out));
}

/** The number that an op makes of numbers. */
export function evaluate(
  op: KernelOp,
  attrs: unknown,
  inputs: readonly Use[],
  values: readonly number[],
  out: Value,
): number {
  const scalar = (dtype: Use["dtype"], value: number): ReferenceTensor => {
    const data = referenceArray(dtype, 1);
    data[0] = value;
    return { shape: [], dtype, data };
  };
  const result = scalar(out.spec.dtype, 0);
  op.reference!(
    inputs.map((use, i) => scalar(use.dtype, values[i])),
    attrs,
    [result],
  );
  return out.spec.dtype === "f32" ? Math.fround(result.data[0]) : result.data[0];
}
