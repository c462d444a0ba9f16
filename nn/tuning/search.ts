// search: trials of hyper-parameters by grid, at random or by successive halving; reproducible, resumed from a file.

import { ArgumentError, type Device, device as defaultDevice } from "../../engine/index.ts";
import {
  atLeastOne,
  checkFunction,
  checkOptions,
  choiceOf,
  isPlainObject,
  kindOf,
  type OptionNames,
  variablesOf,
  wholeNumber,
} from "../../engine/internal.ts";
import { EventWriter } from "../logs/event-writer.ts";
import type { HyperParameter } from "../logs/events.ts";
import type { LogTarget } from "../logs/log-files.ts";
import type { Place } from "../state/place.ts";
import { type Run, SearchRecord } from "./record.ts";
import { SearchResult, shown, type TrialResult } from "./result.ts";
import { type AnyValues, axesOf, drawn, gridOf, type Space, seedOf, type Values } from "./space.ts";

/** The run of a trial, as its function sees it. */
export interface Trial {
  /** From 0, in the order in which trials were planned. */
  readonly number: number;
  /** "trial_007": for files and logs of its own. */
  readonly name: string;
  /** Of its own, whatever runs beside it: for `setSeed`. */
  readonly seed: number;
  /** How much it may use, epochs say; undefined but with halving. */
  readonly budget: number | undefined;
  /** How often its budget was raised. */
  readonly rung: number;
  /** The search's. */
  readonly signal: AbortSignal | undefined;
  /** Has a thing freed when this run ends, however it does; gives it back. */
  use<T extends { dispose(): void }>(thing: T): T;
}

export interface SearchOptions<S extends Space = Space> {
  /**
   * What there is to choose: arrays and `{ choice }`, `{ integer: [low, high] }`, `{ uniform }` and `{ logUniform }`, each with
   * `when: { other: value }` where it counts beside some values of others alone. Plain values are the same in every trial.
   */
  space: S;
  /** Trains with some values, and gives what is aimed at: a number, or several by name. */
  run: (
    values: Values<S>,
    trial: Trial,
  ) => number | Record<string, number> | Promise<number | Record<string, number>>;
  /** "random" (the default), "grid" for every combination, or "halving": many at small budgets, the best of them at larger ones. */
  method?: "grid" | "random" | "halving";
  /** Decides all that is drawn; default 0. */
  seed?: number;
  /** How many; default 20, and of a grid all. */
  trials?: number;
  /** Of halving: the first and the last budget; default 1 and 9. */
  budget?: readonly [first: number, last: number];
  /** Of halving: by how much budgets grow, and one of how many trials goes on; default 3. */
  factor?: number;
  /** Which of the numbers is aimed at, where `run` gives several; default "loss". */
  objective?: string;
  /** "minimize" (the default) or "maximize". */
  direction?: "minimize" | "maximize";
  /**
   * Runs at the same time; default 1. More make sense where each trains somewhere else, as in a worker (`inWorker`). The trials and
   * their values are the same for any number.
   */
  workers?: number;
  /** Where what is done is kept: a search that finds it goes on from there. */
  file?: Place;
  /** A folder for the trials' logs: hyper-parameters and scores, for TensorBoard and `npx gradgpu log`. */
  logDir?: LogTarget;
  /** Ends the search: runs that are under way are waited for, and it rejects with the signal's reason. */
  signal?: AbortSignal;
  /** 1 (the default) for a line a run, 0 for none. */
  verbose?: 0 | 1;
  /** Takes the lines; default: the console. */
  print?: (line: string) => void;
}

const searchOptions: OptionNames<SearchOptions> = {
  space: true,
  run: true,
  method: true,
  seed: true,
  trials: true,
  budget: true,
  factor: true,
  objective: true,
  direction: true,
  workers: true,
  file: true,
  logDir: true,
  signal: true,
  verbose: true,
  print: true,
};

/**
 * Looks for good hyper-parameters. Each trial gets values from the space and gives a score; one that throws is put down as failed,
 * and the search goes on. Values depend on the seed and the trial's number alone. Variables that a run makes (weights,
 * optimizers) are freed when it ends, where one runs at a time: what all share is made before.
 *
 *     const found = await search({
 *       space: { learningRate: { logUniform: [1e-4, 1e-1] }, units: { integer: [8, 64] }, optimizer: ["adam", "sgd"] },
 *       trials: 20, seed: 1, file: "search.json",
 *       run: async ({ units, learningRate }, { seed }) => {
 *         setSeed(seed);
 *         const { history } = await makeModel(units, learningRate).fit(x, y, { epochs: 5, validationSplit: 0.2, verbose: 0 });
 *         return history.valLoss.at(-1);
 *       },
 *     });
 *     console.log(String(found));
 *     console.log(found.best?.values);
 *
 * @throws ArgumentError for a space or options that are wrong, and for a file of another search; DataError for one that is damaged
 */
