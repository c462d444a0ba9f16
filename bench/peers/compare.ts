// Times ours and the peers' in one run, sample by sample in turn, after checking that they compute the same. Prints
// nothing.

import path from "node:path";
import { type Device, init, type Tensor, tensor } from "../../engine/index.ts";
import type { BenchCase, PeerBackend, Prepared, Row, Skipped } from "../bench-case.ts";
import { bundleProgram } from "../bundle.ts";
import { CaseDevices } from "../case-devices.ts";
import { buildModel, type NetSpec, nets, specOf, withoutDropout } from "../cases/nets.ts";
import { sampled } from "../cases/op-spec.ts";
import { withEmptyCaches } from "../cold/process.ts";
import { type RunOptions, rowOf } from "../run-cases.ts";
import { summarise } from "../statistics.ts";
import { installPeer } from "./install.ts";
import { dataOf, weightsOf } from "./net-data.ts";
import type { WorkSpec } from "./peer.ts";
import { type OpenPeer, PeerProcess, type PeerProcessOptions } from "./process.ts";
import { type Contestant, longMs, type Pace, runsFor, takeTurns } from "./race.ts";

export type { Pace } from "./race.ts";

/** Of training steps. */
export const netPace: Pace = {
  sampleMs: 250,
  minRuns: 4,
  maxRuns: 500,
  totalMs: 20_000,
  minRounds: 5,
  maxRounds: 11,
};

export const opPace: Pace = { ...netPace, sampleMs: 60, minRuns: 1, totalMs: 4_000 };

/** The same in little time, for `--quick`. */
const quickly = (pace: Pace): Pace => ({
  ...pace,
  sampleMs: pace.sampleMs / 5,
  totalMs: pace.totalMs / 5,
  minRounds: 3,
  maxRounds: 5,
});

/** Steps whose losses are compared before anything is timed: the first tells the forward pass, the others the rest. */
const checkSteps = 4;
const firstTolerance = 1e-3;
const laterTolerance = 1e-2;
/** Of an op's result, by its largest value. */
const resultTolerance = 1e-3;

export interface CompareOptions extends Pick<RunOptions, "peaks" | "version" | "isQuick"> {
  readonly cases: readonly BenchCase[];
  readonly backends: readonly PeerBackend[];
  /** Instead of each kind's own. */
  readonly pace?: Pace;
  /** Of one call to a peer. */
  readonly limitMs?: number;
  readonly onStage?: (what: string) => void;
  readonly onCase?: (benchCase: BenchCase) => void;
}

const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** What a peer would be told to do for a case; undefined where peers take no part. */
export function workOf({ name, phase, op }: BenchCase): WorkSpec | undefined {
  if (op !== undefined) return { kind: "op", op };
  const net = nets.find((each) => name === `train/${each.name}`);
  return net === undefined || (phase !== "step" && phase !== "cold")
    ? undefined
    : { kind: "net", net: specOf(net) };
}

interface Entry {
  readonly benchCase: BenchCase;
  readonly work: WorkSpec;
}

/** Rows of ours, on WebGPU, and of every peer; a peer that can't be had or computes something else is skipped. */
export async function comparePeers(options: CompareOptions): Promise<{ rows: Row[]; skipped: Skipped[] }> {
  const { cases, backends, limitMs, onStage = () => {}, onCase = () => {} } = options;
  const rows: Row[] = [];
  const skipped: Skipped[] = [];
  const skip = (
    { name, phase }: BenchCase,
    backend: Skipped["backend"],
    error: unknown,
    isFailure = backend === "webgpu",
  ) => skipped.push({ case: name, backend, phase, reason: textOf(error), isFailure });
  const entries = cases.flatMap((benchCase): Entry[] => {
    const work = workOf(benchCase);
    return work === undefined ? [] : [{ benchCase, work }];
  });
  const peers: OpenPeer[] = [];
  const devices = new CaseDevices("webgpu");
  try {
    for (const backend of backends) {
      onStage(`${backend}: installing and starting`);
      try {
        peers.push(await openPeer(backend, { limitMs }));
      } catch (error) {
        for (const { benchCase } of entries) skip(benchCase, backend, error);
      }
    }
    for (const { benchCase, work } of entries) {
      onCase(benchCase);
      const onSkip = (backend: PeerBackend, error: unknown) => skip(benchCase, backend, error);
      const stage = (what: string) => onStage(`${benchCase.name} ${benchCase.phase}: ${what}`);
      if (benchCase.phase === "cold") {
        rows.push(...(await coldRows(benchCase, work, peers, { ...options, stage, onSkip })));
        continue;
      }
      try {
        const meet = <T>(use: (meeting: Meeting) => Promise<T>) =>
          devices.run(benchCase, (device) => use({ benchCase, work, device, stage, onSkip }));
        // Each opens a device where the case wants its own: a peak is the device's, and the check's model is no part of it.
        const checked = await meet((meeting) => checkedPeers(meeting, peers));
        if (!("value" in checked)) {
          skip(benchCase, "webgpu", checked.unfit, false);
          continue;
        }
        const raced = await meet((meeting) => race(meeting, checked.value, options));
        if ("value" in raced) rows.push(...raced.value);
      } catch (error) {
        skip(benchCase, "webgpu", error);
      }
    }
  } finally {
    devices.dispose();
    for (const peer of peers) await peer.process.close();
  }
  return { rows, skipped };
}

