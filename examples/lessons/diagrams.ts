// An MLP, a network with a shortcut, which is feed-forward, too, and one whose output comes back, which is not.

import { toDiagram, toMermaid } from "gradgpu/inspect";
import { Add, Dense, Input, input, Model, Sequential, SimpleRNN } from "gradgpu/nn";
import type { Course } from "./frame/lesson.ts";

export function diagrams({ keep }: Course) {
  const mlp = new Sequential([
    new Input([4]),
    new Dense(8, { activation: "relu", name: "hidden_1" }),
    new Dense(8, { activation: "relu", name: "hidden_2" }),
    new Dense(3, { activation: "softmax", name: "output" }),
  ]);
  keep("MLP", toMermaid(mlp));
  keep("MLP: boxes", JSON.stringify(toDiagram(mlp)));
  keep("MLP: parameters", mlp.countParams());

  const x = input([8]);
  const hidden = new Dense(8, { activation: "relu", name: "hidden" }).call(x);
  const sum = new Add({ name: "sum" }).call([x, hidden]);
  const shortcut = new Model(x, new Dense(3, { activation: "softmax", name: "output" }).call(sum));
  keep("FFNN", toMermaid(shortcut));
  keep("FFNN: boxes", JSON.stringify(toDiagram(shortcut)));

  // Of each step the hidden layer sees the input and what it gave at the step before.
  const rnn = new Sequential([
    new Input([5, 4]),
    new SimpleRNN(8, { name: "hidden" }),
    new Dense(3, { activation: "softmax", name: "output" }),
  ]);
  keep("RNN", toMermaid(rnn));
  keep("RNN: boxes", JSON.stringify(toDiagram(rnn)));
  keep(
    "RNN: shapes",
    rnn.layers[0].weights.map(({ shape }) => shape.join(" × ")),
  );
}
