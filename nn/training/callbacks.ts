// What a caller of `fit` may hook into.

import type { Sequential } from "../sequential.ts";
import type { Logs } from "./history.ts";

/** Every method may be asynchronous: training waits. Set `model.stopTraining = true` to end after this epoch. */
export interface Callback {
  onTrainBegin?(model: Sequential): void | Promise<void>;
  /** @param epoch from 0 */
  onEpochBegin?(epoch: number, model: Sequential): void | Promise<void>;
  /** @param logs the epoch's loss and metrics, those of the validation data too */
  onEpochEnd?(epoch: number, logs: Logs, model: Sequential): void | Promise<void>;
  onTrainEnd?(model: Sequential): void | Promise<void>;
}
