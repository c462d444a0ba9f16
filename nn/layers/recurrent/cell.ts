// RecurrentCell: what a recurrent layer does at one step, and over all steps of a sequence.

import {
  add,
  matmul,
  mul,
  notEqual,
  reshape,
  type ScanOptions,
  scan,
  slice,
  type Tensor,
  where,
  zeros,
} from "../../../engine/index.ts";
import { prefersOneKernel } from "../../../engine/internal.ts";
import { Layer } from "../layer.ts";

/** Sequences as cells take them, the steps first. */
export interface Sequence {
  /** [steps, batch, features] */
  readonly x: Tensor;
  /** [batch, size] each. */
  readonly states: readonly Tensor[];
  /** [steps, batch, 1], f32: 0 where a step does not count, and states stay. */
  readonly mask: Tensor | undefined;
  readonly training: boolean;
  /** From the last step to the first; what comes out stands where its step does. */
  readonly reverse: boolean;
}

export interface SequenceResults {
  /** [steps, batch, features] */
  readonly outputs: Tensor;
  /** What the last step that counts gave, [batch, features]. */
  readonly last: Tensor;
  readonly states: readonly Tensor[];
}

/**
 * One step of a recurrent layer: `call([x, ...states])` gives `[output, ...newStates]`, x [batch, features] and each state
 * [batch, size]. A cell of one's own states {@link stateSizes}, declares weights and has such a `forward`; `new RNN(cell)`
 * runs it over sequences.
 */
export abstract class RecurrentCell extends Layer<readonly Tensor[], readonly Tensor[]> {
  /** Numbers in each state of a sample. */
  abstract readonly stateSizes: readonly number[];

  /** Numbers in what a step gives; the first state's, unless a cell says otherwise. */
  get outputSize(): number {
    return this.stateSizes[0];
  }

  /** Over all steps. */
  sequence({ x, states, mask, reverse }: Sequence): SequenceResults {
    const batch = x.shape[1];
    interface Carry {
      readonly last: Tensor;
      readonly states: readonly Tensor[];
      readonly [name: string]: Tensor | readonly Tensor[];
    }
    const start: Carry = { last: zeros([batch, this.outputSize], { device: x.device }), states };
    const step = (before: Carry, row: readonly Tensor[]): readonly [Carry, Tensor] => {
      const [output, ...next] = this.call([row[0], ...before.states]);
      const counts = row.length > 1 ? notEqual(row[1], 0) : undefined;
      const kept = (after: Tensor, old: Tensor) => (counts === undefined ? after : where(counts, after, old));
      const last = kept(output, before.last);
      return [{ last, states: next.map((state, k) => kept(state, before.states[k])) }, last];
    };
    const [end, outputs] = scan(step, start, mask === undefined ? [x] : [x, mask], { reverse });
    return { outputs, last: end.last, states: end.states };
  }
}

/** One product for all steps: [steps, batch, features] to [steps, batch, width]. */
export function project(x: Tensor, kernel: Tensor, bias: Tensor | undefined): Tensor {
  const [steps, batch, features] = x.shape;
  const product = matmul(reshape(x, [steps * batch, features]), kernel);
  const sum = bias === undefined ? product : add(product, bias);
  return reshape(sum, [steps, batch, kernel.shape[1]]);
}

/** A recurrence of one state, which is what comes out. */
export function recur(
  step: (h: Tensor, row: Tensor, mask: Tensor | undefined) => Tensor,
  h: Tensor,
  rows: Tensor,
  mask: Tensor | undefined,
  options: ScanOptions,
): SequenceResults {
  const [last, outputs] = scan(
    (before: Tensor, [row, counts]: readonly Tensor[]): readonly [Tensor, Tensor] => {
      const next = step(before, row, counts);
      return [next, next];
    },
    h,
    mask === undefined ? [rows] : [rows, mask],
    options,
  );
  return { outputs, last, states: [last] };
}

/** Whether the op's kernel for all steps is quicker on the device of x [steps, batch, features]. */
export function runsAsOneKernel(
  { op }: { readonly op: { readonly name: string } },
  x: Tensor,
  units: number,
): boolean {
  const [steps, batch] = x.shape;
  return prefersOneKernel(op.name, { steps, batch, units }, x.device.backend.profile);
}

/** One matrix of a stack; -1 is the last. */
export function matrixAt(all: Tensor, place: number): Tensor {
  const [count, ...shape] = all.shape;
  const from = place < 0 ? count + place : place;
  return reshape(slice(all, from, from + 1), shape);
}

/** What a mask leaves of a step: the state before, where it is 0. */
export const held = (after: Tensor, before: Tensor, mask: Tensor | undefined): Tensor =>
  mask === undefined ? after : where(notEqual(mask, 0), after, before);

/** Values with some dropped, where there is a mask of these. */
export const dropped = (x: Tensor, mask: Tensor | undefined): Tensor =>
  mask === undefined ? x : mul(x, mask);
