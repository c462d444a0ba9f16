// Reuters's news in 46 topics, 11,228 of them, in Keras's form.

import { ArgumentError, checkOptions, kindOf, type OptionNames } from "../../engine/base/errors.ts";
import {
  loadHalves,
  loadWordIndex,
  type SequenceDataset,
  type SequenceOptions,
  sequenceOptions,
  type WordIndexOptions,
} from "./keras-files.ts";

export interface ReutersOptions extends SequenceOptions {
  /** The part of the texts that is kept for the test; default 0.2. */
  testSplit?: number;
}

const reutersOptions: OptionNames<ReutersOptions> = { ...sequenceOptions, testSplit: true };

const classes: readonly string[] = (
  "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass crude " +
  "nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi iron-steel rubber " +
  "heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead"
).split(" ");

/** News as numbers of words, with the numbers of their topics. */
export const reuters = {
  name: "Reuters",
  classes,
  /**
   * Reads Keras's `reuters.npz`, and makes of it what Keras's `load_data` does, in the same order.
   *
   * @throws DataError where the file is not there (with the remedy), or is not Keras's
   */
  async load(options: ReutersOptions = {}): Promise<SequenceDataset> {
    checkOptions("reuters.load", options, reutersOptions);
    const { testSplit = 0.2 } = options;
    if (!(testSplit >= 0 && testSplit <= 1))
      throw new ArgumentError(`reuters.load: testSplit must be from 0 to 1, got ${kindOf(testSplit)}`);
    const [[sequences, labels]] = await loadHalves({ name: "reuters", classes }, [["x", "y"]], options);
    const end = Math.trunc(sequences.length * (1 - testSplit));
    return {
      train: { sequences: sequences.slice(0, end), labels: labels.slice(0, end) },
      test: { sequences: sequences.slice(end), labels: labels.slice(end) },
    };
  },
  /** The number of each word, the most frequent one 1, from Keras's `reuters_word_index.json`. */
  wordIndex: async (options: WordIndexOptions = {}): Promise<Map<string, number>> =>
    loadWordIndex("reuters", options),
};
