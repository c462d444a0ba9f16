// What Keras's loaders of word sequences have in common: their npz files, options and index of words.

import {
  ArgumentError,
  checkOptions,
  DataError,
  kindOf,
  type OptionNames,
  printable,
} from "../../engine/base/errors.ts";
import { importByName, wholeNumber } from "../../engine/internal.ts";
import { npyArray } from "../formats/npy.ts";
import { type Npz, openNpz } from "../formats/npz.ts";
import { pickledSequences } from "../formats/pickle.ts";
import { Turns } from "../sources/bytes.ts";
import { isNode } from "../sources/files.ts";
import { limitOf, type ReadOptions, readOptions, waitingOf } from "../sources/options.ts";
import { checkSource, type DataSource, readAll } from "../sources/source.ts";
import { MersenneTwister, numpyShuffle } from "./numpy-random.ts";

/** One half of a set of texts, as numbers of words. */
export interface SequenceSplit {
  /** Each text: the numbers of its words in their order, or what stands for them. */
  readonly sequences: Int32Array[];
  /** The class of each text. */
  readonly labels: Uint8Array;
}

export interface SequenceDataset {
  readonly train: SequenceSplit;
  readonly test: SequenceSplit;
}

export interface SequenceOptions extends ReadOptions {
  /** Where Keras's npz file is: a path, an address, bytes or a File; default: where Keras puts it, `~/.keras/datasets`. */
  path?: DataSource;
  /** Only words with numbers below it are told apart, the most frequent ones; default all. */
  numWords?: number | null;
  /** The most frequent words, so many, are left out, as if they were unknown; default 0. */
  skipTop?: number;
  /** Texts of so many words or more, with the start, are left out; default none. */
  maxLen?: number | null;
  /** Seed of the order of texts; default 113, as in Keras, whose order it is. */
  seed?: number;
  /** The number that stands before each text; null for none. Default 1. */
  startChar?: number | null;
  /** The number in the place of words that are left out; null: nothing stands there. Default 2. */
  oovChar?: number | null;
  /** Words have the numbers from here on, so that the smaller ones can mean something else; default 3. */
  indexFrom?: number;
  /** The most bytes that the file may have, and expand to; default 1 GiB. */
  maxBytes?: number;
}

export const sequenceOptions: OptionNames<SequenceOptions> = {
  ...readOptions,
  path: true,
  numWords: true,
  skipTop: true,
  maxLen: true,
  seed: true,
  startChar: true,
  oovChar: true,
  indexFrom: true,
  maxBytes: true,
};

export interface WordIndexOptions extends ReadOptions {
  /** Where Keras's json file is; default: where Keras puts it, `~/.keras/datasets`. */
  path?: DataSource;
}

const wordIndexOptions: OptionNames<WordIndexOptions> = { ...readOptions, path: true };

/** What is particular to one of Keras's files. */
export interface KerasSet {
  /** As in "imdb". */
  readonly name: string;
  readonly classes: readonly string[];
}

type Half = readonly [sequences: Int32Array[], labels: Uint8Array];

/** The file's texts by the names of its arrays, in Keras's order. @throws DataError where they are not what Keras has */
export async function loadHalves(
  { name, classes }: KerasSet,
  arrays: readonly (readonly [x: string, y: string])[],
  options: SequenceOptions,
): Promise<Half[]> {
  const call = `${name}.load`;
  const numbers = { numWords: options.numWords, skipTop: options.skipTop, maxLen: options.maxLen };
  const chars = { startChar: options.startChar, oovChar: options.oovChar, indexFrom: options.indexFrom };
  for (const [option, value] of Object.entries({ ...numbers, ...chars, seed: options.seed }))
    if (value !== undefined && value !== null) wholeNumber(call, option, value);
  const maxBytes = limitOf(call, "maxBytes", options.maxBytes ?? 2 ** 30);
  const { signal, timeout } = options;
  const { source, remedy } = await kerasFile(call, options.path, `${name}.npz`, name);
  const npz = await openNpz(call, source, { maxBytes, signal, timeout }, remedy);
  const random = new MersenneTwister(options.seed ?? 113);
  const halves: Half[] = [];
  for (const [x, y] of arrays) {
    const sequences = await sequencesOf(npz, x, maxBytes, signal);
    const labels = await labelsOf(npz, y, sequences.length, classes.length);
    const order = numpyShuffle(sequences.length, random);
    halves.push([Array.from(order, (i) => sequences[i]), Uint8Array.from(order, (i) => labels[i])]);
  }
  return prepared(call, halves, options, maxBytes / 4);
}

async function sequencesOf(
  npz: Npz,
  name: string,
  mostBytes: number,
  signal: AbortSignal | undefined,
): Promise<Int32Array[]> {
  const { label, header, raw } = await npz.read(name);
  if (header.descr !== "|O") {
    throw new DataError(
      `${printable(label)}: expected an array of lists of words, as in Keras's file, found dtype "${printable(header.descr)}"`,
    );
  }
  return pickledSequences(label, header, raw, { mostNumbers: mostBytes / 4 }, new Turns(label, signal));
}

