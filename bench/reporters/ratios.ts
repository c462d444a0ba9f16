// How ours compares with the peers that ran beside it: from rows, per case, as data and as tables.

import { isPeerBackend, type PeerBackend, type Phase, peerBackends, type Row } from "../bench-case.ts";
import { median } from "../statistics.ts";
import { type Column, counted, layOut, wrap } from "./columns.ts";
import { showMs, trim } from "./table.ts";

/** The peer's time by ours: above 1 ours is ahead. */
export interface Ratio {
  readonly case: string;
  readonly phase: Phase;
  readonly peers: Readonly<Partial<Record<PeerBackend, number>>>;
  /** The fastest of those on WebGPU. */
  readonly bestWebgpuPeer?: { readonly backend: PeerBackend; readonly ratio: number };
  readonly tfjsWasm?: number;
  readonly jaxJsWasm?: number;
}

const isPeer = (row: Row): row is Row & { backend: PeerBackend } => isPeerBackend(row.backend);

/** Our row, and those of the peers beside it, for each case that any peer took part in. */
export function meetings(rows: readonly Row[]): { ours: Row; theirs: (Row & { backend: PeerBackend })[] }[] {
  const peers = rows.filter(isPeer);
  const same = (a: Row, b: Row) => a.case === b.case && a.phase === b.phase;
  return rows
    .filter(({ backend }) => backend === "webgpu")
    .map((ours) => ({ ours, theirs: peers.filter((row) => same(row, ours)) }))
    .filter(({ theirs }) => theirs.length > 0);
}

export function ratiosOf(rows: readonly Row[]): Ratio[] {
  return meetings(rows).map(({ ours, theirs }) => {
    const ratio = (row: Row) => Number((row.medianMs / ours.medianMs).toPrecision(4));
    const best = theirs
      .filter(({ backend }) => backend.endsWith("webgpu"))
      .sort((a, b) => a.medianMs - b.medianMs)[0];
    const of = (backend: PeerBackend) => {
      const row = theirs.find((each) => each.backend === backend);
      return row === undefined ? undefined : ratio(row);
    };
    return {
      case: ours.case,
      phase: ours.phase,
      peers: Object.fromEntries(theirs.map((row) => [row.backend, ratio(row)])),
      ...(best === undefined ? {} : { bestWebgpuPeer: { backend: best.backend, ratio: ratio(best) } }),
      tfjsWasm: of("tfjs-wasm"),
      jaxJsWasm: of("jax-js-wasm"),
    };
  });
}

/** The case, and its phase where it is not what the case has usually. */
export const ratioName = ({ case: name, phase }: Pick<Ratio, "case" | "phase">) =>
  phase === "step" || phase === "forward" || phase === "epoch" ? name : `${name} ${phase}`;

/** In how many cases ours is ahead, of whom: a line each. */
export function winsIn(rows: readonly Row[]): string[] {
  const ratios = ratiosOf(rows);
  const against: [who: string, of: (ratio: Ratio) => number | undefined][] = [
    ["the best WebGPU peer", ({ bestWebgpuPeer }) => bestWebgpuPeer?.ratio],
    ...peerBackends
      .filter((backend) => !backend.endsWith("webgpu"))
      .map((backend): (typeof against)[number] => [backend, ({ peers }) => peers[backend]]),
  ];
  return against.flatMap(([who, of]) => {
    const known = ratios.map(of).filter((ratio) => ratio !== undefined);
    if (known.length === 0) return [];
    const ahead = known.filter((ratio) => ratio > 1).length;
    return [
      `ahead of ${who} in ${ahead} of ${counted(known.length, "case")}, ${trim(median(known))}x in the median`,
    ];
  });
}

