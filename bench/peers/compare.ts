// Times training steps of ours and of the peers in one run, sample by sample in turn, after checking that they compute
// the same. Prints nothing.

import path from "node:path";
import { type Device, init, setDevice, type Tensor, tensor } from "../../engine/index.ts";
import type { PeerBackend, Prepared, Row, Skipped } from "../bench-case.ts";
import { buildModel, type Net, type NetSpec, specOf, withoutDropout } from "../cases/nets.ts";
import { prepareEpochs } from "../cases/training.ts";
import { median } from "../measure.ts";
import { installPeer } from "./install.ts";
import { dataOf, rotation, weightsOf } from "./net-data.ts";
import { bundleWorker, type OpenPeer, PeerProcess } from "./process.ts";

export interface Pace {
  /** A sample is made of as many steps as take about this long, and of `minSteps` at least. */
  readonly sampleMs: number;
  readonly minSteps: number;
  readonly maxSteps: number;
  /** No new round begins when all of a net's together have taken this long. */
  readonly totalMs: number;
  readonly minRounds: number;
  readonly maxRounds: number;
}

export const standardPace: Pace = {
  sampleMs: 250,
  minSteps: 4,
  maxSteps: 500,
  totalMs: 12_000,
  minRounds: 5,
  maxRounds: 11,
};

/** Steps whose losses are compared before anything is timed: the first tells the forward pass, the others the rest. */
const checkSteps = 4;
const firstTolerance = 1e-3;
const laterTolerance = 1e-2;

export interface CompareOptions {
  readonly nets: readonly Net[];
  readonly backends: readonly PeerBackend[];
  readonly pace?: Pace;
  readonly onStage?: (what: string) => void;
}

const nameOf = (net: NetSpec) => `train/${net.name}`;
const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Rows of ours, on WebGPU, and of every peer; a peer that can't be had or computes something else is skipped. */
export async function comparePeers({
  nets,
  backends,
  pace = standardPace,
  onStage = () => {},
}: CompareOptions): Promise<{ rows: Row[]; skipped: Skipped[] }> {
  const rows: Row[] = [];
  const skipped: Skipped[] = [];
  const skip = (net: NetSpec, backend: Skipped["backend"], reason: string) =>
    skipped.push({ case: nameOf(net), backend, phase: "step", reason, isFailure: backend === "webgpu" });
  const peers: OpenPeer[] = [];
  try {
    for (const backend of backends) {
      onStage(`${backend}: installing and starting`);
      try {
        peers.push(await openPeer(backend));
      } catch (error) {
        for (const net of nets) skip(net, backend, textOf(error));
      }
    }
    for (const net of nets) {
      const device = await init({ device: "webgpu", seed: 1 });
      try {
        setDevice(device);
        const same = await checkedPeers(net, device, peers, onStage, (backend, why) =>
          skip(net, backend, why),
        );
        rows.push(
          ...(await race(net, device, same, pace, onStage, (backend, why) => skip(net, backend, why))),
        );
      } catch (error) {
        skip(net, "webgpu", textOf(error));
      } finally {
        device.dispose();
      }
    }
  } finally {
    for (const peer of peers) peer.process.close();
  }
  return { rows, skipped };
}

async function openPeer(backend: PeerBackend): Promise<OpenPeer> {
  const cache = path.join(process.cwd(), "node_modules", ".cache", "gradgpu", "peers");
  const packages = await installPeer(backend, cache);
  const child = new PeerProcess(await bundleWorker());
  try {
    return { backend, process: child, ...(await child.call({ call: "open", backend, packages })) };
  } catch (error) {
    child.close();
    throw error;
  }
}

type OnSkip = (backend: PeerBackend, reason: string) => void;

