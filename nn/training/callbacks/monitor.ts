// Monitor: follows one number of the logs, epoch after epoch, and tells which epochs are better than all before.

import { ArgumentError } from "../../../engine/index.ts";
import {
  atLeastZero,
  choiceOf,
  kindOf,
  nearest,
  type OptionNames,
  spellingOf,
} from "../../../engine/internal.ts";
import type { Logs } from "../history.ts";

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

export class Monitor {
  readonly name: string;
  readonly minDelta: number;
  /** 1 where less is better, -1 where more is. */
  readonly #sign: 1 | -1;
  readonly #who: string;
  #best: number | undefined;

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

  /** The best value so far; undefined before the first. */
  get best(): number | undefined {
    return this.#best;
  }

  /** Forgets what was seen. */
  reset(): void {
    this.#best = undefined;
  }

  /**
   * Looks at an epoch's logs: whether the value is better than the best so far, by more than `minDelta`. The first one
   * is; NaN never is.
   *
   * @throws ArgumentError where the logs have no such name
   */
  improves(logs: Logs): boolean {
    const name = spellingOf(this.name, Object.keys(logs));
    if (name === undefined) throw this.#missing(Object.keys(logs));
    const value = logs[name];
    const isBetter =
      this.#best === undefined ? !Number.isNaN(value) : (value - this.#best) * this.#sign + this.minDelta < 0;
    if (isBetter) this.#best = value;
    return isBetter;
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
