// SwapEmaWeights: tests and predicts with the moving average of the weights, which an optimizer with `useEma` keeps.

import { ArgumentError } from "../../../engine/index.ts";
import { checkOptions } from "../../../engine/internal.ts";
import type { TrainedModel } from "../model.ts";
import type { Callback, FitContext } from "./callback.ts";

export interface SwapEmaWeightsOptions {
  /**
   * Whether the averages stay in the model from an epoch's end until the next one begins, so that callbacks behind this one
   * see them, ModelCheckpoint say. Default false: for validation, `evaluate` and `predict` alone.
   */
  swapOnEpoch?: boolean;
}

/**
 * A callback that puts the moving average of the weights into the model for validation, `evaluate` and `predict`, and the
 * weights back afterwards. `fit` itself leaves the averages in the model when it ends. Keras's SwapEMAWeights.
 *
 * @throws ArgumentError from `fit`, for an optimizer without `useEma`
 */
export class SwapEmaWeights implements Callback {
  readonly swapOnEpoch: boolean;
  #isSwapped = false;

  constructor(options: SwapEmaWeightsOptions = {}) {
    checkOptions("SwapEmaWeights", options, { swapOnEpoch: true });
    this.swapOnEpoch = options.swapOnEpoch ?? false;
  }

  onTrainBegin(model: TrainedModel): void {
    if (!model.optimizer?.useEma) {
      throw new ArgumentError(
        `SwapEmaWeights: the optimizer of model "${model.name}" keeps no moving average of the weights; make it with useEma: true`,
      );
    }
    // After a run that was aborted while the averages were in the model.
    this.#swap(model, false);
  }

  onEpochBegin(_epoch: number, model: TrainedModel): void {
    this.#swap(model, false);
  }

  onEpochEnd(_epoch: number, _logs: unknown, model: TrainedModel): void {
    if (this.swapOnEpoch) this.#swap(model, true);
  }

  onBoundary(model: TrainedModel, { epoch, params }: FitContext): void {
    // What fit leaves in the model is the average: it looks for it where it belongs.
    if (model.stopTraining || epoch >= params.epochs) this.#swap(model, false);
  }

  onTrainEnd(model: TrainedModel): void {
    this.#swap(model, false);
  }

  onTestBegin(model: TrainedModel): void {
    this.#swap(model, true);
  }

  onTestEnd(_logs: unknown, model: TrainedModel): void {
    this.#swap(model, false);
  }

  onPredictBegin(model: TrainedModel): void {
    this.#swap(model, true);
  }

  onPredictEnd(model: TrainedModel): void {
    this.#swap(model, false);
  }

  state() {
    return this.#isSwapped;
  }

  restore(isSwapped: boolean): void {
    this.#isSwapped = isSwapped;
  }

  #swap({ optimizer }: TrainedModel, toAverages: boolean): void {
    if (toAverages === this.#isSwapped) return;
    optimizer?.swapEmaWeights();
    this.#isSwapped = toAverages;
  }
}
