// npm run soak [-- --steps 100000 --device auto --seed 1]: long training, longer than a test may take. Prints memory
// and the time of a step in blocks, and ends with code 1 when memory grows or steps get slower.

import { parseArgs } from "node:util";
import {
  add,
  dispose,
  type InitOptions,
  init,
  jit,
  LimitError,
  matmul,
  mean,
  memory,
  relu,
  square,
  sub,
  type Tensor,
  tensor,
  tidy,
  variable,
  zeros,
} from "../engine/index.ts";
import { BatchNormalization, Dense, Dropout, Input, Sequential } from "../nn/index.ts";
import { Adam, schedules } from "../optim/index.ts";

/**
 * Allowed ratio of the median step of the last tenth to that of the first. On a software adapter it is the process's CPU
 * time, the adapter's threads included, for the wall clock tells more of what else the machine does.
 */
const allowedDrift = 2;
/** Allowed growth of the process's own memory between the first block and the last. */
const allowedHostGrowth = 200 * 2 ** 20;
const blocks = 20;
/** Of replayed steps, which are short. */
const replayBlocks = 100;
/** Replayed steps in a submit. */
const stepsPerRun = 50;

const { values: options } = parseArgs({
  options: {
    steps: { type: "string", default: "100000" },
    device: { type: "string", default: "auto" },
    seed: { type: "string", default: "1" },
  },
});
const steps = Number(options.steps);
if (!Number.isInteger(steps) || steps < blocks) {
  process.stderr.write(`soak: --steps must be a whole number of at least ${blocks}, got ${options.steps}\n`);
  process.exit(2);
}

interface Block {
  readonly msPerStep: number;
  readonly cpuMsPerStep: number;
  readonly tensors: number;
  readonly buffers: number;
  readonly bytes: number;
  readonly pooledBytes: number;
  readonly hostBytes: number;
  readonly loss: number;
}

const failures: string[] = [];
const device = await init({ device: options.device as InitOptions["device"], seed: Number(options.seed) });
console.log(`soak on ${device.kind}: ${device.info.adapter}`);
if (device.kind !== "webgpu" && options.device === "auto")
  console.log("no WebGPU adapter: this is the CPU reference");

judge("replayed, 8-16-1 with Adam under a schedule", await soakReplay(steps));
judge("fit, 784-64-BN-64-dropout-10 with Adam", await soakFit(Math.ceil(steps / 5)));
judge("written by hand, eager", await soakEager(Math.ceil(steps / 50)));
await soakDropped(200_000);
judge("models made, trained and disposed", await soakModels(Math.max(blocks, Math.ceil(steps / 2500))));
dispose();

