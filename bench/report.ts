// A run of the bench as data: what `--json` writes and `--compare` and the reports read.

import type { AdapterPeaks } from "../engine/index.ts";
import type { OwnBackend, Row, Skipped } from "./bench-case.ts";
import type { Controls } from "./controls.ts";
import type { Machine } from "./machine.ts";
import type { Ratio } from "./reporters/ratios.ts";

export interface ReportOptions {
  readonly filter: string;
  readonly isQuick: boolean;
  readonly hasPeers: boolean;
  /** Absent in old files. */
  readonly device?: OwnBackend | "all";
  /** Ended by a signal: cases are missing. */
  readonly isInterrupted?: boolean;
}

/** A row that can be told from others' without the rest of its file. */
export interface ReportRow extends Row {
  /** Of Node. */
  readonly node?: string;
  /** Of the npm package that brings Dawn, as in "webgpu 0.6.2"; of rows on WebGPU. */
  readonly dawn?: string;
}

export interface Report {
  readonly machine: Machine;
  /** Taken before the first case and after the last. */
  readonly controls: { readonly start: Controls; readonly end: Controls };
  readonly options: ReportOptions;
  readonly seconds: number;
  readonly rows: readonly ReportRow[];
  readonly skipped: readonly Skipped[];
  readonly ratios: readonly Ratio[];
}

/** Each of the better end: load makes the machine slower and nothing makes it faster. */
export function bestControls({ controls: { start, end = start } }: Pick<Report, "controls">): Controls {
  const hostMs = Math.min(start.hostMs, end.hostMs);
  const [a, b] = [start.peaks, end.peaks ?? start.peaks];
  if (a === undefined || b === undefined) return { hostMs };
  const peaks = {
    fmaGflops: Math.max(a.fmaGflops, b.fmaGflops),
    copyGBs: Math.max(a.copyGBs, b.copyGBs),
    copyBufferGBs: Math.max(a.copyBufferGBs, b.copyBufferGBs),
    dispatchMicroseconds: Math.min(a.dispatchMicroseconds, b.dispatchMicroseconds),
  };
  return { hostMs, peaks };
}

export const peaksOf = (report: Pick<Report, "controls">): AdapterPeaks | undefined =>
  bestControls(report).peaks;

/** Rows as the report has them: with the shares of what the adapter did at best, which the run's end knows, and versions. */
export function finishRows(
  rows: readonly Row[],
  { machine, controls }: Pick<Report, "machine" | "controls">,
): ReportRow[] {
  const peaks = peaksOf({ controls });
  const share = (rate: number | undefined, peak: number | undefined) =>
    rate === undefined || !peak ? undefined : Number((rate / peak).toPrecision(3));
  return rows.map((row) => {
    const onAdapter = row.backend.endsWith("webgpu");
    return {
      ...row,
      fmaShare: onAdapter ? share(row.gflops, peaks?.fmaGflops) : undefined,
      copyShare: onAdapter ? share(row.gbPerSecond, peaks?.copyGBs) : undefined,
      node: machine.node,
      dawn: onAdapter && machine.webgpu !== undefined ? `webgpu ${machine.webgpu}` : undefined,
    };
  });
}
