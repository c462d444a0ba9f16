// Parquet files by the npm package `hyparquet`: columns of numbers and texts, one row group after the other.

import {
  ArgumentError,
  checkOptions,
  DataError,
  GradgpuError,
  kindOf,
  type OptionNames,
  printable,
} from "../../engine/base/errors.ts";
import { Turns } from "../sources/bytes.ts";
import { limitOf, type ReadOptions, readOptions, waitingOf } from "../sources/options.ts";
import { optionalPackage } from "../sources/packages.ts";
import { checkSource, type DataSource, readAll } from "../sources/source.ts";
import { checkPages } from "./parquet-pages.ts";
import { ColumnBuilder, checkNames, type Missing, placesOf, type Table } from "./table.ts";

export interface ParquetOptions extends ReadOptions {
  /** The columns that are wanted, by name; default all. */
  select?: readonly string[];
  /**
   * What a null in a column of numbers becomes: "error" (default) throws and names the row, "nan" makes it NaN (f32), a number
   * stands in its place, "skip" leaves the row out. Of texts it becomes "".
   */
  missing?: Missing;
  /** The most rows; default 20,000,000. */
  maxRows?: number;
  /** The most bytes that the file may have, and that its columns may expand to; default 1 GiB. */
  maxBytes?: number;
  /** Of codecs other than Snappy: what unpacks them, as the npm package `hyparquet-compressors` has it. */
  compressors?: Readonly<Record<string, (packed: Uint8Array, length: number) => Uint8Array>>;
}

const parquetOptions: OptionNames<ParquetOptions> = {
  ...readOptions,
  select: true,
  missing: true,
  maxRows: true,
  maxBytes: true,
  compressors: true,
};

interface ColumnMeta {
  readonly path_in_schema: readonly string[];
  readonly codec: string;
  readonly total_compressed_size: bigint;
  readonly data_page_offset: bigint;
  readonly dictionary_page_offset?: bigint;
}

interface Metadata {
  readonly num_rows: bigint;
  readonly row_groups: readonly {
    readonly num_rows: bigint;
    readonly columns: readonly { readonly file_path?: string; readonly meta_data?: ColumnMeta }[];
  }[];
}

interface SchemaTree {
  readonly children: readonly SchemaTree[];
  readonly element: { readonly name: string; readonly repetition_type?: string; readonly type?: string };
}

interface Chunk {
  readonly columnName: string;
  readonly columnData: ArrayLike<unknown>;
  readonly rowStart: number;
}

interface Hyparquet {
  parquetMetadata(bytes: ArrayBuffer): Metadata;
  parquetSchema(metadata: Metadata): SchemaTree;
  parquetRead(options: object): Promise<void>;
}

/**
 * Reads a Parquet file of plain columns into one array a column, as `readCsv` does. Needs the npm package `hyparquet`, and for
 * other codecs than Snappy `compressors`.
 *
 * @param source a path (Node), an address, bytes, a File or a stream
 * @throws DataError where the file is damaged, beyond the limits, or has columns of something else than numbers, truths and texts
 */
