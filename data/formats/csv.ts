// CSV files: rows one by one, or all of them as columns of numbers and texts.

import {
  ArgumentError,
  checkOptions,
  DataError,
  kindOf,
  type OptionNames,
  printable,
  unknownName,
} from "../../engine/base/errors.ts";
import { wholeNumber } from "../../engine/internal.ts";
import { limitOf, type ReadOptions, readOptions, waitingOf } from "../sources/options.ts";
import { checkSource, type DataSource, open, sourceName } from "../sources/source.ts";
import { type CsvRecord, csvRecords } from "./csv-records.ts";
import { ColumnBuilder, type ColumnType, checkNames, type Missing, placesOf, type Table } from "./table.ts";
import { decoderOf } from "./text.ts";

export interface CsvOptions extends ReadOptions {
  /**
   * Whether the first line names the columns, which is the default; or the names, where the file has none. With false they
   * are "column0", "column1" and so on.
   */
  header?: boolean | readonly string[];
  /** The columns that are wanted, by name; default all. */
  select?: readonly string[];
  /**
   * What columns hold, by name. Of the others the first `inferRows` rows tell: numbers, true and false, or texts. Numbers
   * are i32 where all are whole and fit, else f32.
   */
  types?: Readonly<Record<string, ColumnType>>;
  /**
   * What a missing value in a column of numbers becomes: "error" (default) throws and names the line, "nan" makes it NaN (f32),
   * a number stands in its place, "skip" leaves the row out. Texts are taken as they are.
   */
  missing?: Missing;
  /** The texts that stand for a missing value, besides the empty one; default NA, N/A, NaN, nan, null, NULL, None. */
  missingTexts?: readonly string[];
  /** What separates fields; default ",". */
  delimiter?: string;
  /** What fields that hold delimiters or line breaks stand in, doubled inside them; default `"`, false for none. */
  quote?: string | false;
  /** Lines that start with it are passed over; default none. */
  comment?: string;
  /** As TextDecoder knows it: "utf-8" (default), "euc-kr", "windows-1252" and so on. */
  encoding?: string;
  /** Rows by which the types of columns are told; default 1,000. */
  inferRows?: number;
  /** The most bytes that a row may have; default 1 MiB. */
  maxRecordBytes?: number;
}

export interface CsvTableOptions extends CsvOptions {
  /** The most rows; a file with more is refused. Default 20,000,000. */
  maxRows?: number;
}

const rowOptions: OptionNames<CsvOptions> = {
  ...readOptions,
  header: true,
  select: true,
  types: true,
  missing: true,
  missingTexts: true,
  delimiter: true,
  quote: true,
  comment: true,
  encoding: true,
  inferRows: true,
  maxRecordBytes: true,
};
const tableOptions: OptionNames<CsvTableOptions> = { ...rowOptions, maxRows: true };

/** A row by the names of its columns; true and false are 1 and 0. */
export type CsvRow = Record<string, number | string>;

const columnTypes: readonly ColumnType[] = ["f32", "i32", "bool", "string"];
const missingByDefault = ["NA", "N/A", "NaN", "nan", "null", "NULL", "None"];

/**
 * Reads a CSV file row by row, so that it may be larger than the memory. Needs the npm package `csv-parse`.
 *
 * ```js
 * for await (const { height, species } of csvRows("iris.csv", { types: { height: "f32" } })) { ... }
 * ```
 *
 * @param source a path (Node), an address, bytes, a File or a stream, plain or gzipped
 * @throws DataError that names line and column, where a value is none of the column's type
 */
export function csvRows(source: DataSource, options: CsvOptions = {}): AsyncGenerator<CsvRow, void> {
  const reader = new CsvReader("csvRows", source, options, rowOptions);
  return rowsOf(reader);
}

async function* rowsOf(reader: CsvReader): AsyncGenerator<CsvRow, void> {
  for await (const batch of reader.batches()) {
    for (const values of batch) {
      const row: CsvRow = {};
      for (let i = 0; i < values.length; i++) row[reader.columns[i].name] = values[i];
      yield row;
    }
  }
}

/**
 * Reads a whole CSV file into one array a column. Needs the npm package `csv-parse`.
 *
 * ```js
 * const { columns, length } = await readCsv("iris.csv");
 * columns.height; // a Float32Array
 * ```
 *
 * @param source a path (Node), an address, bytes, a File or a stream, plain or gzipped
 * @throws DataError that names line and column, where a value is none of the column's type
 */
