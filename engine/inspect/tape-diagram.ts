// The graph behind a loss, and a traced program, as diagrams.

import { nameValues, nodesBehind, tapeName, tapeOf } from "../autograd/recorded.ts";
import { ArgumentError, checkOptions, kindOf, type OptionNames } from "../base/errors.ts";
import type { Node, Value } from "../jit/graph.ts";
import { isLiteral } from "../jit/graph.ts";
import type { Jitted, Program } from "../jit/jitted.ts";
import { unitName } from "../jit/kernels.ts";
import { attrsText, specText } from "../kernel/text.ts";
import type { RecordedTape } from "../tensor/tape-node.ts";
import { Tensor } from "../tensor/tensor.ts";
import {
  type Diagram,
  type DiagramEdge,
  type DiagramNode,
  type DiagramOptions,
  dotText,
  mermaidText,
} from "./diagram.ts";
import { type DrawableModel, isModel, modelDiagram } from "./model-diagram.ts";

export interface ToDiagramOptions extends DiagramOptions {
  /** Of a loss: the tape that recorded it; default: the newest open one that did. */
  tape?: RecordedTape;
}

const diagramOptions: OptionNames<ToDiagramOptions> = { direction: true, tape: true };

/** What can be drawn: a loss that a tape recorded, a function made by jit(), a model, or a diagram. */
export type Drawable = Tensor | Pick<Jitted<never[], unknown>, "programs"> | DrawableModel | Diagram;

/** Mermaid text of a graph, which Markdown on GitHub and many viewers draw. */
export function toMermaid(source: Drawable, options: ToDiagramOptions = {}): string {
  return mermaidText(diagramOf("toMermaid", source, options), options);
}

/** DOT text of a graph, for Graphviz. */
export function toDot(source: Drawable, options: ToDiagramOptions = {}): string {
  return dotText(diagramOf("toDot", source, options), options);
}

/** A graph as plain data, which `diagram` of `gradgpu/plot` draws. */
export function toDiagram(source: Drawable, options: Omit<ToDiagramOptions, "direction"> = {}): Diagram {
  return diagramOf("toDiagram", source, options);
}

function diagramOf(what: string, source: Drawable, options: ToDiagramOptions): Diagram {
  checkOptions(what, options, diagramOptions);
  if (source instanceof Tensor) return tapeDiagram(source, options.tape ?? tapeOf(what, source));
  const { programs } = (source ?? {}) as { programs?: ReadonlyMap<string, Program> };
  if (programs !== undefined) {
    const latest = [...programs.values()].at(-1);
    if (latest === undefined) {
      throw new ArgumentError(`${what}: nothing is traced yet; call the jitted function once`);
    }
    return programDiagram(latest);
  }
  if (isModel(source)) return modelDiagram(source);
  const diagram = source as Diagram | undefined;
  if (Array.isArray(diagram?.nodes) && Array.isArray(diagram.edges)) return diagram;
  throw new ArgumentError(
    `${what}: takes a loss that a tape recorded, a function made by jit(), a model, or a diagram, got ${kindOf(source)}`,
  );
}

/** What leads to `loss`; numbers stand in the op that reads them, and layers are groups. */
function tapeDiagram(loss: Tensor, tape: RecordedTape): Diagram {
  const recorded = nodesBehind(tape.nodes, loss.id);
  const values = nameValues(tape, loss.device);
  const nodes = new Map<string, DiagramNode>();
  const edges: DiagramEdge[] = [];
  /** By value id: the diagram node that it comes from. */
  const source = new Map<number, string>();
  for (const node of recorded) for (const id of node.outputIds) source.set(id, `op${node.index}`);
  for (const node of recorded) {
    const to = `op${node.index}`;
    const numbers: string[] = [];
    node.inputIds.forEach((id, k) => {
      const value = values.get(id)!;
      if (value.kind === "number") {
        numbers.push(value.name);
        return;
      }
      const from = source.get(id) ?? `value${id}`;
      if (!source.has(id) && !nodes.has(from)) {
        const kind = value.kind === "variable" ? "variable" : "input";
        nodes.set(from, { id: from, label: [value.name, specText(value.spec)], kind });
      }
      edges.push({ from, to, label: source.has(id) ? specText(node.inputSpecs[k]) : undefined });
    });
    const attrs = attrsText(node.attrs);
    const isLast = node.outputIds.includes(loss.id);
    const call = [node.op.name, ...numbers].join(" ");
    const names = node.outputIds.map((id) => tapeName(values, id)).join(", ");
    nodes.set(to, {
      id: to,
      label: [`${names} = ${call}`, ...(attrs === "" ? [] : [attrs])],
      kind: isLast ? "output" : "op",
      group: node.scope === "" ? undefined : node.scope,
    });
  }
  return { nodes: [...nodes.values()], edges };
}

/** A program after fusing: ops grouped by the kernel that computes them. */
function programDiagram({ graph, fused }: Program): Diagram {
  const kernel = new Map<Node, string>();
  fused.units.forEach((unit, i) => {
    for (const node of unit.nodes) kernel.set(node, `kernel ${i + 1}: ${unitName(unit, 4)}`);
  });
  const nodes = new Map<string, DiagramNode>();
  const edges: DiagramEdge[] = [];
  const sourceOf = (value: Value): string => {
    const { origin } = value;
    if (origin.kind === "node") return `op${origin.node.id}`;
    const id = `value${value.id}`;
    const name =
      origin.kind === "input"
        ? `input ${origin.index}`
        : origin.kind === "external"
          ? "variable"
          : "constant";
    const kind = origin.kind === "external" ? "variable" : "input";
    if (!nodes.has(id)) nodes.set(id, { id, label: [name, specText(value.spec)], kind });
    return id;
  };
  for (const node of graph.nodes) {
    const literals = node.inputs.filter(({ value }) => isLiteral(value));
    const numbers = literals.map(({ value }) =>
      value.origin.kind === "constant" ? String(value.origin.uniform) : "",
    );
    for (const use of node.inputs) {
      if (isLiteral(use.value)) continue;
      const isMade = use.value.origin.kind === "node";
      edges.push({
        from: sourceOf(use.value),
        to: `op${node.id}`,
        label: isMade ? specText(use) : undefined,
      });
    }
    const id = `op${node.id}`;
    nodes.set(id, { id, label: [[node.op.name, ...numbers].join(" ")], kind: "op", group: kernel.get(node) });
  }
  graph.outputs.forEach((use, i) => {
    nodes.set(`result${i}`, { id: `result${i}`, label: ["result", specText(use)], kind: "output" });
    edges.push({ from: sourceOf(use.value), to: `result${i}` });
  });
  graph.effects.forEach((effect, i) => {
    const label = ["assign", specText(effect.spec)];
    nodes.set(`assign${i}`, { id: `assign${i}`, label, kind: "variable" });
    edges.push({ from: sourceOf(effect.source), to: `assign${i}` });
  });
  return { nodes: [...nodes.values()], edges };
}
