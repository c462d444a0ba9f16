// Loop: walks the batches of an epoch with one jit program a batch size, several steps a submit, and keeps at most two
// submits under way.

import { type Device, jit, type Tensor, tidy, type WarmUpProgress } from "../../engine/index.ts";
import { stepsToTake } from "../objective/sums.ts";
import type { BatchWalk } from "./batches.ts";

/** Milliseconds that one submit should keep the device busy: long enough to hide its cost, short enough to react. */
const submitMs = 50;
/** At most so many where waiting is late: the machine may have been busy when that was measured. */
const mostSubmitMs = 250;
/** Milliseconds after which timers, input and drawing get their turn. */
const turnMs = 100;

export interface LoopOptions {
  /** Trace and replay the step (the default), or run each op as it comes. */
  readonly jit?: boolean;
  /**
   * Ends the call when it is aborted, at once if it is already: the call rejects with the signal's reason, as `fetch`
   * does, after the steps that were given to the device by then. Looked at after each submit and each compiled kernel.
   */
  readonly signal?: AbortSignal;
}

export interface EpochOptions {
  /** From 0; default 0. */
  readonly epoch?: number;
  /** Steps of the epoch that an earlier run took, and samples that it saw; default none. `isBegun`: the walk is there. */
  readonly from?: { readonly steps: number; readonly samples: number; readonly isBegun?: boolean };
  /** The epoch ends after so many steps. */
  readonly until?: number;
  /** Submits end at multiples of these numbers of steps, too. */
  readonly ends?: readonly number[];
  /** Those steps, counted from 0, which this number divides are submits of their own, for a body that looks into them. */
  readonly watchEvery?: number;
  /** Told before each submit how many steps were taken in this epoch. */
  readonly onSubmit?: (steps: number) => Promise<void>;
  /** Told after each submit: steps taken in this epoch and samples seen. What it promises is awaited. */
  readonly onProgress?: (steps: number, samples: number) => Promise<void> | undefined;
  readonly onCompile?: WarmUpProgress;
  /** Asked after each submit whether the epoch ends there. */
  readonly isStopped?: () => boolean;
}

interface Step {
  run(options: { steps: number }, key: number, isWatched: boolean): void;
  warmUp?(key: number, isWatched: boolean, onProgress: WarmUpProgress): Promise<unknown>;
  dispose(): void;
}

export class Loop {
  readonly #device: Device;
  readonly #batches: BatchWalk;
  readonly #step: Step;
  readonly #signal: AbortSignal | undefined;
  /** Kinds of batches whose kernels are compiled; below 0 those of steps that are looked into. */
  readonly #warm = new Set<number>();
  #stepsPerSubmit = 1;
  #submitMs = submitMs;
  /** When timers last had their turn: epochs may be shorter than {@link turnMs}. */
  #lastTurn = performance.now();
  /** From the start of the first step, its tracing and compiling included, until it is done; undefined before. */
  firstStepMs: number | undefined;
  /** Pipelines that the first step had compiled, those of a short last batch included. */
  compiledPipelines = 0;

  constructor(
    device: Device,
    batches: BatchWalk,
    body: (parts: Tensor[], isWatched: boolean) => void,
    options: LoopOptions = {},
  ) {
    this.#device = device;
    this.#batches = batches;
    this.#signal = options.signal;
    const step = (key: number, isWatched: boolean): void => tidy(() => body(batches.take(key), isWatched));
    this.#step =
      options.jit === false
        ? { run: ({ steps }, ...args) => repeat(steps, () => step(...args)), dispose() {} }
        : jit(step, { device });
  }

