// Loses the device at random moments of training runs, and compares each with a run that nothing disturbed:
//     node scripts/run.mjs test/soak/lost-device.ts [times, default 50] [seed]

import { init } from "../../engine/index.ts";
import {
  BatchNormalization,
  type Callback,
  Dense,
  Dropout,
  Input,
  ReduceLROnPlateau,
  Sequential,
} from "../../nn/index.ts";
import { Adam, clipNorm, optimizerState } from "../../optim/index.ts";

const times = Number(process.argv[2] ?? 50);
let state = Number(process.argv[3] ?? 1);
const random = () => {
  state = (state * 1103515245 + 12345) % 2 ** 31;
  return state / 2 ** 31;
};

const device = await init({ device: "webgpu" });
console.log(`${device.info.adapter}: ${times} losses`);
const rows = 2000;
const x = Float32Array.from({ length: rows * 20 }, (_, i) => Math.sin(i * 1.7));
const y = Float32Array.from({ length: rows }, (_, i) => (x[20 * i] + x[20 * i + 2] > 0 ? 1 : 0));

/** The raw device, as the driver would take it. */
const lose = () => (device as unknown as { backend: { loseDevice(): void } }).backend.loseDevice();

async function run(loseAfterMs: number | undefined) {
  device.setSeed(7);
  const model = new Sequential([
    new Input([20]),
    new Dense(64, { activation: "relu" }),
    new BatchNormalization(),
    new Dropout(0.2),
    new Dense(1, { activation: "sigmoid" }),
  ]);
  const optimizer = new Adam({ learningRate: 0.01, clipping: clipNorm(1) });
  model.compile({ optimizer, loss: "binaryCrossentropy", metrics: ["accuracy"] });
  const told: string[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const teller: Callback = {
    everySteps: 25,
    // What is lost before fit has read the weights once is lost.
    onEpochBegin(epoch) {
      if (epoch === 0 && loseAfterMs !== undefined) timer = setTimeout(lose, loseAfterMs);
    },
    onStepsEnd: (steps, logs) => void told.push(`${steps} ${logs.loss}`),
    onEpochEnd: (epoch, logs) => void told.push(`${epoch} ${JSON.stringify(logs)}`),
  };
  const started = performance.now();
  const { history } = await model.fit(x, y, {
    epochs: 12,
    batchSize: 16,
    verbose: 0,
    validationSplit: 0.1,
    snapshotEvery: { seconds: 0.3, steps: 90 },
    callbacks: [teller, new ReduceLROnPlateau({ monitor: "loss", patience: 1, minDelta: 0.02 })],
  });
  const ms = performance.now() - started;
  clearTimeout(timer);
  const weights = (await model.getWeights()).map(({ values }) => [...values]);
  const slots = await optimizerState(optimizer);
  model.dispose();
  return { ms, outcome: JSON.stringify({ history, told, weights, slots }) };
}

let warned = 0;
console.warn = () => {
  warned++;
};
const undisturbed = await run(undefined);
const again = await run(undefined);
if (again.outcome !== undisturbed.outcome) throw new Error("two undisturbed runs differ");
let failed = 0;
let lost = 0;
let { ms } = again;
// A run that was over before counts for none.
for (let time = 0; lost < times; time++) {
  const at = random() * ms;
  const before = warned;
  try {
    const found = await run(at);
    const isSame = found.outcome === undisturbed.outcome;
    if (!isSame) failed++;
    if (warned > before) lost++;
    else ms = found.ms;
    console.log(
      `${time + 1}: ${warned > before ? `lost after ${at.toFixed(1)} ms` : "over before"}, ${isSame ? "equal" : "DIFFERENT"}`,
    );
  } catch (error) {
    failed++;
    lost++;
    console.log(`${time + 1}: lost after ${at.toFixed(1)} ms: ${String(error).slice(0, 300)}`);
  }
  await device.recover();
}
console.log(failed === 0 ? `${lost} losses, all equal` : `${failed} of ${lost} failed`);
device.dispose();
process.exitCode = failed === 0 ? 0 : 1;
