// A graph of calls as a function of tensors.

import { ArgumentError, ShapeError, type Tensor, type Tree } from "../../engine/index.ts";
import { leavesOf, mapTree } from "../../engine/internal.ts";
import type { CallOptions } from "../layers/layer.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import { batched, fitsShape, type SampleSpec, specsIn } from "../layers/spec.ts";
import { callWatch } from "../training/step-watch.ts";
import { type Graph, type LayerCall, readInputs } from "./graph.ts";

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
    if (!made.some((placeholder) => wanted.has(placeholder))) return called(call, given);
    const raw = called(call, given, { logits: true });
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

/** Calls a layer, and tells who watches; layers inside one are told of where it is a model. */
function called(call: LayerCall, inputs: Tree<Tensor>, options?: CallOptions): Tree<Tensor> {
  const { layer } = call;
  const watch = callWatch.value;
  if (watch === undefined) return layer.call(inputs, options) as Tree<Tensor>;
  return callWatch.with("calls" in layer ? watch : undefined, () => {
    const outputs = layer.call(inputs, options) as Tree<Tensor>;
    watch(call, outputs, options?.logits ?? false);
    return outputs;
  });
}

/** @throws ArgumentError, ShapeError for other inputs than the graph takes */
export function checkSpecs(what: string, graph: Graph, specs: Tree<SampleSpec>): void {
  const given = specsIn(specs);
  const wanted = leavesOf(graph.inputs);
  if (given.length !== wanted.length) {
    throw new ArgumentError(
      `${what}: inputs wanted: ${wanted.length}, got ${given.length}${given.length > 1 && wanted.length === 1 ? "; a layer of several inputs says in outputSpec what it gives" : ""}`,
    );
  }
  given.forEach(({ shape }, i) => {
    if (fitsShape(shape, wanted[i].shape)) return;
    throw new ShapeError(`${what}: takes inputs of shape ${batched(wanted[i].shape)}, not ${batched(shape)}`);
  });
}
