// Trains in a worker thread while this one stays free: node scripts/run.mjs --setup examples/worker.ts
// Options: --epochs 20, --stop-after N (epochs; ends training well), --device auto | cpu.

import { parseArgs } from "node:util";
import { isMainThread } from "node:worker_threads";
import { type InitOptions, init } from "gradgpu";
import { Dense, Input, Sequential } from "gradgpu/nn";
import { inWorker, workerTask } from "gradgpu/worker";

interface Data {
  readonly device: InitOptions["device"];
  readonly epochs: number;
}

// In a program of several files, this half would be train.ts.
workerTask(async ({ device, epochs }: Data, { signal, relay }) => {
  await init({ device, seed: 1 });
  // Whether a point lies inside of a ring.
  const points = Array.from({ length: 512 }, (_, i) => [Math.sin(i * 12.9898) * 2, Math.sin(i * 78.233) * 2]);
  const labels = points.map(([x, y]) => [Math.abs(Math.hypot(x, y) - 1.2) < 0.5 ? 1 : 0]);
  const model = new Sequential([
    new Input([2]),
    new Dense(32, { activation: "relu" }),
    new Dense(1, { activation: "sigmoid" }),
  ]).compile({ optimizer: "adam", loss: "binaryCrossentropy", metrics: ["accuracy"] });
  const { history } = await model.fit(points, labels, { epochs, verbose: 0, signal, callbacks: relay });
  return { loss: history.loss, weights: await model.getWeights() };
});

if (isMainThread) {
  const { values: options } = parseArgs({
    options: {
      epochs: { type: "string", default: "20" },
      "stop-after": { type: "string", default: "Infinity" },
      device: { type: "string", default: "auto" },
    },
  });
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort(new Error("Ctrl-C")));
  // What a page would draw, or a server answer.
  let ticks = 0;
  const clock = setInterval(() => ticks++, 10);
  const running = inWorker<{ loss: number[]; weights: object[] }>(new URL(import.meta.url), {
    data: { device: options.device, epochs: Number(options.epochs) },
    signal: controller.signal,
    onEpochEnd(epoch, { loss, accuracy }) {
      console.log(`epoch ${epoch + 1}: loss ${loss.toFixed(4)}, right ${(100 * accuracy).toFixed(1)} %`);
      if (epoch + 1 === Number(options["stop-after"])) running.stop();
    },
  });
  const { loss, weights } = await running;
  clearInterval(clock);
  console.log(
    `${loss.length} epochs and ${weights.length} weights came back; the clock here ticked on: ${ticks > 0}`,
  );
}
