// Whether a peer computes what we compute: the losses of a net's first steps, or the values of an op's results.

import { type Device, type Tensor, tensor } from "../../engine/index.ts";
import type { BenchCase } from "../bench-case.ts";
import { buildModel } from "../cases/net-models.ts";
import { type NetSpec, withoutDropout } from "../cases/nets.ts";
import { isRandom, momentsOf, sampled } from "../cases/op-spec.ts";
import { batchesOf, batchShape, weightsOf } from "./net-data.ts";
import type { LibraryWork } from "./peer.ts";

/** Steps on one batch whose losses are compared before anything is timed: the first tells the forward pass, the others the rest. */
export const checkSteps = 4;
const firstTolerance = 1e-3;
/** Of how far the steps have changed the loss: as a share of the loss itself a wrong gradient would go unseen. */
const changeTolerance = 0.05;
/** Of an op's result, by its largest value; of what random numbers are like, by theirs. */
const resultTolerance = 1e-3;
const randomTolerance = 0.05;

/** Nothing agrees with NaN, and with an infinity only the same one: a tolerance that is a share of it would allow all. */
const agrees = (ours: number, theirs: number, tolerance: number) =>
  ours === theirs || (Number.isFinite(ours) && Math.abs(ours - theirs) <= tolerance);

/** The work as it is compared: what dropout draws is every library's own. */
export const comparable = (work: LibraryWork): LibraryWork =>
  work.kind === "net" ? { ...work, net: { ...withoutDropout(work.net), batches: 1 } } : work;

/** What we compute of it, as a peer's `check` gives it. */
export async function ourResult(
  benchCase: BenchCase,
  given: LibraryWork,
  device: Device,
): Promise<number[][]> {
  const work = comparable(given);
  if (work.kind === "net") return (await ourLosses(work.net, device)).map((loss) => [loss]);
  const prepared = await benchCase.prepare(device);
  try {
    const results = await prepared.result!();
    return results.map((values) => (isRandom(work.op.op) ? momentsOf(values) : sampled(values)));
  } finally {
    prepared.dispose();
  }
}

/** How a peer's results differ from ours, or undefined where they are the same within rounding. */
export function describeDifference(
  work: LibraryWork,
  ours: readonly (readonly number[])[],
  theirs: readonly (readonly number[])[],
): string | undefined {
  if (work.kind === "net") return describeOtherLosses(ours.flat(), theirs.flat());
  const { op, isGradient } = work.op;
  if (theirs.length !== ours.length)
    return `it gives ${theirs.length} results, we ${ours.length}: it does not compute the same`;
  const tolerance = isRandom(op) ? randomTolerance : resultTolerance;
  for (const [i, values] of ours.entries()) {
    const what = isGradient ? `its gradient ${i}` : "its result";
    const difference = describeOtherValues(what, tolerance, values, theirs[i]);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function describeOtherLosses(ours: readonly number[], theirs: readonly number[]): string | undefined {
  const changes = (losses: readonly number[]) => losses.map((loss) => loss - losses[0]);
  const [ourChanges, theirChanges] = [changes(ours), changes(theirs)];
  const most = Math.max(...ourChanges.map(Math.abs));
  const at = ours.findIndex((loss, i) =>
    i === 0
      ? !agrees(loss, theirs[0], firstTolerance * Math.max(1, Math.abs(loss)))
      : !agrees(ourChanges[i], theirChanges[i], changeTolerance * most),
  );
  if (at < 0) return undefined;
  return `its loss of step ${at + 1} is ${theirs[at]?.toPrecision(6)}, ours ${ours[at].toPrecision(6)}: it does not compute the same`;
}

function describeOtherValues(
  what: string,
  share: number,
  ours: readonly number[],
  theirs: readonly number[],
): string | undefined {
  if (theirs.length !== ours.length)
    return `${what} has ${theirs.length} values sampled, ours ${ours.length}: it does not compute the same`;
  const finite = ours.filter(Number.isFinite);
  const tolerance = share * finite.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const at = ours.findIndex((value, i) => !agrees(value, theirs[i], tolerance));
  if (at < 0) return undefined;
  return `sampled value ${at} of ${what} is ${theirs[at].toPrecision(6)}, ours ${ours[at].toPrecision(6)}: it does not compute the same`;
}

/** After the same epochs, in orders of their own: whether both have learned alike. */
export function describeOtherFit(ours: number, theirs: number): string | undefined {
  const tolerance = 0.1 + 0.5 * ours;
  if (agrees(ours, theirs, tolerance)) return undefined;
  return `after these epochs its loss is ${theirs.toPrecision(3)}, ours ${ours.toPrecision(3)}: it does not learn the same`;
}

/** Losses of our first steps from the weights and data that every peer starts from. */
export async function ourLosses(net: NetSpec, device: Device): Promise<number[]> {
  const { inputs, batchSize, labelsEach } = net;
  const batches = batchesOf(net);
  const model = buildModel(net);
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
  const trainer = model.makeTrainer();
  trainer.prepare();
  model.setWeights(weightsOf(net).flatMap((list) => list.map(({ values }) => values)));
  const losses: number[] = [];
  try {
    for (let i = 0; i < checkSteps; i++) {
      const { x, y } = batches[i % batches.length];
      const batch: Tensor[] = [
        tensor(x, { shape: batchShape(net), device }),
        tensor(y, { shape: labelsEach ? [batchSize, inputs] : [batchSize], device }),
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
