// Times prepared work: warms it up, finds how many iterations make a sample long enough for the clock, and takes
// samples until the time is up.

import type { Device, WorkCounters } from "../engine/index.ts";
import type { Budget, Measurement, OwnBackend, Phase, Prepared } from "./bench-case.ts";
import { summarise } from "./statistics.ts";

const kernel = {
  sampleMs: 60,
  totalMs: 1000,
  minSamples: 3,
  maxSamples: 15,
  minIterations: 1,
  maxIterations: 200,
};
// Plain loops, often seconds long: what is too slow for the box is timed once.
const reference = {
  sampleMs: 40,
  totalMs: 400,
  minSamples: 1,
  maxSamples: 7,
  minIterations: 1,
  maxIterations: 50,
};

/** V8 compiles what is hot only after some runs. */
const hostWarmUps = 20;
const hostSamples = 41;

/** How many times fewer and shorter the samples of `--quick` are. */
const quickShare = 5;

/** By backend, for ops and for whole training steps: several of these are always enqueued back to back. */
export const budgets = {
  webgpu: { kernel, step: { ...kernel, sampleMs: 200, totalMs: 3000, minSamples: 5, minIterations: 4 } },
  cpu: { kernel: reference, step: { ...reference, totalMs: 1000 } },
} as const satisfies Record<OwnBackend, Record<string, Budget>>;

/** How a case is sampled: as its phase is by default, as the case itself wants it, and shorter for `--quick`. */
export function budgetOf(
  { phase, budget }: { readonly phase: Phase; readonly budget?: Partial<Budget> },
  backend: OwnBackend,
  isQuick = false,
): Budget {
  const whole: Budget = { ...budgets[backend][phase === "step" ? "step" : "kernel"], ...budget };
  if (!isQuick) return whole;
  const { sampleMs, totalMs, minSamples, maxSamples } = whole;
  return {
    ...whole,
    sampleMs: sampleMs / quickShare,
    totalMs: totalMs / quickShare,
    minSamples: Math.min(minSamples, 3),
    maxSamples: Math.min(maxSamples, 5),
  };
}

/** Runs the work back to back, waits for the device, and gives the milliseconds of all of it. */
export async function sample(
  device: Pick<Device, "sync">,
  prepared: Prepared,
  runs: number,
): Promise<number> {
  const started = performance.now();
  for (let i = 0; i < runs; i++) {
    const result = prepared.run();
    // Awaiting what is no promise would end the microtask, and with it the open command buffer.
    if (result !== undefined) await result;
  }
  await device.sync();
  return performance.now() - started;
}

/** How many runs of `runMs`, of so many iterations each, make a sample. */
export function runsFor(runMs: number, budget: Budget, iterations = 1): number {
  const least = Math.ceil(budget.minIterations / iterations);
  const most = Math.max(1, Math.floor(budget.maxIterations / iterations));
  return Math.max(least, Math.min(most, Math.ceil(budget.sampleMs / runMs)));
}

export async function measure(
  device: Pick<Device, "sync" | "counters">,
  prepared: Prepared,
  budget: Budget,
  betweenSamples: () => Promise<void> = async () => {},
): Promise<Measurement> {
  const perRun = prepared.iterations ?? 1;
  // The first run compiles and allocates. The second, which is warm unless it takes very long, sets the size of a
  // sample; on shorter work one run is too coarse and a few more are taken.
  let runMs = await sample(device, prepared, 1);
  await betweenSamples();
  if (runMs < budget.totalMs) runMs = await sample(device, prepared, 1);
  for (let tries = 0; tries < 4 && runMs < budget.sampleMs / 2; tries++) {
    const count = runsFor(runMs, budget, perRun);
    const next = (await sample(device, prepared, count)) / count;
    const isSteady = Math.abs(next - runMs) < 0.2 * runMs;
    runMs = next;
    if (isSteady) break;
  }
  const runs = runsFor(runMs, budget, perRun);
  const iterations = runs * perRun;
  const before = device.counters();
  const times: number[] = [];
  let spent = 0;
  do {
    await betweenSamples();
    const ms = await sample(device, prepared, runs);
    times.push(ms / iterations);
    spent += ms;
  } while (times.length < budget.minSamples || (times.length < budget.maxSamples && spent < budget.totalMs));
  const all = times.length * iterations;
  return { ...summarise(times), iterations, ...(prepared.work ?? work(before, device.counters(), all)) };
}

/** Samples of the host's share: one run each, not waited for inside the clock. */
export async function measureHost(
  device: Pick<Device, "sync" | "counters">,
  prepared: Prepared,
): Promise<Measurement> {
  const iterations = prepared.iterations ?? 1;
  const times: number[] = [];
  let before = device.counters();
  for (let i = -hostWarmUps; i < hostSamples; i++) {
    if (i === 0) before = device.counters();
    const started = performance.now();
    prepared.run();
    const ms = performance.now() - started;
    await device.sync();
    await prepared.rest?.();
    if (i >= 0) times.push(ms / iterations);
  }
  const counts = prepared.work ?? work(before, device.counters(), times.length * iterations);
  return { ...summarise(times), iterations, ...counts };
}

/** What the device was asked to do, per iteration. */
export function work(before: WorkCounters, after: WorkCounters, iterations: number) {
  return {
    dispatches: (after.dispatches - before.dispatches) / iterations,
    submits: (after.submits - before.submits) / iterations,
  };
}
