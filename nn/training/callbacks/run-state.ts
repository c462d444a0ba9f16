// A run of fit at a boundary as tensors and notes, and the way back: all that an exact resume needs.

import type { DatasetPosition } from "../../../data/dataset/index.ts";
import { DataError, type Device, type Variable } from "../../../engine/index.ts";
import { printable } from "../../../engine/internal.ts";
import { compileConfig } from "../../state/compile-config.ts";
import { objectNote, partsOf, type StateFile } from "../../state/files.ts";
import {
  type KeptModel,
  match,
  type OptimizerNotes,
  restorerOf,
  setterOf,
  shuffleName,
  stateOf,
} from "../../state/model-state.ts";
import type { FileParts, HostTensor } from "../../state/safetensors.ts";
import { differences, packed, unpacked } from "../../state/tree-notes.ts";
import type { TrainedModel } from "../model.ts";
import type { Callback, CallbackState, FitContext } from "./callback.ts";

/** What is said of the data, so that a run does not go on with other data. */
export type DataNotes = Readonly<Record<string, unknown>>;

interface RunNotes {
  readonly epoch: number;
  readonly steps: number;
  readonly samples: number;
  readonly isStopped: boolean;
  readonly adapter: string;
  readonly data: DataNotes;
  /** Of data sets. */
  readonly position: unknown;
  readonly variants: Readonly<Record<string, string>>;
  readonly valuesPerSample: unknown;
  readonly history: unknown;
  /** Of those callbacks that remember something. */
  readonly callbacks: readonly unknown[];
}

/** The sums of a run, by their names in files; those on the device and those that the host took over. */
function sumsOf(trainer: FitContext["trainer"]) {
  const all = [
    ...trainer.objectives.map(({ sums }, i) => [`fit/sums/${i}`, sums] as const),
    ["fit/sums/added", trainer.added] as const,
  ];
  const onDevice: [string, Variable][] = all.flatMap(([name, { totals }]) =>
    [...totals].map(([sum, total]): [string, Variable] => [`${name}/total/${sum}`, total]),
  );
  trainer.objectives.forEach(({ firsts, begun }, i) => {
    for (const [name, first] of firsts) onDevice.push([`fit/first/${i}/${name}`, first]);
    if (begun !== undefined) onDevice.push([`fit/begun/${i}`, begun]);
  });
  return { all, onDevice };
}

const adapterOf = ({ info: { adapter, driver } }: Device): string => {
  return `${adapter}${driver === "" || driver === undefined ? "" : `, ${driver}`}`;
};

const remembering = ({ callbacks }: FitContext): readonly Callback[] =>
  callbacks.filter(({ state, restore }) => state !== undefined && restore !== undefined);

/** What the callbacks that remember something remember now. */
export const callbackStates = (context: FitContext): Promise<CallbackState[]> =>
  Promise.all(remembering(context).map(async (callback) => (await callback.state?.()) ?? null));

/** What the host knows of a run as of now, all that changes with the next step; the rest is on the device. */
export function noteRun(model: TrainedModel, { trainer, walk, epoch, steps, samples, history }: FitContext) {
  const { all, onDevice } = sumsOf(trainer);
  const isAmid = steps > 0;
  return {
    notes: {
      epoch,
      steps,
      samples,
      isStopped: model.stopTraining,
      adapter: adapterOf(model.device),
      position: walk.position,
      variants: { ...model.device.variants?.used },
    },
    values: trainer.objectives.map(({ valuesPerSample }) => valuesPerSample),
    history: history.state(),
    onDevice: isAmid ? onDevice : [],
    taken: isAmid ? all.map(([name, { taken }]) => [name, taken] as const) : [],
    learningRate: rateOf(model),
  };
}

/** Callbacks change it, on the host. */
const rateOf = ({ optimizer }: TrainedModel): number | undefined =>
  optimizer?.schedule === undefined ? optimizer?.learningRate : undefined;

/**
 * A run as a file. What of it is on the device is asked for before anything is awaited, and does not change any more.
 *
 * @param what how errors begin
 */
