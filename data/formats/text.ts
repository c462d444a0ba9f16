// Text files: their text whole or line by line, in any encoding that the platform knows.

import {
  ArgumentError,
  checkOptions,
  DataError,
  type OptionNames,
  printable,
} from "../../engine/base/errors.ts";
import { type Chunks, Turns } from "../sources/bytes.ts";
import { limitOf, type ReadOptions, readOptions, waitingOf } from "../sources/options.ts";
import { checkSource, type DataSource, open, readAll } from "../sources/source.ts";

export interface TextOptions extends ReadOptions {
  /** As TextDecoder knows it: "utf-8" (default), "euc-kr", "windows-1252" and so on. */
  encoding?: string;
  /** The most bytes that the file may have; default 256 MiB. */
  maxBytes?: number;
}

export interface LineOptions extends ReadOptions {
  /** As TextDecoder knows it: "utf-8" (default), "euc-kr", "windows-1252" and so on. */
  encoding?: string;
  /** The most characters that a line may have; default 1,048,576. */
  maxLineLength?: number;
}

const textOptions: OptionNames<TextOptions> = { ...readOptions, encoding: true, maxBytes: true };
const lineOptions: OptionNames<LineOptions> = { ...readOptions, encoding: true, maxLineLength: true };

/** @throws ArgumentError for an encoding that the platform doesn't know */
export function decoderOf(call: string, encoding = "utf-8"): TextDecoder {
  try {
    return new TextDecoder(encoding);
  } catch {
    throw new ArgumentError(
      `${call}: the encoding ${JSON.stringify(encoding)} is unknown; "utf-8", "euc-kr", "windows-1252" and others are known`,
    );
  }
}

/**
 * Reads a whole text file.
 *
 * @param source a path (Node), an address, bytes, a File or a stream, plain or gzipped
 * @throws DataError where there is no such file, or it has more than `maxBytes`
 */
export async function readText(source: DataSource, options: TextOptions = {}): Promise<string> {
  checkOptions("readText", options, textOptions);
  checkSource("readText", source);
  const decoder = decoderOf("readText", options.encoding);
  const most = limitOf("readText", "maxBytes", options.maxBytes ?? 2 ** 28);
  const { bytes } = await readAll(source, waitingOf("readText", options), most, "look at the path");
  return decoder.decode(bytes);
}

/**
 * Reads a text file line by line, without the ends of lines, so that it may be larger than the memory.
 *
 * @param source a path (Node), an address, bytes, a File or a stream, plain or gzipped
 * @throws DataError where there is no such file, or a line has more than `maxLineLength` characters
 */
export function textLines(source: DataSource, options: LineOptions = {}): AsyncGenerator<string, void> {
  checkOptions("textLines", options, lineOptions);
  checkSource("textLines", source);
  const decoder = decoderOf("textLines", options.encoding);
  const most = limitOf("textLines", "maxLineLength", options.maxLineLength ?? 2 ** 20);
  const waiting = waitingOf("textLines", options);
  const { name, chunks } = open(source, waiting, "look at the path");
  return linesOf(name, chunks, decoder, most, waiting.signal);
}

/** So little is decoded at once that its lines may wait in memory. */
const pieceBytes = 2 ** 16;

async function* linesOf(
  name: string,
  chunks: Chunks,
  decoder: TextDecoder,
  most: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<string, void> {
  const turns = new Turns(name, signal);
  let [left, count] = ["", 0];
  const checked = (line: string) => {
    count++;
    if (line.length <= most) return line;
    throw new DataError(
      `${printable(name)}: line ${count}: has more than ${most} characters; raise { maxLineLength } if that is right`,
    );
  };
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.length; start += pieceBytes) {
      const text = decoder.decode(chunk.subarray(start, start + pieceBytes), { stream: true });
      const lines = text.split("\n");
      lines[0] = left + lines[0];
      left = lines.pop() as string;
      for (const line of lines) yield checked(line.endsWith("\r") ? line.slice(0, -1) : line);
      if (left.length > most) checked(left);
      await turns.take();
    }
  }
  left += decoder.decode();
  if (left !== "") yield checked(left.endsWith("\r") ? left.slice(0, -1) : left);
}
