// The three networks as pictures, and what makes one recurrent.

import { diagrams } from "../diagrams.ts";
import { lesson } from "../frame/lesson.ts";
import { exactly, keptBy, textOf, verdictOf } from "../frame/measured.ts";

export default lesson({
  name: "diagrams",
  title: "MLP, feed-forward and recurrent networks as diagrams",
  korean: "피드 포워드 신경망(FFNN), 전결합층(Dense layer)",
  notes: ["002"],
  topic: "How a network computes",
  about: `
A feed-forward network computes in one direction, from input to output; a multilayer perceptron is one of dense layers. A recurrent one
gives its hidden layer's output back to it at the next step. \`toMermaid\` and \`toDot\` of \`gradgpu/inspect\` draw any model.

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
      says: "An MLP is feed-forward: each layer's output goes to the next one only.",
      judge: (runs) => {
        const text = textOf(runs[0], "MLP");
        const arrows = text.match(/-->/g)?.length ?? 0;
        return { verdict: verdictOf([arrows >= 3]), measured: `${arrows} arrows, one after the other` };
      },
    },
    {
      note: "002",
      says: "In a recurrent network the hidden layer's output goes to the output layer, and to itself.",
      judge: (runs) => {
        const shapes = keptBy(runs[0], "RNN: shapes") as readonly string[];
        return {
          verdict: verdictOf([shapes.includes("8 × 8")]),
          measured: `the recurrent layer's weights are ${shapes.join(", ")}: 8 × 8 is for its own output of the step before`,
        };
      },
    },
    {
      note: "002",
      says: "The MLP 4-8-8-3 has 139 parameters.",
      judge: (runs) => exactly(runs, "MLP: parameters", 139),
    },
  ],
  figures: [],
  sections: ([run]) =>
    ["MLP", "FFNN", "RNN"].map((name) => ({
      title: { MLP: "A multilayer perceptron", FFNN: "Feed-forward, with a shortcut", RNN: "Recurrent" }[
        name
      ] as string,
      text: `\`\`\`mermaid\n${textOf(run, name)}\n\`\`\``,
    })),
});
