// The three networks as pictures, and what makes one recurrent.

import { diagrams } from "../diagrams.ts";
import type { DiagramPanel } from "../frame/figure.ts";
import { lesson, type Run } from "../frame/lesson.ts";
import { exactly, keptBy, textOf, verdictOf } from "../frame/measured.ts";

const titles = { MLP: "A multilayer perceptron", FFNN: "Feed-forward, with a shortcut", RNN: "Recurrent" };
type Name = keyof typeof titles;
const names = Object.keys(titles) as Name[];

type Boxes = Pick<DiagramPanel, "nodes" | "edges">;
const boxesOf = (run: Run, name: Name) => JSON.parse(textOf(run, `${name}: boxes`)) as Boxes;

/** Whether each arrow leads to a box that stands behind the one it comes from. */
const isForward = ({ nodes, edges }: Boxes) => {
  const place = (id: string) => nodes.findIndex((node) => node.id === id);
  return edges.every(({ from, to }) => place(from) < place(to));
};

/** Of the recurrent layer: a square matrix is for what it gave at the step before. */
const loopOf = (run: Run) => {
  const shapes = keptBy(run, "RNN: shapes") as readonly string[];
  return { shapes, isThere: shapes.includes("8 × 8") };
};

/** The boxes, and the arrow back that a recurrent layer's square matrix stands for. */
function panelOf(run: Run, name: Name): DiagramPanel {
  const { nodes, edges } = boxesOf(run, name);
  const hidden = nodes.find(({ label }) => label.some((line) => line.includes("SimpleRNN")));
  const back = hidden && loopOf(run).isThere ? [{ from: hidden.id, to: hidden.id, label: "next step" }] : [];
  return { kind: "diagram", title: titles[name], nodes, edges: [...edges, ...back] };
}

/** The recurrent network over three steps, as the formulas above have it. */
const unrolled: DiagramPanel = {
  kind: "diagram",
  title: "Recurrent, three steps of it",
  nodes: [
    ...["₁", "₂", "₃"].flatMap((step) => [
      { id: `x${step}`, label: [`x${step}`], kind: "input" as const },
      { id: `h${step}`, label: [`h${step}`, "W, U, b"] },
    ]),
    { id: "output", label: ["output"], kind: "output" as const },
  ],
  edges: [
    ...["₁", "₂", "₃"].map((step) => ({ from: `x${step}`, to: `h${step}` })),
    { from: "h₁", to: "h₂" },
    { from: "h₂", to: "h₃" },
    { from: "h₃", to: "output" },
  ],
};

export default lesson({
  name: "diagrams",
  title: "MLP, feed-forward and recurrent networks as diagrams",
  korean: "피드 포워드 신경망(FFNN), 전결합층(Dense layer)",
  notes: ["002"],
  topic: "How a network computes",
  about: `
A feed-forward network computes in one direction, from input to output; a multilayer perceptron is one of dense layers. A recurrent one
gives its hidden layer's output back to it at the next step. \`diagram(toDiagram(model))\` draws any model (\`gradgpu/plot\`, \`gradgpu/inspect\`);
\`toMermaid\` and \`toDot\` give the text that Markdown and Graphviz draw.

A dense (fully connected) layer joins each unit with every unit before it. A recurrent layer has a second matrix, for what it gave before:

\`\`\`
h₁ = tanh(x₁ W + h₀ U + b)      h₂ = tanh(x₂ W + h₁ U + b)      ...
\`\`\``,
  sizes: { quick: {}, usual: {}, full: {}, cpu: {} },
  seeds: { quick: 1, usual: 1, full: 1, cpu: 1 },
  parts: () => 1,
  program: diagrams,
  claims: [
    {
      note: "002",
      says: "A feed-forward network computes from input to output only.",
      judge: ([run]) => {
        const both = [boxesOf(run, "MLP"), boxesOf(run, "FFNN")];
        const back = both.map((boxes) => (isForward(boxes) ? "none" : "some"));
        const [mlp, shortcut] = both.map(({ edges }) => edges.length);
        return {
          verdict: verdictOf(both.map(isForward)),
          measured: `of the MLP's ${mlp} arrows ${back[0]} lead back, of the ${shortcut} of the network with a shortcut ${back[1]}`,
          numbers: { arrows: [mlp, shortcut] },
        };
      },
    },
    {
      note: "002",
      says: "In a recurrent network the hidden layer's output goes to the output layer, and to itself.",
      judge: ([run]) => {
        const { shapes, isThere } = loopOf(run);
        return {
          verdict: verdictOf([isThere]),
          measured: `the recurrent layer's weights are ${shapes.join(", ")}${isThere ? ": 8 × 8 is for its own output of the step before" : ""}`,
        };
      },
    },
    {
      note: "002",
      says: "The MLP 4-8-8-3 has 139 parameters.",
      judge: (runs) => exactly(runs, "MLP: parameters", 139),
    },
  ],
  figures: [
    ([run]) => ({
      name: "diagrams",
      title: "Networks as boxes and arrows",
      caption:
        "Each box is a layer, with the shape of what it gives and its parameters. The shortcut passes the hidden layer by; the recurrent layer's output comes back to it at the next step, by the same weights each time.",
      panels: [...names.map((name) => panelOf(run, name)), unrolled],
    }),
  ],
  sections: ([run]) =>
    names.map((name) => ({
      title: `${titles[name]}, as Mermaid`,
      text: `\`\`\`mermaid\n${textOf(run, name).trim()}\n\`\`\``,
    })),
});