async function labelsOf(npz: Npz, name: string, count: number, classes: number): Promise<Uint8Array> {
  const { label, header, raw } = await npz.read(name);
  const { values, shape } = npyArray(label, header, raw);
  if (shape.length !== 1 || shape[0] !== count)
    throw new DataError(
      `${printable(label)}: expected ${count} labels, one a text, found shape [${shape.join(", ")}]`,
    );
  const wrong = values.findIndex((value) => !(Number.isInteger(value) && value >= 0 && value < classes));
  if (wrong >= 0)
    throw new DataError(
      `${printable(label)}: expected labels below ${classes}, found ${values[wrong]} at place ${wrong}`,
    );
  return Uint8Array.from(values);
}

/** What the options make of the texts, step by step as in Keras. */
function prepared(
  call: string,
  halves: readonly Half[],
  options: SequenceOptions,
  mostNumbers: number,
): Half[] {
  const { startChar = 1, oovChar = 2, indexFrom = 3, skipTop = 0, maxLen, numWords } = options;
  const starts = startChar === null ? 0 : 1;
  // Each text of the file may be one list in many places.
  const total = halves.flatMap(([all]) => all).reduce((sum, { length }) => sum + length + starts, 0);
  if (total > mostNumbers) {
    throw new DataError(
      `${call}: more than ${mostNumbers} words in all; raise { maxBytes } if that is right`,
    );
  }
  const moved = halves.map(([all, labels]): Half => {
    const long = all.map((words) => {
      const out = new Int32Array(words.length + starts);
      for (let i = 0; i < words.length; i++) out[i + starts] = words[i] + indexFrom;
      if (startChar !== null) out[0] = startChar;
      return out;
    });
    const isKept = (words: Int32Array) => !maxLen || words.length < maxLen;
    return [long.filter(isKept), labels.filter((_, i) => isKept(long[i]))];
  });
  if (maxLen && moved.some(([all], i) => all.length === 0 && halves[i][0].length > 0)) {
    throw new DataError(`${call}: no text is shorter than maxLen, ${maxLen}; raise it`);
  }
  let end = numWords || 0;
  if (end === 0)
    for (const [all] of moved) for (const words of all) for (const word of words) end = Math.max(end, word);
  const isKnown = (word: number) => word >= skipTop && word < end;
  return moved.map(([all, labels]) => [
    all.map((words) =>
      oovChar === null ? words.filter(isKnown) : words.map((word) => (isKnown(word) ? word : oovChar)),
    ),
    labels,
  ]);
}

/** A file that is given, or where Keras keeps it; and what to say where it is not there. */
async function kerasFile(
  call: string,
  path: DataSource | undefined,
  file: string,
  set: string,
): Promise<{ source: DataSource; remedy: string }> {
  const python = `python3 -c "from keras.datasets import ${set}; ${set}.load_data(); ${set}.get_word_index()"`;
  const remedy = `Keras fetches it to ~/.keras/datasets: ${python}; or pass { path }`;
  if (path !== undefined) {
    checkSource(call, path);
    return { source: path, remedy };
  }
  if (!isNode())
    throw new DataError(`${call}: outside Node there is no default place for ${file}; pass { path }`);
  const { homedir } = await importByName<typeof import("node:os")>("node:os");
  const { join } = await importByName<typeof import("node:path")>("node:path");
  return { source: join(homedir(), ".keras", "datasets", file), remedy };
}

/** The number of each word, the most frequent one 1. Sequences have them with `indexFrom` added. */
export async function loadWordIndex(set: string, options: WordIndexOptions): Promise<Map<string, number>> {
  const call = `${set}.wordIndex`;
  checkOptions(call, options, wordIndexOptions);
  const waiting = waitingOf(call, options);
  const { source, remedy } = await kerasFile(call, options.path, `${set}_word_index.json`, set);
  const { name, bytes } = await readAll(source, waiting, 2 ** 26, remedy);
  const index = new Map<string, number>();
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new DataError(`${printable(name)}: is no JSON (${(cause as Error).message}); get the file again`, {
      cause,
    });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw new DataError(`${printable(name)}: expected an object of words and their numbers`);
  for (const [word, number] of Object.entries(parsed)) {
    if (!(Number.isInteger(number) && number >= 0))
      throw new DataError(
        `${printable(name)}: expected a whole number for "${printable(word)}", found ${kindOf(number)}`,
      );
    index.set(word, number);
  }
  return index;
}

export interface DecodeOptions {
  /** As it was when the sequences were loaded; default 3. */
  indexFrom?: number;
  /** What stands for numbers that are no word's; default "?". */
  unknown?: string;
}

const decodeOptions: OptionNames<DecodeOptions> = { indexFrom: true, unknown: true };

/**
 * The words that a sequence stands for, with spaces between.
 *
 * @param wordIndex from `imdb.wordIndex()` or `reuters.wordIndex()`
 */
export function decodeSequence(
  sequence: ArrayLike<number>,
  wordIndex: ReadonlyMap<string, number>,
  options: DecodeOptions = {},
): string {
  checkOptions("decodeSequence", options, decodeOptions);
  if (!(wordIndex instanceof Map))
    throw new ArgumentError(`decodeSequence: takes the Map that wordIndex() gives, got ${kindOf(wordIndex)}`);
  const { indexFrom = 3, unknown = "?" } = options;
  const words = new Map(Array.from(wordIndex, ([word, number]) => [number + indexFrom, word]));
  return Array.from(sequence, (number) => words.get(number) ?? unknown).join(" ");
}
