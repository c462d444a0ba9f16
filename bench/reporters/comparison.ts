// A comparison of two runs as text: what changed beyond noise first, then what the rest did together.

import type { Change, Comparison } from "../compare-runs.ts";
import { median } from "../statistics.ts";
import { layOut, showMs, trim } from "./table.ts";

const mark = { faster: "FASTER", slower: "SLOWER", same: "" } as const;

export function renderComparison({ changes, notes, onlyOld, onlyNew }: Comparison, file: string): string {
  const lines = [
    `compared with ${file}: ${changes.length} rows in both`,
    ...notes.map((note) => `- ${note}`),
  ];
  const beyond = changes
    .filter(({ verdict, dispatches }) => verdict !== "same" || dispatches !== undefined)
    .sort((a, b) => b.ratio - a.ratio);
  if (beyond.length > 0) lines.push("", table(beyond), "");
  const count = (verdict: Change["verdict"]) => changes.filter((change) => change.verdict === verdict).length;
  lines.push(
    `${count("slower")} slower and ${count("faster")} faster beyond noise; ${count("same")} within it` +
      (changes.length > 0
        ? ` (median of all: ${trim(median(changes.map(({ ratio }) => ratio)))}x the time)`
        : ""),
  );
  if (onlyOld.length > 0) lines.push(`only then: ${shorten(onlyOld)}`);
  if (onlyNew.length > 0) lines.push(`only now: ${shorten(onlyNew)}`);
  return `${lines.join("\n")}\n`;
}

const shown = 6;
const shorten = (names: readonly string[]) =>
  names.length <= shown
    ? names.join(", ")
    : `${names.slice(0, shown).join(", ")} and ${names.length - shown} more`;

function table(changes: readonly Change[]): string {
  const column = (title: string, cell: (change: Change) => string, align: "left" | "right" = "right") => ({
    title,
    align,
    cells: changes.map(cell),
  });
  return layOut([
    column("", ({ verdict }) => mark[verdict], "left"),
    column("case", (change) => change.case, "left"),
    column("phase", ({ phase }) => phase, "left"),
    column("backend", ({ backend }) => backend, "left"),
    column("ms then", ({ oldMs }) => showMs(oldMs)),
    column("ms now", ({ newMs }) => showMs(newMs)),
    column("time", ({ ratio }) => `${trim(ratio)}x`),
    column("noise", ({ allowed: [low, high] }) => `${trim(low)}x to ${trim(high)}x`),
    column("dispatches", ({ dispatches }) =>
      dispatches === undefined ? "" : `${trim(dispatches[0])} -> ${trim(dispatches[1])}`,
    ),
  ]);
}
