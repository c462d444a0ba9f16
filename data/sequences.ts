// Sequences of whole numbers as rows of equal length: multi-hot ones, and padded ones.

import { ArgumentError, checkOptions, kindOf, type OptionNames, unknownName } from "../engine/base/errors.ts";
import { atLeastOne, isList, wholeNumber } from "../engine/internal.ts";

type Sequences = readonly ArrayLike<number>[];

/** More is no array's, or no program's wish. */
const mostValues = 2 ** 31;

function checkSequences(call: string, sequences: unknown): asserts sequences is Sequences {
  const isWrong = !Array.isArray(sequences) || sequences.some((one) => !isList(one));
  if (!isWrong) return;
  const what = Array.isArray(sequences)
    ? `an array with ${kindOf(sequences.find((one) => !isList(one)))} in it`
    : kindOf(sequences);
  throw new ArgumentError(`${call}: takes an array of sequences, as in [[1, 5], [2]], got ${what}`);
}

function room(call: string, rows: number, columns: number): number {
  if (rows * columns <= mostValues) return rows * columns;
  throw new ArgumentError(
    `${call}: ${rows} rows of ${columns} values are too many for one array; do it batch by batch, or with fewer columns`,
  );
}

/**
 * Rows of 0 and 1 that say which numbers occur in each sequence, such as which words in a text.
 *
 * ```js
 * multiHot([[0, 2], [1]], 3); // 1 0 1
 *                             // 0 1 0
 * ```
 *
 * @param size the length of a row; all numbers must be below it
 * @returns `sequences.length * size` bytes, row by row, which `fit` and `tensor(values, [sequences.length, size])` take
 * @throws ArgumentError for a number that is no place in a row
 */
export function multiHot(sequences: Sequences, size: number): Uint8Array {
  checkSequences("multiHot", sequences);
  atLeastOne("multiHot", "the size", size);
  const out = new Uint8Array(room("multiHot", sequences.length, size));
  sequences.forEach((sequence, row) => {
    for (let i = 0; i < sequence.length; i++) {
      const place = sequence[i];
      if (!(Number.isInteger(place) && place >= 0 && place < size)) {
        throw new ArgumentError(
          `multiHot: sequence ${row} has ${String(place)} at place ${i}; numbers must be whole, from 0 to ${size - 1}: pass a larger size, or load with { numWords: ${size} }`,
        );
      }
      out[row * size + place] = 1;
    }
  });
  return out;
}

export interface PadOptions {
  /** The length of all rows; default that of the longest sequence. */
  maxLen?: number | null;
  /** Whether what is too short is filled up in front ("pre", the default) or behind ("post"). */
  padding?: "pre" | "post";
  /** Whether what is too long loses its beginning ("pre", the default) or its end ("post"). */
  truncating?: "pre" | "post";
  /** What rows are filled up with; default 0. */
  value?: number;
}

const padOptions: OptionNames<PadOptions> = { maxLen: true, padding: true, truncating: true, value: true };

/**
 * Sequences as rows of one length: shorter ones filled up, longer ones cut, as Keras's `pad_sequences` does.
 *
 * ```js
 * padSequences([[1, 2, 3], [4]], { maxLen: 2 }); // 2 3
 *                                                // 0 4
 * ```
 *
 * @returns `sequences.length * maxLen` numbers, row by row, which `fit` and `tensor(values, [sequences.length, maxLen])` take
 * @throws ArgumentError for what is no whole number of 32 bits
 */
export function padSequences(sequences: Sequences, options: PadOptions = {}): Int32Array {
  checkOptions("padSequences", options, padOptions);
  checkSequences("padSequences", sequences);
  const { padding = "pre", truncating = "pre", value = 0 } = options;
  for (const [name, side] of Object.entries({ padding, truncating }))
    if (side !== "pre" && side !== "post")
      throw unknownName(`${name} of padSequences`, String(side), ["pre", "post"]);
  const longest = sequences.reduce((most, { length }) => Math.max(most, length), 0);
  const width = wholeNumber("padSequences", "maxLen", options.maxLen ?? longest);
  const out = new Int32Array(room("padSequences", sequences.length, width)).fill(whole("value", value));
  sequences.forEach((sequence, row) => {
    const count = Math.min(sequence.length, width);
    const from = truncating === "pre" ? sequence.length - count : 0;
    const to = row * width + (padding === "pre" ? width - count : 0);
    for (let i = 0; i < count; i++)
      out[to + i] = whole(`sequence ${row}, place ${from + i}`, sequence[from + i]);
  });
  return out;
}

function whole(what: string, value: number): number {
  if ((value | 0) === value) return value;
  throw new ArgumentError(
    `padSequences: ${what} must be a whole number from -2^31 to 2^31 - 1, got ${typeof value === "number" ? value : kindOf(value)}`,
  );
}
