// EarlyStopping: ends training that has stopped getting better.

import { checkOptions, wholeNumber } from "../../../engine/internal.ts";
import type { WeightValue } from "../../state/weights.ts";
import type { Logs } from "../history.ts";
import type { TrainedModel } from "../model.ts";
import type { Callback } from "./callback.ts";
import { Monitor, type MonitorOptions, monitorOptions } from "./monitor.ts";

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without improvement after which training ends; default 0, which ends it at the first, as 1 does. */
  patience?: number;
  /**
   * Whether the model gets back, when training ends (but by an error), the weights of its best epoch; default false:
   * it keeps those of the last. They are read back to the host at each best epoch.
   */
  restoreBestWeights?: boolean;
}

/**
 * A callback that ends `fit` when the monitored number has not improved for `patience` epochs. `minDelta` is 0 by
 * default. Names, defaults and meaning are Keras's. It begins anew with each `fit`.
 *
 *     await model.fit(x, y, { validationSplit: 0.2, epochs: 100, callbacks: new EarlyStopping({ patience: 5 }) });
 *
 * @throws ArgumentError for wrong options; from `fit`, after its first epoch, where the logs lack what is monitored
 */
export class EarlyStopping implements Callback {
  readonly patience: number;
  readonly restoreBestWeights: boolean;
  readonly #monitor: Monitor;
  #waited = 0;
  #bestEpoch: number | undefined;
  #stoppedEpoch: number | undefined;
  #bestWeights: WeightValue[] | undefined;

  constructor(options: EarlyStoppingOptions = {}) {
    checkOptions("EarlyStopping", options, { ...monitorOptions, patience: true, restoreBestWeights: true });
    this.#monitor = new Monitor("EarlyStopping", options);
    this.patience = wholeNumber("EarlyStopping", "patience", options.patience ?? 0);
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
    this.#monitor.reset();
    this.#waited = 0;
    this.#bestEpoch = undefined;
    this.#stoppedEpoch = undefined;
    this.#bestWeights = undefined;
  }

  async onEpochEnd(epoch: number, logs: Logs, model: TrainedModel): Promise<void> {
    if (this.#monitor.improves(logs)) {
      this.#waited = 0;
      this.#bestEpoch = epoch;
      if (this.restoreBestWeights) this.#bestWeights = await model.getWeights();
      return;
    }
    this.#waited++;
    if (this.#waited < this.patience) return;
    this.#stoppedEpoch = epoch;
    model.stopTraining = true;
  }

  onTrainEnd(model: TrainedModel): void {
    if (this.#bestWeights !== undefined) model.setWeights(this.#bestWeights);
    this.#bestWeights = undefined;
  }
}
