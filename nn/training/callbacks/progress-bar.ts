// ProgressBar: shows how training goes, for those who want another place or another order for it than `verbose` gives.

import { checkFunction, checkOptions } from "../../../engine/internal.ts";
import type { Logs } from "../history.ts";
import type { TrainedModel } from "../model.ts";
import { makeProgress } from "../progress.ts";
import type { LiveNumbers, Progress } from "../progress-text.ts";
import { type Verbosity, verbosityOf } from "../verbosity.ts";
import type { Callback, FitContext } from "./callback.ts";

export interface ProgressBarOptions {
  /** As in `fit`: 1 or "auto" a live bar on a terminal and else a line an epoch, 2 a line an epoch. Default "auto". */
  verbose?: Verbosity;
  /** Takes the lines; default: the console, where a terminal gets the live bar. */
  print?: (line: string) => void;
}

/**
 * A callback that shows what `fit`'s own `verbose` does: give that 0 then. Numbers that callbacks before it add to the logs are
 * shown as well.
 */
export class ProgressBar implements Callback {
  readonly verbose: Verbosity;
  readonly #print: ((line: string) => void) | undefined;
  #progress: Progress | undefined;
  #reader: LiveNumbers | undefined;

  constructor(options: ProgressBarOptions = {}) {
    checkOptions("ProgressBar", options, { verbose: true, print: true });
    const { verbose = "auto", print } = options;
    verbosityOf("ProgressBar", verbose);
    if (print !== undefined) checkFunction("ProgressBar", print, "takes lines, as console.log does", "print");
    this.verbose = verbose;
    this.#print = print;
  }

  onTrainBegin(_model: TrainedModel, { params, use }: FitContext): void {
    const progress = makeProgress(this.verbose, params.epochs, this.#print);
    this.#progress = progress;
    use({ dispose: () => progress.stop() });
  }

  onEpochBegin(epoch: number, _model: TrainedModel, context: FitContext): void {
    this.#progress?.begin(epoch, context.params.steps);
    this.#reader = this.#progress?.reader?.(context.trainer);
  }

  onBoundary(_model: TrainedModel, { steps, samples }: FitContext): void {
    if (steps > 0 && this.#reader !== undefined) this.#progress?.update(steps, this.#reader.look(samples));
  }

  async onEpochEnd(_epoch: number, logs: Logs, _model: TrainedModel, context: FitContext): Promise<void> {
    await this.#reader?.settled;
    this.#progress?.end(logs, context.seconds, context.steps);
  }
}
