// Guard: what a run of `fit` keeps on the host, so that a lost device costs it the time to repeat some steps and no more.

import { type Device, DeviceLostError, type HostArray, type Tensor, Variable } from "../../engine/index.ts";
import { aboveZero, atLeastOne, atLeastZero, checkOptions, variablesOf } from "../../engine/internal.ts";
import type { Sums } from "../objective/sums.ts";
import type { BatchWalk } from "./batches.ts";

export interface GuardOptions {
  /**
   * How often all variables of the device are copied to the host, so that training goes on when the device is lost: after so
   * many seconds, or `{ seconds, steps }`, whichever comes first; false for never. Default: after 100 times what the last
   * copy took, and 10 seconds at least.
   */
  snapshotEvery?: number | false | { seconds?: number; steps?: number };
  /** Bytes that these copies may take, with those of tensors that `fit` was given as data; default 1 GiB. */
  snapshotBudget?: number;
}

/** How far a run is. */
export interface Place {
  readonly epoch: number;
  readonly steps: number;
  readonly samples: number;
  /** Whether the epoch has begun on the device: its sums are reset. */
  readonly isBegun: boolean;
}

/** The run that is guarded. */
export interface Guarded {
  readonly what: string;
  readonly device: Device;
  /** The data that lie on the device. */
  readonly data: readonly { readonly name: string; readonly tensor: Tensor }[];
  readonly sums: readonly Sums[];
  /** What the walk's orders of samples come from, one an epoch; undefined where it has none. */
  readonly shuffleState: Variable | undefined;
  readonly walk: BatchWalk;
  readonly validationWalk: BatchWalk | undefined;
  readonly place: Place;
  /**
   * Has those that write files of the run note what they would write of it as it is now. Each gives what writes it, in case
   * that no device comes back, and says where.
   */
  keep(): Promise<(() => Promise<string>)[]>;
  /** Takes the steps between two places once more; after the first two, a call goes on where the one before ended. */
  repeat(from: Place, to: Place, isFirst: boolean): Promise<void>;
}

interface Kept {
  readonly changes: number;
  readonly values: HostArray;
}

interface Snapshot {
  readonly place: Place;
  readonly variables: ReadonlyMap<Variable, Kept>;
  /** Of the walk. */
  readonly upcoming: BatchWalk["upcoming"];
  readonly taken: readonly (readonly [Sums, Awaited<Sums["taken"]>])[];
  /** Write the run as it was. */
  readonly writes: readonly (() => Promise<string>)[];
}

/** What callbacks changed at a place. */
interface Change {
  readonly place: Place;
  readonly values: readonly (readonly [Variable, ArrayLike<number>])[];
}

const defaultBudget = 2 ** 30;
const leastMs = 10_000;
/** Bytes of what callbacks change that are kept beside a snapshot, at each place. */
const mostChanged = 65_536;
/** How many times in a row a device may be lost before another step is taken. */
const mostTries = 3;

/** How many runs are under way on a device: each would take back what the others did. */
const running = new WeakMap<Device, number>();

export class Guard {
  readonly #run: Guarded;
  readonly #seconds: number | undefined;
  readonly #steps: number;
  #budget: number;
  #snapshot: Snapshot | undefined;
  #changes: Change[] = [];
  /** Whether the run is counted in {@link running}: a callback may end it before it begins. */
  #isCounted = false;
  /** The copying under way. */
  #reading: Promise<void> | undefined;
  #nextAt = 0;
  /** Steps since the last snapshot, and where they were counted last. */
  #count = 0;
  #last: readonly [epoch: number, steps: number] = [0, 0];
  /** Why there is no snapshot. */
  #reason = "it was lost before a first snapshot was read";
  #lostAt: Place | undefined;
  #tries = 0;
  #read: Tensor[] = [];

  constructor(run: Guarded, { snapshotEvery, snapshotBudget }: GuardOptions) {
    this.#run = run;
    this.#budget = snapshotBudget ?? defaultBudget;
    const every = typeof snapshotEvery === "object" ? snapshotEvery : { seconds: snapshotEvery || undefined };
    this.#seconds = every.seconds;
    this.#steps = every.steps ?? Number.POSITIVE_INFINITY;
  }