async function openPeer(backend: PeerBackend, options: PeerProcessOptions = {}): Promise<OpenPeer> {
  const cache = path.join(process.cwd(), "node_modules", ".cache", "gradgpu", "peers");
  const packages = await installPeer(backend, cache);
  const child = new PeerProcess(await bundleProgram("bench/peers/worker.ts"), options);
  try {
    return { backend, process: child, ...(await child.call({ call: "open", backend, packages })) };
  } catch (error) {
    await child.close();
    throw error;
  }
}

/** One case, and who is told what happens. */
interface Meeting {
  readonly benchCase: BenchCase;
  readonly work: WorkSpec;
  readonly device: Device;
  stage(what: string): void;
  onSkip(backend: PeerBackend, error: unknown): void;
}

/** Those of the peers that are on our adapter and compute what we compute. */
async function checkedPeers(
  { benchCase, work, device, stage, onSkip }: Meeting,
  peers: readonly OpenPeer[],
): Promise<OpenPeer[]> {
  stage("what ours computes");
  const isNet = work.kind === "net";
  // What dropout draws is every library's own.
  const checked: WorkSpec = isNet ? { kind: "net", net: withoutDropout(work.net) } : work;
  const ours = isNet ? await ourLosses(withoutDropout(work.net), device) : await ourResult(benchCase, device);
  const same: OpenPeer[] = [];
  for (const peer of peers) {
    stage(`what ${peer.backend} computes`);
    try {
      if (peer.backend.endsWith("webgpu") && peer.adapter !== device.info.adapter)
        throw new Error(`it is on another adapter: ${peer.adapter}`);
      const call = { call: "check", work: checked, runs: isNet ? checkSteps : 1 } as const;
      const theirs = await peer.process.call(call);
      const difference = isNet ? describeDifference(ours, theirs) : describeOtherResult(ours, theirs);
      if (difference !== undefined) throw new Error(difference);
      same.push(peer);
    } catch (error) {
      onSkip(peer.backend, error);
    }
  }
  return same;
}

/** How the losses of a peer differ from ours, or undefined where they are the same within rounding. */
export function describeDifference(ours: readonly number[], theirs: readonly number[]): string | undefined {
  const at = ours.findIndex((loss, i) => {
    const tolerance = (i === 0 ? firstTolerance : laterTolerance) * Math.max(1, Math.abs(loss));
    return !(Math.abs(loss - theirs[i]) <= tolerance);
  });
  if (at < 0) return undefined;
  return `its loss of step ${at + 1} is ${theirs[at]?.toPrecision(6)}, ours ${ours[at].toPrecision(6)}: it does not compute the same`;
}

/** The same of an op's result, of which both give the same samples. */
export function describeOtherResult(ours: readonly number[], theirs: readonly number[]): string | undefined {
  if (theirs.length !== ours.length)
    return `its result has ${theirs.length} values sampled, ours ${ours.length}: it does not compute the same`;
  const tolerance = resultTolerance * ours.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const at = ours.findIndex((value, i) => !(Math.abs(value - theirs[i]) <= tolerance));
  if (at < 0) return undefined;
  return `sampled value ${at} of its result is ${theirs[at].toPrecision(6)}, ours ${ours[at].toPrecision(6)}: it does not compute the same`;
}

async function ourResult(benchCase: BenchCase, device: Device): Promise<number[]> {
  const prepared = await benchCase.prepare(device);
  try {
    return sampled(await prepared.result!());
  } finally {
    prepared.dispose();
  }
}

/** Losses of our first steps from the weights and data that every peer starts from. */
export async function ourLosses(spec: NetSpec, device: Device): Promise<number[]> {
  const { inputs, batchSize } = spec;
  const { x, y } = dataOf(spec);
  const model = buildModel(spec);
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
  const trainer = model.makeTrainer();
  trainer.prepare();
  model.setWeights(weightsOf(spec).flatMap((list) => list.map(({ values }) => values)));
  const losses: number[] = [];
  try {
    for (let i = 0; i < checkSteps; i++) {
      const rows = x.slice(i * batchSize * inputs, (i + 1) * batchSize * inputs);
      const batch: Tensor[] = [
        tensor(rows, { shape: [batchSize, inputs], device }),
        tensor(y.slice(i * batchSize, (i + 1) * batchSize), { device }),
      ];
      trainer.reset();
      trainer.trainStep(batch[0], batch[1]);
      losses.push((await trainer.read(batchSize))[0]);
      for (const part of batch) part.dispose();
    }
  } finally {
    trainer.dispose();
    model.dispose();
  }
  return losses;
}

interface Runner extends Contestant {
  /** Undefined of ours. */
  readonly peer?: OpenPeer;
  readonly readsEach?: boolean;
}

