// The first step of each peer on WebGPU, in a process that finds no compiled shader; its data is there before.

import type { Row } from "../bench-case.ts";
import { withEmptyCaches } from "../cold/process.ts";
import { summarise } from "../statistics.ts";
import { type Meeting, peerRow } from "./meeting.ts";
import { openPeer } from "./open.ts";
import type { LibraryWork } from "./peer.ts";
import type { OpenPeer } from "./process.ts";

export async function firstStepsOf(
  meeting: Meeting,
  work: LibraryWork,
  peers: readonly OpenPeer[],
): Promise<Row[]> {
  const { limitMs, stage, onSkip } = meeting;
  const rows: Row[] = [];
  for (const peer of peers.filter(({ backend }) => backend.endsWith("webgpu"))) {
    stage(`${peer.backend}, from an empty shader cache`);
    try {
      const { ms, ...counts } = await withEmptyCaches(async (env) => {
        const cold = await openPeer(peer.backend, { limitMs, env });
        try {
          await cold.process.call({ call: "prepare", work });
          return await cold.process.call({ call: "first" });
        } finally {
          await cold.process.close();
        }
      });
      rows.push(peerRow(meeting, peer, { ...summarise([ms]), iterations: 1, ...counts }));
    } catch (error) {
      onSkip(peer.backend, error);
    }
  }
  return rows;
}
