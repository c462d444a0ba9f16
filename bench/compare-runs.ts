// What changed between two runs beyond noise: by the spread of the samples, and by controls that tell how fast the
// machine itself was in each.

import type { Row } from "./bench-case.ts";
import type { Controls } from "./controls.ts";
import { bestControls, type Report, type ReportOptions } from "./report.ts";
import { median } from "./statistics.ts";

export type Verdict = "faster" | "slower" | "same";

export interface Change {
  readonly case: string;
  readonly backend: Row["backend"];
  readonly phase: Row["phase"];
  readonly oldMs: number;
  readonly newMs: number;
  /** New time by old: above 1 it is slower now. */
  readonly ratio: number;
  /** What the ratio may be without meaning anything. */
  readonly allowed: readonly [low: number, high: number];
  readonly verdict: Verdict;
  /** Dispatches an iteration then and now, where they differ: these do not depend on noise. */
  readonly dispatches?: readonly [old: number, now: number];
}

export interface Comparison {
  readonly changes: readonly Change[];
  /** Why the two runs may not be comparable, and what the controls say. */
  readonly notes: readonly string[];
  readonly onlyOld: readonly string[];
  readonly onlyNew: readonly string[];
}

/** Medians of the same code on a quiet machine differ by this much from run to run. */
const floor = 1.1;
/** Standard deviations, of both runs together, that are noise. */
const deviations = 3;
/** Relative deviation assumed of a row with too few samples to tell. */
const unknownDeviation = 0.15;
const enoughSamples = 3;
/** Interquartile range of a normal distribution, in standard deviations. */
const normalRange = 1.349;
/** Where half of the rows may differ by this much without meaning anything, the reader is told. */
const blind = 1.5;

const keyOf = (row: Pick<Row, "case" | "backend" | "phase">) => `${row.case} ${row.phase} ${row.backend}`;

function deviationOf({ q1Ms, q3Ms, medianMs, samples }: Row): number {
  if (!(samples >= enoughSamples) || !hasTime(q1Ms) || !hasTime(q3Ms)) return unknownDeviation;
  return (q3Ms - q1Ms) / normalRange / medianMs;
}

/** The controls' time ratios, new by old, that a backend's rows depend on. */
function controlRatios(backend: string, before: Controls | undefined, after: Controls | undefined): number[] {
  if (before === undefined || after === undefined) return [];
  const [a, b] = [before.peaks, after.peaks];
  const ofHost = after.hostMs / before.hostMs;
  if (!backend.endsWith("webgpu")) return [ofHost];
  if (a === undefined || b === undefined) return [];
  // The host encodes what the adapter runs.
  return [a.fmaGflops / b.fmaGflops, a.copyGBs / b.copyGBs, ofHost];
}

/** Of what was read from a file: a run that was cut off or made by something else may lack it. */
const hasTime = (ms: number | undefined) => typeof ms === "number" && ms > 0 && Number.isFinite(ms);

/** Whether a run with such options could not have had the row: then its absence says nothing. */
function leavesOut(options: ReportOptions | undefined, other: ReportOptions | undefined, row: Row): boolean {
  if (options === undefined) return false;
  const { filter, device = "all", hasPeers, isQuick, isInterrupted } = options;
  const isOurs = row.backend === "webgpu" || row.backend === "cpu";
  if (isInterrupted || (isQuick && !other?.isQuick)) return true;
  if (isOurs ? device !== "all" && row.backend !== device : !hasPeers) return true;
  const matches = new RegExp(filter ?? "");
  return !matches.test(row.case) && !matches.test(`${row.case} ${row.phase}`);
}

/**
 * Of earlier runs the one to compare with: alone or beside peers as the new one, and with the most of its rows; the last
 * where several have as many.
 */
export function closestRun(runs: readonly Report[], { rows, options }: Report): Report {
  const keys = new Set(rows.map(keyOf));
  const worth = (run: Report) => {
    const shared = run.rows.filter((row) => keys.has(keyOf(row))).length;
    return shared + (shared > 0 && Boolean(run.options?.hasPeers) === options.hasPeers ? keys.size : 0);
  };
  return runs.reduce((best, run) => (worth(run) >= worth(best) ? run : best));
}

