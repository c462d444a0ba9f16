// Runs cases on a backend and makes rows of what was measured. Opens and closes devices; prints nothing.

import { type Device, init, setDevice } from "../engine/index.ts";
import type { BenchCase, Measurement, OwnBackend, Row, Skipped } from "./bench-case.ts";
import { type Budget, budgets, measure, measureFirst, measureHost } from "./measure.ts";

export interface Outcome {
  rows: Row[];
  skipped: Skipped[];
}

export interface RunOptions {
  onCase?: (benchCase: BenchCase, backend: OwnBackend) => void;
  budget?: Budget;
}

/** Runs `cases` on one backend. A case that throws is reported as failed, and the others go on. */
export async function runCases(
  cases: readonly BenchCase[],
  backend: OwnBackend,
  { onCase, budget }: RunOptions = {},
): Promise<Outcome> {
  const outcome: Outcome = { rows: [], skipped: [] };
  let shared: Device | undefined;
  for (const benchCase of cases) {
    const entry = { case: benchCase.name, backend, phase: benchCase.phase };
    const reason = benchCase.skip?.[backend];
    if (reason !== undefined) {
      outcome.skipped.push({ ...entry, reason, isFailure: false });
      continue;
    }
    onCase?.(benchCase, backend);
    let own: Device | undefined;
    try {
      if (benchCase.ownDevice) own = await init({ device: backend, seed: 1 });
      else shared ??= await init({ device: backend, seed: 1 });
      const device = own ?? shared!;
      setDevice(device);
      const standard = budgets[backend][benchCase.phase === "step" ? "step" : "kernel"];
      const measurement = await timeCase(benchCase, device, budget ?? standard);
      outcome.rows.push(toRow(benchCase, backend, device, measurement));
    } catch (error) {
      const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      outcome.skipped.push({ ...entry, reason: text, isFailure: true });
    } finally {
      own?.dispose();
    }
  }
  shared?.dispose();
  return outcome;
}

async function timeCase(benchCase: BenchCase, device: Device, budget: Budget): Promise<Measurement> {
  const prepared = await benchCase.prepare(device);
  try {
    await device.sync();
    if (benchCase.phase === "host") return await measureHost(device, prepared);
    return await (benchCase.phase === "cold" ? measureFirst : measure)(device, prepared, budget);
  } finally {
    prepared.dispose();
  }
}

function toRow(benchCase: BenchCase, backend: OwnBackend, device: Device, measurement: Measurement): Row {
  const { adapter, driver, isSoftware } = device.info;
  const { medianMs } = measurement;
  const perSecond = (amount: number | undefined) =>
    amount === undefined ? undefined : Number((amount / medianMs / 1e6).toPrecision(4));
  return {
    case: benchCase.name,
    backend,
    phase: benchCase.phase,
    medianMs,
    minMs: measurement.minMs,
    samples: measurement.samples,
    dispatches: measurement.dispatches,
    submits: measurement.submits,
    adapter,
    driver,
    isSoftware,
    iterations: measurement.iterations,
    gflops: perSecond(benchCase.flops),
    gbPerSecond: perSecond(benchCase.bytes),
  };
}
