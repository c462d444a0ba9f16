// Records of CSV files by the npm package `csv-parse`: fields as texts, with the line at which each record ends.

import { DataError, printable } from "../../engine/base/errors.ts";
import { type Chunks, Turns } from "../sources/bytes.ts";
import { optionalPackage } from "../sources/packages.ts";

export interface CsvRecord {
  readonly record: string[];
  readonly info: { readonly lines: number };
}

export interface RecordOptions {
  readonly name: string;
  readonly decoder: TextDecoder;
  readonly delimiter: string;
  readonly quote: string | null;
  readonly comment: string | null;
  readonly mostRecordBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** What is used of a parser, which is a Transform of Node's, or of what stands for it in pages. */
interface Parser {
  write(text: string): boolean;
  end(): void;
  read(): CsvRecord | null;
  on(event: "readable" | "end" | "error", heard: (error?: Error) => void): void;
  /** What stands for Node's streams in pages has none. */
  destroy?(): void;
}

interface CsvParse {
  parse(options: object): Parser;
}

/** So little is parsed at once that its records may wait in memory. */
const pieceBytes = 2 ** 16;

/** Batches of records. @throws DataError that names the file and the line where a record is malformed */
export async function* csvRecords(chunks: Chunks, options: RecordOptions): AsyncGenerator<CsvRecord[]> {
  const { name, signal, decoder } = options;
  const { parse } = await optionalPackage<CsvParse>("csv-parse", "reading CSV");
  const parser = parse({
    bom: true,
    delimiter: options.delimiter,
    quote: options.quote,
    comment: options.comment ?? "",
    comment_no_infix: true,
    info: true,
    max_record_size: options.mostRecordBytes === Infinity ? 0 : options.mostRecordBytes,
    skip_empty_lines: true,
  });
  const told = new Told(parser);
  const turns = new Turns(name, signal);
  try {
    for await (const chunk of chunks) {
      for (let start = 0; start < chunk.length; start += pieceBytes) {
        // As text: what stands for Node's streams in pages knows no bytes but its own.
        const isRoom = parser.write(
          decoder.decode(chunk.subarray(start, start + pieceBytes), { stream: true }),
        );
        yield recordsIn(parser);
        if (!isRoom) await told.quiet();
        if (told.error !== undefined) throw told.error;
        await turns.take();
      }
    }
    parser.write(decoder.decode());
    parser.end();
    while (!told.isOver) {
      await told.next();
      yield recordsIn(parser);
    }
    if (told.error !== undefined) throw told.error;
  } catch (error) {
    throw error instanceof DataError ? error : malformed(name, error as CsvError, options);
  } finally {
    parser.destroy?.();
  }
}

function recordsIn(parser: Parser): CsvRecord[] {
  const records: CsvRecord[] = [];
  for (let record = parser.read(); record !== null; record = parser.read()) records.push(record);
  return records;
}

/** What a parser says by events. */
class Told {
  error: Error | undefined;
  isOver = false;
  #heard = () => {};
  #something = new Promise<void>((resolve) => {
    this.#heard = resolve;
  });

  constructor(parser: Parser) {
    parser.on("readable", () => this.#heard());
    parser.on("end", () => {
      this.isOver = true;
      this.#heard();
    });
    parser.on("error", (error) => {
      this.error = error;
      this.isOver = true;
      this.#heard();
    });
  }

  async next(): Promise<void> {
    await this.#something;
    if (this.isOver) return;
    this.#something = new Promise((resolve) => {
      this.#heard = resolve;
    });
  }

  /** Errors are told a little after the write that they are about. */
  quiet(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve));
  }
}

interface CsvError extends Error {
  readonly code?: string;
  readonly lines?: number;
  readonly record?: readonly string[];
}

function malformed(name: string, error: CsvError, { mostRecordBytes, quote }: RecordOptions): DataError {
  const { code = "", lines, record, message } = error;
  const place = `${printable(name)}${lines === undefined ? "" : `: line ${lines}`}`;
  const say = (what: string) => new DataError(`${place}: ${what}`, { cause: error });
  if (/INCONSISTENT/.test(code) && record !== undefined) {
    const [, wanted] = /expect (\d+)/.exec(message) ?? [];
    return say(
      `has ${record.length} fields, ${wanted === undefined ? "which differs from" : `expected ${wanted} as in`} the first line; ` +
        "a field that holds the delimiter stands in quotes",
    );
  }
  if (code === "CSV_MAX_RECORD_SIZE") {
    return say(
      `a record of more than ${mostRecordBytes} bytes; raise { maxRecordBytes } if that is right, or look for a quote that is not closed`,
    );
  }
  if (code === "CSV_QUOTE_NOT_CLOSED") {
    return say(
      `the file ends inside quotes; close them, or pass { quote: false } if ${quote} is a letter like others`,
    );
  }
  if (/QUOTE/.test(code)) {
    return say(
      `a quote ${quote} stands inside a field, or text behind a closing one; double quotes inside quoted fields, or pass { quote: false }`,
    );
  }
  return say(`is no CSV: ${message}`);
}
