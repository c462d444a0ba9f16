// JSONLogger: the history of a run as JSON, written anew after each epoch.

import type { Logs } from "../history.ts";
import type { TrainedModel } from "../model.ts";
import type { Callback, FitContext } from "./callback.ts";
import { TextLog } from "./text-log.ts";

/**
 * A callback that writes the history after each epoch, as `JSON.stringify(history)` gives it:
 * `{ "epoch": [0, 1], "history": { "loss": [...], ... }, "epochSeconds": [...], "params": {...}, ... }`. NaN and infinities are null.
 * Under Node it goes to a file, which is whole at any moment; anywhere it stands in `text`. Where it can't be written any more, as on a
 * full disk, it says so, and training goes on.
 *
 *     const log = new JSONLogger("history.json");
 *
 * @throws ArgumentError for what is no file name; DataError from `fit`, before it trains, where the file can't be written
 */
export class JSONLogger implements Callback {
  readonly filename: string | undefined;
  readonly #log: TextLog;

  /** @param filename left out: the text is kept in memory alone, for pages */
  constructor(filename?: string) {
    this.filename = filename;
    this.#log = new TextLog("JSONLogger", filename);
  }

  /** The history as of the last epoch. */
  get text(): string {
    return this.#log.text;
  }

  onTrainBegin(): Promise<void> {
    return this.#log.begin();
  }

  async onEpochEnd(
    _epoch: number,
    _logs: Logs,
    _model: TrainedModel,
    { history }: FitContext,
  ): Promise<void> {
    await this.#log.replace(`${JSON.stringify(history)}\n`);
  }

  state() {
    return this.text;
  }

  async restore(text: string): Promise<void> {
    if (text !== "") await this.#log.replace(text);
  }
}