export function compareRuns(before: Report, after: Report): Comparison {
  const timed = ({ rows }: Report) => rows.filter(({ medianMs }) => hasTime(medianMs));
  const old = new Map(timed(before).map((row) => [keyOf(row), row]));
  const known = new Set([...before.rows, ...after.rows].filter((row) => !hasTime(row.medianMs)).map(keyOf));
  const changes: Change[] = [];
  const added: Row[] = [];
  const [oldControls, newControls] = [before, after].map((run) => run.controls && bestControls(run));
  for (const row of timed(after)) {
    const was = old.get(keyOf(row));
    old.delete(keyOf(row));
    if (was === undefined) added.push(row);
    else changes.push(changeOf(was, row, controlRatios(row.backend, oldControls, newControls)));
  }
  const only = (rows: Iterable<Row>, missing: Report, holding: Report) =>
    [...rows]
      .filter((row) => !known.has(keyOf(row)) && !leavesOut(missing.options, holding.options, row))
      .map(keyOf);
  return {
    changes,
    notes: [...notesOf(before, after, oldControls, newControls), ...noiseNotes(changes)],
    onlyOld: only(old.values(), after, before),
    onlyNew: only(added, before, after),
  };
}

function changeOf(was: Row, row: Row, ratios: readonly number[]): Change {
  const controls = [1, ...ratios];
  const noise = floor * Math.exp(deviations * Math.hypot(deviationOf(was), deviationOf(row)));
  const allowed = [Math.min(...controls) / noise, Math.max(...controls) * noise] as const;
  const ratio = row.medianMs / was.medianMs;
  const isOther = row.backend === "webgpu" && Math.abs(row.dispatches - was.dispatches) > 0.5;
  return {
    case: row.case,
    backend: row.backend,
    phase: row.phase,
    oldMs: was.medianMs,
    newMs: row.medianMs,
    ratio,
    allowed,
    verdict: ratio > allowed[1] ? "slower" : ratio < allowed[0] ? "faster" : "same",
    ...(isOther ? { dispatches: [was.dispatches, row.dispatches] as const } : {}),
  };
}

function notesOf(before: Report, after: Report, a: Controls | undefined, b: Controls | undefined): string[] {
  const notes: string[] = [];
  const adapters = [before, after].map(({ rows }) => rows.find((row) => row.backend === "webgpu"));
  const [oldAdapter, newAdapter] = adapters.map((row) => row && `${row.adapter}, ${row.driver}`);
  if (oldAdapter !== newAdapter && oldAdapter !== undefined && newAdapter !== undefined)
    notes.push(`the adapters differ: ${oldAdapter} then, ${newAdapter} now: times say little`);
  if (before.machine.processor !== after.machine.processor)
    notes.push(`the processors differ: ${before.machine.processor} then, ${after.machine.processor} now`);
  const differ = (field: "isQuick" | "hasPeers") =>
    Boolean(before.options?.[field]) !== Boolean(after.options?.[field]);
  if (differ("isQuick")) notes.push("one of the runs was --quick: its samples are shorter and fewer");
  if (differ("hasPeers")) {
    const [withPeers, without] = after.options?.hasPeers ? ["now", "then"] : ["then", "now"];
    notes.push(
      `ours was timed in turn with --peers ${withPeers} and alone ${without}: that alone changes times`,
    );
  }
  for (const [{ options, rows }, when] of [
    [before, "then"],
    [after, "now"],
  ] as const) {
    if (options?.isInterrupted) notes.push(`the run ${when} was interrupted: cases are missing`);
    const untimed = rows.filter(({ medianMs }) => !hasTime(medianMs)).map(keyOf);
    if (untimed.length > 0)
      notes.push(
        `left out, as they have no medianMs ${when}: ${untimed.slice(0, 3).join(", ")}${more(untimed)}`,
      );
  }
  if (a === undefined || b === undefined) {
    notes.push("one of the runs has no controls: how fast the machine was then is not known");
    return notes;
  }
  const percent = (ratio: number) => `${ratio >= 1 ? "+" : ""}${(100 * (ratio - 1)).toFixed(0)} %`;
  const parts = [`plain JavaScript ${percent(a.hostMs / b.hostMs)}`];
  if (a.peaks && b.peaks) {
    parts.push(
      `FMA peak ${percent(b.peaks.fmaGflops / a.peaks.fmaGflops)}`,
      `copy rate ${percent(b.peaks.copyGBs / a.peaks.copyGBs)}`,
    );
  }
  notes.push(`the machine itself, now against then: ${parts.join(", ")}`);
  return notes;
}

const more = (names: readonly string[]) => (names.length > 3 ? ` and ${names.length - 3} more` : "");

/** How little the comparison can see, where that is so. */
function noiseNotes(changes: readonly Change[]): string[] {
  if (changes.length === 0) return [];
  const low = median(changes.map(({ allowed }) => allowed[0]));
  const high = median(changes.map(({ allowed }) => allowed[1]));
  if (high < blind && low > 1 / blind) return [];
  return [
    `much passes for noise here: for the middle row anything from ${low.toFixed(2)}x to ${high.toFixed(2)}x the time; smaller changes go unseen`,
  ];
}