/** Those of the peers that are on our adapter and whose losses are ours. */
async function checkedPeers(
  net: Net,
  device: Device,
  peers: readonly OpenPeer[],
  onStage: (what: string) => void,
  onSkip: OnSkip,
): Promise<OpenPeer[]> {
  const spec = withoutDropout(net);
  onStage(`${nameOf(net)}: our losses`);
  const ours = await ourLosses(spec, device);
  const same: OpenPeer[] = [];
  for (const peer of peers) {
    onStage(`${nameOf(net)}: the losses of ${peer.backend}`);
    try {
      if (peer.backend.endsWith("webgpu") && peer.adapter !== device.info.adapter)
        throw new Error(`it is on another adapter: ${peer.adapter}`);
      const theirs = await peer.process.call({ call: "check", spec, steps: checkSteps });
      const difference = describeDifference(ours, theirs);
      if (difference !== undefined) throw new Error(difference);
      same.push(peer);
    } catch (error) {
      onSkip(peer.backend, textOf(error));
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

/** One of those who take turns. */
interface Runner {
  readonly peer: OpenPeer | undefined;
  /** Milliseconds of a sample, all of it done. */
  sample(): Promise<number>;
  steps: number;
  readsEach: boolean;
  readonly times: number[];
}

async function race(
  net: Net,
  device: Device,
  peers: readonly OpenPeer[],
  pace: Pace,
  onStage: (what: string) => void,
  onSkip: OnSkip,
): Promise<Row[]> {
  onStage(`${nameOf(net)}: warming ours`);
  const prepared = prepareEpochs(net, device, rotation);
  const runners: Runner[] = [];
  try {
    runners.push(await ourRunner(device, prepared, pace));
    for (const peer of peers) {
      onStage(`${nameOf(net)}: warming ${peer.backend}`);
      try {
        await peer.process.call({ call: "prepare", spec: specOf(net) });
        runners.push(await peerRunner(peer, pace));
      } catch (error) {
        onSkip(peer.backend, textOf(error));
      }
    }
    onStage(`${nameOf(net)}: in turn`);
    const started = performance.now();
    const before = device.counters();
    for (let round = 0; round < pace.maxRounds; round++) {
      if (round >= pace.minRounds && performance.now() - started > pace.totalMs) break;
      for (const runner of [...runners]) {
        try {
          runner.times.push((await runner.sample()) / runner.steps);
        } catch (error) {
          if (runner.peer === undefined) throw error;
          onSkip(runner.peer.backend, textOf(error));
          runners.splice(runners.indexOf(runner), 1);
        }
      }
    }
    const after = device.counters();
    const rows: Row[] = [];
    for (const runner of runners) {
      const { peer, times, steps } = runner;
      const own = {
        dispatches: after.dispatches - before.dispatches,
        submits: after.submits - before.submits,
      };
      const all = times.length * steps;
      const counts =
        peer === undefined
          ? { dispatches: own.dispatches / all, submits: own.submits / all }
          : await peer.process.call({ call: "count" });
      const { adapter, driver, isSoftware } = device.info;
      rows.push({
        case: nameOf(net),
        backend: peer?.backend ?? "webgpu",
        phase: "step",
        medianMs: median(times),
        minMs: Math.min(...times),
        samples: times.length,
        iterations: steps,
        ...counts,
        ...(peer === undefined || peer.backend.endsWith("webgpu")
          ? { adapter, driver, isSoftware }
          : { adapter: peer.adapter, driver: `V8 ${process.versions.v8}`, isSoftware: false }),
        ...(peer === undefined ? {} : { version: peer.version, readsEach: runner.readsEach }),
      });
    }
    return rows;
  } finally {
    prepared.dispose();
    for (const { peer } of runners) await peer?.process.call({ call: "release" }).catch(() => {});
  }
}

const stepsFor = (stepMs: number, { sampleMs, minSteps, maxSteps }: Pace) =>
  Math.max(minSteps, Math.min(maxSteps, Math.ceil(sampleMs / stepMs)));

async function ourRunner(device: Device, prepared: Prepared, pace: Pace): Promise<Runner> {
  const perRun = prepared.iterations ?? 1;
  const runs = async (count: number) => {
    const started = performance.now();
    for (let i = 0; i < count; i++) await prepared.run();
    await device.sync();
    return performance.now() - started;
  };
  await runs(2);
  const steps = Math.ceil(stepsFor((await runs(1)) / perRun, pace) / perRun) * perRun;
  return { peer: undefined, sample: () => runs(steps / perRun), steps, readsEach: false, times: [] };
}

/** A peer in the better of two ways: losses read at the end, or after each step, which keeps some queues short. */
async function peerRunner(peer: OpenPeer, pace: Pace): Promise<Runner> {
  const sample = (steps: number, readsEach: boolean) =>
    peer.process.call({ call: "sample", steps, readsEach });
  await sample(2, true);
  let steps = stepsFor((await sample(2, true)) / 2, pace);
  const ways = [];
  for (const readsEach of [false, true]) {
    const ms = (await sample(steps, readsEach)) / steps;
    ways.push({ readsEach, ms });
  }
  const { readsEach, ms } = ways[0].ms <= ways[1].ms ? ways[0] : ways[1];
  steps = stepsFor(ms, pace);
  return { peer, sample: () => sample(steps, readsEach), steps, readsEach, times: [] };
}
