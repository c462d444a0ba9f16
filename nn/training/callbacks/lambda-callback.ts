// LambdaCallback: a callback of functions, as Keras has it. A plain object of the same methods does as well.

import { checkOptions, type OptionNames } from "../../../engine/internal.ts";
import { type Callback, callbacksOf, hooks } from "./callback.ts";

const names: OptionNames<Omit<Callback, "keepRun">> = {
  ...hooks,
  setParams: true,
  setModel: true,
  everySteps: true,
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

  constructor(functions: Omit<Callback, "keepRun">) {
    checkOptions("LambdaCallback", functions, names);
    callbacksOf("LambdaCallback", functions);
    Object.assign(this, functions);
  }
}
