// The report's tables as HTML: rows by family, ratios, changes since an earlier run, what was left out.

import { familyOf, isPeerBackend, peerBackends, type Row, type Skipped } from "../../bench-case.ts";
import type { Comparison } from "../../compare-runs.ts";
import { counted } from "../columns.ts";
import { ratioName, ratiosOf } from "../ratios.ts";
import { showMiB, showMs, showRate, showShare, showSpread, trim } from "../table.ts";
import { escapeHtml } from "./draw.ts";
import { backendTitles } from "./palette.ts";

interface Cell {
  readonly text: string;
  readonly kind?: "left" | "good" | "bad";
}

/** Columns whose cells tell what they are; those of others are named where a phone shows them one below the other. */
const named = new Set(["case", "phase", "backend", "rate", "reason", "left out"]);

const plain = (text: string): Cell => ({ text });
const left = (text: string): Cell => ({ text, kind: "left" });

function table(
  titles: readonly string[],
  lines: readonly { kind?: string; cells: readonly Cell[] }[],
): string {
  const head = titles.map((title, i) => {
    const isLeft = lines[0]?.cells[i]?.kind === "left";
    return `<th${attribute(isLeft ? "left" : undefined)}>${escapeHtml(title)}</th>`;
  });
  const body = lines.map(({ kind, cells }) => {
    const row = cells
      .map((cell, i) => {
        const label = named.has(titles[i]) ? "" : ` data-label="${escapeHtml(titles[i])}"`;
        return `<td${attribute(cell.kind)}${label}>${escapeHtml(cell.text)}</td>`;
      })
      .join("");
    return `<tr${attribute(kind)}>${row}</tr>`;
  });
  return `<div class="scroll"><table><thead><tr>${head.join("")}</tr></thead><tbody>${body.join("\n")}</tbody></table></div>`;
}

const attribute = (kind: string | undefined) => (kind === undefined ? "" : ` class="${kind}"`);

const count = (value: number) => (value === 0 ? "" : trim(value));

/** All rows, folded by family. */
export function rowTables(rows: readonly Row[]): string {
  const families = [...new Set(rows.map((row) => familyOf(row.case)))];
  return families
    .map((family) => {
      const own = rows.filter((row) => familyOf(row.case) === family);
      const hasPeak = own.some((row) => row.peakBytes !== undefined);
      const titles = ["case", "phase", "backend", "ms", "±", "n", "rate", "share", "dispatches", "submits"];
      const lines = own.map((row) => ({
        kind: isPeerBackend(row.backend) ? "peer" : undefined,
        cells: [
          left(row.case),
          left(row.phase),
          left(backendTitles[row.backend]),
          plain(`${showMs(row.medianMs)}${row.readsEach ? "*" : ""}`),
          plain(showSpread(row)),
          plain(String(row.samples)),
          plain(showRate(row)),
          plain(showShare(row)),
          plain(count(row.dispatches)),
          plain(count(row.submits)),
          ...(hasPeak ? [plain(showMiB(row.peakBytes))] : []),
        ],
      }));
      const head = [...titles, ...(hasPeak ? ["peak MiB"] : [])];
      return `<details><summary>${escapeHtml(family)}<span>${counted(own.length, "row")}</span></summary>${table(head, lines)}</details>`;
    })
    .join("\n");
}

/** Ours against each peer. */
export function ratioTable(rows: readonly Row[]): string {
  const shown = peerBackends.filter((backend) => rows.some((row) => row.backend === backend));
  const lines = ratiosOf(rows).map((ratio) => ({
    cells: [
      left(ratioName(ratio)),
      ...shown.map((backend): Cell => {
        const value = ratio.peers[backend];
        if (value === undefined) return plain("");
        return { text: `${trim(value)}x`, kind: value >= 1 ? "good" : "bad" };
      }),
    ],
  }));
  const titles = ["case", ...shown.map((backend) => backendTitles[backend])];
  return table(titles, lines);
}

export function changeTable({ changes }: Comparison): string {
  const beyond = changes
    .filter(({ verdict, dispatches }) => verdict !== "same" || dispatches !== undefined)
    .sort((a, b) => b.ratio - a.ratio);
  if (beyond.length === 0) return "";
  const lines = beyond.map(
    ({ case: name, phase, backend, oldMs, newMs, ratio, allowed, verdict, dispatches }) => ({
      cells: [
        left(name),
        left(phase),
        left(backendTitles[backend]),
        plain(showMs(oldMs)),
        plain(showMs(newMs)),
        {
          text: `${trim(ratio)}x`,
          ...(verdict === "same" ? {} : ({ kind: verdict === "slower" ? "bad" : "good" } as const)),
        },
        plain(`${trim(allowed[0])}x to ${trim(allowed[1])}x`),
        plain(dispatches === undefined ? "" : `${trim(dispatches[0])} to ${trim(dispatches[1])}`),
      ],
    }),
  );
  return table(["case", "phase", "backend", "ms then", "ms now", "time", "noise", "dispatches"], lines);
}

/** What was not run, by reason. */
export function skippedTable(skipped: readonly Skipped[]): string {
  const groups = new Map<string, Skipped[]>();
  for (const entry of skipped) {
    const key = `${entry.isFailure ? "failed: " : ""}${entry.reason.trimEnd().split("\n")[0]}`;
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  const lines = [...groups].map(([reason, entries]) => ({
    cells: [
      left(reason),
      left([...new Set(entries.map((e) => `${e.backend} ${e.case} ${e.phase}`))].join(", ")),
    ],
  }));
  return table(["reason", "left out"], lines).replace('class="scroll"', 'class="scroll wrap"');
}
