// Runs of ours and of the peers in turn, those whose results are not ours left out before and after.

import type { Device } from "../../engine/index.ts";
import type { Prepared, Row } from "../bench-case.ts";
import { isUpdate } from "../cases/op-spec.ts";
import { sample } from "../measure.ts";
import { rowOf } from "../run-cases.ts";
import { summarise } from "../statistics.ts";
import { checkSteps, comparable, describeDifference, ourResult } from "./agreement.ts";
import { checkPlace, type Meeting, peerRow } from "./meeting.ts";
import { bytesOfData } from "./net-data.ts";
import type { LibraryWork } from "./peer.ts";
import type { OpenPeer } from "./process.ts";
import { type Contestant, longMs, type Pace, runsFor, takeTurns, veryLongMs } from "./race.ts";

/** Of training steps. PyTorch's threads were seen to spin for 0.2 s after a sample. */
export const netPace: Pace = {
  sampleMs: 250,
  minRuns: 4,
  maxRuns: 500,
  totalMs: 20_000,
  minRounds: 5,
  maxRounds: 11,
  restMs: 400,
};

export const opPace: Pace = { ...netPace, sampleMs: 60, minRuns: 1, totalMs: 4_000, restMs: 0 };

/** The same in little time, for `--quick`. */
const quickly = (pace: Pace): Pace => ({
  ...pace,
  sampleMs: pace.sampleMs / 5,
  totalMs: pace.totalMs / 5,
  minRounds: 3,
  maxRounds: 5,
});

/** An op that a peer takes longer for is not timed, nor a net whose first step takes longer, compiling included. */
const longestOpMs = 60_000;
const longestFirstStepMs = 5 * 60_000;

/** Those of the peers that are on our adapter and compute what we compute. */
export async function checkedPeers(
  { benchCase, device, limitMs, stage, onSkip }: Meeting,
  work: LibraryWork,
  peers: readonly OpenPeer[],
): Promise<OpenPeer[]> {
  stage("what ours computes");
  const ours = await ourResult(benchCase, work, device);
  const same: OpenPeer[] = [];
  for (const peer of peers) {
    stage(`what ${peer.backend} computes`);
    try {
      checkPlace(peer, device);
      const theirs = await resultOf(peer, comparable(work), limitMs);
      const difference = describeDifference(work, ours, theirs);
      if (difference !== undefined) throw new Error(difference);
      same.push(peer);
    } catch (error) {
      onSkip(peer.backend, error);
    }
  }
  return same;
}

async function resultOf({ process }: OpenPeer, work: LibraryWork, limitMs?: number): Promise<number[][]> {
  const isNet = work.kind === "net";
  const results: number[][] = [];
  try {
    await process.call({ call: "prepare", work }, limitMs);
    const longest = Math.min(isNet ? longestFirstStepMs : longestOpMs, limitMs ?? Number.POSITIVE_INFINITY);
    results.push(...(await process.call({ call: "step" }, longest, isNet ? "its first step" : "the op")));
    for (let i = 1; isNet && i < checkSteps; i++)
      results.push(...(await process.call({ call: "step" }, limitMs)));
  } finally {
    if (!process.hasEnded) await process.call({ call: "release" });
  }
  return results;
}

/** Runs over which a peer's dispatches are counted. */
const countedRuns = 4;

interface Runner extends Contestant {
  /** Undefined of ours. */
  readonly peer?: OpenPeer;
  readonly readsEach?: boolean;
}