export async function search<const S extends Space>(
  options: SearchOptions<S>,
): Promise<SearchResult<Values<S>>> {
  checkOptions("search", options, searchOptions);
  const { space, run, seed = 0, workers = 1, file, signal, objective = "loss" } = options;
  checkFunction("search: run", run, "trains and gives a score", "it is called with each trial's values");
  const method = choiceOf("method", options.method ?? "random", ["grid", "random", "halving"]);
  const direction = choiceOf("direction", options.direction ?? "minimize", ["minimize", "maximize"]);
  wholeNumber("search", "seed", seed);
  atLeastOne("search", "workers", workers);
  if (typeof objective !== "string")
    throw new ArgumentError(`search: objective must be a name, got ${kindOf(objective)}`);
  const axes = axesOf(space);
  const trials = options.trials === undefined ? undefined : atLeastOne("search", "trials", options.trials);
  const planned: AnyValues[] =
    method === "grid"
      ? gridOf(axes).slice(0, trials)
      : Array.from({ length: trials ?? 20 }, (_, i) => drawn(axes, seed, i));
  const budgets = method === "halving" ? budgetsOf(options) : undefined;
  signal?.throwIfAborted();
  const record = new SearchRecord(file, {
    space,
    method,
    seed,
    trials: planned.length,
    budgets,
    objective,
    direction,
  });
  await record.open();
  try {
    const searching = new Searching(planned, record, options as unknown as SearchOptions, budgets);
    await searching.run();
    return searching.result() as SearchResult<Values<S>>;
  } finally {
    await record.close();
  }
}

/** From the first to the last, each `factor` times the one before. */
function budgetsOf({ budget = [1, 9], factor = 3 }: Pick<SearchOptions, "budget" | "factor">): number[] {
  const [first, last]: readonly number[] = Array.isArray(budget) ? budget : [Number.NaN, Number.NaN];
  if (!(first > 0 && last >= first && Number.isFinite(last)))
    throw new ArgumentError(
      `search: budget must be [first, last], from above 0 to as much or more, got ${kindOf(budget)}`,
    );
  if (!(factor > 1)) throw new ArgumentError(`search: factor must be above 1, got ${kindOf(factor)}`);
  const all = [first];
  while (all[all.length - 1] * factor < last * (1 - 1e-9)) all.push(all[all.length - 1] * factor);
  const rounded = all.map((one) => (Number.isInteger(first) ? Math.round(one) : one));
  return last > first ? [...rounded, last] : rounded;
}

class Searching {
  readonly #planned: readonly AnyValues[];
  readonly #record: SearchRecord;
  readonly #options: SearchOptions;
  readonly #budgets: readonly number[] | undefined;
  readonly #sign: number;
  readonly #objective: string;
  #best: number | undefined;

  constructor(
    planned: readonly AnyValues[],
    record: SearchRecord,
    options: SearchOptions,
    budgets: readonly number[] | undefined,
  ) {
    this.#planned = planned;
    this.#record = record;
    this.#options = options;
    this.#budgets = budgets;
    this.#sign = options.direction === "maximize" ? -1 : 1;
    this.#objective = options.objective ?? "loss";
  }

