// IMDB's reviews of films, 25,000 for training and as many for the test, positive and negative, in Keras's form.

import { checkOptions } from "../../engine/base/errors.ts";
import {
  loadHalves,
  loadWordIndex,
  type SequenceDataset,
  type SequenceOptions,
  sequenceOptions,
  type WordIndexOptions,
} from "./keras-files.ts";

const classes = ["negative", "positive"];

/** Reviews of films as numbers of words, 0 for negative and 1 for positive. */
export const imdb = {
  name: "IMDB",
  classes: classes as readonly string[],
  /**
   * Reads Keras's `imdb.npz`, and makes of it what Keras's `load_data` does, in the same order.
   *
   * ```js
   * const { train, test } = await imdb.load({ path: "imdb.npz", numWords: 10_000 });
   * const x = multiHot(train.sequences, 10_000);
   * ```
   *
   * @throws DataError where the file is not there (with the remedy), or is not Keras's
   */
  async load(options: SequenceOptions = {}): Promise<SequenceDataset> {
    checkOptions("imdb.load", options, sequenceOptions);
    const halves = [
      ["x_train", "y_train"],
      ["x_test", "y_test"],
    ] as const;
    const [train, test] = await loadHalves({ name: "imdb", classes }, halves, options);
    return {
      train: { sequences: train[0], labels: train[1] },
      test: { sequences: test[0], labels: test[1] },
    };
  },
  /** The number of each word, the most frequent one 1, from Keras's `imdb_word_index.json`. */
  wordIndex: async (options: WordIndexOptions = {}): Promise<Map<string, number>> =>
    loadWordIndex("imdb", options),
};