export async function readParquet(source: DataSource, options: ParquetOptions = {}): Promise<Table> {
  checkOptions("readParquet", options, parquetOptions);
  checkSource("readParquet", source);
  const { missing = "error" } = options;
  if (typeof missing !== "number" && !["error", "nan", "skip"].includes(missing)) {
    throw new ArgumentError(
      `readParquet: missing must be "error", "nan", "skip" or a number that takes its place, got ${kindOf(missing)}`,
    );
  }
  const waiting = waitingOf("readParquet", options);
  const mostRows = limitOf("readParquet", "maxRows", options.maxRows ?? 20_000_000);
  const mostBytes = limitOf("readParquet", "maxBytes", options.maxBytes ?? 2 ** 30);
  const library = await optionalPackage<Hyparquet>("hyparquet", "reading Parquet");
  const { name, bytes } = await readAll(source, waiting, mostBytes, "look at the path");
  const turns = new Turns(name, waiting.signal);
  try {
    return await new ParquetReader(library, name, bytes, options, { mostRows, mostBytes, turns }).read();
  } catch (error) {
    if (error instanceof GradgpuError) throw error;
    throw new DataError(
      `${printable(name)}: is no Parquet file that can be read: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}

interface Limits {
  readonly mostRows: number;
  readonly mostBytes: number;
  readonly turns: Turns;
}

class ParquetReader {
  readonly #buffer: ArrayBuffer;
  readonly #metadata: Metadata;

  constructor(
    readonly library: Hyparquet,
    readonly name: string,
    readonly bytes: Uint8Array,
    readonly options: ParquetOptions,
    readonly limits: Limits,
  ) {
    this.#buffer = bytes.slice().buffer as ArrayBuffer;
    this.#metadata = library.parquetMetadata(this.#buffer);
  }

  async read(): Promise<Table> {
    const rows = this.#metadata.row_groups.reduce((sum, group) => sum + countOf(group.num_rows), 0);
    if (rows > this.limits.mostRows)
      throw this.#refuse(
        `has ${rows} rows, more than ${this.limits.mostRows}; raise { maxRows } if that is right`,
      );
    if (rows !== countOf(this.#metadata.num_rows))
      throw this.#refuse("its parts have other numbers of rows than it says");
    const { children } = this.library.parquetSchema(this.#metadata);
    const all = children.map(({ element }) => element.name);
    checkNames(this.name, all);
    const names = placesOf(this.name, all, this.options.select).map((place) => {
      const { children: inner, element } = children[place];
      if (inner.length > 0 || element.repetition_type === "REPEATED")
        throw this.#refuse(
          `column "${printable(element.name)}" holds lists or records; leave it out with { select }`,
        );
      return element.name;
    });
    const values = new Map(names.map((name) => [name, new Array<unknown>(rows)]));
    let start = 0;
    for (const group of this.#metadata.row_groups) {
      const count = countOf(group.num_rows);
      await this.#readGroup(group, start, count, values);
      start += count;
    }
    return this.#table(names, values, rows);
  }

  /** One group of rows, which stands in few pages a column. */
  async #readGroup(
    group: Metadata["row_groups"][number],
    start: number,
    count: number,
    values: ReadonlyMap<string, unknown[]>,
  ): Promise<void> {
    if (count === 0) return;
    for (const { meta_data: column, file_path: elsewhere } of group.columns) {
      if (column === undefined || !values.has(column.path_in_schema[0])) continue;
      if (elsewhere) throw this.#refuse("its columns stand in other files");
      const from = Number(column.dictionary_page_offset || column.data_page_offset);
      const end = from + countOf(column.total_compressed_size);
      if (!(from >= 4 && from <= end && end <= this.bytes.length))
        throw this.#refuse("a column lies outside of it");
      checkPages(this.bytes.subarray(from, end), count, this.limits.mostBytes);
    }
    const filled = new Map([...values.keys()].map((name) => [name, 0]));
    await this.library.parquetRead({
      file: {
        byteLength: this.#buffer.byteLength,
        slice: async (from: number, end?: number) => this.#buffer.slice(from, end),
      },
      metadata: this.#metadata,
      columns: [...values.keys()],
      rowStart: start,
      rowEnd: start + count,
      compressors: this.options.compressors,
      geoparquet: false,
      onChunk: ({ columnName, columnData, rowStart }: Chunk) => {
        const target = values.get(columnName);
        if (target === undefined) return;
        for (let i = 0; i < columnData.length; i++) {
          if (rowStart + i >= start && rowStart + i < start + count) target[rowStart + i] = columnData[i];
        }
        filled.set(columnName, (filled.get(columnName) as number) + columnData.length);
      },
    });
    await this.limits.turns.take();
    for (const [name, given] of filled)
      if (given !== count)
        throw this.#refuse(`column "${printable(name)}" has ${given} values for ${count} rows`);
  }

  #table(names: readonly string[], values: ReadonlyMap<string, unknown[]>, rows: number): Table {
    const { missing = "error" } = this.options;
    const isText = new Map(
      names.map((name) => [name, (values.get(name) as unknown[]).some((one) => typeof one === "string")]),
    );
    const kept: number[] = [];
    for (let row = 0; row < rows; row++) {
      const isLeftOut =
        missing === "skip" && names.some((name) => !isText.get(name) && values.get(name)![row] == null);
      if (!isLeftOut) kept.push(row);
    }
    const columns = names.map((name) => {
      const column = values.get(name) as unknown[];
      const isTruth = column.some((one) => typeof one === "boolean");
      const builder = new ColumnBuilder(name, isText.get(name) ? "string" : isTruth ? "bool" : "number");
      for (const row of kept)
        builder.push(this.#valueOf(name, column[row], row, isText.get(name) as boolean));
      return [name, builder.finish()] as const;
    });
    return { names, columns: Object.fromEntries(columns), length: kept.length };
  }

  #valueOf(name: string, value: unknown, row: number, isText: boolean): number | string {
    const place = `row ${row}, column "${printable(name)}"`;
    if (value === null || value === undefined) {
      if (isText) return "";
      const { missing = "error" } = this.options;
      if (missing === "nan") return NaN;
      if (typeof missing === "number") return missing;
      throw this.#refuse(`${place} is null; pass { missing } as "nan", "skip" or a number`);
    }
    if (typeof value === "boolean") return Number(value);
    if (typeof value === "bigint") {
      if (BigInt.asIntN(32, value) === value) return Number(value);
      throw this.#refuse(`${place} is ${value}, which is no 32-bit integer; leave it out with { select }`);
    }
    if (isText ? typeof value === "string" : typeof value === "number") return value as number | string;
    throw this.#refuse(
      `${place} is ${kindOf(value)}, no number, truth or text; leave it out with { select }`,
    );
  }

  #refuse(what: string): DataError {
    return new DataError(`${printable(this.name)}: ${what}`);
  }
}

/** A count that the file tells. Throws where it is none. */
function countOf(value: bigint): number {
  const count = Number(value);
  if (!Number.isSafeInteger(count) || count < 0)
    throw new Error(`it says ${String(value)} where a count belongs`);
  return count;
}
