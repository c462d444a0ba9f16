// GRU and its cell: gates decide how much of the state is kept, and how much the candidate sees of it.

import {
  add,
  matmul,
  mul,
  reshape,
  type Shape,
  slice,
  stack,
  sub,
  type Tensor,
} from "../../../engine/index.ts";
import { gruSequence, gruStep, stepAt } from "../../../engine/internal.ts";
import * as activations from "../activations.ts";
import type { OwnLayerOptions } from "../layer.ts";
import { dropped, held, project, recur, runsAsOneKernel, type SequenceResults, stepsFirst } from "./cell.ts";
import {
  type CellOptions,
  cellOptions,
  type DroppedSequence,
  GatedCell,
  type GateOptions,
  plus,
} from "./gated-cell.ts";
import { RecurrentLayer, type RecurrentOptions } from "./recurrent-layer.ts";
import { sideBySide } from "./side-by-side.ts";

export interface GRUCellOptions extends CellOptions, GateOptions {
  /**
   * Whether the reset gate acts behind the recurrent product, as in cuDNN and Keras, whose bias is [2, 3 · units] then;
   * else on the state before it. Default true.
   */
  resetAfter?: boolean;
}

const gruOptions = { recurrentActivation: true, resetAfter: true } as const;

/** A unit's columns: update, reset and candidate gate, and what the reset gate scales of the candidate, a bias only. */
const kernelColumns = [0, 1, 2];
/** The biases of inputs and state are added up where the product of the state is; that of the candidate is the fourth. */
const biasColumns = [0, 1, 2, 0, 1, 3];

/** A step of {@link GRU}: `call([x, h])` gives `[h', h']`. */
export class GRUCell extends GatedCell {
  readonly recurrentActivation: activations.NamedActivation;
  readonly resetAfter: boolean;

  constructor(units: number, options: GRUCellOptions = {}) {
    const recurrentActivation = activations.get(options.recurrentActivation ?? "sigmoid");
    super("GRUCell", units, 3, options, gruOptions);
    this.recurrentActivation = recurrentActivation;
    this.resetAfter = options.resetAfter ?? true;
  }

  protected override get biasShape(): Shape {
    return this.resetAfter ? [2, 3 * this.units] : [3 * this.units];
  }

  protected override run(sequence: DroppedSequence): SequenceResults {
    const { x, mask, stateMask } = sequence;
    const isFused =
      this.resetAfter &&
      this.activation.name === "tanh" &&
      this.recurrentActivation.name === "sigmoid" &&
      (stateMask === undefined || (mask === undefined && runsAsOneKernel(gruSequence, x, this.units)));
    return isFused ? this.#fused(sequence) : this.#byOps(sequence);
  }

  /** A step in one kernel: of a unit the gates side by side, and a fourth column that the product leaves at 0. */
  #fused(sequence: DroppedSequence): SequenceResults {
    const { states, reverse, stateMask } = sequence;
    const [kernel, u, bias] = sideBySide(this, kernelColumns, biasColumns);
    if (runsAsOneKernel(gruSequence, sequence.x, this.units)) {
      const rows = project(sequence.x, kernel, bias);
      const [, , outputs] = gruSequence(rows, u, stack(states), sequence.mask, reverse, stateMask);
      const last = stepAt(outputs, reverse ? 0 : -1);
      return { outputs, last, states: [last] };
    }
    const { x, mask } = stepsFirst(sequence);
    const rows = project(x, kernel, bias);
    return recur((h, row, counts) => gruStep(h, u, row, counts)[1], states[0], rows, mask, { reverse });
  }

  #byOps(sequence: DroppedSequence): SequenceResults {
    const { states, reverse, stateMask } = sequence;
    const { x, mask } = stepsFirst(sequence);
    const { units, resetAfter, activation, recurrentActivation: gate } = this;
    const u = this.recurrentKernel as Tensor;
    const row = (k: number) => this.bias && reshape(slice(this.bias, k, k + 1), [3 * units]);
    const rows = project(x, this.kernel as Tensor, resetAfter ? row(0) : this.bias);
    const recurrentBias = resetAfter ? row(1) : undefined;
    const part = (z: Tensor, first: number, last: number) =>
      slice(z, [0, first * units], [undefined, last * units]);
    const step = (before: Tensor, xs: Tensor, counts: Tensor | undefined): Tensor => {
      const h = dropped(before, stateMask);
      let candidate: Tensor;
      let update: Tensor;
      if (resetAfter) {
        const product = plus(matmul(h, u), recurrentBias);
        const gates = gate.call(add(part(xs, 0, 2), part(product, 0, 2)));
        update = part(gates, 0, 1);
        candidate = add(part(xs, 2, 3), mul(part(gates, 1, 2), part(product, 2, 3)));
      } else {
        const gates = gate.call(add(part(xs, 0, 2), matmul(h, part(u, 0, 2))));
        update = part(gates, 0, 1);
        candidate = add(part(xs, 2, 3), matmul(mul(part(gates, 1, 2), h), part(u, 2, 3)));
      }
      const next = add(mul(update, before), mul(sub(1, update), activation.call(candidate)));
      return held(next, before, counts);
    };
    return recur(step, states[0], rows, mask, { reverse });
  }
}

export interface GRUOptions extends RecurrentOptions, GRUCellOptions {}

/**
 * Gated recurrent unit (Cho et al. 2014): with z and r the update and reset gates, in Keras's order with the candidate n
 * last, h' = σ(z) h + (1 - σ(z)) tanh(n + σ(r) (h · recurrentKernel + bias)). [batch, time, features] to [batch, units],
 * the last step's, or with `returnSequences` [batch, time, units]. kernel [features, 3 · units], recurrentKernel
 * [units, 3 · units], bias [2, 3 · units], of inputs and of the state; [3 · units] with `resetAfter: false`.
 */
export class GRU extends RecurrentLayer<GRUCell> {
  static override readonly positional = ["units"];
  static override readonly samples = () => [
    { make: () => new GRU(8), shape: [4, 6, 5] },
    { make: () => new GRU(5, { returnSequences: true, resetAfter: false }), shape: [3, 4, 2] },
  ];
  readonly units: number;

  constructor(units: number, options: GRUOptions = {}) {
    const own: OwnLayerOptions<GRUCellOptions> = { ...cellOptions, ...gruOptions };
    super("GRU", (given) => new GRUCell(units, given as GRUCellOptions), options, own);
    this.units = units;
  }
}