export async function readCsv(source: DataSource, options: CsvTableOptions = {}): Promise<Table> {
  const reader = new CsvReader("readCsv", source, options, tableOptions);
  const mostRows = limitOf("readCsv", "maxRows", options.maxRows ?? 20_000_000);
  let builders: ColumnBuilder[] | undefined;
  let length = 0;
  for await (const batch of reader.batches()) {
    builders ??= reader.columns.map(({ name, type }) => new ColumnBuilder(name, type));
    length += batch.length;
    if (length > mostRows) {
      throw new DataError(
        `${printable(reader.name)}: has more than ${mostRows} rows; raise { maxRows }, or read row by row with csvRows`,
      );
    }
    for (const values of batch) for (let i = 0; i < values.length; i++) builders[i].push(values[i]);
  }
  const columns = Object.fromEntries((builders ?? []).map((builder) => [builder.name, builder.finish()]));
  return { names: reader.columns.map(({ name }) => name), columns, length };
}

interface CsvColumn {
  readonly name: string;
  readonly place: number;
  readonly type: ColumnType | "number";
}

/** A row: values of the columns that are wanted. */
type Values = (number | string)[];

class CsvReader {
  readonly name: string;
  columns: readonly CsvColumn[] = [];
  readonly #missingTexts: ReadonlySet<string>;
  readonly #missing: Missing;
  readonly #inferRows: number;
  readonly #records: () => AsyncGenerator<CsvRecord[]>;

