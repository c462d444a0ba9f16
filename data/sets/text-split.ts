// Texts of two halves: how sets that come in one piece are divided, and how their files are read.

import { ArgumentError, DataError, kindOf, type OptionNames, printable } from "../../engine/base/errors.ts";
import { fillPermutation, importByName, wholeNumber } from "../../engine/internal.ts";
import type { Waiting } from "../sources/bytes.ts";
import { isMissing, isNode, packageFolders } from "../sources/files.ts";
import { type ReadOptions, readOptions, waitingOf } from "../sources/options.ts";
import { readAll } from "../sources/source.ts";

export interface TextSplit {
  readonly texts: string[];
  /** The class of each text. */
  readonly labels: Uint8Array;
}

export interface TextDataset {
  readonly train: TextSplit;
  readonly test: TextSplit;
}

export interface TextSetOptions extends ReadOptions {
  /** The folder of the files; default: where npm puts the package that brings them. */
  path?: string;
  /** The part of the texts that is kept for the test; default 0.2. */
  testSplit?: number;
  /** Seed of the order of texts, and so of what is kept for the test; default 0. */
  seed?: number;
}

export const textSetOptions: OptionNames<TextSetOptions> = {
  ...readOptions,
  path: true,
  testSplit: true,
  seed: true,
};

/** A text of a file, and its class. */
export interface LabelledText {
  readonly text: string;
  readonly label: number;
}

/** Where the files of a set lie, and what they say. */
export interface TextFiles {
  /** The npm package that brings them; `inside` is the folder in it that holds them, and `witness` is one of them. */
  readonly package: { readonly name: string; readonly inside: string; readonly witness: string };
  readonly encoding: string;
  /** The files of a folder, each with the class of its text. */
  list(folder: string, waiting: Waiting): Promise<readonly { file: string; label: number }[]>;
  /** What of a file is its text. */
  textOf(file: string): string;
  /** Of one text, those that it is cut into. Texts are divided first: pieces of one must not stand on both sides. */
  cut?(text: string): readonly string[];
}

/** Reads a set that one package brings, and divides it. */
export async function loadTexts(
  call: string,
  options: TextSetOptions,
  files: TextFiles,
): Promise<TextDataset> {
  checkSplit(call, options);
  const waiting = waitingOf(call, options);
  const folder = await folderOf(call, options.path, files.package);
  const entries = await files.list(folder, waiting);
  const texts = await readTexts(
    entries.map(({ file }) => `${folder}/${file}`),
    files.encoding,
    waiting,
  );
  const all = texts.map((text, i): LabelledText => ({ text: files.textOf(text), label: entries[i].label }));
  const { cut = (text) => [text] } = files;
  const split = (items: readonly LabelledText[]): TextSplit => {
    const pieces = items.flatMap(({ text, label }) => cut(text).map((piece) => ({ text: piece, label })));
    return { texts: pieces.map(({ text }) => text), labels: Uint8Array.from(pieces, ({ label }) => label) };
  };
  const { train, test } = splitBySeed(all, options);
  return { train: split(train), test: split(test) };
}

/** @throws ArgumentError where the part for the test, or the seed, is none */
function checkSplit(call: string, { testSplit = 0.2, seed = 0 }: TextSetOptions): void {
  if (!(testSplit >= 0 && testSplit <= 1))
    throw new ArgumentError(`${call}: testSplit must be from 0 to 1, got ${kindOf(testSplit)}`);
  wholeNumber(call, "seed", seed);
}

/** Shuffles items by the seed and keeps the last ones for the test. */
function splitBySeed<T>(
  items: readonly T[],
  { testSplit = 0.2, seed = 0 }: TextSetOptions,
): { train: T[]; test: T[] } {
  const places = new Uint32Array(items.length);
  fillPermutation(places, [seed >>> 0, Math.floor(seed / 2 ** 32), 0, 0]);
  const end = Math.trunc(items.length * (1 - testSplit));
  const order = Array.from(places, (place) => items[place]);
  return { train: order.slice(0, end), test: order.slice(end) };
}

/**
 * The folder in which a package's files are.
 *
 * @param inside the folder of the package that holds them; `witness` is one of them
 * @throws DataError with the line that installs the package
 */
async function folderOf(
  call: string,
  path: string | undefined,
  { name, inside, witness }: { name: string; inside: string; witness: string },
): Promise<string> {
  if (!isNode()) throw new DataError(`${call}: reads a folder of files, which only Node can`);
  if (path !== undefined && (typeof path !== "string" || path === ""))
    throw new ArgumentError(`${call}: path must be that of a folder, got ${kindOf(path)}`);
  const { access } = await importByName<typeof import("node:fs/promises")>("node:fs/promises");
  const { join } = await importByName<typeof import("node:path")>("node:path");
  const folders = path === undefined ? (await packageFolders(name)).map((one) => join(one, inside)) : [path];
  for (const folder of folders) {
    const isThere = await access(join(folder, witness)).then(
      () => true,
      () => false,
    );
    if (isThere) return folder;
  }
  throw new DataError(
    `${call}: found no ${witness} (looked in ${folders.map((one) => printable(one)).join(", ")}); ` +
      `install the npm package that brings it (npm install ${name}), or pass { path }`,
  );
}

/** So many files are read at once. */
const atOnce = 16;

/** No text of these sets has as many bytes. */
const mostBytes = 2 ** 24;

/** The texts of files, in order. */
export async function readTexts(
  files: readonly string[],
  encoding: string,
  waiting: Waiting,
): Promise<string[]> {
  const decoder = new TextDecoder(encoding);
  const texts = new Array<string>(files.length);
  let next = 0;
  const read = async () => {
    while (next < files.length) {
      const place = next++;
      const { bytes } = await readAll(files[place], waiting, mostBytes);
      texts[place] = decoder.decode(bytes);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, read));
  return texts;
}

/** The names of a folder's files, sorted. @throws DataError where there is no such folder */
export async function filesIn(folder: string): Promise<string[]> {
  const { readdir } = await importByName<typeof import("node:fs/promises")>("node:fs/promises");
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    const what = isMissing(error) ? "there is no such folder" : `can't be read (${(error as Error).message})`;
    throw new DataError(`${printable(folder)}: ${what}`, { cause: error });
  }
}