/** Ours and each peer, then the ratios: steps a second of training, milliseconds of the rest. Empty without peers. */
export function renderRatios(rows: readonly Row[], width?: number): string {
  const all = meetings(rows);
  if (all.length === 0) return "";
  const shown = peerBackends.filter((backend) => rows.some((row) => row.backend === backend));
  const isStep = ({ ours }: (typeof all)[number]) => ours.phase === "step";
  const tables = [
    ["steps/s", all.filter(isStep), (row: Row) => trim(1000 / row.medianMs)],
    ["ms", all.filter((meeting) => !isStep(meeting)), (row: Row) => showMs(row.medianMs)],
  ] as const;
  const texts = tables.flatMap(([title, list, show]) =>
    list.length === 0 ? [] : [renderMeetings(title, list, shown, show, width)],
  );
  const versions = shown.map(
    (backend) => `${backend} ${rows.find((row) => row.backend === backend)?.version}`,
  );
  const starred = rows.some((row) => row.readsEach)
    ? "* waited for after each iteration, which is its faster way; the others at the end of a sample\n"
    : "";
  const last = `medians of samples taken in turn; ${versions.join(", ")}`;
  return `${texts.join("\n\n")}\n${winsIn(rows).join("\n")}\n${wrap(`${starred}${last}`, width)}\n`;
}

function renderMeetings(
  title: string,
  list: ReturnType<typeof meetings>,
  shown: readonly PeerBackend[],
  show: (row: Row) => string,
  width: number | undefined,
): string {
  const ratios = ratiosOf(list.flatMap(({ ours, theirs }) => [ours, ...theirs]));
  const times = (ratio: number | undefined) => (ratio === undefined ? "" : `${trim(ratio)}x`);
  const column = (title: string, cells: string[], spare?: number): Column => ({
    title,
    align: "right",
    cells,
    spare,
  });
  const cell = (row: Row | undefined) =>
    row === undefined ? "" : `${show(row)}${row.readsEach && row.phase === "step" ? "*" : ""}`;
  const best = ratios.map(({ bestWebgpuPeer }) => times(bestWebgpuPeer?.ratio));
  const wasm = [
    ratios.map(({ tfjsWasm }) => times(tfjsWasm)),
    ratios.map(({ jaxJsWasm }) => times(jaxJsWasm)),
  ];
  const torch = ratios.map(({ peers }) => times(peers["torch-cpu"]));
  const columns: Column[] = [
    { title, align: "left", cells: ratios.map(ratioName), least: 24 },
    column(
      "gradgpu\nwebgpu",
      list.map(({ ours }) => cell(ours)),
    ),
    ...shown.map((backend) =>
      column(
        backend.replace(/-(?=\w+$)/, "-\n"),
        list.map(({ theirs }) => cell(theirs.find((row) => row.backend === backend))),
        // Those that are furthest behind, or seldom there, go first.
        backend === "tfjs-cpu" ? 9 : backend === "ort-webgpu" ? 8 : backend === "torch-cpu" ? 5 : undefined,
      ),
    ),
    column("ours/best\nwebgpu peer", best),
    column("ours/\ntfjs-wasm", wasm[0], 6),
    column("ours/jax-\njs-wasm", wasm[1], 7),
    ...(shown.includes("torch-cpu") ? [column("ours/\ntorch-cpu", torch, 7)] : []),
  ];
  return layOut(columns, width);
}

/** Pairs of cases of which the first can be no quicker than the second: what a dispatch or a loop costs at least. */
const floors = [
  // Eager adds find their bind groups in a cache, so that making them is no part of the floor.
  ["chain/add-1000/eager", "floor/dispatch-prebuilt-bind-group"],
  ["host/replay-N1", "host/bare-loop-N1"],
] as const;

/** How far cases are from their floors, a line each. Empty where none of them ran. */
export function renderFloors(rows: readonly Row[]): string {
  const find = (name: string) => rows.find((row) => row.case === name && row.backend === "webgpu");
  return floors
    .map(([name, floor]) => {
      const [row, least] = [find(name), find(floor)];
      return row && least ? `${name} takes ${trim(row.medianMs / least.medianMs)}x ${floor}\n` : "";
    })
    .join("");
}