for (const failure of failures) console.log(`FAILED: ${failure}`);
console.log(failures.length === 0 ? "soak: all well" : `soak: ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;

/** `count` steps of fit, in epochs of one block each. */
async function soakFit(count: number): Promise<Block[]> {
  const [batchSize, pixels, classes] = [32, 784, 10];
  const rows = batchSize * 50;
  const y = Uint8Array.from({ length: rows }, (_, i) => (i * 7) % classes);
  const x = Uint8Array.from({ length: rows * pixels }, (_, i) => {
    const isLit = Math.floor((i % pixels) / 28) % classes === y[Math.floor(i / pixels)];
    return (isLit ? 100 : 0) + (Math.imul(i + 1, 0x9e3779b1) >>> 25);
  });
  const model = makeModel(pixels, classes, 64);
  const epochs = Math.ceil(count / 50);
  const every = Math.max(1, Math.floor(epochs / blocks));
  const found: Block[] = [];
  let begun = now();
  await model.fit(x, y, {
    batchSize,
    epochs,
    verbose: 0,
    onEpochEnd: async (epoch, logs) => {
      if ((epoch + 1) % every !== 0) return;
      await device.sync();
      found.push(measure(begun, every * 50, logs.loss));
      begun = now();
    },
  });
  model.optimizer?.dispose();
  model.dispose();
  return found;
}

/** A regression by two small layers, and its optimizer. */
function makeRegression(learningRate: number | ((step: Tensor) => Tensor)) {
  const x = tensor(
    Float32Array.from({ length: 64 * 8 }, (_, i) => Math.sin(i)),
    [64, 8],
  );
  const y = tensor(
    Float32Array.from({ length: 64 }, (_, i) => Math.cos(i * 3)),
    [64, 1],
  );
  const hidden = variable(
    Float32Array.from({ length: 8 * 16 }, (_, i) => Math.sin(i * 5) / 3),
    { shape: [8, 16] },
  );
  const out = variable(
    Float32Array.from({ length: 16 }, (_, i) => Math.cos(i) / 4),
    { shape: [16, 1] },
  );
  const optimizer = new Adam({ learningRate }).build([hidden, out]);
  const lossOf = () => mean(square(sub(matmul(relu(matmul(x, hidden)), out), y)));
  return {
    lossOf,
    minimize: () => optimizer.minimize(lossOf, [hidden, out]),
    dispose: () => {
      for (const made of [optimizer, x, y, hidden, out]) made.dispose();
    },
  };
}

/** `count` steps of a jitted function, replayed: nothing at all may be made or grow. */
async function soakReplay(count: number): Promise<Block[]> {
  const decaySteps = Math.ceil(count / 2);
  const regression = makeRegression(
    schedules.cosineDecay({ initialLearningRate: 1e-3, decaySteps, alpha: 0.1 }),
  );
  const step = jit(() => regression.minimize());
  const runs = Math.ceil(count / replayBlocks / stepsPerRun);
  const found: Block[] = [];
  let bindGroups = 0;
  for (let block = 0; block < replayBlocks; block++) {
    const begun = now();
    let loss: Tensor | undefined;
    for (let run = 0; run < runs; run++) {
      loss?.dispose();
      loss = step.run({ steps: stepsPerRun });
      await device.sync();
    }
    const value = await loss!.item();
    loss?.dispose();
    found.push(measure(begun, runs * stepsPerRun, value));
    if (block === 0) bindGroups = device.counters().bindGroups;
  }
  const made = device.counters().bindGroups - bindGroups;
  if (device.kind === "webgpu" && made > 0)
    failures.push(`replayed: ${made} bind groups were made on the way`);
  step.dispose();
  regression.dispose();
  return found;
}

/** `count` steps of a loop as a user writes it, eager, nothing freed by hand. */
async function soakEager(count: number): Promise<Block[]> {
  const regression = makeRegression(1e-3);
  const each = Math.ceil(count / blocks);
  const found: Block[] = [];
  for (let block = 0; block < blocks; block++) {
    const begun = now();
    for (let step = 0; step < each; step++) {
      tidy(() => {
        regression.minimize();
      });
      if (step % 20 === 0) await device.sync();
    }
    const loss = tidy(regression.lossOf);
    const value = await loss.item();
    loss.dispose();
    found.push(measure(begun, each, value));
  }
  regression.dispose();
  return found;
}

/**
 * `count` eager ops on small tensors that nobody frees, with and without an await: they end, with the right number. On
 * tensors of 1 MiB they end without an await in a LimitError, with one they go on.
 */
async function soakDropped(count: number): Promise<void> {
  console.log("\ndropped without tidy() or dispose()");
  const loops = [
    { size: 4, every: 100, ops: count },
    { size: 64, every: 0, ops: count },
    { size: 2 ** 18, every: 100, ops: Math.ceil(count / 40) },
    { size: 2 ** 18, every: 0, ops: 4 * count },
  ];
  for (const { size, every, ops } of loops) {
    // The reference frees what V8 collects, and has no limit.
    if (device.kind !== "webgpu" && every === 0 && ops > count) continue;
    const name = `${ops} ops on ${size} numbers, ${every === 0 ? "without an await" : `sync() every ${every}`}`;
    const begun = performance.now();
    const outcome = await dropLoop(size, every, ops);
    const { tensors, buffers, bytes } = memory();
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    console.log(`${name}: ${outcome}, ${tensors} tensors, ${buffers} buffers, ${bytes} bytes, ${seconds} s`);
    const wanted = every === 0 && ops > count ? "LimitError" : String(ops);
    if (outcome !== wanted) failures.push(`${name}: ended with ${outcome}, not ${wanted}`);
    // What was dropped is collected where something is awaited.
    for (let turn = 0; turn < 20 && memory().tensors > tensors / 2; turn++) {
      void new ArrayBuffer(2 ** 26);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

async function dropLoop(size: number, every: number, ops: number): Promise<string> {
  let x = zeros([size]);
  try {
    for (let i = 1; i <= ops; i++) {
      x = add(x, 1);
      if (every > 0 && i % every === 0) await device.sync();
    }
  } catch (error) {
    if (error instanceof LimitError) return "LimitError";
    throw error;
  }
  return String((await x.data())[size - 1]);
}

/** `count` models, each trained for 4 steps and disposed: programs and buffers must go with them. */
async function soakModels(count: number): Promise<Block[]> {
  const x = Float32Array.from({ length: 32 * 6 }, (_, i) => Math.sin(i * 3));
  const y = Uint8Array.from({ length: 32 }, (_, i) => i % 3);
  const each = Math.ceil(count / blocks);
  const found: Block[] = [];
  for (let block = 0; block < blocks; block++) {
    const begun = now();
    let loss = 0;
    for (let i = 0; i < each; i++) {
      const model = makeModel(6, 3, 8);
      const { history } = await model.fit(x, y, { batchSize: 8, epochs: 1, verbose: 0 });
      [loss] = history.loss;
      model.optimizer?.dispose();
      model.dispose();
    }
    found.push(measure(begun, each * 4, loss));
  }
  return found;
}

function makeModel(inputs: number, classes: number, units: number): Sequential {
  const model = new Sequential([
    new Input([inputs], inputs === 784 ? { byteScale: 1 / 255 } : {}),
    new Dense(units, { activation: "relu" }),
    new BatchNormalization(),
    new Dense(units, { activation: "relu" }),
    new Dropout(0.2),
    new Dense(classes, { activation: "softmax" }),
  ]);
  return model.compile({
    optimizer: new Adam(),
    loss: "sparseCategoricalCrossentropy",
    metrics: ["accuracy"],
  });
}

interface Instant {
  readonly wall: number;
  readonly cpu: NodeJS.CpuUsage;
}

function now(): Instant {
  return { wall: performance.now(), cpu: process.cpuUsage() };
}

function measure(begun: Instant, count: number, loss: number): Block {
  const { tensors, buffers, bytes, pooledBytes } = memory();
  const { rss: hostBytes } = process.memoryUsage();
  const { user, system } = process.cpuUsage(begun.cpu);
  return {
    msPerStep: (performance.now() - begun.wall) / count,
    cpuMsPerStep: (user + system) / 1000 / count,
    tensors,
    buffers,
    bytes,
    pooledBytes,
    hostBytes,
    loss,
  };
}

/** Prints the blocks and notes what is wrong with them. */
function judge(title: string, found: readonly Block[]): void {
  const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(2).padStart(10);
  console.log(
    `\n${title}\nblock   ms/step    cpu ms   tensors  buffers       MiB    pooled   process      loss`,
  );
  const shown = Math.ceil(found.length / blocks);
  found.forEach((block, i) => {
    if ((i + 1) % shown !== 0) return;
    const { msPerStep, cpuMsPerStep, tensors, buffers, bytes, pooledBytes, hostBytes, loss } = block;
    console.log(
      `${String(i + 1).padStart(5)}${msPerStep.toFixed(3).padStart(10)}${cpuMsPerStep.toFixed(3).padStart(10)}${String(tensors).padStart(10)}${String(buffers).padStart(9)}` +
        `${mib(bytes)}${mib(pooledBytes)}${mib(hostBytes)}${loss.toExponential(2).padStart(10)}`,
    );
  });
  // The first block compiles.
  const [first, last] = [found[1], found[found.length - 1]];
  for (const what of ["tensors", "buffers", "bytes", "pooledBytes"] as const) {
    if (last[what] > first[what])
      failures.push(
        `${title}: ${what} grew from ${first[what]} to ${last[what]} between blocks 2 and the last`,
      );
  }
  const middle = Math.ceil(found.length / 2);
  const growth = last.hostBytes - found[middle].hostBytes;
  if (growth > allowedHostGrowth)
    failures.push(`${title}: the process grew by ${mib(growth).trim()} MiB in its second half`);
  const tenth = Math.ceil(found.length / 10);
  const timeOf = (block: Block) => (device.info.isSoftware ? block.cpuMsPerStep : block.msPerStep);
  const early = median(found.slice(1, tenth + 1).map(timeOf));
  const late = median(found.slice(-tenth).map(timeOf));
  const drift = late / early;
  console.log(
    `median step of the first tenth ${early.toFixed(3)} ms, of the last ${late.toFixed(3)} ms: ${drift.toFixed(2)} times (at most ${allowedDrift})`,
  );
  if (!(drift <= allowedDrift)) failures.push(`${title}: steps got ${drift.toFixed(2)} times slower`);
  if (!found.every(({ loss }) => Number.isFinite(loss))) failures.push(`${title}: the loss is not finite`);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
