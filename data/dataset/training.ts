// What fit, evaluate and predict ask of a data set: a walk over its batches, on the device where its rows fit there.

import { ArgumentError, DataError, kindOf } from "../../engine/base/errors.ts";
import { type Device, Tensor } from "../../engine/index.ts";
import { isPlainObject } from "../../engine/internal.ts";
import { Batched, plainBatch } from "./batch.ts";
import type { BatchWalk } from "./batch-walk.ts";
import { DeviceWalk } from "./device-walk.ts";
import { mapParts } from "./elements.ts";
import { identify } from "./identity.ts";
import { openIterator } from "./iterator.ts";
import { isShaped, NdArray } from "./nd-array.ts";
import { planOf } from "./plan.ts";
import { Schedule } from "./schedule.ts";
import { end, type Stage } from "./stage.ts";
import { type BatchRows, type LoadedBatch, StreamWalk } from "./stream-walk.ts";

interface Disposable {
  dispose(): void;
}
type Use = <T extends Disposable>(thing: T) => T;

/** Data as training has read them: rows of each part, in its order. */
export interface ReadRows {
  readonly source: { readonly parts: readonly BatchRows[]; readonly count: number };
  /** Output by output. */
  readonly hasWeights: readonly boolean[];
  readonly givenWeights: readonly ArrayLike<number>[];
  readonly checked?: Promise<void> | undefined;
}

/** Leaves parts where they are. */
export const leaveThere = {
  place: (_: Device, parts: readonly { rows: BatchRows }[]) => parts.map(({ rows }) => rows),
};

export interface TrainingRequest<R extends ReadRows> {
  /** How errors begin. */
  readonly what: string;
  readonly device: Device;
  /** As it was given. */
  readonly batchSize: number | undefined;
  /** Of batches for a set without, where no size is given. */
  readonly fallbackSize?: number;
  readonly steps: number | undefined;
  /** What `steps` is called. */
  readonly stepsName: string;
  /** Whether each epoch takes the same first steps. */
  readonly startsAnew: boolean;
  /** Whether elements have inputs alone. */
  readonly inputsOnly?: boolean;
  /** Options that are for arrays alone, as they were given. */
  readonly others?: Readonly<Record<string, unknown>>;
  /** The first epoch. */
  readonly epoch?: number | undefined;
  readonly withChecksum?: boolean;
  readonly signal: AbortSignal | undefined;
  readonly use: Use;
  /** Reads parts, and refuses what does not fit the model; what it uploads is freed by `use`. Stays on the host if asked to. */
  read(use: Use, staysThere: boolean, x: unknown, y: unknown, weights: unknown): R;
  /** Looks at the weights of samples. */
  check(rows: R): Promise<void>;
}

/**
 * A walk over a pipeline's batches, and the first rows as training read them.
 *
 * @throws ArgumentError, DataError, ShapeError before anything has changed, for sets that can't be trained on
 */
export async function openTraining<R extends ReadRows>(
  given: Stage,
  request: TrainingRequest<R>,
): Promise<{ rows: R; walk: BatchWalk }> {
  const { what, device, batchSize, steps, stepsName, use } = request;
  refuseOthers(what, request.others ?? {});
  const stage = batchesOf(given, what, batchSize, request.fallbackSize);
  const { length } = stage;
  if (length === Infinity && steps === undefined) {
    throw new ArgumentError(
      `${what}: the data set ${stage.chain} is endless; say how many batches an epoch has with ${stepsName}, or leave out repeat()`,
    );
  }
  if (length === 0) throw new DataError(`${what}: ${isEmpty(stage)}`);
  const schedule = new Schedule({ stepsPerEpoch: steps, startsAnew: request.startsAnew });
  const warned = new Set<string>();
  const warn = (kind: string, text: string) => {
    if (warned.has(kind)) return;
    warned.add(kind);
    console.warn(`gradgpu: ${what}: ${text}`);
  };
  const onShort = (taken: number) =>
    warn(
      "short",
      `the data set ran out after ${taken} of ${steps} batches, and the epoch ends there. It must give ${stepsName} * epochs batches; use repeat() when building it`,
    );
  if (request.withChecksum) await identify(stage);
  const plan = planOf(stage);
  if (plan !== undefined) {
    const owned: Disposable[] = [];
    const rows = request.read(noting(owned), false, ...splitBatch(what, plan.slices.parts, request));
    const { parts } = rows.source;
    if (parts.every((part) => part instanceof Tensor)) {
      for (const thing of owned) use(thing);
      await request.check(rows);
      await rows.checked;
      const walk = new DeviceWalk(
        device,
        parts as readonly Tensor[],
        plan,
        length as number,
        schedule,
        what,
        stage,
        request.withChecksum ?? false,
        onShort,
      );
      return { rows, walk: use(walk) };
    }
    for (const thing of owned) thing.dispose();
  }
  let first: R | undefined;
  const load = async (batch: unknown, position: LoadedBatch["position"]): Promise<LoadedBatch> => {
    const owned: Disposable[] = [];
    const dispose = () => {
      for (const thing of owned) thing.dispose();
      mapParts(batch, (part) => (part instanceof Tensor ? part.dispose() : part));
    };
    try {
      const rows = request.read(noting(owned), true, ...splitBatch(what, batch, request));
      if (rows.givenWeights.length > 0) await request.check(rows);
      await rows.checked;
      first ??= rows;
      if (
        rows.source.parts.length !== first.source.parts.length ||
        String(rows.hasWeights) !== String(first.hasWeights)
      ) {
        throw new DataError(
          `batch ${position.skip - 1} has ${rows.source.parts.length} parts and the first ${first.source.parts.length}; all must have sample weights, or none`,
        );
      }
      return { rows: rows.source.count, parts: rows.source.parts, position, dispose };
    } catch (error) {
      dispose();
      if (!(error instanceof Error)) throw error;
      error.message += ` (batch ${position.skip - 1} of ${stage.chain})`;
      throw error;
    }
  };
  const onRerun = (batches: number) =>
    warn(
      `rerun ${batches}`,
      `the data set ${stage.chain} can't be opened at a batch, so ${batches} ${batches === 1 ? "batch was" : "batches were"} made again to come to where training goes on`,
    );
  const { signal, withChecksum = false } = request;
  const walk = use(
    new StreamWalk({ what, device, stage, schedule, load, withChecksum, signal, onShort, onRerun }),
  );
  const found = await walk.first(steps === undefined && !request.startsAnew ? (request.epoch ?? 0) : 0);
  if (found === undefined || first === undefined) throw new DataError(`${what}: ${isEmpty(stage)}`);
  return { rows: first, walk };
}

