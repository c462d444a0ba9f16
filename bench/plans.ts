// npm run plans: writes docs/plans.md, what jit makes of a training step of the reference nets of sequences.

import fs from "node:fs";
import { dispose, init, jit, type Tensor } from "../engine/index.ts";
import { explain } from "../engine/inspect/index.ts";
import { describeNet, netNamed } from "./cases/nets.ts";
import { disposeAll, makeTrainer, rowsOf } from "./cases/training.ts";

const file = "docs/plans.md";

const told: readonly (readonly [name: string, text: string])[] = [
  [
    "N6",
    "A character LSTM. The inputs of all steps are one product before the recurrence; all steps are one dispatch (the recurrent " +
      "products, the gates, the states), and all steps back another one. Each takes rows of the batch through the steps, since rows do " +
      "not depend on each other. The gradient of the recurrent kernel is one product behind them.",
  ],
  [
    "N7",
    "A small GPT. Attention is one dispatch forward and two back, and keeps no matrix of steps by steps; bias, gelu and shortcut " +
      "ride on the products.",
  ],
];

/** The head, the dispatches and the memory of what `explain` tells: the graph is long. */
function partsOf(text: string): string {
  const [head, ...rest] = text.split("\n\n");
  const parts = rest.filter((part) => /^(Plan|Memory)\n/.test(part));
  return [head, ...parts].map((part) => part.trimEnd()).join("\n\n");
}

const device = await init({ device: "webgpu", seed: 1 });
const sections = told.map(([name, text]) => {
  const net = netNamed(name);
  const { x, y } = rowsOf(net, device, 1);
  const { model, trainer } = makeTrainer(net);
  const step = jit((rows: Tensor, labels: Tensor) => trainer.trainStep(rows, labels));
  step(x, y);
  const plan = partsOf(explain(step));
  disposeAll([step, trainer, model, x, y]);
  return `## ${name}: ${describeNet(net)}\n\n${text}\n\n\`\`\`text\n${plan}\n\`\`\`\n`;
});
fs.writeFileSync(
  file,
  `# Plans of sequences

What \`explain\` tells of a training step of two of the bench's [reference nets](performance.md), on
${device.info.adapter}. \`npm run plans\` writes this page; [jit.md](jit.md#reading-a-plan) says how to read it.

${sections.join("\n")}`,
);
dispose();
