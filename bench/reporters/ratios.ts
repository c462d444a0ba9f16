// How ours compares with the peers that ran beside it: from rows, per net, as data and as a table.

import { type PeerBackend, peerBackends, type Row } from "../bench-case.ts";
import { layOut, trim } from "./table.ts";

/** Times as many steps as the peer in the same time; above 1 ours is ahead. */
export interface Ratio {
  readonly case: string;
  readonly bestWebgpuPeer?: { readonly backend: PeerBackend; readonly ratio: number };
  readonly tfjsWasm?: number;
  readonly jaxJsWasm?: number;
}

const isPeer = (row: Row): row is Row & { backend: PeerBackend } =>
  (peerBackends as readonly string[]).includes(row.backend);

export function ratiosOf(rows: readonly Row[]): Ratio[] {
  const peers = rows.filter(isPeer);
  return [...new Set(peers.map((row) => row.case))].flatMap((name): Ratio[] => {
    const ours = rows.find((row) => row.case === name && row.phase === "step" && row.backend === "webgpu");
    if (ours === undefined) return [];
    const theirs = peers.filter((row) => row.case === name);
    const ratio = (row: Row | undefined) =>
      row === undefined ? undefined : Number((row.medianMs / ours.medianMs).toPrecision(4));
    const best = theirs
      .filter(({ backend }) => backend.endsWith("webgpu"))
      .sort((a, b) => a.medianMs - b.medianMs)[0];
    return [
      {
        case: name,
        ...(best === undefined
          ? {}
          : { bestWebgpuPeer: { backend: best.backend, ratio: ratio(best) as number } }),
        tfjsWasm: ratio(theirs.find(({ backend }) => backend === "tfjs-wasm")),
        jaxJsWasm: ratio(theirs.find(({ backend }) => backend === "jax-js-wasm")),
      },
    ];
  });
}

/** Steps a second of ours and of each peer, then the ratios. Empty where no peer ran. */
export function renderRatios(rows: readonly Row[]): string {
  const ratios = ratiosOf(rows);
  if (ratios.length === 0) return "";
  const shown = peerBackends.filter((backend) => rows.some((row) => row.backend === backend));
  const stepsOf = (name: string, backend: string) => {
    const row = rows.find((r) => r.case === name && r.phase === "step" && r.backend === backend);
    if (row === undefined) return "";
    return `${trim(1000 / row.medianMs)}${row.readsEach ? "*" : ""}`;
  };
  const times = (ratio: number | undefined) => (ratio === undefined ? "" : `${trim(ratio)}x`);
  const right = (title: string, cells: string[]) => ({ title, align: "right" as const, cells });
  const text = layOut([
    { title: "steps/s", align: "left", cells: ratios.map((ratio) => ratio.case) },
    right(
      "gradgpu webgpu",
      ratios.map((ratio) => stepsOf(ratio.case, "webgpu")),
    ),
    ...shown.map((backend) =>
      right(
        backend,
        ratios.map((ratio) => stepsOf(ratio.case, backend)),
      ),
    ),
    right(
      "ours/best webgpu peer",
      ratios.map(({ bestWebgpuPeer }) => times(bestWebgpuPeer?.ratio)),
    ),
    right(
      "ours/tfjs-wasm",
      ratios.map(({ tfjsWasm }) => times(tfjsWasm)),
    ),
    right(
      "ours/jax-js-wasm",
      ratios.map(({ jaxJsWasm }) => times(jaxJsWasm)),
    ),
  ]);
  const versions = shown.map(
    (backend) => `${backend} ${rows.find((row) => row.backend === backend)?.version}`,
  );
  const starred = rows.some((row) => row.readsEach)
    ? "* its loss read after each step, which is its faster way; the others' at the end of a sample\n"
    : "";
  return `${text}\n${starred}medians of samples taken in turn; ${versions.join(", ")}\n`;
}

/** Pairs of cases of which the first can be no quicker than the second: what a dispatch or a loop costs at least. */
const floors = [
  ["chain/add-1000/eager", "floor/dispatch-new-bind-group"],
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
