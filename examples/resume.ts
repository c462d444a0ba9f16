// A run that may be killed at any moment and goes on when it is started again: node scripts/run.mjs --setup examples/resume.ts
// Options: --epochs 20, --file run.safetensors, --stop-after N (steps; ends the process as a kill would), --device auto | cpu.

import { parseArgs } from "node:util";
import { dispose, type InitOptions, init } from "gradgpu";
import { type Callback, checkpoint, Dense, Dropout, Input, Sequential } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string", default: "20" },
    file: { type: "string", default: "run.safetensors" },
    "stop-after": { type: "string", default: "Infinity" },
    device: { type: "string", default: "auto" },
  },
});

await init({ device: options.device as InitOptions["device"], seed: 1 });

// Whether a point lies inside of a ring.
const points = Array.from({ length: 512 }, (_, i) => [Math.sin(i * 12.9898) * 2, Math.sin(i * 78.233) * 2]);
const labels = points.map(([x, y]) => [Math.abs(Math.hypot(x, y) - 1.2) < 0.5 ? 1 : 0]);

const model = new Sequential([
  new Input([2]),
  new Dense(32, { activation: "relu" }),
  new Dropout(0.1),
  new Dense(32, { activation: "relu" }),
  new Dense(1, { activation: "sigmoid" }),
]);
model.compile({
  optimizer: new Adam({ learningRate: 0.01 }),
  loss: "binaryCrossentropy",
  metrics: "accuracy",
});

let steps = 0;
const stop: Callback = {
  everySteps: 1,
  onBoundary(_, { epoch }) {
    if (++steps < Number(options["stop-after"])) return;
    console.log(`stopped in epoch ${epoch + 1}; start it again`);
    process.exit(0);
  },
};
const { history, epoch } = await model.fit(points, labels, {
  epochs: Number(options.epochs),
  batchSize: 64,
  verbose: 0,
  callbacks: Number.isFinite(Number(options["stop-after"])) ? stop : [],
  // Shuffles, dropout and the optimizer go on where they were.
  resume: checkpoint(options.file, { steps: 4 }),
});
console.log(
  `${epoch.length} epochs, loss ${history.loss.at(-1)?.toFixed(6)}, right ${(100 * history.accuracy.at(-1)!).toFixed(1)} %`,
);
dispose();
