// The bench's rows as a table for a terminal: one line a case, the backends side by side.

import type { BackendName, Row, Skipped } from "../bench-case.ts";
import { type Column, counted, layOut, wrap } from "./columns.ts";

/** Three significant digits, and never more than four places after the point. */
export function showMs(ms: number): string {
  if (ms >= 100) return ms.toFixed(0);
  if (ms >= 10) return ms.toFixed(1);
  if (ms >= 1) return ms.toFixed(2);
  return ms.toFixed(ms >= 0.1 ? 3 : 4);
}

const showCount = (count: number) =>
  Number.isInteger(count) ? String(count) : count.toFixed(count < 10 ? 2 : 1);

/** Half of the interquartile range by the median; "" where too few samples tell nothing. */
export function showSpread({ medianMs, q1Ms, q3Ms, samples }: Row): string {
  if (samples < 3) return "";
  return `${((50 * (q3Ms - q1Ms)) / medianMs).toFixed(0)}%`;
}

/** The larger of its shares: of the adapter's FMA peak or of its copy rate. */
export function showShare({ fmaShare = 0, copyShare = 0 }: Row): string {
  if (fmaShare === 0 && copyShare === 0) return "";
  return fmaShare >= copyShare ? `${percent(fmaShare)} FMA` : `${percent(copyShare)} copy`;
}

const percent = (share: number) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}%`;

export const showMiB = (bytes: number | undefined) => (bytes === undefined ? "" : trim(bytes / 2 ** 20));

/** What the time means: steps a second for training, else the rate of arithmetic or of memory. */
export function showRate(row: Row, isBrief = false): string {
  if (row.phase === "step") return `${trim(1000 / row.medianMs)} steps/s`;
  if (row.phase === "cold" && row.compiledPipelines !== undefined)
    return `${isBrief ? row.compiledPipelines : counted(row.compiledPipelines, "pipeline")} in ${showMs(row.compileMs ?? Number.NaN)} ms`;
  // Operations a byte below which it is the bytes that count, on any adapter.
  const movesBytes = row.gbPerSecond !== undefined && (row.flops ?? 0) < 2 * (row.bytes ?? 1);
  if (row.gflops !== undefined && !movesBytes) return `${trim(row.gflops)} GFLOP/s`;
  if (row.gbPerSecond !== undefined) return `${trim(row.gbPerSecond)} GB/s`;
  return "";
}

export const trim = (rate: number) =>
  rate >= 100 ? rate.toFixed(0) : rate >= 10 ? rate.toFixed(1) : rate.toFixed(2);

const caseKey = (row: { case: string; phase: string }) => `${row.case} ${row.phase}`;

/**
 * The table, its lines joined, the last one ended.
 *
 * @param order the cases in the order in which they should stand; default: as rows and gaps name them first
 * @param width of the terminal that it is shown on: columns that matter less are left out where it is narrow
 */
export function renderTable(
  rows: readonly Row[],
  skipped: readonly Skipped[],
  order: readonly { case: string; phase: string }[] = [],
  width?: number,
): string {
  const named = new Set([...rows, ...skipped].map(caseKey));
  const keys = [...new Set([...order.map(caseKey), ...named])].filter((key) => named.has(key));
  const byPlace = new Map(rows.map((row) => [`${caseKey(row)} ${row.backend}`, row]));
  const gaps = new Map(skipped.map((entry) => [`${caseKey(entry)} ${entry.backend}`, entry]));
  const gpu = keys.map((key) => byPlace.get(`${key} webgpu`));
  const cpu = keys.map((key) => byPlace.get(`${key} cpu`));
  const has = (backend: BackendName) => [...rows, ...skipped].some((each) => each.backend === backend);
  const [hasGpu, hasCpu] = [has("webgpu"), has("cpu")];

  const timed = (backend: BackendName, list: readonly (Row | undefined)[]) =>
    list.map((row, i) => {
      if (row !== undefined) return showMs(row.medianMs);
      const missing = gaps.get(`${keys[i]} ${backend}`);
      return missing === undefined ? "" : missing.isFailure ? "failed" : "skipped";
    });
  const column = (title: string, cells: string[], spare?: number): Column => ({
    title,
    align: "right",
    cells,
    spare,
  });
  const detail = (
    title: string,
    list: readonly (Row | undefined)[],
    show: (row: Row) => string,
    spare?: number,
  ) =>
    column(
      title,
      list.map((row) => (row === undefined ? "" : show(row))),
      spare,
    );
  const part = (index: number) => keys.map((key) => key.split(" ")[index]);
  const columns: Column[] = [
    { title: "case", align: "left", cells: part(0), least: 24 },
    { title: "phase", align: "left", cells: part(1) },
  ];
  if (hasGpu) {
    columns.push(
      column("webgpu\nms", timed("webgpu", gpu)),
      detail("±", gpu, showSpread, 1),
      detail("min", gpu, (row) => showMs(row.minMs), 6),
      detail("n", gpu, ({ samples }) => String(samples), 8),
      { ...detail("dis-\npatches", gpu, ({ dispatches }) => showCount(dispatches), 3), name: "dispatches" },
      detail("submits", gpu, ({ submits }) => showCount(submits), 7),
      detail("rate", gpu, (row) => showRate(row, true)),
      detail("share", gpu, showShare, 2),
    );
    if (gpu.some((row) => row?.peakBytes !== undefined))
      columns.push(detail("peak\nMiB", gpu, ({ peakBytes }) => showMiB(peakBytes), 5));
  }
  if (hasCpu) {
    columns.push(
      column("cpu\nms", timed("cpu", cpu)),
      { ...detail("±", cpu, showSpread, 9), name: "cpu ±" },
      { ...detail("n", cpu, ({ samples }) => String(samples), 10), name: "cpu n" },
    );
    if (!hasGpu) columns.push(detail("rate", cpu, (row) => showRate(row, true)));
  }
  if (hasGpu && hasCpu) {
    const ratio = keys.map((_, i) => (gpu[i] && cpu[i] ? `${trim(cpu[i].medianMs / gpu[i].medianMs)}x` : ""));
    columns.push(column("cpu by\nwebgpu", ratio, 4));
  }
  return `${layOut(columns, width)}\n`;
}

/** Failures a line each; of what was skipped, which the table marks, how much for which reason. Empty where nothing was. */
export function renderSkipped(skipped: readonly Skipped[], width?: number): string {
  const first = ({ reason }: Skipped) => reason.trimEnd().split("\n")[0];
  const failures = skipped
    .filter(({ isFailure }) => isFailure)
    .map((entry) => `FAILED  ${entry.backend} ${caseKey(entry)}: ${first(entry)}\n`);
  const rest = skipped.filter(({ isFailure }) => !isFailure);
  if (rest.length === 0) return failures.join("");
  const reasons = new Map<string, number>();
  for (const entry of rest) {
    const reason = `on ${entry.backend}: ${first(entry)}`;
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  const told = [...reasons].map(([reason, count]) => `${count} ${reason}`).join("; ");
  return `${failures.join("")}${wrap(`skipped ${counted(rest.length, "case")}, ${told}`, width)}\n`;
}
