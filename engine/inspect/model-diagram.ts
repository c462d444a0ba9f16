// A model as a diagram: its inputs, and each call of a layer with what it gives. Knows models by their form alone.

import { leavesOf, type Tree } from "../base/tree.ts";
import type { Diagram, DiagramEdge, DiagramNode } from "./diagram.ts";

interface Value {
  readonly shape: readonly (number | null)[];
  readonly producer: unknown;
}

interface LayerCall {
  readonly layer: {
    readonly name: string;
    readonly type: string;
    readonly outputActivation?: { readonly name: string } | undefined;
    countParams(): number;
  };
  readonly inputs: Tree<Value>;
  readonly outputs: Tree<Value>;
}

/** What is drawn of a model: each of `gradgpu/nn` is one. */
export interface DrawableModel {
  readonly calls: readonly LayerCall[];
  // biome-ignore lint/suspicious/noExplicitAny: placeholders in the form that the model has
  readonly inputs: any;
  // biome-ignore lint/suspicious/noExplicitAny: placeholders in the form that the model has
  readonly outputs: any;
}

export const isModel = (value: unknown): value is DrawableModel =>
  Array.isArray((value as DrawableModel | null | undefined)?.calls);

/** Inputs and calls, each with type, output shape and parameters (a shared layer's at its first call). */
export function modelDiagram(model: DrawableModel): Diagram {
  const nodes: DiagramNode[] = [];
  const edges: DiagramEdge[] = [];
  const ids = new Map<unknown, string>();
  const inputs = leavesOf<Value>(model.inputs);
  inputs.forEach((value, i) => {
    const id = inputs.length === 1 ? "input" : `input${i}`;
    ids.set(value, id);
    nodes.push({ id, label: [id, batched(value)], kind: "input" });
  });
  const ends = new Set(leavesOf<Value>(model.outputs).map(({ producer }) => producer));
  const seen = new Set<unknown>();
  model.calls.forEach((call, i) => {
    const id = `layer${i}`;
    const { layer } = call;
    const activation = layer.outputActivation?.name ?? "linear";
    const label = [`${layer.name} (${layer.type})${activation === "linear" ? "" : `, ${activation}`}`];
    label.push(leavesOf(call.outputs).map(batched).join(" "));
    const params = seen.has(layer) ? 0 : layer.countParams();
    seen.add(layer);
    if (params > 0) label.push(`${params} parameters`);
    ids.set(call, id);
    nodes.push({ id, label, kind: ends.has(call) ? "output" : "op" });
    for (const value of leavesOf(call.inputs)) {
      edges.push({ from: ids.get(value.producer ?? value) as string, to: id });
    }
  });
  return { nodes, edges };
}

const batched = ({ shape }: Value): string =>
  `[${["batch", ...shape.map((length) => length ?? "any")].join(", ")}]`;
