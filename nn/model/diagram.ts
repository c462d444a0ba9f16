// A model's layers as a diagram, for toMermaid() and toDot() of the engine.

import type { Diagram, DiagramEdge, DiagramNode } from "../../engine/inspect/index.ts";
import { batched } from "../layers/layer.ts";
import type { Sequential } from "./sequential.ts";

/** The layers of a built model in a row, each with its type, output shape and parameters: `toMermaid(modelDiagram(model))`. */
export function modelDiagram(model: Sequential): Diagram {
  const { layers, inputShape } = model;
  const nodes: DiagramNode[] = [{ id: "input", label: ["input", batched(inputShape)], kind: "input" }];
  const edges: DiagramEdge[] = [];
  layers.forEach((layer, i) => {
    const params = layer.countParams();
    const label = [`${layer.name} (${layer.type})`];
    if (layer.outputActivation !== "linear") label[0] += `, ${layer.outputActivation}`;
    label.push(batched(layer.outputShape!));
    if (params > 0) label.push(`${params} parameters`);
    nodes.push({ id: `layer${i}`, label, kind: i === layers.length - 1 ? "output" : "op" });
    edges.push({ from: nodes[i].id, to: `layer${i}` });
  });
  return { nodes, edges };
}
