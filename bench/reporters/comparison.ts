// A comparison of two runs as text: what changed beyond noise first, then what the rest did together.

import type { Change, Comparison } from "../compare-runs.ts";
import { median } from "../statistics.ts";
import { type Column, counted, layOut, wrap } from "./columns.ts";
import { showMs, trim } from "./table.ts";

const mark = { faster: "FASTER", slower: "SLOWER", same: "" } as const;

/** @param width of the terminal that it is shown on */
export function renderComparison(
  { changes, notes, onlyOld, onlyNew }: Comparison,
  file: string,
  width?: number,
): string {
  const lines = [
    wrap(`compared with ${file}: ${counted(changes.length, "row")} in both`, width),
    ...notes.map((note) => wrap(`- ${note}`, width)),
  ];
  const beyond = changes
    .filter(({ verdict, dispatches }) => verdict !== "same" || dispatches !== undefined)
    .sort((a, b) => b.ratio - a.ratio);
  if (beyond.length > 0) lines.push("", table(beyond, width), "");
  const count = (verdict: Change["verdict"]) => changes.filter((change) => change.verdict === verdict).length;
  const all = median(changes.map(({ ratio }) => ratio));
  const middle = changes.length > 0 ? ` (median of all: ${trim(all)}x the time)` : "";
  const sums = `${count("slower")} slower and ${count("faster")} faster beyond noise; ${count("same")} within it`;
  lines.push(wrap(`${sums}${middle}`, width));
  if (onlyOld.length > 0) lines.push(wrap(`only then: ${shorten(onlyOld)}`, width));
  if (onlyNew.length > 0) lines.push(wrap(`only now: ${shorten(onlyNew)}`, width));
  return `${lines.join("\n")}\n`;
}

const shown = 6;
const shorten = (names: readonly string[]) =>
  names.length <= shown
    ? names.join(", ")
    : `${names.slice(0, shown).join(", ")} and ${names.length - shown} more`;

function table(changes: readonly Change[], width: number | undefined): string {
  const column = (
    title: string,
    cell: (change: Change) => string,
    align: Column["align"] = "right",
    room: Pick<Column, "least" | "spare"> = {},
  ): Column => ({ title, align, cells: changes.map(cell), ...room });
  const columns = [
    column("", ({ verdict }) => mark[verdict], "left"),
    column("case", (change) => change.case, "left", { least: 14 }),
    column("phase", ({ phase }) => phase, "left"),
    column("backend", ({ backend }) => backend, "left"),
    column("ms\nthen", ({ oldMs }) => showMs(oldMs)),
    column("ms\nnow", ({ newMs }) => showMs(newMs)),
    column("time", ({ ratio }) => `${trim(ratio)}x`),
    column("noise", ({ allowed: [low, high] }) => `${trim(low)}x to ${trim(high)}x`, "right", { spare: 1 }),
    column("dis-\npatches", ({ dispatches }) =>
      dispatches === undefined ? "" : `${trim(dispatches[0])} -> ${trim(dispatches[1])}`,
    ),
  ];
  return layOut(columns, width);
}