  constructor(
    call: string,
    source: DataSource,
    readonly options: CsvTableOptions,
    known: Readonly<Partial<Record<string, true>>>,
  ) {
    checkOptions<object>(call, options, known as OptionNames<object>);
    checkSource(call, source);
    const waiting = waitingOf(call, options);
    const { missing = "error", types = {}, header = true } = options;
    for (const type of Object.values(types))
      if (!columnTypes.includes(type))
        throw unknownName(`type of a column for ${call}`, String(type), columnTypes);
    if (typeof missing !== "number" && !["error", "nan", "skip"].includes(missing)) {
      throw new ArgumentError(
        `${call}: missing must be "error", "nan", "skip" or a number that takes its place, got ${kindOf(missing)}`,
      );
    }
    if (typeof header !== "boolean" && !Array.isArray(header))
      throw new ArgumentError(
        `${call}: header must be true, false or the columns' names, got ${kindOf(header)}`,
      );
    const { delimiter = ",", quote = '"', comment } = options;
    for (const [option, text] of Object.entries({ delimiter, quote, comment })) {
      if (text === undefined || (option === "quote" && text === false)) continue;
      if (typeof text !== "string" || text === "")
        throw new ArgumentError(
          `${call}: ${option} must be a text of at least one letter, got ${kindOf(text)}`,
        );
    }
    this.name = sourceName(source);
    this.#missing = missing;
    this.#missingTexts = new Set(["", ...(options.missingTexts ?? missingByDefault)]);
    this.#inferRows = wholeNumber(call, "inferRows", options.inferRows ?? 1000);
    const mostRecordBytes = limitOf(call, "maxRecordBytes", options.maxRecordBytes ?? 2 ** 20);
    const decoder = decoderOf(call, options.encoding);
    this.#records = () => {
      const { name, chunks } = open(source, waiting, "look at the path");
      return csvRecords(chunks, {
        name,
        decoder,
        delimiter,
        quote: quote === false ? null : quote,
        comment: comment ?? null,
        mostRecordBytes,
        signal: waiting.signal,
      });
    };
  }

  /** Rows as they come, several at a time. The columns are known when the first come; some always do. */
  async *batches(): AsyncGenerator<Values[]> {
    const { header = true, select } = this.options;
    let names = Array.isArray(header) ? (header as readonly string[]) : undefined;
    let isSettled = false;
    let waiting: CsvRecord[] = [];
    const flush = (): Values[] => {
      if (!isSettled) this.columns = this.#describe(names ?? [], select, waiting);
      isSettled = true;
      const batch = waiting.map((one) => this.#valuesOf(one)).filter((values) => values !== undefined);
      waiting = [];
      return batch;
    };
    for await (const records of this.#records()) {
      for (const one of records) {
        if (names === undefined) {
          names = one.record.map((text, i) => nameOf(header === true ? text : "", i));
          if (header === true) continue;
        }
        if (one.record.length !== names.length) {
          throw new DataError(
            `${printable(this.name)}: line ${one.info.lines}: has ${one.record.length} fields, and { header } names ${names.length}`,
          );
        }
        waiting.push(one);
      }
      if (isSettled || waiting.length >= this.#inferRows) yield flush();
    }
    if (names === undefined) {
      throw new DataError(`${printable(this.name)}: is empty; a CSV file has a line at least`);
    }
    if (!isSettled) yield flush();
  }

  #describe(
    names: readonly string[],
    select: readonly string[] | undefined,
    first: readonly CsvRecord[],
  ): CsvColumn[] {
    checkNames(this.name, names);
    const { types = {} } = this.options;
    placesOf(this.name, names, Object.keys(types));
    return placesOf(this.name, names, select).map((place) => {
      const name = names[place];
      const type = Object.hasOwn(types, name) ? types[name] : this.#infer(place, first);
      return { name, place, type };
    });
  }

  /** What the values that are there have in common. */
  #infer(place: number, first: readonly CsvRecord[]): ColumnType | "number" {
    let [isNumber, isBool, isSeen] = [true, true, false];
    for (const { record } of first.slice(0, Math.max(1, this.#inferRows))) {
      const text = record[place].trim();
      if (this.#missingTexts.has(text)) continue;
      isSeen = true;
      isNumber &&= numberIn(text) !== undefined;
      isBool &&= truthOf(text) !== undefined && numberIn(text) === undefined;
    }
    if (!isSeen) return "string";
    return isNumber ? "number" : isBool ? "bool" : "string";
  }

  /** Undefined where a value is missing and the row is left out. */
  #valuesOf({ record, info }: CsvRecord): Values | undefined {
    const values: Values = new Array(this.columns.length);
    for (let i = 0; i < this.columns.length; i++) {
      const { place, type } = this.columns[i];
      const text = record[place];
      if (type === "string") {
        values[i] = text;
        continue;
      }
      const trimmed = text.trim();
      let value = type === "bool" ? truthOf(trimmed) : numberIn(trimmed);
      if (value === undefined && this.#missingTexts.has(trimmed)) {
        if (this.#missing === "skip") return undefined;
        value = this.#instead(this.columns[i], info.lines);
      } else if (value === undefined || !fits(type, value)) {
        throw this.#wrong(this.columns[i], text, info.lines);
      }
      values[i] = value;
    }
    return values;
  }

  #instead({ name, type }: CsvColumn, line: number): number {
    if (typeof this.#missing === "number" && fits(type, this.#missing)) return this.#missing;
    if (this.#missing === "nan" && type !== "i32" && type !== "bool") return NaN;
    const reason =
      this.#missing === "error"
        ? 'pass { missing } as "nan", "skip" or a number'
        : `${this.#missing} is none of the type ${type}; pass { types } or another { missing }`;
    throw new DataError(
      `${printable(this.name)}: line ${line}: column "${printable(name)}" has no value; ${reason}`,
    );
  }

  #wrong({ name, type }: CsvColumn, text: string, line: number): DataError {
    const shown = text.length > 60 ? `${text.slice(0, 60)}...` : text;
    const isTold = Object.hasOwn(this.options.types ?? {}, name);
    const remedy = isTold
      ? "correct it, or the type in { types }"
      : `the first rows had ${type === "bool" ? "true and false" : "numbers"}: pass { types: { "${printable(name)}": "string" } }, or a higher { inferRows }`;
    return new DataError(
      `${printable(this.name)}: line ${line}: column "${printable(name)}": expected ${wanted[type]}, found "${printable(shown)}"; ${remedy}`,
    );
  }
}

const wanted = {
  f32: "a number that f32 holds",
  i32: "a whole number from -2^31 to 2^31 - 1",
  number: "a number that f32 holds",
  bool: "true or false",
  string: "a text",
};

const nameOf = (text: string, place: number) => text.trim() || `column${place}`;

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const infinite = /^[+-]?inf(?:inity)?$/i;

/** The number that a text stands for, if it does. */
function numberIn(text: string): number | undefined {
  if (decimal.test(text)) return Number(text);
  return infinite.test(text) ? (text.startsWith("-") ? -Infinity : Infinity) : undefined;
}

function truthOf(text: string): number | undefined {
  const small = text.length > 5 ? "" : text.toLowerCase();
  if (small === "true" || small === "1") return 1;
  return small === "false" || small === "0" ? 0 : undefined;
}

/** Whether a number can be one of the type; what is too large for f32 would become infinite. */
function fits(type: ColumnType | "number", value: number): boolean {
  if (type === "i32") return (value | 0) === value;
  if (type === "bool") return value === 0 || value === 1;
  return !Number.isFinite(value) || Number.isFinite(Math.fround(value));
}
