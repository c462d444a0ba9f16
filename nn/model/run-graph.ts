// A graph of calls as a function of tensors.

import { ArgumentError, ShapeError, type Tensor, type Tree } from "../../engine/index.ts";
import { leavesOf, mapTree } from "../../engine/internal.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import { batched, fitsShape, type SampleSpec, specsIn } from "../layers/spec.ts";
import { type Graph, readInputs } from "./graph.ts";

/**
 * What the graph gives.
 *
 * @param logits leave out the activations that come last
 */
export function runGraph(what: string, graph: Graph, inputs: Tree<Tensor>, logits: boolean): Tree<Tensor> {
  const values = readInputs(what, graph, inputs);
  const ends = new Map<Placeholder, Tensor>();
  const wanted = new Set(logits ? leavesOf(graph.outputs) : []);
  const found = graph.run(values, (call, given) => {
    const { layer } = call;
    const made = leavesOf(call.outputs);
    if (!made.some((placeholder) => wanted.has(placeholder))) return layer.call(given) as Tree<Tensor>;
    const raw = layer.call(given, { logits: true }) as Tree<Tensor>;
    const list = leavesOf(raw);
    made.forEach((placeholder, i) => {
      ends.set(placeholder, list[i]);
    });
    if (!graph.isRead(call)) return raw;
    // Others read the activated value.
    const activations = layer.outputActivations;
    let next = 0;
    return mapTree(raw, (value: Tensor) => activations[next++]?.call(value) ?? value);
  });
  if (!logits) return found;
  const all = leavesOf(found);
  let at = 0;
  return mapTree(graph.outputs, (placeholder: Placeholder) => {
    const value = all[at++];
    return ends.get(placeholder) ?? value;
  });
}

/** @throws ArgumentError, ShapeError for other inputs than the graph takes */
export function checkSpecs(what: string, graph: Graph, specs: Tree<SampleSpec>): void {
  const given = specsIn(specs);
  const wanted = leavesOf(graph.inputs);
  if (given.length !== wanted.length) {
    throw new ArgumentError(`${what}: takes ${wanted.length} inputs, got ${given.length}`);
  }
  given.forEach(({ shape }, i) => {
    if (fitsShape(shape, wanted[i].shape)) return;
    throw new ShapeError(`${what}: takes inputs of shape ${batched(wanted[i].shape)}, not ${batched(shape)}`);
  });
}
