// What fit and evaluate need of a compiled model.

import type { Loss } from "../objective/losses.ts";
import type { History } from "./history.ts";
import type { TrainedModel } from "./model.ts";
import type { Trainer, TrainerOptions } from "./trainer.ts";

/** What a model leaves to who wants a trainer. */
export type OwnTrainerOptions = Partial<Pick<TrainerOptions, "hasWeights" | "classWeights" | "optimizer">>;

/** A compiled model. */
export interface TrainableModel extends TrainedModel {
  /** Set by `fit` as it begins. */
  history: History | undefined;
  /** @internal Output by output. */
  readonly losses: readonly Loss[];
  /** @internal A trainer for the compiled losses and metrics, and the compiled optimizer unless another one is given. */
  makeTrainer(options?: OwnTrainerOptions): Trainer;
}
