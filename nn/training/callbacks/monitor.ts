// Monitor: follows one number of the logs, epoch after epoch, and tells which epochs are better than all before.

import { ArgumentError } from "../../../engine/index.ts";
import {
  atLeastZero,
  choiceOf,
  kindOf,
  nearest,
  type OptionNames,
  showGiven,
  spellingOf,
} from "../../../engine/internal.ts";
import type { Logs } from "../history.ts";
import type { FitContext } from "./callback.ts";

export interface MonitorOptions {
  /** The name in the logs: "loss", "accuracy", "valLoss" (or "val_loss"), ... Default "valLoss". */
  monitor?: string;
  /**
   * Whether less is better ("min") or more ("max"). Default "auto": more for names that end like those of our metrics of
   * which more is better ("accuracy", "precision", "auc", "f1Score", ...), less for all others.
   */
  mode?: "auto" | "min" | "max";
  /** How much better than the best so far a value must be to count, in the monitored unit; at least 0. */
  minDelta?: number;
}

/** The names of {@link MonitorOptions}, for those who take further options. */
export const monitorOptions: OptionNames<MonitorOptions> = { monitor: true, mode: true, minDelta: true };

const modes = ["auto", "min", "max"] as const;

const moreIsBetter =
  /(acc(uracy)?|auc|precision|recall|sensitivity|specificity|score|f1|r2|iou|true_?(posi|nega)tives|cosine_?similarity)$/i;

/** @throws ArgumentError unless it is a number, or none */
export function baselineOf(who: string, baseline: number | undefined): number | undefined {
  if (baseline === undefined || (typeof baseline === "number" && !Number.isNaN(baseline))) return baseline;
  throw new ArgumentError(`${who}: baseline must be a number, got ${showGiven(baseline)}`);
}

export class Monitor {
  readonly name: string;
  readonly minDelta: number;
  /** 1 where less is better, -1 where more is. */
  readonly #sign: 1 | -1;
  readonly #who: string;
  /** The best value so far; undefined before the first. */
  best: number | undefined;

  /** @param who whose it is, as errors begin */
  constructor(who: string, { monitor = "valLoss", mode = "auto", minDelta = 0 }: MonitorOptions) {
    if (typeof monitor !== "string") {
      throw new ArgumentError(
        `${who}: monitor must be a name in the logs, "valLoss" say, got ${kindOf(monitor)}`,
      );
    }
    const direction = choiceOf(`${who} mode`, mode, modes);
    const rises = direction === "max" || (direction === "auto" && moreIsBetter.test(monitor));
    this.#who = who;
    this.name = monitor;
    this.minDelta = atLeastZero(who, "minDelta", minDelta);
    this.#sign = rises ? -1 : 1;
  }

  /**
   * The monitored number of an epoch; undefined where the epoch was not validated, and others are.
   *
   * @throws ArgumentError where the logs have no such name, or no number of it
   */
  valueIn(logs: Logs, context: FitContext | undefined): number | undefined {
    const names = Object.keys(logs);
    const name = spellingOf(this.name, names);
    if (name !== undefined) return this.#number(logs[name]);
    const isUnvalidated = context?.hasValidation && !names.some((one) => one.startsWith("val"));
    if (isUnvalidated && /^val/i.test(this.name)) return undefined;
    throw this.#missing(names);
  }

  /** Whether a value is better than another one by more than `minDelta`; NaN never is. */
  isBetter(value: number, than: number): boolean {
    return (value - than) * this.#sign + this.minDelta < 0;
  }

  /** Whether a value is better than the best so far, by more than `minDelta`, and so the best from now on. The first one is. */
  improves(value: number): boolean {
    const isBest = this.best === undefined ? !Number.isNaN(value) : this.isBetter(value, this.best);
    if (isBest) this.best = value;
    return isBest;
  }

  #number(value: unknown): number {
    if (typeof value === "number") return value;
    throw new ArgumentError(
      `${this.#who}: monitor "${this.name}" is an array, of which none is better than another; monitor a number`,
    );
  }

  #missing(names: readonly string[]): ArgumentError {
    const near = nearest(this.name, names);
    const wantsValidation = /^val/i.test(this.name) && !names.some((name) => name.startsWith("val"));
    let remedy = near === undefined ? "monitor one of those" : `did you mean "${near}"?`;
    if (wantsValidation) remedy = "give fit validationData or validationSplit, or monitor one of those";
    return new ArgumentError(
      `${this.#who}: monitor "${this.name}" is not in the logs, which hold ${names.join(", ")}; ${remedy}`,
    );
  }
}
