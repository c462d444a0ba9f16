// SimpleRNN and its cell: one state, which the next step reads.

import { add, matmul, type Tensor } from "../../../engine/index.ts";
import { dropped, held, project, recur, type SequenceResults, stepsFirst } from "./cell.ts";
import { type CellOptions, cellOptions, type DroppedSequence, GatedCell } from "./gated-cell.ts";
import { RecurrentLayer, type RecurrentOptions } from "./recurrent-layer.ts";

/** A step of {@link SimpleRNN}. */
export class SimpleRNNCell extends GatedCell {
  constructor(units: number, options: CellOptions = {}) {
    super("SimpleRNNCell", units, 1, options);
  }

  protected override run(sequence: DroppedSequence): SequenceResults {
    const { states, reverse, stateMask } = sequence;
    const { x, mask } = stepsFirst(sequence);
    const u = this.recurrentKernel as Tensor;
    const rows = project(x, this.kernel as Tensor, this.bias);
    const step = (before: Tensor, row: Tensor, counts: Tensor | undefined) => {
      const sum = add(matmul(dropped(before, stateMask), u), row);
      return held(this.activation.call(sum), before, counts);
    };
    return recur(step, states[0], rows, mask, { reverse });
  }
}

export interface SimpleRNNOptions extends RecurrentOptions, CellOptions {}

/**
 * A recurrent layer of one product a step (Elman 1990): h' = activation(x · kernel + h · recurrentKernel + bias).
 * [batch, time, features] to [batch, units], the last step's, or with `returnSequences` [batch, time, units]. kernel
 * [features, units], recurrentKernel [units, units], bias [units].
 */
export class SimpleRNN extends RecurrentLayer<SimpleRNNCell> {
  static override readonly positional = ["units"];
  static override readonly samples = () => [{ make: () => new SimpleRNN(8), shape: [4, 6, 5] }];
  readonly units: number;

  constructor(units: number, options: SimpleRNNOptions = {}) {
    super("SimpleRNN", (own) => new SimpleRNNCell(units, own as CellOptions), options, cellOptions);
    this.units = units;
  }
}