async function race(meeting: Meeting, peers: readonly OpenPeer[], options: CompareOptions): Promise<Row[]> {
  const { benchCase, work, device, stage, onSkip } = meeting;
  const standard = work.kind === "net" ? netPace : opPace;
  const pace = options.pace ?? (options.isQuick ? quickly(standard) : standard);
  stage("warming ours");
  const prepared = await benchCase.prepare(device);
  try {
    const ours = await ourRunner(device, prepared, pace);
    const runners: Runner[] = [ours];
    for (const peer of peers) {
      stage(`warming ${peer.backend}`);
      try {
        await peer.process.call({ call: "prepare", work });
        runners.push(await peerRunner(peer, pace));
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
    const honest = await stillSame(left, meeting);
    const rows: Row[] = [];
    for (const { peer, times, runs, taken, readsEach } of honest) {
      const all = taken * runs;
      const counts =
        peer === undefined
          ? {
              dispatches: (after.dispatches - before.dispatches) / all,
              submits: (after.submits - before.submits) / all,
            }
          : await peer.process.call({ call: "count" });
      const measurement = { ...summarise(times), iterations: runs, ...counts };
      if (peer === undefined) {
        rows.push(rowOf(benchCase, "webgpu", { ...measurement, ...peak }, device.info, options));
      } else {
        const row = rowOf(benchCase, peer.backend, measurement, placeOf(peer, device), options);
        rows.push({ ...row, version: peer.version, readsEach });
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
  runners: readonly Runner[],
  { benchCase, work, device, onSkip }: Meeting,
): Promise<Runner[]> {
  if (work.kind === "net" || work.op.op === "adam") return [...runners];
  const ours = await ourResult(benchCase, device);
  const same: Runner[] = [];
  for (const runner of runners) {
    const theirs = await runner.peer?.process.call({ call: "read" });
    const difference = theirs && describeOtherResult(ours, theirs);
    if (difference === undefined) same.push(runner);
    else onSkip(runner.peer!.backend, `after it was timed, ${difference}`);
  }
  return same;
}

const placeOf = ({ backend, adapter }: OpenPeer, { info }: Pick<Device, "info">) =>
  backend.endsWith("webgpu") ? info : { adapter, driver: `V8 ${process.versions.v8}`, isSoftware: false };

async function ourRunner(device: Device, prepared: Prepared, pace: Pace): Promise<Runner> {
  const perRun = prepared.iterations ?? 1;
  const repeat = async (count: number) => {
    const started = performance.now();
    for (let i = 0; i < count; i++) {
      const running = prepared.run();
      if (running !== undefined) await running;
    }
    await device.sync();
    return performance.now() - started;
  };
  await repeat(2);
  const wholeRuns = (ms: number) => Math.ceil(runsFor(ms, pace) / perRun) * perRun;
  // One run alone is mostly waiting, where it is short: what a sample holds is told by a sample, as for the peers.
  const first = wholeRuns((await repeat(1)) / perRun);
  const runs = wholeRuns((await repeat(first / perRun)) / first);
  return { sample: () => repeat(runs / perRun), runs, times: [], taken: 0 };
}

/** A peer in the better of two ways: waited for at the end, or after each run, which keeps some queues short. */
async function peerRunner(peer: OpenPeer, pace: Pace): Promise<Runner> {
  const sample = (runs: number, readsEach: boolean) => peer.process.call({ call: "sample", runs, readsEach });
  await sample(1, true);
  const once = await sample(1, true);
  // What takes seconds has no queue to keep short, and would take minutes to try twice.
  if (once > longMs)
    return { peer, sample: () => sample(1, true), runs: 1, readsEach: true, times: [], taken: 0 };
  const first = runsFor((await sample(2, true)) / 2, pace);
  const ways: { readsEach: boolean; ms: number }[] = [];
  for (const readsEach of [false, true]) {
    ways.push({ readsEach, ms: (await sample(first, readsEach)) / first });
  }
  const { readsEach, ms } = ways[0].ms <= ways[1].ms ? ways[0] : ways[1];
  const runs = runsFor(ms, pace);
  return { peer, sample: () => sample(runs, readsEach), runs, readsEach, times: [], taken: 0 };
}

interface ColdOptions extends CompareOptions {
  stage(what: string): void;
  onSkip(backend: PeerBackend, error: unknown): void;
}

/** The first step of each peer on WebGPU, in a process that finds no compiled shader; its data is there before. */
async function coldRows(
  benchCase: BenchCase,
  work: WorkSpec,
  peers: readonly OpenPeer[],
  { limitMs, stage, onSkip, peaks }: ColdOptions,
): Promise<Row[]> {
  const rows: Row[] = [];
  const device = await init({ device: "webgpu" });
  try {
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
        const measurement = { ...summarise([ms]), iterations: 1, ...counts };
        const row = rowOf(benchCase, peer.backend, measurement, placeOf(peer, device), { peaks });
        rows.push({ ...row, version: peer.version });
      } catch (error) {
        onSkip(peer.backend, error);
      }
    }
  } finally {
    device.dispose();
  }
  return rows;
}