const remedies: Readonly<Record<string, string>> = {
  sampleWeight: "give elements [x, y, sampleWeight]",
  validationSplit: "pass validationData, as set.skip(n) beside set.take(n)",
  shuffle: "call shuffle() of the set, before batch()",
};

function refuseOthers(what: string, others: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(others)) {
    if (value === undefined || value === false) continue;
    throw new ArgumentError(`${what}: ${name} is for arrays; of a data set, ${remedies[name]}`);
  }
}

const noting =
  (owned: Disposable[]): Use =>
  (thing) => {
    owned.push(thing);
    return thing;
  };

/** The stage of batches: as it is, or batched. */
export function batchesOf(
  stage: Stage,
  what: string,
  batchSize: number | undefined,
  fallbackSize = 32,
): Stage {
  if (!stage.isBatched) return plainBatch(stage, batchSize ?? fallbackSize);
  if (batchSize === undefined) return stage;
  throw new ArgumentError(
    `${what}: the data set ${stage.chain} has batches already; leave batchSize out, or pass the set without its batch()`,
  );
}

function isEmpty(stage: Stage): string {
  let at: Stage | undefined = stage;
  while (at !== undefined && !(at instanceof Batched)) at = at.source;
  const rows = at?.source.length;
  const reason =
    at instanceof Batched && at.dropsRemainder && rows !== undefined && rows > 0
      ? `: its ${rows} elements don't fill a batch of ${at.size}, and dropRemainder leaves short ones out`
      : "";
  return `the data set ${stage.chain} has no batches${reason}`;
}

/** The inputs of a set's first batch, or all of them where they are there. */
export async function sampleOf(given: Stage, what: string, batchSize: number | undefined): Promise<unknown> {
  const stage = batchesOf(given, what, batchSize);
  const plan = planOf(stage);
  if (plan !== undefined) return splitBatch(what, plan.slices.parts, { inputsOnly: true })[0];
  const iterator = await openIterator(stage, {});
  try {
    const batch = await iterator.pull();
    if (batch === end) throw new DataError(`${what}: ${isEmpty(stage)}`);
    return splitBatch(what, batch, { inputsOnly: true })[0];
  } finally {
    await iterator.return();
  }
}

/** Inputs, targets and weights of a batch. */
function splitBatch(
  what: string,
  batch: unknown,
  { inputsOnly = false }: { inputsOnly?: boolean | undefined },
): [x: unknown, y: unknown, weights: unknown] {
  if (Array.isArray(batch)) {
    if (batch.length <= 3 && batch.length >= (inputsOnly ? 1 : 2)) return [batch[0], batch[1], batch[2]];
  } else if (isPlainObject(batch) && !isShaped(batch) && "x" in batch) {
    const unknown = Object.keys(batch).find((key) => !["x", "y", "sampleWeight"].includes(key));
    if (unknown === undefined && (inputsOnly || "y" in batch)) return [batch.x, batch.y, batch.sampleWeight];
  }
  if (inputsOnly && !Array.isArray(batch)) return [batch, undefined, undefined];
  const found = Array.isArray(batch)
    ? `an array of ${batch.length}`
    : isPlainObject(batch)
      ? `an object with ${Object.keys(batch).join(", ")}`
      : batch instanceof NdArray
        ? "one array"
        : kindOf(batch);
  const wanted = inputsOnly ? "x or [x]" : "[x, y], [x, y, sampleWeight] or { x, y }";
  throw new DataError(`${what}: elements of a data set must be ${wanted}, got ${found}`);
}
