// What callbacks that set learning rates share: a check of the optimizer, and the epoch's rate in logs and history.

import { ArgumentError } from "../../../engine/index.ts";
import type { Optimizer } from "../../../optim/index.ts";
import type { Logs } from "../history.ts";
import type { FitContext } from "./callback.ts";

/** @throws ArgumentError for an optimizer under a schedule, which alone says the rate */
export function checkRateIsNumber(who: string, optimizer: Optimizer | undefined): void {
  if (optimizer?.schedule === undefined) return;
  throw new ArgumentError(
    `${who}: the learning rate of optimizer "${optimizer.name}" follows a schedule; give the optimizer a number, or leave the callback out`,
  );
}

/** Adds the rate of the epoch that ends to its logs, which callbacks after this one see, and to the history. */
export function noteRate(rate: number, logs: Logs, context: FitContext | undefined): void {
  (logs as Record<string, number>).learningRate = rate;
  if (context === undefined) return;
  const { epoch, history } = context.history;
  history.learningRate ??= [];
  history.learningRate[epoch.length - 1] = rate;
}
