// EarlyStopping: ends training that has stopped getting better.

import { checkOptions, wholeNumber } from "../../../engine/internal.ts";
import type { Logs } from "../history.ts";
import type { TrainedModel } from "../model.ts";
import type { Callback, FitContext } from "./callback.ts";
import { baselineOf, Monitor, type MonitorOptions, monitorOptions } from "./monitor.ts";

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without improvement after which training ends; default 0, which ends it at the first, as 1 does. */
  patience?: number;
  /** The monitored number must become better than this, too: the patience runs on until it does. Default: none. */
  baseline?: number;
  /** Epochs before this one, counted from 0, are not looked at. Default 0. */
  startFromEpoch?: number;
  /**
   * Whether the model gets back, when training ends (but by an error that is no callback's), the weights of its best epoch;
   * default false: it keeps those of the last. They are read back to the host at each best epoch.
   */
  restoreBestWeights?: boolean;
}

/** What an interrupted run has to remember. */
interface State {
  readonly best: number | null;
  readonly waited: number;
  readonly bestEpoch: number | null;
  readonly stoppedEpoch: number | null;
  readonly bestWeights: readonly Float32Array[] | null;
}

/**
 * A callback that ends `fit` when the monitored number has not improved for `patience` epochs. `minDelta` is 0 by
 * default. Names, defaults and meaning are Keras's: the very first epoch never ends training. It begins anew with each `fit`.
 *
 *     await model.fit(x, y, { validationSplit: 0.2, epochs: 100, callbacks: new EarlyStopping({ patience: 5 }) });
 *
 * @throws ArgumentError for wrong options; from `fit`, after its first epoch, where the logs lack what is monitored
 */
export class EarlyStopping implements Callback {
  readonly patience: number;
  readonly baseline: number | undefined;
  readonly startFromEpoch: number;
  readonly restoreBestWeights: boolean;
  readonly #monitor: Monitor;
  #waited = 0;
  #bestEpoch: number | undefined;
  #stoppedEpoch: number | undefined;
  #bestWeights: readonly Float32Array[] | undefined;

  constructor(options: EarlyStoppingOptions = {}) {
    const who = "EarlyStopping";
    const own = { patience: true, baseline: true, startFromEpoch: true, restoreBestWeights: true } as const;
    checkOptions(who, options, { ...monitorOptions, ...own });
    this.#monitor = new Monitor(who, options);
    this.patience = wholeNumber(who, "patience", options.patience ?? 0);
    this.baseline = baselineOf(who, options.baseline);
    this.startFromEpoch = wholeNumber(who, "startFromEpoch", options.startFromEpoch ?? 0);
    this.restoreBestWeights = options.restoreBestWeights ?? false;
  }

  /** The monitored number at its best, in this `fit` or the last one. */
  get best(): number | undefined {
    return this.#monitor.best;
  }

  /** The epoch, from 0, in which it was that. */
  get bestEpoch(): number | undefined {
    return this.#bestEpoch;
  }

  /** The epoch, from 0, after which this callback ended training; undefined where it did not. */
  get stoppedEpoch(): number | undefined {
    return this.#stoppedEpoch;
  }

  onTrainBegin(): void {
    this.#monitor.best = undefined;
    this.#waited = 0;
    this.#bestEpoch = undefined;
    this.#stoppedEpoch = undefined;
    this.#bestWeights = undefined;
  }

  async onEpochEnd(epoch: number, logs: Logs, model: TrainedModel, context?: FitContext): Promise<void> {
    const value = this.#monitor.valueIn(logs, context);
    if (value === undefined || epoch < this.startFromEpoch) return;
    const isBest = this.#monitor.improves(value);
    if (this.restoreBestWeights && (isBest || this.#bestWeights === undefined)) {
      this.#bestWeights = (await model.getWeights()).map(({ values }) => values);
    }
    this.#waited++;
    if (isBest) {
      this.#bestEpoch = epoch;
      if (this.baseline === undefined || this.#monitor.isBetter(value, this.baseline)) this.#waited = 0;
      return;
    }
    if (this.#waited < this.patience || epoch === 0) return;
    this.#stoppedEpoch = epoch;
    model.stopTraining = true;
  }

  onTrainEnd(model: TrainedModel): void {
    if (this.#bestWeights !== undefined) model.setWeights(this.#bestWeights);
    this.#bestWeights = undefined;
  }

  state() {
    return {
      best: this.#monitor.best ?? null,
      waited: this.#waited,
      bestEpoch: this.#bestEpoch ?? null,
      stoppedEpoch: this.#stoppedEpoch ?? null,
      bestWeights: this.#bestWeights ?? null,
    } satisfies State;
  }

  restore({ best, waited, bestEpoch, stoppedEpoch, bestWeights }: State): void {
    this.#monitor.best = best ?? undefined;
    this.#waited = waited;
    this.#bestEpoch = bestEpoch ?? undefined;
    this.#stoppedEpoch = stoppedEpoch ?? undefined;
    this.#bestWeights = bestWeights ?? undefined;
  }
}
