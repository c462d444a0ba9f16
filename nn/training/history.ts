// History: what a run of `fit` reported. Plain data, for plots and files.

import type { MetricValue } from "../objective/metric.ts";

/**
 * Loss and metrics of an epoch by name: `loss`, `accuracy`, `valLoss`, `valAccuracy`, ... They are numbers, but that some
 * metrics give arrays (`confusionMatrix`, scores with `average: "none"`): with such a one, say `Logs<MetricValue>`.
 */
export interface Logs<V extends MetricValue = number> {
  readonly loss: number;
  readonly [name: string]: number | V;
}

/** The same over the epochs. */
export interface Curves<V extends MetricValue = number> {
  readonly loss: number[];
  [name: string]: (number | V)[];
}

/**
 * A callback, too: `fit` makes one by itself and gives it back; another one that is passed to it gets the same numbers. With a
 * metric that gives arrays, it is a `History<MetricValue>`.
 */
export class History<V extends MetricValue = number> {
  /** How many epochs the run was meant to have, and steps an epoch. */
  params: { readonly epochs: number; readonly steps: number } = { epochs: 0, steps: 0 };
  /** The epochs' numbers, counted from 0. */
  readonly epoch: number[] = [];
  /** One array a name, one value an epoch. Losses and metrics are means over samples. */
  readonly history: Curves<V> = { loss: [] };
  /** One value a step, with the callback `StepLosses`; else empty. */
  readonly steps: Curves = { loss: [] };
  /** Wall time of each epoch's training, validation left out. */
  readonly epochSeconds: number[] = [];
  /** Wall time from the first step's start until the device was done with it: compiling kernels, mostly. */
  firstStepMs = Number.NaN;
  /** Kernels compiled for it; those that the device had already are not counted. */
  compiledPipelines = 0;

  setParams(params: History["params"]): void {
    this.params = params;
  }

  onEpochEnd(epoch: number, logs: Logs<V>, _model: unknown, { seconds }: { readonly seconds: number }): void {
    this.add(epoch, logs, seconds);
  }

  /** The epochs so far. */
  state(): { epoch: number[]; seconds: number[]; history: Record<string, (number | V)[]> } {
    return structuredClone({ epoch: this.epoch, seconds: this.epochSeconds, history: this.history });
  }

  restore({ epoch, seconds, history }: ReturnType<History<V>["state"]>): void {
    this.epoch.splice(0, Infinity, ...epoch);
    this.epochSeconds.splice(0, Infinity, ...seconds);
    for (const [name, values] of Object.entries(history)) this.history[name] = [...values];
  }

  /** @internal */
  add(epoch: number, logs: Logs<V>, seconds: number): void {
    this.epoch.push(epoch);
    this.epochSeconds.push(seconds);
    for (const [name, value] of Object.entries(logs)) {
      // Not ??=: a metric may be called "constructor".
      if (!Object.hasOwn(this.history, name)) this.history[name] = [];
      this.history[name].push(value);
    }
  }
}

/** `accuracy` of the validation data is `valAccuracy`. */
export const validationName = (name: string) => `val${name.charAt(0).toUpperCase()}${name.slice(1)}`;

/** The name in training of a number of the validation data: `accuracy` of `valAccuracy`. Undefined for one of the training. */
export function trainingName(name: string, logs: Logs): string | undefined {
  return Object.keys(logs).find((other) => other !== name && validationName(other) === name);
}
