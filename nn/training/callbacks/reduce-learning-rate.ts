// ReduceLROnPlateau: smaller steps for training that has stopped getting better.

import { ArgumentError } from "../../../engine/index.ts";
import { atLeastZero, checkOptions, showGiven, wholeNumber } from "../../../engine/internal.ts";
import type { Logs } from "../history.ts";
import type { TrainedModel } from "../model.ts";
import type { Callback, FitContext } from "./callback.ts";
import { checkRateIsNumber, noteRate } from "./learning-rates.ts";
import { Monitor, type MonitorOptions, monitorOptions } from "./monitor.ts";

export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** What the learning rate is multiplied by, between 0 and 1; default 0.1. */
  factor?: number;
  /** Epochs without improvement after which the rate is reduced, counted anew from then; default 10. */
  patience?: number;
  /** Epochs after a reduction in which none without improvement counts; default 0. */
  cooldown?: number;
  /** The rate is never reduced below this; default 0. */
  minLearningRate?: number;
  /** Keras's name of `minLearningRate`. */
  minLr?: number;
}

/** What an interrupted run has to remember; the rate itself is the optimizer's to remember. */
interface State {
  readonly best: number | null;
  readonly waited: number;
  readonly cooling: number;
}

/**
 * A callback that multiplies the optimizer's learning rate by `factor` when the monitored number has not improved for
 * `patience` epochs. `minDelta` is 1e-4 by default. Names, defaults and meaning are Keras's. The rate of each epoch stands in
 * logs and history as `learningRate`. It begins anew with each `fit`, from the rate that the optimizer has then.
 *
 * @throws ArgumentError for wrong options; from `fit`, for an optimizer under a schedule, which alone says the rate, and,
 *   after the first epoch, where the logs lack what is monitored
 */
export class ReduceLROnPlateau implements Callback {
  readonly factor: number;
  readonly patience: number;
  readonly cooldown: number;
  readonly minLearningRate: number;
  readonly #monitor: Monitor;
  #waited = 0;
  #cooling = 0;

  constructor(options: ReduceLROnPlateauOptions = {}) {
    const who = "ReduceLROnPlateau";
    const own = { factor: true, patience: true, cooldown: true, minLearningRate: true, minLr: true } as const;
    checkOptions(who, options, { ...monitorOptions, ...own });
    const { factor = 0.1, patience = 10, cooldown = 0, minLearningRate, minLr, minDelta = 1e-4 } = options;
    if (!(typeof factor === "number" && factor > 0 && factor < 1)) {
      throw new ArgumentError(`${who}: factor must be between 0 and 1 (exclusive), got ${showGiven(factor)}`);
    }
    if (minLearningRate !== undefined && minLr !== undefined) {
      throw new ArgumentError(
        `${who}: minLearningRate ${showGiven(minLearningRate)} and Keras's name of it, minLr ${showGiven(minLr)}, are both given; pass one`,
      );
    }
    this.#monitor = new Monitor(who, { ...options, minDelta });
    this.factor = factor;
    this.patience = wholeNumber(who, "patience", patience);
    this.cooldown = wholeNumber(who, "cooldown", cooldown);
    this.minLearningRate = atLeastZero(
      who,
      minLr === undefined ? "minLearningRate" : "minLr",
      minLr ?? minLearningRate ?? 0,
    );
  }

  onTrainBegin({ optimizer }: TrainedModel): void {
    checkRateIsNumber("ReduceLROnPlateau", optimizer);
    this.#monitor.best = undefined;
    this.#waited = 0;
    this.#cooling = 0;
  }

  onEpochEnd(_epoch: number, logs: Logs, { optimizer }: TrainedModel, context?: FitContext): void {
    const value = this.#monitor.valueIn(logs, context);
    if (optimizer === undefined) return;
    noteRate(optimizer.learningRate, logs, context);
    if (value === undefined) return;
    if (this.#cooling > 0) {
      this.#cooling--;
      this.#waited = 0;
    }
    if (this.#monitor.improves(value)) {
      this.#waited = 0;
      return;
    }
    if (this.#cooling > 0) return;
    this.#waited++;
    if (this.#waited < this.patience || optimizer.learningRate <= this.minLearningRate) return;
    optimizer.learningRate = Math.max(optimizer.learningRate * this.factor, this.minLearningRate);
    this.#cooling = this.cooldown;
    this.#waited = 0;
  }

  state() {
    return {
      best: this.#monitor.best ?? null,
      waited: this.#waited,
      cooling: this.#cooling,
    } satisfies State;
  }

  restore({ best, waited, cooling }: State): void {
    this.#monitor.best = best ?? undefined;
    this.#waited = waited;
    this.#cooling = cooling;
  }
}
