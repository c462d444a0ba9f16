// What a search found: its trials, the best first, and a table of them for a terminal.

import type { HyperParameter } from "../logs/events.ts";
import type { AnyValues } from "./space.ts";

export interface TrialResult<V = AnyValues> {
  /** From 0, in the order in which trials were planned. */
  readonly number: number;
  readonly values: V;
  /** What was aimed at; undefined of a trial that failed. */
  readonly score: number | undefined;
  /** All numbers that the trial gave. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Of the last run of it; undefined without budgets. */
  readonly budget: number | undefined;
  /** How often its budget was raised. */
  readonly rung: number;
  /** Wall time of all its runs. */
  readonly seconds: number;
  /** Why it failed. */
  readonly error: string | undefined;
}

export class SearchResult<V = AnyValues> {
  /** The best first: those that got further before others, those that failed at the end. */
  readonly trials: readonly TrialResult<V>[];
  /** The name of the number that was aimed at. */
  readonly objective: string;

  /** @internal */
  constructor(trials: readonly TrialResult<V>[], objective: string, isMaximized: boolean) {
    this.objective = objective;
    const sign = isMaximized ? -1 : 1;
    this.trials = [...trials].sort(
      (a, b) =>
        Number(a.score === undefined) - Number(b.score === undefined) ||
        b.rung - a.rung ||
        sign * ((a.score ?? 0) - (b.score ?? 0)) ||
        a.number - b.number,
    );
  }

  /** Undefined where every trial failed. */
  get best(): TrialResult<V> | undefined {
    const [first] = this.trials;
    return first?.score === undefined ? undefined : first;
  }

  /** A table of the trials, ranked. */
  toString(): string {
    const names = [...new Set(this.trials.flatMap(({ values }) => Object.keys(values as AnyValues)))];
    const hasBudgets = this.trials.some(({ budget }) => budget !== undefined);
    const head = ["", "trial", this.objective, ...(hasBudgets ? ["budget"] : []), ...names, "seconds"];
    const rows = this.trials.map((trial, i) => [
      trial.score === undefined ? "" : String(i + 1),
      String(trial.number),
      trial.score === undefined ? "failed" : shown(trial.score),
      ...(hasBudgets ? [shown(trial.budget ?? "")] : []),
      ...names.map((name) => shown((trial.values as AnyValues)[name] ?? "")),
      trial.seconds.toFixed(1),
    ]);
    const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
    const line = (cells: readonly string[]) =>
      cells
        .map((cell, i) => cell.padStart(widths[i]))
        .join("  ")
        .trimEnd();
    const failed = this.trials.filter(({ error }) => error !== undefined);
    return [
      line(head),
      ...rows.map(line),
      ...failed.map(({ number, error }) => `trial ${number} failed: ${error}`),
    ].join("\n");
  }
}

export function shown(value: HyperParameter): string {
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6)
    ? value.toExponential(2)
    : String(Number(value.toPrecision(4)));
}
