// Rows and reports of the bench made up for tests.

import type { Row } from "../../bench/bench-case.ts";
import type { Report } from "../../bench/report.ts";
import { ratiosOf } from "../../bench/reporters/ratios.ts";
import { summarise } from "../../bench/statistics.ts";

/** A row of one case; `medianMs` alone sets its samples, which lie 1 % apart. */
export function makeRow(values: Partial<Row> = {}): Row {
  const middle = values.medianMs ?? 10;
  return {
    case: "train/N1",
    backend: "webgpu",
    phase: "step",
    ...summarise([0.98, 0.99, 1, 1.01, 1.02].map((factor) => factor * middle)),
    iterations: 16,
    dispatches: 22,
    submits: 0.2,
    adapter: "an adapter",
    driver: "a driver",
    isSoftware: true,
    ...values,
  };
}

const peaks = { fmaGflops: 40, copyGBs: 8, copyBufferGBs: 16, dispatchMicroseconds: 8 };

/** How fast the machine was, as a factor of the time that the controls take. */
export const makeControls = (slowness = 1) => ({
  hostMs: 10 * slowness,
  peaks: { ...peaks, fmaGflops: peaks.fmaGflops / slowness, copyGBs: peaks.copyGBs / slowness },
});

export function makeReport(rows: readonly Row[], values: Partial<Report> = {}): Report {
  return {
    machine: {
      processor: "a processor",
      cores: 2,
      memoryGiB: 8,
      system: "a system",
      node: "v20.0.0",
      gradgpu: "0.1.0",
      date: "2026-01-02T03:04:05.000Z",
    },
    controls: { start: makeControls(), end: makeControls() },
    options: { filter: "", isQuick: false, hasPeers: false },
    seconds: 12,
    rows,
    skipped: [],
    ratios: ratiosOf(rows),
    ...values,
  };
}
