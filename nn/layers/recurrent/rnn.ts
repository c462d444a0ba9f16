// RNN: a recurrent layer of any cell.

import { ArgumentError } from "../../../engine/index.ts";
import { kindOf } from "../../../engine/internal.ts";
import { RecurrentCell } from "./cell.ts";
import { RecurrentLayer, type RecurrentOptions } from "./recurrent-layer.ts";
import { SimpleRNNCell } from "./simple-rnn.ts";

/** Runs a cell over sequences: `new RNN(new LSTMCell(64))`, or a {@link RecurrentCell} of one's own. */
export class RNN<C extends RecurrentCell = RecurrentCell> extends RecurrentLayer<C> {
  static override readonly positional = ["cell"];
  static override readonly samples = () => [
    { make: () => new RNN(new SimpleRNNCell(4), { returnSequences: true }), shape: [3, 4, 5] },
  ];

  constructor(cell: C, options: RecurrentOptions = {}) {
    if (!(cell instanceof RecurrentCell)) {
      throw new ArgumentError(
        `RNN: takes a cell, as new LSTMCell(64) or a RecurrentCell of your own, got ${kindOf(cell)}`,
      );
    }
    super("RNN", () => cell, options);
  }
}