export async function runParts(
  what: string,
  model: TrainedModel,
  run: ReturnType<typeof noteRun>,
  data: DataNotes,
  states: readonly CallbackState[],
): Promise<FileParts> {
  const kept = new Map<string, HostTensor>();
  const pack = (name: string, tree: unknown) => packed(what, name, tree, kept);
  const notes: RunNotes = {
    ...run.notes,
    data,
    valuesPerSample: pack("fit/values", run.values),
    history: pack("fit/history", run.history),
    callbacks: states.map((state, i) => pack(`fit/callbacks/${i}`, state)),
  };
  const modelNotes = structureOf(model);
  const sums = run.onDevice.map(async ([name, variable]) => {
    const { dtype, shape } = variable;
    return [name, { dtype, shape, values: await variable.data() }] as const;
  });
  const { tensors, optimizer } = await stateOf(model);
  for (const [name, tensor] of await Promise.all(sums)) tensors.set(name, tensor);
  for (const [name, taken] of run.taken) {
    for (const [sum, values] of await taken) {
      tensors.set(`${name}/taken/${sum}`, { dtype: "f64", shape: [values.length], values });
    }
  }
  for (const [name, tensor] of kept) tensors.set(name, tensor);
  const { learningRate } = run;
  const noted = optimizer && { ...optimizer, ...(learningRate === undefined ? {} : { learningRate }) };
  return partsOf("run", tensors, { ...modelNotes, optimizer: noted, run: notes });
}

/** Structure and compile options, as far as a file can hold them: what it can't is not compared either. */
function structureOf(model: KeptModel): { model?: unknown; compile?: unknown } {
  const tried = <T>(make: () => T): T | undefined => {
    try {
      return make();
    } catch {
      return undefined;
    }
  };
  const { compileOptions } = model;
  return {
    model: tried(() => ({ type: model.type, config: model.config() })),
    compile: compileOptions && tried(() => compileConfig("", compileOptions)),
  };
}

/** Without the rate: callbacks change it, and the file's is taken. */
const withoutRate = (compile: unknown): unknown =>
  JSON.parse(JSON.stringify(compile ?? null), (key, value) =>
    ["learningRate", "lr"].includes(key) && typeof value === "number" ? undefined : value,
  );

const plain = (value: unknown): unknown =>
  value === undefined ? undefined : JSON.parse(JSON.stringify(value));

/** A run of a file that fits. */
export interface FoundRun {
  /** Has the data go on where they were. @throws DataError where they are others */
  openData(): Promise<void>;
  /** Takes over all else. */
  takeOver(): Promise<void>;
}

/**
 * Looks at all of a file. Nothing has changed where this or `openData` throws.
 *
 * @throws DataError for a file that is none of a run, or is of another model or other data: it says what differs
 */
