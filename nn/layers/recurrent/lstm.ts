// LSTM and its cell: gates decide what a cell forgets, takes in and shows.

import { add, matmul, mul, scan, slice, stack, type Tensor } from "../../../engine/index.ts";
import { lstmSequence, lstmStep, stepAt } from "../../../engine/internal.ts";
import * as activations from "../activations.ts";
import type { Initializer } from "../initializers.ts";
import type { OwnLayerOptions } from "../layer.ts";
import {
  dropped,
  held,
  project,
  runsAsOneKernel,
  type SequenceResults,
  stepsFirst,
  swapped,
} from "./cell.ts";
import {
  type CellOptions,
  cellOptions,
  type DroppedSequence,
  GatedCell,
  type GateOptions,
} from "./gated-cell.ts";
import { RecurrentLayer, type RecurrentOptions } from "./recurrent-layer.ts";
import { sideBySide } from "./side-by-side.ts";

export interface LSTMCellOptions extends CellOptions, GateOptions {
  /** Whether the forget gate's bias starts at 1; default true (Jozefowicz et al. 2015). */
  unitForgetBias?: boolean;
}

const lstmOptions = { recurrentActivation: true, unitForgetBias: true } as const;

/** A unit's columns are its gates in their order, of the kernels and of the bias. */
const gateColumns = [0, 1, 2, 3];

/** A step of {@link LSTM}: `call([x, h, c])` gives `[h', h', c']`. */
export class LSTMCell extends GatedCell {
  readonly recurrentActivation: activations.NamedActivation;
  readonly unitForgetBias: boolean;

  constructor(units: number, options: LSTMCellOptions = {}) {
    const recurrentActivation = activations.get(options.recurrentActivation ?? "sigmoid");
    super("LSTMCell", units, 4, options, lstmOptions);
    this.recurrentActivation = recurrentActivation;
    this.unitForgetBias = options.unitForgetBias ?? true;
  }

  override get stateSizes(): readonly number[] {
    return [this.units, this.units];
  }

  protected override biasInitializer(given: Initializer): Initializer {
    if (!this.unitForgetBias) return given;
    const { units } = this;
    return {
      name: given.name,
      draw: (shape, random) => {
        const values = Float32Array.from(given.draw(shape, random));
        return values.fill(1, units, 2 * units);
      },
    };
  }

  protected override run(sequence: DroppedSequence): SequenceResults {
    const { mask, stateMask } = sequence;
    const isFused =
      this.activation.name === "tanh" &&
      this.recurrentActivation.name === "sigmoid" &&
      (mask === undefined || stateMask === undefined);
    return isFused ? this.#fused(sequence) : this.#byOps(sequence);
  }

  /** A step in one kernel, the gates of a unit side by side. */
  #fused(sequence: DroppedSequence): SequenceResults {
    const { x, states, reverse, stateMask } = sequence;
    const [kernel, u, bias] = sideBySide(this, gateColumns, gateColumns);
    if (runsAsOneKernel(lstmSequence, x, this.units)) {
      const rows = project(x, kernel, bias);
      const [, , outputs, cells] = lstmSequence(rows, u, stack(states), sequence.mask, reverse, stateMask);
      const last = stepAt(outputs, reverse ? 0 : -1);
      return { outputs, last, states: [last, stepAt(cells, reverse ? 0 : -1)] };
    }
    const inOrder = stepsFirst(sequence);
    return recurWithCell(
      states,
      project(inOrder.x, kernel, bias),
      inOrder.mask,
      ([h, c], row, counts) => lstmStep(dropped(h, stateMask), u, row, c, counts).slice(1),
      reverse,
    );
  }

  #byOps(sequence: DroppedSequence): SequenceResults {
    const { states, reverse, stateMask } = sequence;
    const { x, mask } = stepsFirst(sequence);
    const { units } = this;
    const u = this.recurrentKernel as Tensor;
    const [act, gate] = [this.activation, this.recurrentActivation];
    return recurWithCell(
      states,
      project(x, this.kernel as Tensor, this.bias),
      mask,
      ([h, c], row, counts) => {
        const z = add(matmul(dropped(h, stateMask), u), row);
        const part = (k: number) => slice(z, [0, k * units], [undefined, (k + 1) * units]);
        const cell = add(mul(gate.call(part(1)), c), mul(gate.call(part(0)), act.call(part(2))));
        const hidden = mul(gate.call(part(3)), act.call(cell));
        return [held(hidden, h, counts), held(cell, c, counts)];
      },
      reverse,
    );
  }
}

/** A recurrence of two states, the first of which comes out: rows and mask as {@link recur} takes them. */
function recurWithCell(
  states: readonly Tensor[],
  rows: Tensor,
  mask: Tensor | undefined,
  step: (states: readonly Tensor[], row: Tensor, mask: Tensor | undefined) => readonly Tensor[],
  reverse: boolean,
): SequenceResults {
  const [end, outputs] = scan(
    (before: readonly Tensor[], [row, counts]: readonly Tensor[]): readonly [readonly Tensor[], Tensor] => {
      const next = step(before, row, counts);
      return [next, next[0]];
    },
    states,
    mask === undefined ? [rows] : [rows, mask],
    { reverse },
  );
  return { outputs: swapped(outputs), last: end[0], states: end };
}

export interface LSTMOptions extends RecurrentOptions, LSTMCellOptions {}

/**
 * Long short-term memory (Hochreiter and Schmidhuber 1997): with i, f, g and o the four parts of
 * x · kernel + h · recurrentKernel + bias, in Keras's order, c' = σ(f) c + σ(i) tanh(g) and h' = σ(o) tanh(c').
 * [batch, time, features] to [batch, units], the last step's, or with `returnSequences` [batch, time, units]; states h
 * and c. kernel [features, 4 · units], recurrentKernel [units, 4 · units], bias [4 · units].
 */
export class LSTM extends RecurrentLayer<LSTMCell> {
  static override readonly positional = ["units"];
  static override readonly samples = () => [
    { make: () => new LSTM(8), shape: [4, 6, 5] },
    { make: () => new LSTM(5, { returnSequences: true, activation: "relu" }), shape: [3, 4, 2] },
  ];
  readonly units: number;

  constructor(units: number, options: LSTMOptions = {}) {
    const own: OwnLayerOptions<LSTMCellOptions> = { ...cellOptions, ...lstmOptions };
    super("LSTM", (given) => new LSTMCell(units, given as LSTMCellOptions), options, own);
    this.units = units;
  }
}