export async function race(meeting: Meeting, work: LibraryWork, peers: readonly OpenPeer[]): Promise<Row[]> {
  const { benchCase, device, version, isQuick, stage, onSkip } = meeting;
  const standard = work.kind === "net" ? netPace : opPace;
  const pace = meeting.pace ?? (isQuick ? quickly(standard) : standard);
  stage("warming ours");
  const prepared = await benchCase.prepare(device);
  try {
    const ours = await ourRunner(device, prepared, pace);
    const runners: Runner[] = [ours];
    for (const peer of peers) {
      stage(`warming ${peer.backend}`);
      try {
        await peer.process.call({ call: "prepare", work });
        runners.push(await peerRunner(peer, pace, work.kind === "net" && work.readsEach === true));
      } catch (error) {
        onSkip(peer.backend, error);
      }
    }
    stage("in turn");
    const before = device.counters();
    const left = await takeTurns(runners, pace, ({ peer }, error) => {
      if (peer === undefined) throw error;
      onSkip(peer.backend, error);
    });
    const after = device.counters();
    // Before the results are read again, which takes memory too.
    const peak = benchCase.ownDevice
      ? { peakBytes: device.memory().peakBytes - (prepared.dataBytes ?? 0) }
      : {};
    stage("what was computed while it was timed");
    const honest = await stillSame(meeting, work, left);
    const rows: Row[] = [];
    for (const { peer, times, runs, taken, readsEach } of honest) {
      const timed = { ...summarise(times), iterations: runs };
      if (peer === undefined) {
        const all = taken * runs;
        const dispatches = (after.dispatches - before.dispatches) / all;
        const submits = (after.submits - before.submits) / all;
        const measurement = { ...timed, dispatches, submits, ...peak };
        rows.push(rowOf(benchCase, "webgpu", measurement, device.info, { version }));
      } else {
        const { peakBytes } = await peer.process.call({ call: "memory" });
        const counts = await peer.process.call({ call: "count", runs: Math.min(runs, countedRuns) });
        const memory =
          work.kind === "net" && peakBytes > 0 ? { peakBytes: peakBytes - bytesOfData(work.net) } : {};
        rows.push({ ...peerRow(meeting, peer, { ...timed, ...counts, ...memory }), readsEach });
      }
    }
    return rows;
  } finally {
    prepared.dispose();
    for (const peer of peers) await peer.process.call({ call: "release" }).catch(() => {});
  }
}

/** Those whose last timed result is still ours, where runs of the op give the same: some queues lose work silently. */
async function stillSame(
  { benchCase, device, onSkip }: Meeting,
  work: LibraryWork,
  runners: readonly Runner[],
): Promise<Runner[]> {
  if (work.kind === "net" || isUpdate(work.op.op)) return [...runners];
  const ours = await ourResult(benchCase, work, device);
  const same: Runner[] = [];
  for (const runner of runners) {
    const theirs = await runner.peer?.process.call({ call: "read" });
    const difference = theirs && describeDifference(work, ours, theirs);
    if (difference === undefined) same.push(runner);
    else onSkip(runner.peer!.backend, `after it was timed, ${difference}`);
  }
  return same;
}

async function ourRunner(device: Device, prepared: Prepared, pace: Pace): Promise<Runner> {
  const perRun = prepared.iterations ?? 1;
  const repeat = (count: number) => sample(device, prepared, count);
  await repeat(2);
  const wholeRuns = (ms: number) => Math.ceil(runsFor(ms, pace) / perRun) * perRun;
  // One run alone is mostly waiting, where it is short: what a sample holds is told by a sample, as for the peers.
  const first = wholeRuns((await repeat(1)) / perRun);
  const runs = wholeRuns((await repeat(first / perRun)) / first);
  return { sample: () => repeat(runs / perRun), runs, times: [], taken: 0 };
}

/** A peer in the better of two ways, waited for at the end or after each run, or in the second where that is the case. */
async function peerRunner(peer: OpenPeer, pace: Pace, mustRead: boolean): Promise<Runner> {
  const take = (runs: number, readsEach: boolean) => peer.process.call({ call: "sample", runs, readsEach });
  const cold = await take(1, true);
  const once = cold > veryLongMs ? cold : await take(1, true);
  // What takes seconds has no queue to keep short, and would take minutes to try twice.
  if (once > longMs)
    return { peer, sample: () => take(1, true), runs: 1, readsEach: true, times: [], taken: 0 };
  const first = runsFor((await take(2, true)) / 2, pace);
  const ways: { readsEach: boolean; ms: number }[] = [];
  for (const readsEach of mustRead ? [true] : [false, true]) {
    ways.push({ readsEach, ms: (await take(first, readsEach)) / first });
  }
  const { readsEach, ms } = ways.reduce((best, way) => (way.ms < best.ms ? way : best));
  const runs = runsFor(ms, pace);
  return { peer, sample: () => take(runs, readsEach), runs, readsEach, times: [], taken: 0 };
}
