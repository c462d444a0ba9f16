// A residual network: shortcuts (Add) around each block of a deep network: node scripts/run.mjs --setup examples/residual.ts
// Options: --epochs 20, --device auto | webgpu | cpu.

import { parseArgs } from "node:util";
import { dispose, type InitOptions, init } from "gradgpu";
import { Add, Dense, initializers, input, Model, type Placeholder } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string", default: "20" },
    device: { type: "string", default: "auto" },
  },
});
const epochs = Number(options.epochs);
const blocks = 10;

await init({ device: options.device as InitOptions["device"], seed: 1 });

/** Points on two spirals that wind around each other, and which spiral each is on. */
function spirals(count: number, offset: number) {
  const labels = Array.from({ length: count }, (_, i) => i % 2);
  const points = labels.map((label, i) => {
    const way = (i + offset) / count;
    const angle = 2.5 * Math.PI * way + Math.PI * label;
    return [(0.2 + way) * Math.cos(angle), (0.2 + way) * Math.sin(angle)];
  });
  return [points, labels] as const;
}

/** x and what two layers make of it; without the shortcut, what they make of it alone. */
function block(x: Placeholder, hasShortcut: boolean): Placeholder {
  const hidden = new Dense(16, { activation: "relu", kernelInitializer: initializers.heNormal() }).call(x);
  const change = new Dense(16, { activation: "tanh" }).call(hidden);
  return hasShortcut ? new Add().call([x, change]) : change;
}

function network(hasShortcuts: boolean) {
  const start = input([2]);
  let x = new Dense(16).call(start);
  for (let i = 0; i < blocks; i++) x = block(x, hasShortcuts);
  const model = new Model(start, new Dense(2, { activation: "softmax" }).call(x));
  return model.compile({
    optimizer: new Adam({ learningRate: 5e-3 }),
    loss: "sparseCategoricalCrossentropy",
    metrics: "accuracy",
  });
}

const [x, y] = spirals(200, 0);
// Between those that it learns from.
const [testX, testY] = spirals(200, 0.5);
for (const hasShortcuts of [true, false]) {
  const model = network(hasShortcuts);
  const { history } = await model.fit(x, y, { batchSize: 20, epochs, verbose: 0 });
  const [, accuracy] = await model.evaluate(testX, testY);
  const kind = hasShortcuts ? "with shortcuts" : "without shortcuts";
  console.log(
    `${kind}: loss ${history.loss[0].toFixed(4)} -> ${history.loss[epochs - 1].toFixed(4)}, ${(100 * accuracy).toFixed(1)} % of new points right`,
  );
  model.dispose();
}
dispose();
