// The bench's rows as a table for a terminal: one line a case, the backends side by side. Knows rows, not cases.

import type { BackendName, Row, Skipped } from "../bench-case.ts";

export interface Column {
  title: string;
  align: "left" | "right";
  cells: string[];
}

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
export function showRate(row: Row): string {
  if (row.phase === "step") return `${trim(1000 / row.medianMs)} steps/s`;
  if (row.phase === "cold" && row.compiledPipelines !== undefined)
    return `${row.compiledPipelines} pipelines in ${showMs(row.compileMs ?? Number.NaN)} ms`;
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
 */
export function renderTable(
  rows: readonly Row[],
  skipped: readonly Skipped[],
  order: readonly { case: string; phase: string }[] = [],
): string {
  const named = new Set([...rows, ...skipped].map(caseKey));
  const keys = [...new Set([...order.map(caseKey), ...named])].filter((key) => named.has(key));
  const find = (key: string, backend: BackendName) =>
    rows.find((row) => caseKey(row) === key && row.backend === backend);
  const missing = (key: string, backend: BackendName) =>
    skipped.find((entry) => caseKey(entry) === key && entry.backend === backend);
  const gpu = keys.map((key) => find(key, "webgpu"));
  const cpu = keys.map((key) => find(key, "cpu"));
  const hasGpu = gpu.some(Boolean) || skipped.some(({ backend }) => backend === "webgpu");
  const hasCpu = cpu.some(Boolean) || skipped.some(({ backend }) => backend === "cpu");

  const column = (title: string, cells: string[], align: Column["align"] = "right"): Column => ({
    title,
    align,
    cells,
  });
  const timed = (backend: BackendName, list: readonly (Row | undefined)[], show: (row: Row) => string) =>
    list.map((row, i) => {
      if (row !== undefined) return show(row);
      const gap = missing(keys[i], backend);
      return gap === undefined ? "" : gap.isFailure ? "failed" : "skipped";
    });
  const detail = (list: readonly (Row | undefined)[], show: (row: Row) => string) =>
    list.map((row) => (row === undefined ? "" : show(row)));
  const columns = [
    column(
      "case",
      keys.map((key) => key.split(" ")[0]),
      "left",
    ),
    column(
      "phase",
      keys.map((key) => key.split(" ")[1]),
      "left",
    ),
  ];
  if (hasGpu) {
    columns.push(
      column(
        "webgpu ms",
        timed("webgpu", gpu, (row) => showMs(row.medianMs)),
      ),
      column("±", detail(gpu, showSpread)),
      column(
        "min",
        detail(gpu, (row) => showMs(row.minMs)),
      ),
      column(
        "n",
        detail(gpu, (row) => String(row.samples)),
      ),
      column(
        "dispatches",
        detail(gpu, (row) => showCount(row.dispatches)),
      ),
      column(
        "submits",
        detail(gpu, (row) => showCount(row.submits)),
      ),
      column("rate", detail(gpu, showRate)),
      column("share", detail(gpu, showShare)),
    );
    if (gpu.some((row) => row?.peakBytes !== undefined)) {
      columns.push(
        column(
          "peak MiB",
          detail(gpu, (row) => showMiB(row.peakBytes)),
        ),
      );
    }
  }
  if (hasCpu) {
    columns.push(
      column(
        "cpu ms",
        timed("cpu", cpu, (row) => showMs(row.medianMs)),
      ),
      column("±", detail(cpu, showSpread)),
      column(
        "n",
        detail(cpu, (row) => String(row.samples)),
      ),
    );
    if (!hasGpu) columns.push(column("rate", detail(cpu, showRate)));
  }
  if (hasGpu && hasCpu) {
    const ratio = keys.map((_, i) => (gpu[i] && cpu[i] ? `${trim(cpu[i].medianMs / gpu[i].medianMs)}x` : ""));
    columns.push(column("cpu/webgpu", ratio));
  }
  return `${layOut(columns)}\n`;
}

/** Columns under their titles, each as wide as its widest cell. */
export function layOut(columns: readonly Column[]): string {
  const widths = columns.map(({ title, cells }) =>
    Math.max(title.length, ...cells.map((cell) => cell.length)),
  );
  const pad = (text: string, i: number) =>
    columns[i].align === "left" ? text.padEnd(widths[i]) : text.padStart(widths[i]);
  const join = (cells: readonly string[]) => cells.map(pad).join("  ").trimEnd();
  const lines = [
    join(columns.map(({ title }) => title)),
    widths.map((width) => "-".repeat(width)).join("  "),
  ];
  const count = columns[0].cells.length;
  for (let i = 0; i < count; i++) lines.push(join(columns.map(({ cells }) => cells[i])));
  return lines.join("\n");
}
