// Epochs of a peer over rows that are on the host: shuffled, cut into batches and made f32 there, uploaded batch by
// batch.

import { byteScale, fitRows } from "../cases/fit-data.ts";
import type { FitSpec } from "../cases/work-spec.ts";
import type { NetData } from "./net-data.ts";
import type { PeerAnswers, PeerWork } from "./peer.ts";

// No peer keeps bytes on the device, and as f32 the rows are more than one binding holds. Rows that fill no batch are
// left out of an epoch.

/** Steps that compile, and steps by which is told whether waiting for each is quicker. */
const firstSteps = 3;
const trialSteps = 20;
/** Of an epoch that takes longer one is enough. */
const longMs = 20_000;

export async function takeEpochs(
  work: PeerWork,
  fit: FitSpec,
  longestMs: number,
  counted: <T>(use: () => Promise<T>) => Promise<{ value: T } & PeerAnswers["count"]>,
): Promise<PeerAnswers["fit"]> {
  if (work.train === undefined) throw new Error("it trains no nets");
  const { rows, epochs, net } = fit;
  const { x, y } = await fitRows(fit);
  const { inputs, batchSize } = net;
  const steps = Math.floor(rows / batchSize);
  const order = Uint32Array.from({ length: rows }, (_, i) => i);

  const batchAt = (step: number): NetData => {
    const batch = { x: new Float32Array(batchSize * inputs), y: new Int32Array(batchSize) };
    for (let i = 0; i < batchSize; i++) {
      const row = order[(step % steps) * batchSize + i];
      for (let k = 0; k < inputs; k++) batch.x[i * inputs + k] = x[row * inputs + k] * byteScale;
      batch.y[i] = y[row];
    }
    return batch;
  };
  const take = async (count: number, waitsEach: boolean): Promise<number> => {
    const started = performance.now();
    for (let step = 0; step < count; step++) {
      work.train!(batchAt(step));
      if (waitsEach) await work.wait();
    }
    await work.wait();
    return performance.now() - started;
  };

  const trial = Math.min(steps, trialSteps);
  await take(Math.min(steps, firstSteps), true);
  const waiting = await take(trial, true);
  const waitsEach = waiting < (await take(trial, false));
  const foreseenMs = (waiting / trial) * steps;
  if (foreseenMs > longestMs)
    throw new Error(`an epoch would take it ${Math.round(foreseenMs / 1000)} s: its steps tell its rate`);
  const ms: number[] = [];
  for (let epoch = 0; epoch < (foreseenMs > longMs ? 1 : epochs); epoch++) {
    shuffle(order);
    ms.push(await take(steps, waitsEach));
  }
  const { value, dispatches, submits } = await counted(async () => {
    let sum = 0;
    for (let step = 0; step < trial; step++) {
      work.train!(batchAt(step));
      sum += Number((await work.read())[0][0]);
    }
    return sum;
  });
  return { ms, loss: value / trial, dispatches: dispatches / trial, submits: submits / trial };
}

/** Fisher and Yates's. */
function shuffle(order: Uint32Array): void {
  for (let i = order.length - 1; i > 0; i--) {
    const k = Math.floor(Math.random() * (i + 1));
    [order[i], order[k]] = [order[k], order[i]];
  }
}
