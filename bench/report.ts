// A run of the bench as data: what `--json` writes and `--compare` and the reports read.

import { readFile } from "node:fs/promises";
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

/** @throws Error that names the file, where it can't be read or is no run of the bench */
export async function readReport(file: string): Promise<Report> {
  let report: unknown;
  try {
    report = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    const what = error instanceof SyntaxError ? "is no JSON" : "can't be read";
    throw new Error(`${file} ${what} (${(error as Error).message})`);
  }
  const wrong = faultOf(report);
  if (wrong !== undefined) throw new Error(`${file}: ${wrong}; give a file that --json wrote`);
  return report as Report;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const brief = (value: unknown) => (JSON.stringify(value) ?? "missing").slice(0, 40);

/** Why it is no run that can be compared with; undefined where it is one. Times may be missing: those rows are told. */
function faultOf(report: unknown): string | undefined {
  if (!isObject(report)) return "it holds no machine and rows";
  const { machine, rows, controls, options } = report;
  if (!isObject(machine) || !Array.isArray(rows)) {
    const fault = isObject(machine)
      ? `rows is ${brief(rows)}, not a list`
      : `machine is ${brief(machine)}, not an object`;
    return `it holds no machine and rows: ${fault}`;
  }
  const bad = rows.findIndex((row) => !isRow(row));
  if (bad >= 0) return `rows[${bad}] is ${brief(rows[bad])}, not an object with case, backend and phase`;
  if (options !== undefined && !isObject(options)) return `options is ${brief(options)}, not an object`;
  if (!isPattern(options?.filter)) return `options.filter is ${brief(options?.filter)}, not a pattern`;
  // Files from before there were controls have none.
  if (controls === undefined) return undefined;
  if (!isObject(controls)) return `controls is ${brief(controls)}, not an object`;
  for (const end of ["start", "end"]) {
    if (!isControls(controls[end]))
      return `controls.${end} is ${brief(controls[end])}, not an object with hostMs and, with an adapter, peaks`;
  }
  return undefined;
}

/** Whether it can be asked again what the run left out. */
function isPattern(filter: unknown): boolean {
  if (filter === undefined) return true;
  try {
    return typeof filter === "string" && new RegExp(filter) !== undefined;
  } catch {
    return false;
  }
}

const isRow = (row: unknown) =>
  isObject(row) && [row.case, row.backend, row.phase].every((field) => typeof field === "string");

const peakFields = ["fmaGflops", "copyGBs", "copyBufferGBs", "dispatchMicroseconds"];

const isPositive = (value: unknown) => typeof value === "number" && value > 0;

const isControls = (value: unknown) => {
  if (!isObject(value) || !isPositive(value.hostMs)) return false;
  const { peaks } = value;
  return peaks === undefined || (isObject(peaks) && peakFields.every((field) => isPositive(peaks[field])));
};
