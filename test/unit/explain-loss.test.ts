// explain(loss), and the diagrams of losses, models and programs. On the CPU reference.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  type Device,
  init,
  matmul,
  mean,
  mul,
  relu,
  sigmoid,
  square,
  sub,
  sum,
  Tape,
  tensor,
  variable,
} from "../../engine/index.ts";
import { type Diagram, explain, toDiagram, toDot, toMermaid } from "../../engine/inspect/index.ts";
import { BatchNormalization, Dense, Dropout, Input, Sequential } from "../../nn/index.ts";

let device: Device;

beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

function lesson(options: ConstructorParameters<typeof Tape>[0] = {}) {
  const x = tensor([[0.1, 0.2]]);
  const t = tensor([[0.4, 0.6]]);
  const weight = variable([0.3, 0.4, 0.25, 0.35], { shape: [2, 2], name: "weight" });
  const tape = new Tape(options).name({ x, t });
  const loss = tape.record(() => sum(mul(square(sub(t, sigmoid(matmul(x, weight)))), 0.5)));
  return { tape, loss };
}

describe("explain(loss)", () => {
  it("shows every value that leads to the loss, aligned", () => {
    expect(explain(lesson().loss)).toBe(
      [
        "sum_5: f32 [] from 6 ops, 1 trainable variable (4 parameters)",
        "",
        "#  value      spec        made by",
        "   x          f32 [1, 2]  tensor",
        "   weight     f32 [2, 2]  variable, 4 parameters",
        "   t          f32 [1, 2]  tensor",
        "0  matmul_0   f32 [1, 2]  matmul(x, weight)",
        "1  sigmoid_1  f32 [1, 2]  sigmoid(matmul_0)",
        "2  sub_2      f32 [1, 2]  sub(t, sigmoid_1)",
        "3  square_3   f32 [1, 2]  square(sub_2)",
        "4  mul_4      f32 [1, 2]  mul(square_3, 0.5)",
        "5  sum_5      f32 []      sum(mul_4, axes: [0, 1])",
      ].join("\n"),
    );
  });

  it("shows layers and lines where there are any, and leaves out what the loss does not need", () => {
    const model = new Sequential([
      new Input([2]),
      new Dense(3, { name: "hidden" }),
      new BatchNormalization({ name: "norm" }),
    ]);
    const tape = new Tape({ sourceLines: true });
    const loss = tape.record(() => {
      const y = model.call(tensor([[1, 2]]));
      relu(y);
      return mean(y);
    });
    const text = explain(loss);
    expect(text).not.toContain("relu");
    expect(text).toMatch(/^#\s+value\s+spec\s+made by\s+scope\s+line$/m);
    expect(text).toMatch(
      /^0 .*matmul\(tensor_0, hidden\/kernel\) +hidden +test\/unit\/explain-loss\.test\.ts:\d+$/m,
    );
    expect(text).toMatch(/norm\/moving_?[mM]ean +f32 \[3\] +variable, not trainable/);
    model.dispose();
  });

  it("finds the tape of any value on it, the newest first, and takes one that is given", () => {
    const x = tensor([1]);
    const tape = new Tape().watch({ x });
    const inner = tape.record(() => mul(x, 2));
    const loss = tape.record(() => sum(inner));
    const later = new Tape().watch(inner).name({ inner });
    const second = later.record(() => sum(inner));
    expect(explain(loss)).toContain("sum(mul_0");
    expect(explain(second)).toContain("sum(inner");
    expect(explain(inner)).toContain("mul(x, 2)");
    expect(explain(inner, { tape })).toContain("mul(x, 2)");
    later.dispose();
    tape.dispose();
    expect(() => explain(loss)).toThrow(ArgumentError);
    expect(() => explain(loss)).toThrow(/no open tape has recorded tensor f32 \[\].*before tape\.dispose/);
  });

  it("refuses what is no graph", () => {
    expect(() => explain(tensor(1))).toThrow(ArgumentError);
    expect(() => explain((() => 1) as never)).toThrow(/takes a loss or a function made by jit/);
    expect(() => toDot((() => 1) as never)).toThrow(ArgumentError);
    expect(() => toMermaid({} as never)).toThrow(/takes a loss .* a model, or a diagram/);
  });
});

describe("toMermaid and toDot", () => {
  it("draw a loss: tensors, variables, ops with the shapes between them", () => {
    const { loss } = lesson();
    const mermaid = toMermaid(loss).replace(/value\d+/g, (id) => `v${idOf(id)}`);
    expect(mermaid).toBe(`flowchart TD
  v0(["x<br/>f32 [1, 2]"])
  v1[("weight<br/>f32 [2, 2]")]
  op0["matmul_0 = matmul"]
  op1["sigmoid_1 = sigmoid"]
  v2(["t<br/>f32 [1, 2]"])
  op2["sub_2 = sub"]
  op3["square_3 = square"]
  op4["mul_4 = mul 0.5"]
  op5(["sum_5 = sum<br/>axes: [0, 1]"])
  v0 --> op0
  v1 --> op0
  op0 -->|"f32 [1, 2]"| op1
  v2 --> op2
  op1 -->|"f32 [1, 2]"| op2
  op2 -->|"f32 [1, 2]"| op3
  op3 -->|"f32 [1, 2]"| op4
  op4 -->|"f32 [1, 2]"| op5
`);
    ids.clear();
    const dot = parseDot(toDot(loss, { direction: "right" }));
    expect(dot.nodes).toHaveLength(9);
    expect(dot.edges).toHaveLength(8);
    expect(dot.nodes.find(({ id }) => id === "op4")?.label).toEqual(["mul_4 = mul 0.5"]);
    expect(toDot(loss, { direction: "right" })).toContain("rankdir=LR");
  });

  it("draw a value that is used twice with two arrows, and layers as groups", () => {
    const x = tensor([[1, 2]]);
    const model = new Sequential([new Input([2]), new Dense(2, { name: "hidden" })]);
    const tape = new Tape().watch(x);
    const loss = tape.record(() => {
      const y = model.call(x);
      return sum(mul(y, y));
    });
    const { nodes, edges } = parseDot(toDot(loss));
    expect(edges.filter(({ from, to }) => from === "op1" && to === "op2")).toHaveLength(2);
    expect(nodes.filter(({ group }) => group === "hidden").map(({ id }) => id)).toEqual(["op0", "op1"]);
    expect(toMermaid(loss)).toMatch(/subgraph group\d+\["hidden"\]\n {4}op0.*\n {4}op1.*\n {2}end/);
    model.dispose();
  });

  it("draw a model: layers with type, activation, shape and parameters", () => {
    const model = new Sequential([
      new Input([784]),
      new Dense(64, { activation: "relu", name: "first" }),
      new Dropout(0.2, { name: "drop" }),
      new Dense(10, { activation: "softmax", name: "out" }),
    ]);
    const boxes = toDiagram(model);
    expect(boxes.edges.length).toBe(boxes.nodes.length - 1);
    expect(toMermaid(boxes)).toBe(toMermaid(model));
    expect(toMermaid(model, { direction: "right" })).toBe(`flowchart LR
  input(["input<br/>[batch, 784]"])
  layer0["first (Dense), relu<br/>[batch, 64]<br/>50240 parameters"]
  layer1["drop (Dropout)<br/>[batch, 64]"]
  layer2(["out (Dense), softmax<br/>[batch, 10]<br/>650 parameters"])
  input --> layer0
  layer0 --> layer1
  layer1 --> layer2
`);
    expect(parseDot(toDot(model)).nodes.map(({ label }) => label[0])).toEqual([
      "input",
      "first (Dense), relu",
      "drop (Dropout)",
      "out (Dense), softmax",
    ]);
    model.dispose();
  });

  const nasty = [
    'quote " and \\ back\\',
    "<b>&amp; #35; `x`</b>",
    "a|b{c}[d](e)",
    "new\nline",
    "*bold* ~",
    "한글 ∂E",
  ];

  it("escape labels so that they read back as they were", () => {
    const diagram: Diagram = {
      nodes: [
        { id: "a", label: nasty, kind: "op", group: 'a "group" \\' },
        { id: "b", label: [], kind: "input" },
      ],
      edges: [{ from: "a", to: "b", label: nasty[0] }],
    };
    const dot = parseDot(toDot(diagram));
    expect(dot.nodes[1].label).toEqual(nasty.flatMap((line) => line.split("\n")));
    expect(dot.nodes[1].group).toBe('a "group" \\');
    expect(dot.edges[0].label).toBe(nasty[0]);
    const mermaid = toMermaid(diagram);
    const decode = (text: string) =>
      text.replace(/#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
    const label = /a\["(.*)"\]/.exec(mermaid)?.[1] as string;
    expect(label.split("<br/>").map(decode)).toEqual(nasty.map((line) => line.replace("\n", " ")));
    // Nothing is left that could end a label or be read as markup.
    expect(label.replaceAll("<br/>", "")).not.toMatch(/["<>`&]/);
    expect(mermaid.split("\n")).toHaveLength(7);
  });
});

const ids = new Map<string, number>();
/** The number in which an id first appeared. */
function idOf(id: string): number {
  if (!ids.has(id)) ids.set(id, ids.size);
  return ids.get(id) as number;
}

interface DotNode {
  id: string;
  label: string[];
  group?: string;
}

/** Reads the part of the DOT language that toDot writes; throws at a line it does not know. */
function parseDot(text: string): { nodes: DotNode[]; edges: { from: string; to: string; label?: string }[] } {
  const nodes: DotNode[] = [];
  const edges = [];
  let group: string | undefined;
  const string = String.raw`"((?:[^"\\]|\\.)*)"`;
  /** As Graphviz reads a string: `\n` breaks the line, a backslash before anything else goes. */
  const lines = (raw: string) =>
    raw.replace(/\\(.)/g, (_, character) => (character === "n" ? "\n" : character)).split("\n");
  const body = text.trimEnd().split("\n");
  expect([body[0], body.at(-1)]).toEqual(["digraph {", "}"]);
  for (const line of body.slice(1, -1).map((part) => part.trim())) {
    const attributes = String.raw`[^"\]]*(?:"[^"]*"[^"\]]*)*`;
    const node = new RegExp(`^(\\w+) \\[label=${string}, ${attributes}\\]$`).exec(line);
    const edge = new RegExp(`^(\\w+) -> (\\w+)(?: \\[label=${string}\\])?$`).exec(line);
    const named = new RegExp(`^label=${string}$`).exec(line);
    if (/^(?:node|edge) \[|^rankdir=|^subgraph cluster\d+ \{$/.test(line)) continue;
    if (line === "}") group = undefined;
    else if (named !== null) group = lines(named[1]).join("\n");
    else if (edge !== null)
      edges.push({ from: edge[1], to: edge[2], label: edge[3] && lines(edge[3]).join("\n") });
    else if (node !== null) nodes.push({ id: node[1], label: lines(node[2]), group });
    else throw new Error(`not DOT that toDot writes: ${line}`);
  }
  return { nodes, edges };
}
