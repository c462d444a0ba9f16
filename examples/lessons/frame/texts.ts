// Texts as rows of bytes, 1 for each frequent word that occurs: real mails and real prose, which npm packages bring.

import { brown, multiHot, spamAssassin, type TextSplit } from "gradgpu/data";

export interface Texts {
  readonly x: Uint8Array;
  readonly y: Uint8Array;
  readonly testX: Uint8Array;
  readonly testY: Uint8Array;
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[a-z][a-z'-]*|[$!]/g) ?? [];

function cut({ texts, labels }: TextSplit, rows: number): TextSplit {
  return { texts: texts.slice(0, rows), labels: labels.slice(0, rows) };
}

/** The most frequent words of the training texts are counted; all others are left out. */
function encode(train: TextSplit, test: TextSplit, words: number): Texts {
  const counts = new Map<string, number>();
  const inTrain = train.texts.map(wordsOf);
  for (const word of inTrain.flat()) counts.set(word, (counts.get(word) ?? 0) + 1);
  const frequent = [...counts].sort((a, b) => b[1] - a[1]).slice(0, words);
  const ids = new Map(frequent.map(([word], i) => [word, i]));
  const rows = (texts: readonly string[][]) =>
    multiHot(
      texts.map((text) => text.flatMap((word) => ids.get(word) ?? [])),
      words,
    );
  return {
    x: rows(inTrain),
    y: train.labels,
    testX: rows(test.texts.map(wordsOf)),
    testY: test.labels,
  };
}

/** Mails, wanted (0) or spam (1). */
export async function mails(words: number, rows: number, tests: number): Promise<Texts> {
  const { train, test } = await spamAssassin.load({ seed: 1 });
  return encode(cut(train, rows), cut(test, tests), words);
}

/** Pieces of prose of so many words, in 15 genres. */
export async function genres(
  words: number,
  rows: number,
  tests: number,
  wordsPerText: number,
): Promise<Texts> {
  const { train, test } = await brown.load({ seed: 1, wordsPerText });
  return encode(cut(train, rows), cut(test, tests), words);
}