export function runOf(
  file: StateFile,
  model: TrainedModel,
  context: FitContext,
  data: DataNotes,
  warn: (text: string) => void,
): FoundRun {
  const what = file.name;
  const notes = objectNote(file, "run") as unknown as RunNotes | undefined;
  if (file.kind !== "run" || notes === undefined) {
    const is =
      file.kind === undefined
        ? "is not of gradgpu's"
        : `holds ${file.kind === "weights" ? "weights" : "a model"}, not a run`;
    throw new DataError(
      `${what}: ${is}; resume what fit's own checkpoints wrote, or begin anew at another path`,
    );
  }
  const here = structureOf(model);
  const differing = [
    ...told("the model", file.note("model"), plain(here.model)),
    ...told("compile", withoutRate(file.note("compile")), withoutRate(here.compile)),
    ...told("the data", notes.data, plain(data)),
  ];
  if (differing.length > 0) {
    throw new DataError(
      `${what}: is a run of something else: ${differing.join("; ")}; make all as it was, or begin anew at another path`,
    );
  }
  const callbacks = remembering(context);
  const saved = Array.isArray(notes.callbacks) ? notes.callbacks : [];
  if (saved.length !== callbacks.length) {
    throw new DataError(
      `${what}: was written with ${saved.length} callbacks that remember something, and there are ${callbacks.length} now; give fit the same ones in the same order`,
    );
  }
  const { epoch, steps, samples, isStopped, adapter: writtenOn } = notes;
  const position = positionOf(what, notes.position);
  if (typeof writtenOn !== "string")
    throw new DataError(`${what}: it does not say on which adapter it was written`);
  for (const [name, value] of Object.entries({ epoch, steps, samples })) {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new DataError(`${what}: its ${name} is ${String(value)}`);
  }
  if (steps > context.walk.steps) {
    throw new DataError(
      `${what}: was written after ${steps} steps of an epoch, which has ${context.walk.steps} here`,
    );
  }
  const states = saved.map((state) => unpacked(what, state, file.tensors));
  const history = unpacked(what, notes.history, file.tensors) as ReturnType<FitContext["history"]["state"]>;
  const values = unpacked(what, notes.valuesPerSample, file.tensors) as (number | undefined)[][];
  const lists = [values, history?.epoch, history?.seconds, ...Object.values(history?.history ?? {})];
  if (!lists.every(Array.isArray) || typeof history.history !== "object")
    throw new DataError(`${what}: its history and sums are no lists`);
  const { trainer, walk } = context;
  const { shuffleState } = context.data;
  const { all, onDevice } = sumsOf(context.trainer);
  const matches = match(file.tensors, steps > 0 ? onDevice : []);
  if (matches.missing.length + matches.misshapen.length > 0) {
    throw new DataError(
      `${what}: was written with other metrics: ${[...matches.misshapen, ...matches.missing].slice(0, 3).join(", ")}; compile as it was`,
    );
  }
  const setSums = setterOf(what, matches);
  const restore = restorerOf(
    what,
    model,
    file,
    objectNote(file, "optimizer") as OptimizerNotes | undefined,
    () => model.shuffleState as Variable,
  );
  const shuffle = file.tensors.get(shuffleName)?.values as Uint32Array | undefined;

  return {
    async openData() {
      if (position !== undefined) await walk.resumeAt?.(position, steps, epoch);
    },
    async takeOver() {
      // What others take up comes first: who refuses it does so before anything has changed.
      for (const [i, callback] of callbacks.entries()) await callback.restore?.(states[i]);
      const adapter = adapterOf(model.device);
      if (writtenOn === adapter) model.device.variants?.keepUsed(notes.variants ?? {});
      else
        warn(
          `${what}: was written on ${printable(writtenOn)}, and goes on on ${adapter}: with other roundings, not bit for bit`,
        );
      restore();
      setSums();
      for (const [name, sums] of steps > 0 ? all : []) {
        const prefix = `${name}/taken/`;
        const taken = [...file.tensors].filter(([key]) => key.startsWith(prefix));
        sums.taken = Promise.resolve(
          new Map(
            taken.map(([key, { values }]) => [key.slice(prefix.length), (values as Float64Array).slice()]),
          ),
        );
      }
      // Behind an epoch's last step no other comes before the sums are read.
      trainer.hasAdded ||= [...file.tensors].some(
        ([name, { values }]) => name.startsWith("fit/sums/added/") && values.some((value) => value !== 0),
      );
      trainer.objectives.forEach((objective, i) => {
        objective.valuesPerSample = values[i] ?? [];
      });
      // The epoch's beginning draws its order anew, from the state before.
      if (shuffle !== undefined && shuffleState !== undefined) {
        const before = Uint32Array.from(shuffle);
        if (steps > 0) before[2]--;
        shuffleState.set(before);
        walk.reshuffle?.(before);
      }
      context.history.restore(history);
      context.moveTo(epoch, steps, samples);
      model.stopTraining = isStopped;
    },
  };
}

/** Where a data set stood. @throws DataError for what can be none */
function positionOf(what: string, position: unknown): DatasetPosition | undefined {
  if (position === undefined) return undefined;
  const { epoch, skip, checksum = "", data = "", orders = [] } = (position ?? {}) as Partial<DatasetPosition>;
  const isWhole = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  const isKey = (words: unknown) => Array.isArray(words) && words.length === 4 && words.every(isWhole);
  if (
    [epoch, skip].every(isWhole) &&
    [checksum, data].every((text) => typeof text === "string") &&
    Array.isArray(orders) &&
    orders.every(isKey)
  )
    return position as DatasetPosition;
  throw new DataError(
    `${what}: its place in the data set is none: ${printable(JSON.stringify(position).slice(0, 200))}`,
  );
}

function told(of: string, file: unknown, here: unknown): string[] {
  if (file === undefined || file === null || here === undefined || here === null) return [];
  return differences(file, here).map((text) => `${of}: ${text}`);
}
