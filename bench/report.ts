// A run of the bench as data: what `--json` writes and `--compare` and the reports read.

import { readFile } from "node:fs/promises";
import type { Row, Skipped } from "./bench-case.ts";
import type { Controls } from "./controls.ts";
import type { Machine } from "./machine.ts";
import type { Ratio } from "./reporters/ratios.ts";

export interface Report {
  readonly machine: Machine;
  /** Taken before the first case and after the last. */
  readonly controls: { readonly start: Controls; readonly end: Controls };
  readonly options: { readonly filter: string; readonly isQuick: boolean; readonly hasPeers: boolean };
  readonly seconds: number;
  readonly rows: readonly Row[];
  readonly skipped: readonly Skipped[];
  readonly ratios: readonly Ratio[];
}

/** The lower of two runs of the controls is what was there at least; peaks are the better, as peaks are. */
export function peaksOf({ controls: { start, end } }: Pick<Report, "controls">) {
  const [a, b] = [start.peaks, end.peaks ?? start.peaks];
  if (a === undefined || b === undefined) return undefined;
  return {
    fmaGflops: Math.max(a.fmaGflops, b.fmaGflops),
    copyGBs: Math.max(a.copyGBs, b.copyGBs),
    copyBufferGBs: Math.max(a.copyBufferGBs, b.copyBufferGBs),
    dispatchMicroseconds: Math.min(a.dispatchMicroseconds, b.dispatchMicroseconds),
  };
}

/** @throws Error where the file is not there or no run of the bench */
export async function readReport(file: string): Promise<Report> {
  const report = JSON.parse(await readFile(file, "utf8")) as Partial<Report>;
  if (!Array.isArray(report.rows) || report.machine === undefined)
    throw new Error(`${file} holds no machine and rows: it was not written by --json`);
  return report as Report;
}
