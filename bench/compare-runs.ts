// What changed between two runs beyond noise: by the spread of the samples, and by controls that tell how fast the
// machine itself was in each. Knows rows, not how they came about.

import type { Row } from "./bench-case.ts";
import type { Controls } from "./controls.ts";
import type { Report } from "./report.ts";

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

const keyOf = (row: Pick<Row, "case" | "backend" | "phase">) => `${row.case} ${row.phase} ${row.backend}`;

function deviationOf({ q1Ms, q3Ms, medianMs, samples }: Row): number {
  if (!(samples >= enoughSamples) || q1Ms === undefined) return unknownDeviation;
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

const fasterOf = (a: Controls, b: Controls | undefined): Controls => (b && b.hostMs < a.hostMs ? b : a);

export function compareRuns(before: Report, after: Report): Comparison {
  const old = new Map(before.rows.map((row) => [keyOf(row), row]));
  const changes: Change[] = [];
  const onlyNew: string[] = [];
  const [oldControls, newControls] = [before, after].map(
    ({ controls }) => controls && fasterOf(controls.start, controls.end),
  );
  for (const row of after.rows) {
    const was = old.get(keyOf(row));
    if (was === undefined) {
      onlyNew.push(keyOf(row));
      continue;
    }
    old.delete(keyOf(row));
    const controls = [1, ...controlRatios(row.backend, oldControls, newControls)];
    const noise = floor * Math.exp(deviations * Math.hypot(deviationOf(was), deviationOf(row)));
    const allowed = [Math.min(...controls) / noise, Math.max(...controls) * noise] as const;
    const ratio = row.medianMs / was.medianMs;
    const verdict = ratio > allowed[1] ? "slower" : ratio < allowed[0] ? "faster" : "same";
    const isOther = row.backend === "webgpu" && Math.abs(row.dispatches - was.dispatches) > 0.5;
    changes.push({
      case: row.case,
      backend: row.backend,
      phase: row.phase,
      oldMs: was.medianMs,
      newMs: row.medianMs,
      ratio,
      allowed,
      verdict,
      ...(isOther ? { dispatches: [was.dispatches, row.dispatches] as const } : {}),
    });
  }
  return { changes, notes: notesOf(before, after), onlyOld: [...old.keys()], onlyNew };
}

function notesOf(before: Report, after: Report): string[] {
  const notes: string[] = [];
  const adapters = [before, after].map(({ rows }) => rows.find((row) => row.backend === "webgpu"));
  const [oldAdapter, newAdapter] = adapters.map((row) => row && `${row.adapter}, ${row.driver}`);
  if (oldAdapter !== newAdapter && oldAdapter !== undefined && newAdapter !== undefined)
    notes.push(`the adapters differ: ${oldAdapter} then, ${newAdapter} now: times say little`);
  if (before.machine.processor !== after.machine.processor)
    notes.push(`the processors differ: ${before.machine.processor} then, ${after.machine.processor} now`);
  if (before.options?.isQuick !== after.options?.isQuick)
    notes.push("one of the runs was --quick: its samples are shorter and fewer");
  const [a, b] = [before.controls, after.controls];
  if (a === undefined || b === undefined) {
    notes.push("one of the runs has no controls: how fast the machine was then is not known");
    return notes;
  }
  const percent = (ratio: number) => `${ratio >= 1 ? "+" : ""}${(100 * (ratio - 1)).toFixed(0)} %`;
  const parts = [`plain JavaScript ${percent(a.start.hostMs / b.start.hostMs)}`];
  if (a.start.peaks && b.start.peaks) {
    parts.push(
      `FMA peak ${percent(b.start.peaks.fmaGflops / a.start.peaks.fmaGflops)}`,
      `copy rate ${percent(b.start.peaks.copyGBs / a.start.peaks.copyGBs)}`,
    );
  }
  notes.push(`the machine itself, now against then: ${parts.join(", ")}`);
  return notes;
}
