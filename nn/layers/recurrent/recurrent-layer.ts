// RecurrentLayer: runs a cell over sequences. What comes out, where states come from and go to, is its business.

import {
  cast,
  mul,
  noGrad,
  reshape,
  ShapeError,
  slice,
  type Tensor,
  type Variable,
  zeros,
} from "../../../engine/index.ts";
import { atLeastOne, isRecording } from "../../../engine/internal.ts";
import type { CallContext } from "../call-context.ts";
import * as initializers from "../initializers.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import type { Mask } from "../masks.ts";
import { batched, type SampleSpec } from "../spec.ts";
import type { Weights } from "../weights.ts";
import type { RecurrentCell } from "./cell.ts";
import { GatedCell } from "./gated-cell.ts";

export interface RecurrentOptions extends LayerOptions {
  /** Give what every step gave, [batch, time, units], and not the last step's alone. Default false. */
  returnSequences?: boolean;
  /** Give the states behind the last step too: `[output, ...states]`. Default false. */
  returnState?: boolean;
  /** Begin with the last step; sequences come out in that order. Default false. */
  goBackwards?: boolean;
  /** Begin each batch with the states that the one before left, row by row; needs `batchSize`. Default false. */
  stateful?: boolean;
  /** Of `stateful`: how many sequences each batch has. */
  batchSize?: number;
}

const ownOptions: OwnLayerOptions<RecurrentOptions> = {
  returnSequences: true,
  returnState: true,
  goBackwards: true,
  stateful: true,
  batchSize: true,
};

/** A sequence, or in an array a sequence and the states to begin with. */
export type RecurrentInput = Tensor | readonly Tensor[];

/**
 * [batch, time, features] to what the last step gave; `call([x, ...states])` begins with these states, [batch, size] each,
 * and not with zeros. Steps that a mask leaves out change no state, and give what the step before gave.
 */
export abstract class RecurrentLayer<C extends RecurrentCell = RecurrentCell> extends Layer<
  // biome-ignore lint/suspicious/noExplicitAny: one tensor or several, by the options
  any,
  // biome-ignore lint/suspicious/noExplicitAny: one tensor or several, by the options
  any
