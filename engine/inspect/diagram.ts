// Diagrams: boxes and arrows as plain data, and their text as Mermaid and as DOT (Graphviz). Knows neither tapes nor
// models: those are turned into a Diagram elsewhere.

export interface DiagramNode {
  /** Unique in the diagram; letters, digits and underscores. */
  readonly id: string;
  /** Lines of text, of any characters. */
  readonly label: readonly string[];
  /** How it is drawn: values that come in, parameters, ops or layers, and what comes out. */
  readonly kind: "input" | "variable" | "op" | "output";
  /** The box around several nodes that it stands in, if any: a layer, a kernel. */
  readonly group?: string;
}

export interface DiagramEdge {
  readonly from: string;
  readonly to: string;
  readonly label?: string;
}

export interface Diagram {
  readonly nodes: readonly DiagramNode[];
  readonly edges: readonly DiagramEdge[];
}

export interface DiagramOptions {
  /** Top to bottom (the default) or left to right. */
  direction?: "down" | "right";
}

/** Node shapes of Mermaid: rounded for what comes in, a cylinder for parameters, a box for ops. */
const mermaidBrackets = {
  input: ["([", "])"],
  variable: ["[(", ")]"],
  op: ["[", "]"],
  output: ["([", "])"],
} as const;

/** A `flowchart` for Mermaid. */
export function mermaidText({ nodes, edges }: Diagram, { direction = "down" }: DiagramOptions = {}): string {
  const lines = [`flowchart ${direction === "right" ? "LR" : "TD"}`];
  const draw = (node: DiagramNode, indent: string) => {
    const [open, close] = mermaidBrackets[node.kind];
    return `${indent}${node.id}${open}"${node.label.map(escapeMermaid).join("<br/>")}"${close}`;
  };
  eachGroup(nodes, (group, members, number) => {
    if (group === undefined) {
      lines.push(...members.map((node) => draw(node, "  ")));
      return;
    }
    lines.push(`  subgraph group${number}["${escapeMermaid(group)}"]`);
    lines.push(...members.map((node) => draw(node, "    ")), "  end");
  });
  for (const { from, to, label } of edges) {
    const text = label === undefined ? "" : `|"${escapeMermaid(label)}"|`;
    lines.push(`  ${from} -->${text} ${to}`);
  }
  return `${lines.join("\n")}\n`;
}

const dotStyles = {
  input: 'shape=ellipse, style=filled, fillcolor="#eef2f6"',
  variable: 'shape=cylinder, style=filled, fillcolor="#fdf0d5"',
  op: 'shape=box, style="rounded,filled", fillcolor="#e3effa"',
  output: 'shape=ellipse, style=filled, fillcolor="#dff3e4"',
} as const;

/** A `digraph` for Graphviz. */
export function dotText({ nodes, edges }: Diagram, { direction = "down" }: DiagramOptions = {}): string {
  const lines = [
    "digraph {",
    `  rankdir=${direction === "right" ? "LR" : "TB"}`,
    '  node [fontname="Helvetica", fontsize=11]',
    '  edge [fontname="Helvetica", fontsize=10]',
  ];
  const draw = (node: DiagramNode, indent: string) =>
    `${indent}${node.id} [label="${node.label.map(escapeDot).join("\\n")}", ${dotStyles[node.kind]}]`;
  eachGroup(nodes, (group, members, number) => {
    if (group === undefined) {
      lines.push(...members.map((node) => draw(node, "  ")));
      return;
    }
    lines.push(`  subgraph cluster${number} {`, `    label="${escapeDot(group)}"`);
    lines.push(...members.map((node) => draw(node, "    ")), "  }");
  });
  for (const { from, to, label } of edges) {
    lines.push(`  ${from} -> ${to}${label === undefined ? "" : ` [label="${escapeDot(label)}"]`}`);
  }
  return `${lines.join("\n")}\n}\n`;
}

/** Calls `use` with the nodes that stand in no group, then with each group's, in the order in which they first appear. */
function eachGroup(
  nodes: readonly DiagramNode[],
  use: (group: string | undefined, members: readonly DiagramNode[], number: number) => void,
): void {
  const groups = new Map<string | undefined, DiagramNode[]>([[undefined, []]]);
  for (const node of nodes) {
    const members = groups.get(node.group);
    if (members === undefined) groups.set(node.group, [node]);
    else members.push(node);
  }
  let number = 0;
  for (const [group, members] of groups) if (members.length > 0) use(group, members, number++);
}

/** Mermaid's entity codes for what ends a quoted label, makes it Markdown, begins a tag, or is an entity itself. */
function escapeMermaid(text: string): string {
  return text.replace(/[#&"<>`]/g, (character) => `#${character.codePointAt(0)};`).replace(/\s+/g, " ");
}

/** DOT strings: a backslash begins an escape, a quote ends the string. */
function escapeDot(text: string): string {
  return text.replace(/[\\"]/g, "\\$&").replace(/\r?\n/g, "\\n");
}
