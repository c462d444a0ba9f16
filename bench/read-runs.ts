// Reads runs from files: the one that `--json` wrote, or those of a record in bench/results/.

import { readFile } from "node:fs/promises";
import { isRecord, runsOf } from "./record.ts";
import type { Report } from "./report.ts";

/** As typed: "FILE", or "FILE#2" for the second run of a record. */
function splitChoice(text: string): { file: string; number?: number } {
  const [, file, digits] = /^(.+)#(\d+)$/.exec(text) ?? [undefined, text];
  return digits === undefined ? { file } : { file, number: Number(digits) };
}

/**
 * The runs that a file holds, or the one that is asked for by its number.
 *
 * @throws Error that names the file, where it can't be read or holds no run of the bench
 */
export async function readRuns(choice: string): Promise<Report[]> {
  const { file, number } = splitChoice(choice);
  let found: unknown;
  try {
    found = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    const what = error instanceof SyntaxError ? "is no JSON" : "can't be read";
    throw new Error(`${file} ${what} (${(error as Error).message})`);
  }
  const isOne = !isRecord(found);
  let runs: unknown[];
  try {
    runs = isRecord(found) ? runsOf(found) : [found];
  } catch (error) {
    throw new Error(`${file}: it is no record that --record wrote (${(error as Error).message})`);
  }
  for (const [i, run] of runs.entries()) {
    const wrong = faultOf(run);
    const which = isOne ? "" : `run ${i + 1}: `;
    if (wrong !== undefined) throw new Error(`${file}: ${which}${wrong}; give a file that --json wrote`);
  }
  if (number === undefined) return runs as Report[];
  if (runs[number - 1] === undefined)
    throw new Error(`${choice}: ${file} holds ${runs.length === 1 ? "one run" : `runs 1 to ${runs.length}`}`);
  return [runs[number - 1] as Report];
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
