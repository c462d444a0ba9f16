// LambdaCallback: a callback of functions, as Keras has it. A plain object of the same methods does as well.

import { type Callback, callbacksOf } from "./callback.ts";

/**
 * A callback made of functions by the names of hooks: `new LambdaCallback({ onEpochEnd: (epoch, logs) => ... })`. Where Keras
 * needs it, here `fit` takes the object itself, too.
 *
 * @throws ArgumentError for names that are no hooks, for what is no function, and for none at all
 */
export class LambdaCallback implements Callback {
  readonly everySteps?: number;

  constructor(hooks: Callback) {
    callbacksOf("LambdaCallback", hooks);
    Object.assign(this, hooks);
  }
}
