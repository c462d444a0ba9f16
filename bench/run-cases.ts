// Runs cases on a backend and makes rows of what was measured. Prints nothing.

import type { Device, DeviceInfo } from "../engine/index.ts";
import type { BackendName, BenchCase, Budget, Measurement, OwnBackend, Row, Skipped } from "./bench-case.ts";
import { CaseDevices } from "./case-devices.ts";
import { budgetOf, measure, measureHost } from "./measure.ts";
import { billionsPerSecond } from "./statistics.ts";

export interface Outcome {
  rows: Row[];
  skipped: Skipped[];
}

export interface RunOptions {
  readonly onCase?: (benchCase: BenchCase, backend: OwnBackend) => void;
  readonly isQuick?: boolean;
  /** Of gradgpu. */
  readonly version?: string;
  /** Instead of each case's own. */
  readonly budget?: Budget;
  /** Takes rows as they are measured, for who may not wait for the end. */
  readonly into?: Outcome;
  /** Awaited between samples; what it throws ends the case. */
  readonly betweenSamples?: () => Promise<void>;
}

/** Runs `cases` on one backend. A case that throws is reported as failed, and the others go on. */
export async function runCases(
  cases: readonly BenchCase[],
  backend: OwnBackend,
  options: RunOptions = {},
): Promise<Outcome> {
  const outcome: Outcome = options.into ?? { rows: [], skipped: [] };
  const devices = new CaseDevices(backend);
  for (const benchCase of cases) {
    const entry = { case: benchCase.name, backend, phase: benchCase.phase };
    options.onCase?.(benchCase, backend);
    const reason = benchCase.skip?.[backend];
    if (reason !== undefined) {
      outcome.skipped.push({ ...entry, reason, isFailure: false });
      continue;
    }
    try {
      const ran = await devices.run(benchCase, async (device) => {
        const measurement = await timeCase(benchCase, device, backend, options);
        return rowOf(benchCase, backend, measurement, device.info, options);
      });
      if ("value" in ran) outcome.rows.push(ran.value);
      else outcome.skipped.push({ ...entry, reason: ran.unfit, isFailure: false });
    } catch (error) {
      const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      outcome.skipped.push({ ...entry, reason: text, isFailure: true });
    }
  }
  devices.dispose();
  return outcome;
}

async function timeCase(
  benchCase: BenchCase,
  device: Device,
  backend: OwnBackend,
  { isQuick = false, budget = budgetOf(benchCase, backend, isQuick), betweenSamples }: RunOptions,
): Promise<Measurement> {
  const peak = (dataBytes: number) =>
    benchCase.ownDevice ? { peakBytes: device.memory().peakBytes - dataBytes } : {};
  if (benchCase.measure !== undefined)
    return { ...(await benchCase.measure(device, { isQuick })), ...peak(0) };
  const prepared = await benchCase.prepare(device);
  try {
    await device.sync();
    const measurement =
      benchCase.phase === "host"
        ? await measureHost(device, prepared)
        : await measure(device, prepared, budget, betweenSamples);
    return { ...measurement, ...peak(prepared.dataBytes ?? 0) };
  } finally {
    prepared.dispose();
  }
}

/** Where a row was measured. */
export interface Place extends Pick<DeviceInfo, "adapter" | "driver" | "isSoftware"> {}

/** The row of a case and its rates; what share of the adapter's they are is told at the end. */
export function rowOf(
  { name, phase, flops, bytes, at }: Pick<BenchCase, "name" | "phase" | "flops" | "bytes" | "at">,
  backend: BackendName,
  measurement: Measurement,
  { adapter, driver, isSoftware }: Place,
  { version }: Pick<RunOptions, "version"> = {},
): Row {
  const gflops = flops === undefined ? undefined : billionsPerSecond(flops, measurement.medianMs);
  const gbPerSecond = bytes === undefined ? undefined : billionsPerSecond(bytes, measurement.medianMs);
  return {
    case: name,
    backend,
    phase,
    ...measurement,
    adapter,
    driver,
    isSoftware,
    version,
    flops,
    bytes,
    gflops,
    gbPerSecond,
    at,
  };
}