  async run(): Promise<void> {
    let running = this.#planned.map((_, number) => number);
    const { factor = 3 } = this.#options;
    for (let rung = 0; rung < (this.#budgets?.length ?? 1); rung++) {
      if (rung > 0) running = this.#promoted(running, rung - 1, Math.ceil(running.length / factor));
      await this.#runAll(running, rung);
    }
  }

  /** The best of a rung, by number where they are equal; those that failed are out. */
  #promoted(running: readonly number[], rung: number, most: number): number[] {
    const scoreOf = (trial: number) => this.#record.find(trial, rung)?.score;
    return running
      .filter((trial) => scoreOf(trial) !== undefined)
      .sort((a, b) => this.#sign * ((scoreOf(a) as number) - (scoreOf(b) as number)) || a - b)
      .slice(0, most)
      .sort((a, b) => a - b);
  }

  /** Several at a time, each taking the next; the first error that is none of a trial ends it. */
  async #runAll(running: readonly number[], rung: number): Promise<void> {
    const { workers = 1, signal } = this.#options;
    const waiting = running.filter((trial) => this.#record.find(trial, rung) === undefined);
    let isOver = false;
    const work = async () => {
      for (let trial = waiting.shift(); trial !== undefined && !isOver; trial = waiting.shift()) {
        signal?.throwIfAborted();
        await this.#runOne(trial, rung);
      }
    };
    const all = Array.from({ length: workers }, () =>
      work().catch((error) => {
        isOver = true;
        throw error;
      }),
    );
    const failed = (await Promise.allSettled(all)).find(({ status }) => status === "rejected");
    if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
    signal?.throwIfAborted();
  }

  async #runOne(number: number, rung: number): Promise<void> {
    const { signal, workers = 1 } = this.#options;
    const used: { dispose(): void }[] = [];
    const trial: Trial = {
      number,
      name: `trial_${String(number).padStart(3, "0")}`,
      seed: seedOf(this.#options.seed ?? 0, number),
      budget: this.#budgets?.[rung],
      rung,
      signal,
      use: (thing) => {
        used.push(thing);
        return thing;
      },
    };
    const device = workers === 1 ? openDevice() : undefined;
    const before = new Set(device && variablesOf(device));
    const begun = performance.now();
    let found: Pick<Run, "score" | "metrics" | "error">;
    try {
      found = this.#looked(await this.#options.run(this.#planned[number] as never, trial));
    } catch (error) {
      // What was aborted is no failure of its values.
      if (signal?.aborted) throw signal.reason;
      found = { metrics: {}, error: error instanceof Error ? error.message : String(error) };
    } finally {
      for (const thing of used.reverse()) thing.dispose();
      if (device !== undefined) freeNew(device, before);
    }
    const run: Run = { trial: number, rung, ...found, seconds: (performance.now() - begun) / 1000 };
    await this.#record.add(run);
    await this.#log(trial, run);
    this.#tell(run);
  }

  #looked(given: unknown): Pick<Run, "score" | "metrics" | "error"> {
    const metrics = typeof given === "number" ? { [this.#objective]: given } : given;
    if (!isPlainObject(metrics))
      return { metrics: {}, error: `run must give a number, or numbers by name, got ${kindOf(given)}` };
    const numbers = Object.entries(metrics).filter(
      ([, value]) => typeof value === "number" && Number.isFinite(value),
    );
    const kept = Object.fromEntries(numbers) as Record<string, number>;
    const score = (metrics as Record<string, unknown>)[this.#objective];
    if (kept[this.#objective] !== undefined) return { score: kept[this.#objective], metrics: kept };
    const error =
      typeof score === "number"
        ? `${this.#objective} is ${score}`
        : `run gave ${Object.keys(metrics).join(", ") || "nothing"}, and no ${this.#objective}; say which of them is the objective`;
    return { metrics: kept, error };
  }

  async #log({ name }: Trial, { trial, rung, metrics, error }: Run): Promise<void> {
    const { logDir } = this.#options;
    if (logDir === undefined) return;
    const writer = new EventWriter(logDir, { folder: name });
    const tag = (metric: string) => `search/${metric}`;
    const values = { ...this.#planned[trial], ...(this.#budgets ? { budget: this.#budgets[rung] } : {}) };
    void writer.hparams(values as Record<string, HyperParameter>, {
      metrics: [tag(this.#objective)],
      trialId: name,
    });
    for (const [metric, value] of Object.entries(metrics)) void writer.scalar(tag(metric), value, rung);
    if (error !== undefined) void writer.text("search/error", error, rung);
    else void writer.hparamsEnd();
    await writer.close();
  }

  #tell({ trial, rung, score, error }: Run): void {
    const { verbose = 1, print = console.log } = this.#options;
    if (score !== undefined && (this.#best === undefined || this.#sign * (score - this.#best) < 0))
      this.#best = score;
    if (verbose === 0) return;
    const budget = this.#budgets ? ` with budget ${shown(this.#budgets[rung])}` : "";
    const values = Object.entries(this.#planned[trial]).map(([name, value]) => `${name} ${shown(value)}`);
    const best = this.#best === undefined ? "" : `, the best so far ${shown(this.#best)}`;
    const outcome = score === undefined ? `failed: ${error}` : `${this.#objective} ${shown(score)}${best}`;
    print(`trial ${trial}${budget}: ${outcome} (${values.join(", ")})`);
  }

  result(): SearchResult {
    const trials = this.#planned.map((values, number): TrialResult => {
      const runs = this.#record.runs.filter(({ trial }) => trial === number).sort((a, b) => a.rung - b.rung);
      const last = runs[runs.length - 1];
      return {
        number,
        values,
        score: last.score,
        metrics: last.metrics,
        budget: this.#budgets?.[last.rung],
        rung: last.rung,
        seconds: runs.reduce((sum, { seconds }) => sum + seconds, 0),
        error: last.error,
      };
    });
    return new SearchResult(trials, this.#objective, this.#sign < 0);
  }
}

/** The default device; undefined where none is open, as for runs that train elsewhere. */
function openDevice(): Device | undefined {
  try {
    return defaultDevice();
  } catch {
    return undefined;
  }
}

/** Frees the variables that were not there before. */
function freeNew(device: Device, before: ReadonlySet<object>): void {
  if (!device.isUsable) return;
  for (const made of variablesOf(device)) if (!before.has(made)) made.dispose();
}
