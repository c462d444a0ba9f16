// LambdaCallback: a callback of functions, as Keras has it. A plain object of the same methods does as well.

import { checkOptions, type OptionNames } from "../../../engine/internal.ts";
import { type Callback, callbacksOf } from "./callback.ts";

const names: OptionNames<Omit<Callback, "keepRun">> = {
  setParams: true,
  setModel: true,
  onTrainBegin: true,
  onTrainEnd: true,
  onEpochBegin: true,
  onEpochEnd: true,
  onStepsEnd: true,
  everySteps: true,
  onBatchBegin: true,
  onBatchEnd: true,
  onTestBegin: true,
  onTestEnd: true,
  onTestBatchBegin: true,
  onTestBatchEnd: true,
  onPredictBegin: true,
  onPredictEnd: true,
  onPredictBatchBegin: true,
  onPredictBatchEnd: true,
  onBoundary: true,
  state: true,
  restore: true,
};

/**
 * A callback made of functions by the names of hooks: `new LambdaCallback({ onEpochEnd: (epoch, logs) => ... })`. Where Keras
 * needs it, here `fit` takes the object itself, too.
 *
 * @throws ArgumentError for names that are no hooks, for what is no function, and for none at all
 */
export class LambdaCallback implements Callback {
  readonly everySteps?: number;

  constructor(hooks: Omit<Callback, "keepRun">) {
    checkOptions("LambdaCallback", hooks, names);
    callbacksOf("LambdaCallback", hooks);
    Object.assign(this, hooks);
  }
}