> {
  readonly cell: C;
  readonly returnSequences: boolean;
  readonly returnState: boolean;
  readonly goBackwards: boolean;
  readonly stateful: boolean;
  readonly batchSize: number | undefined;
  readonly #options: RecurrentOptions;
  readonly #states: Variable[] = [];
  /** Whether sequences come out in the order of time though it goes backwards, as a Bidirectional wants them. */
  #keepsOrder = false;

  /**
   * @param makeCell of the options that are the cell's
   * @param own the names of these options
   */
  protected constructor(
    type: string,
    makeCell: (options: object) => C,
    options: RecurrentOptions,
    own: Readonly<Record<string, true>> = {},
  ) {
    super(type, options, { ...ownOptions, ...own });
    const cellOptions = Object.entries(options).filter(([name]) => Object.hasOwn(own, name));
    this.cell = makeCell(Object.fromEntries(cellOptions));
    this.#options = options;
    this.returnSequences = options.returnSequences ?? false;
    this.returnState = options.returnState ?? false;
    this.goBackwards = options.goBackwards ?? false;
    this.stateful = options.stateful ?? false;
    this.batchSize = options.batchSize;
    if (this.stateful) atLeastOne(type, "batchSize, which stateful needs", options.batchSize as number);
  }

  /** @internal A new layer like it that goes the other way; its sequences come out in the order of time. */
  backwards(): this {
    const { positional = [] } = this.constructor as { positional?: readonly string[] };
    const values = positional.map((name) => {
      const value = (this as unknown as Record<string, unknown>)[name];
      return value instanceof Layer ? value.clone() : value;
    });
    const options = { ...this.#options, name: undefined, goBackwards: !this.goBackwards };
    const made = new (this.constructor as new (...args: unknown[]) => this)(...values, options);
    made.inOrder();
    return made;
  }

  /** @internal Has sequences come out in the order of time. */
  inOrder(): void {
    this.#keepsOrder = true;
  }

  override outputSpec(inputs: SampleSpec | readonly SampleSpec[]): SampleSpec | readonly SampleSpec[] {
    const [x, ...states] = listOf(inputs);
    if (x.shape.length !== 2) {
      throw new ShapeError(
        `${this.describe()}: takes sequences, [batch, time, features], got ${batched(x.shape)}; an Embedding makes them of numbers, RepeatVector or Reshape of vectors`,
      );
    }
    const sizes = this.cell.stateSizes;
    const fits =
      states.length === 0 || String(states.map(({ shape }) => shape)) === String(sizes.map((size) => [size]));
    if (!fits) {
      throw new ShapeError(
        `${this.describe()}: takes states of shapes ${sizes.map((size) => batched([size])).join(" and ")} behind the sequence, got ${states.map(({ shape }) => batched(shape)).join(" and ")}`,
      );
    }
    this.cell.outputSpec(this.#cellInputs(x));
    const spec = (shape: readonly (number | null)[]): SampleSpec => ({ shape, dtype: "f32" });
    const { outputSize } = this.cell;
    const output = spec(this.returnSequences ? [x.shape[0], outputSize] : [outputSize]);
    return this.returnState ? [output, ...sizes.map((size) => spec([size]))] : output;
  }

  #cellInputs(x: SampleSpec): SampleSpec[] {
    const sizes = this.cell.stateSizes;
    return [
      { shape: x.shape.slice(1), dtype: x.dtype },
      ...sizes.map((size) => ({ shape: [size], dtype: "f32" as const })),
    ];
  }

  protected override createWeights(inputs: SampleSpec | readonly SampleSpec[], weights: Weights): void {
    const [x] = listOf(inputs);
    weights.inner("cell", this.cell, this.#cellInputs(x));
    if (!this.stateful) return;
    this.cell.stateSizes.forEach((size, k) => {
      const shape = [this.batchSize as number, size];
      this.#states[k] = weights.add(`state${k}`, shape, initializers.get("zeros"), { role: "carried" });
    });
  }

  /** Sets the states that `stateful` carries from batch to batch to 0. */
  resetStates(): void {
    for (const state of this.#states) state.set(new Float32Array(state.size));
  }

  protected override outputMask(
    _inputs: RecurrentInput,
    mask: CallContext["mask"],
    outputs: Tensor | readonly Tensor[],
  ): CallContext["mask"] {
    const own = this.returnSequences ? firstOf(mask) : undefined;
    return Array.isArray(outputs) ? outputs.map((_, i) => (i === 0 ? own : undefined)) : own;
  }

  protected forward(inputs: RecurrentInput, { training, mask }: CallContext): Tensor | readonly Tensor[] {
    const [x, ...given] = listOf(inputs);
    const [batch] = x.shape;
    if (this.stateful && batch !== this.batchSize) {
      throw new ShapeError(
        `${this.describe()}: is stateful for batches of ${this.batchSize} sequences, got ${batch}; choose batchSize so, and drop the remainder`,
      );
    }
    const carried = this.stateful ? this.#states : undefined;
    const states =
      given.length > 0
        ? given
        : (carried?.map((state) => this.#asGiven(state)) ??
          this.cell.stateSizes.map((size) => zeros([batch, size], { device: x.device })));
    const counts = firstOf(mask);
    const {
      outputs,
      last,
      states: after,
    } = this.cell.sequence({
      x,
      states,
      mask: counts === undefined ? undefined : reshape(cast(counts, "f32"), [batch, x.shape[1], 1]),
      training,
      reverse: this.goBackwards,
    });
    carried?.forEach((state, k) => {
      noGrad(() => state.assign(after[k]));
    });
    const isTurned = this.goBackwards && !this.#keepsOrder;
    let output = last;
    if (this.returnSequences) {
      output = isTurned ? slice(outputs, [0, undefined], undefined, { steps: [1, -1] }) : outputs;
    }
    return this.returnState ? [output, ...after] : output;
  }

  /**
   * A copy where the state is read when the variable has its next value already: by gradients, which end at it, and by
   * cells of one's own, which may hand a state on as it is. The others' results are new.
   */
  #asGiven(state: Variable): Tensor {
    return isRecording() || !(this.cell instanceof GatedCell) ? noGrad(() => mul(state, 1)) : state;
  }
}

/** One value or several, as a list. */
export const listOf = <T>(values: T | readonly T[]): readonly T[] =>
  Array.isArray(values) ? values : [values as T];

/** The mask of the sequence, which comes first. */
export const firstOf = (mask: CallContext["mask"]): Mask => (Array.isArray(mask) ? mask[0] : mask) as Mask;
