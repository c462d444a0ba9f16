// CSVLogger: the epochs' numbers as a table of text.

import { ArgumentError } from "../../../engine/index.ts";
import { checkOptions, showGiven } from "../../../engine/internal.ts";
import { type Logs, validationName } from "../history.ts";
import type { TrainedModel } from "../model.ts";
import type { Callback, FitContext } from "./callback.ts";
import { TextLog } from "./text-log.ts";

export interface CSVLoggerOptions {
  /** Between two cells; default ",". */
  separator?: string;
  /** Whether rows are added to a file that is there, under its columns. Default false: it is replaced. */
  append?: boolean;
}

/** What an interrupted run has to remember. */
interface State {
  readonly text: string;
  readonly columns: readonly string[] | null;
}

/**
 * A callback that writes a line of numbers for each epoch, below one of their names: "epoch,loss,valLoss". Epochs count from 0, and
 * "NA" stands for a number that an epoch has not, as in Keras. Under Node they go to a file; anywhere they stand in `text`. Where the
 * file can't be written any more, as on a full disk, it says so, and training goes on.
 *
 *     const log = new CSVLogger("training.csv", { append: true });
 *
 * @throws ArgumentError for wrong options; DataError from `fit`, before it trains, where the file can't be written
 */
export class CSVLogger implements Callback {
  readonly filename: string | undefined;
  readonly separator: string;
  readonly append: boolean;
  readonly #log: TextLog;
  #columns: readonly string[] | undefined;

  /** @param filename left out: the text is kept in memory alone, for pages */
  constructor(filename?: string, options: CSVLoggerOptions = {}) {
    checkOptions("CSVLogger", options, { separator: true, append: true });
    const { separator = ",", append = false } = options;
    if (typeof separator !== "string" || !/^[^"\r\n]+$/.test(separator)) {
      throw new ArgumentError(
        `CSVLogger: separator must be a string without quotes and line ends, got ${showGiven(separator)}`,
      );
    }
    this.filename = filename;
    this.separator = separator;
    this.append = append;
    this.#log = new TextLog("CSVLogger", filename);
  }

  /** All lines so far: those of this run, and of a file that is appended to. */
  get text(): string {
    return this.#log.text;
  }

  async onTrainBegin(): Promise<void> {
    this.#columns = undefined;
    await this.#log.begin();
    if (!this.append) return this.#log.replace("");
    if (this.filename !== undefined) await this.#log.read();
    const { text } = this;
    if (text !== "") this.#columns = cellsOf(text.slice(0, text.search(/\r?\n|$/)), this.separator);
    if (text !== "" && !text.endsWith("\n")) await this.#log.append("\n");
  }

  async onEpochEnd(epoch: number, logs: Logs, _model: TrainedModel, context?: FitContext): Promise<void> {
    if (this.#columns === undefined) {
      this.#columns = columnsOf(logs, context);
      await this.#log.append(this.#line(this.#columns));
    }
    const row: Readonly<Record<string, unknown>> = { epoch, ...logs };
    await this.#log.append(this.#line(this.#columns.map((name) => row[name] ?? "NA")));
  }

  state() {
    return { text: this.text, columns: this.#columns ?? null } satisfies State;
  }

  /** Lines of epochs that are run again are gone. */
  async restore({ text, columns }: State): Promise<void> {
    this.#columns = columns ?? undefined;
    await this.#log.replace(text);
  }

  #line(values: readonly unknown[]): string {
    const cells = values.map((value) => {
      const text = typeof value === "object" ? JSON.stringify(value) : String(value);
      const isSafe = !/["\r\n]/.test(text) && !text.includes(this.separator);
      return isSafe ? text : `"${text.replaceAll('"', '""')}"`;
    });
    return `${cells.join(this.separator)}\n`;
  }
}

/** Those of the first epoch, and of validations that are still to come. */
function columnsOf(logs: Logs, context: FitContext | undefined): string[] {
  const names = Object.keys(logs);
  const isUnvalidated = context?.hasValidation && !names.some((name) => name.startsWith("val"));
  const measured = context === undefined ? [] : context.trainer.names;
  return ["epoch", ...names, ...(isUnvalidated ? measured.map(validationName) : [])];
}

/** The cells of a line that a CSVLogger wrote. */
function cellsOf(line: string, separator: string): string[] {
  const cells: string[] = [];
  let rest = line;
  for (;;) {
    const quoted = /^"((?:[^"]|"")*)"/.exec(rest);
    const end = quoted === null ? rest.indexOf(separator) : quoted[0].length;
    const cell = end < 0 ? rest : rest.slice(0, end);
    cells.push(quoted === null ? cell : quoted[1].replaceAll('""', '"'));
    if (end < 0 || end >= rest.length) return cells;
    rest = rest.slice(end + separator.length);
  }
}