  /** Takes the first snapshot, before anything is lost. Tensors that were given as data are read as well: they come back with the device. */
  async begin(): Promise<void> {
    const { device, data } = this.#run;
    running.set(device, (running.get(device) ?? 0) + 1);
    this.#isCounted = true;
    // What shows a Variable, or what the host has anyway, comes back by itself.
    const only = data
      .map(({ name, tensor }) => ({ name, tensor: tensor.viewed ?? tensor }))
      .filter(
        ({ tensor }, i, all) =>
          tensor.hostValues === undefined &&
          !tensor.isDisposed &&
          !(tensor instanceof Variable) &&
          all.findIndex((other) => other.tensor === tensor) === i,
      );
    const bytes = only.reduce((sum, { tensor }) => sum + bytesOf(tensor), 0);
    if (bytes > this.#budget) {
      const names = only.map(({ name }) => name).join(", ");
      this.#reason = `${names}, given as tensors, take ${bytes} bytes, more than snapshotBudget (${this.#budget}); pass typed arrays, or raise it`;
      this.#budget = -1;
      return;
    }
    this.#budget -= bytes;
    const reads = only.map(async ({ tensor }) => {
      tensor.hostValues = await valuesOf(tensor);
      this.#read.push(tensor);
    });
    this.#capture();
    await Promise.all([...reads, this.#reading]);
  }

  /** The run is over: what is being read is waited for, so that nothing is read behind the caller's back. */
  async end(): Promise<void> {
    const { device } = this.#run;
    if (this.#isCounted) running.set(device, (running.get(device) as number) - 1);
    for (const tensor of this.#read) tensor.hostValues = undefined;
    await this.#reading;
  }

  /** To be told after each submit and each epoch: where a snapshot is due, it is as of now. */
  boundary(): void {
    const { epoch, steps } = this.#run.place;
    const [lastEpoch, lastSteps] = this.#last;
    this.#count += epoch === lastEpoch ? steps - lastSteps : steps;
    this.#last = [epoch, steps];
    if (this.#count >= this.#steps || performance.now() >= this.#nextAt) this.#capture();
  }

  /** Runs callbacks, and notes what they change on the device. */
  async watch<T>(tell: () => Promise<T>): Promise<T> {
    const { device, place } = this.#run;
    const before = new Map(keptOf(device).map((variable) => [variable, variable.changes]));
    const told = await tell();
    const changed = keptOf(device).filter((variable) => before.get(variable) !== variable.changes);
    if (changed.length === 0) return told;
    try {
      const values = changed.map(
        async (variable) => [variable, variable.hostValues ?? (await valuesOf(variable))] as const,
      );
      const found = await Promise.all(values);
      this.#changes.push({ place, values: found });
      // Rather than so much, all is copied.
      if (found.reduce((sum, [variable]) => sum + bytesOf(variable), 0) > mostChanged) this.#nextAt = 0;
    } catch (error) {
      this.#drop("callbacks changed variables, and it was lost before those were read");
      throw error;
    }
    return told;
  }

  /**
   * Opens the device again after an error that a loss was the reason of, and brings the run back to its place.
   *
   * @throws the error, if there was no loss; what says why the run can't go on
   */
  async recover(error: unknown): Promise<void> {
    const run = this.#run;
    const { device, what, place } = run;
    for (let cause = error; ; ) {
      if (!(cause instanceof DeviceLostError) && device.lostReason === undefined) throw cause;
      const { lostReason } = device;
      await this.#reading;
      const { epoch, steps } = place;
      this.#tries = this.#lostAt?.epoch === epoch && this.#lostAt.steps === steps ? this.#tries + 1 : 1;
      this.#lostAt = place;
      const at = `epoch ${epoch + 1}, step ${steps}`;
      if (this.#tries > mostTries) this.#drop(`it was lost ${mostTries} times in a row here`);
      if (running.get(device) !== 1)
        this.#drop("several runs share it, and would take each other's steps back");
      if (this.#snapshot === undefined) {
        throw new DeviceLostError(
          `${what}: the device was lost (${lostReason}) in ${at}, and training can't go on: ${this.#reason}`,
          { cause },
        );
      }
      const from = this.#snapshot.place;
      console.warn(
        `gradgpu: ${what}: the device was lost (${lostReason}) in ${at}; it is opened again, and the steps since the last snapshot (epoch ${from.epoch + 1}, step ${from.steps}) are repeated`,
      );
      try {
        await device.recover();
      } catch (gone) {
        throw await this.#givenUp(this.#snapshot, gone);
      }
      try {
        await this.#restore(this.#snapshot);
        return;
      } catch (again) {
        cause = again;
      }
    }
  }

  async #restore({ place, upcoming, variables, taken }: Snapshot): Promise<void> {
    const { shuffleState, walk, validationWalk } = this.#run;
    let state: HostArray | undefined;
    for (const [variable, { values }] of variables) {
      if (variable.isDisposed) continue;
      let given = values;
      if (variable === shuffleState) {
        given = values.slice();
        // The walk goes on to the epoch's order as it begins.
        if (place.isBegun) given[2]--;
        state = given;
      }
      variable.set(given);
    }
    walk.rewind?.(upcoming, state);
    validationWalk?.rewind?.(undefined, state);
    for (const [sums, found] of taken) sums.taken = Promise.resolve(found);
    let from = place;
    for (const change of [...this.#changes, { place: this.#run.place, values: [] }]) {
      await this.#run.repeat(from, change.place, from === place);
      from = change.place;
      for (const [variable, values] of change.values) if (!variable.isDisposed) variable.set(values);
    }
  }

  /** No device comes back: what the snapshot has goes to files, and stays with the variables. Gives the error that says so. */
  async #givenUp({ place, variables, writes }: Snapshot, cause: unknown): Promise<Error> {
    const { what, device } = this.#run;
    for (const [variable, { values }] of variables) variable.hostValues = values;
    for (const variable of variablesOf(device)) {
      const { partOf, size } = variable;
      const kept = partOf && variables.get(partOf.parent);
      if (kept !== undefined) {
        const start = (partOf as NonNullable<typeof partOf>).byteOffset / 4;
        variable.hostValues = kept.values.subarray(start, start + size);
      }
    }
    const told: string[] = [];
    for (const write of writes) told.push(await write().catch((error: Error) => error.message));
    const files = told.length > 0 ? `${told.join("; ")}. ` : "";
    return new DeviceLostError(
      `${what}: no device came back, and training ends. ${files}The model has the values of epoch ${place.epoch + 1}, step ${place.steps}, on the host: they can be read and saved (saveModel). ${(cause as Error).message}`,
      { cause },
    );
  }

  #drop(reason: string): void {
    this.#reason = reason;
    this.#snapshot = undefined;
  }

  #capture(): void {
    const { device, place, sums, walk } = this.#run;
    if (this.#reading !== undefined || running.get(device) !== 1) return;
    const variables = keptOf(device);
    const bytes = variables.reduce((sum, variable) => sum + bytesOf(variable), 0);
    if (bytes > this.#budget) {
      if (this.#budget >= 0)
        this.#drop(`its variables take ${bytes} bytes, more than snapshotBudget has left (${this.#budget})`);
      this.#nextAt = Number.POSITIVE_INFINITY;
      return;
    }
    const started = performance.now();
    const changes = this.#changes.length;
    const before = this.#snapshot?.variables;
    const values = variables.map(async (variable) => {
      const kept = before?.get(variable);
      const { changes } = variable;
      const isSame = kept?.changes === changes;
      return [variable, isSame ? kept : { changes, values: await valuesOf(variable) }] as const;
    });
    const { upcoming } = walk;
    this.#count = 0;
    this.#reading = Promise.all([
      Promise.all(values),
      Promise.all(sums.map(async (one) => [one, await one.taken] as const)),
      this.#run.keep(),
    ])
      .then(([values, taken, writes]) => {
        this.#snapshot = { place, upcoming, variables: new Map(values), taken, writes };
        this.#changes.splice(0, changes);
        const ms = performance.now() - started;
        this.#nextAt =
          started + (this.#seconds === undefined ? Math.max(leastMs, 100 * ms) : this.#seconds * 1000);
      })
      // Whoever waits for the device is told.
      .catch(() => {})
      .finally(() => {
        this.#reading = undefined;
      });
  }
}

/** The variables that have a value of their own: not parts of others, nor what a walk fills as it goes, nor what was lost. */
const keptOf = (device: Device): Variable[] =>
  variablesOf(device).filter(
    ({ partOf, isFleeting, isLost }) => partOf === undefined && !isFleeting && !isLost,
  );

const valuesOf = ({ device, memory, dtype, size }: Tensor): Promise<HostArray> =>
  device.backend.read(memory, dtype, size);

const bytesOf = ({ size, dtype }: Tensor): number => size * (dtype === "u8" || dtype === "bool" ? 1 : 4);

export function checkGuardOptions(what: string, { snapshotEvery, snapshotBudget }: GuardOptions): void {
  if (snapshotBudget !== undefined) atLeastZero(what, "snapshotBudget", snapshotBudget);
  if (snapshotEvery === undefined || snapshotEvery === false) return;
  if (typeof snapshotEvery !== "object") aboveZero(what, "snapshotEvery", snapshotEvery);
  else {
    checkOptions(`${what}, snapshotEvery`, snapshotEvery, { seconds: true, steps: true });
    if (snapshotEvery.seconds !== undefined) aboveZero(what, "snapshotEvery.seconds", snapshotEvery.seconds);
    if (snapshotEvery.steps !== undefined) atLeastOne(what, "snapshotEvery.steps", snapshotEvery.steps);
  }
}