  /**
   * One epoch, before the first of which all kernels are compiled. Resolves when the device is done with it, with the
   * steps taken and samples seen: fewer than there are if it was stopped.
   *
   * @throws the signal's reason when that is aborted
   */
  async epoch({
    epoch,
    from,
    until = Infinity,
    ends: given = [],
    watchEvery,
    onSubmit,
    onProgress,
    onCompile,
    isStopped,
  }: EpochOptions = {}): Promise<{ steps: number; samples: number }> {
    this.#signal?.throwIfAborted();
    const batches = this.#batches;
    let { steps, samples } = from ?? { steps: 0, samples: 0 };
    const taken = steps;
    if (from?.isBegun !== true) {
      const begun = batches.begin(taken, epoch);
      if (begun !== undefined) await begun;
    }
    const ends = watchEvery === undefined ? given : [...given, watchEvery];
    const untilEnd = () => [until - steps, ...[stepsToTake, ...ends].map((every) => every - (steps % every))];
    let earlier = Promise.resolve();
    let lastDone = performance.now();
    while (steps < until) {
      const ready = batches.ready?.();
      if (ready !== undefined) await ready;
      if (!batches.hasNext) break;
      await onSubmit?.(steps);
      const started = performance.now();
      const isFirst = this.firstStepMs === undefined;
      const most = Math.min(this.#stepsPerSubmit, batches.fullBatchesLeft, ...untilEnd());
      const isWatched = watchEvery !== undefined && steps % watchEvery === 0;
      const count = isFirst || isWatched ? 1 : Math.max(1, most);
      const key = batches.advance(count);
      const pipelinesBefore = isFirst ? this.#device.counters().pipelines : 0;
      // The one that is looked into is another program.
      if (isWatched && !this.#warm.has(-key)) await this.#warmUp([-key], onCompile);
      if (!this.#warm.has(key)) await this.#warmUp(isFirst ? [key, ...batches.keys] : [key], onCompile);
      this.#step.run({ steps: count }, key, isWatched);
      // The first submit of an epoch has its beginning to do as well.
      const isSteady = !isFirst && !isWatched && steps > taken;
      steps += count;
      samples += (batches.rowsOf?.(key) ?? key) * count;
      // At most two submits are under way: wait for the one before.
      await earlier;
      earlier = this.#device.sync().then(() => {
        const now = performance.now();
        if (isSteady) this.#adapt((now - Math.max(started, lastDone)) / count);
        lastDone = now;
      });
      // Whoever awaits it gets the error; nobody may be there yet.
      earlier.catch(() => {});
      if (isFirst) {
        await earlier;
        this.firstStepMs = lastDone - started;
        // Firefox asks on a timer whether the device is done: a submit has to last longer than that is late.
        const idleAt = performance.now();
        await this.#device.sync();
        this.#submitMs = Math.min(mostSubmitMs, Math.max(submitMs, 2 * (performance.now() - idleAt)));
        this.compiledPipelines = this.#device.counters().pipelines - pipelinesBefore;
      }
      const told = onProgress?.(steps, samples);
      if (told !== undefined) await told;
      if (performance.now() - this.#lastTurn >= turnMs) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        this.#lastTurn = performance.now();
      }
      this.#signal?.throwIfAborted();
      if (isStopped?.()) break;
    }
    await (steps > taken ? earlier : this.#device.sync());
    return { steps, samples };
  }

  dispose(): void {
    this.#step.dispose();
  }

  /** Compiles for kinds of batches, so that nothing compiles in the middle of an epoch where they are known. */
  async #warmUp(keys: readonly number[], onCompile: WarmUpProgress | undefined): Promise<void> {
    let before = 0;
    for (const key of new Set(keys)) {
      this.#warm.add(key);
      let ofThis = 0;
      await this.#step.warmUp?.(Math.abs(key), key < 0, ({ done, total, kernel }) => {
        this.#signal?.throwIfAborted();
        ofThis = total;
        onCompile?.({ done: before + done, total: before + total, kernel });
      });
      before += ofThis;
    }
  }

  /** Aims at {@link submitMs} a submit, or at more where waiting is late, slowly, since one measurement says little. */
  #adapt(stepMs: number): void {
    const wanted = Math.max(1, Math.min(stepsToTake, Math.round(this.#submitMs / Math.max(stepMs, 0.01))));
    const limit = this.#stepsPerSubmit * 2;
    this.#stepsPerSubmit = Math.max(1, Math.min(wanted, limit));
  }
}

function repeat(times: number, fn: () => void): void {
  for (let i = 0; i < times; i++) fn();
}
