// RecurrentCell: what a recurrent layer does at one step, and over all steps of a sequence.

import {
  add,
  matmul,
  mul,
  notEqual,
  reshape,
  type ScanOptions,
  scan,
  type Tensor,
  transpose,
  where,
  zeros,
} from "../../../engine/index.ts";
import { prefersOneKernel } from "../../../engine/internal.ts";
import { Layer } from "../layer.ts";

/** Sequences as cells take them. */
export interface Sequence {
  /** [batch, steps, features] */
  readonly x: Tensor;
  /** [batch, size] each. */
  readonly states: readonly Tensor[];
  /** [batch, steps, 1], f32: 0 where a step does not count, and states stay. */
  readonly mask: Tensor | undefined;
  readonly training: boolean;
  /** From the last step to the first; what comes out stands where its step does. */
  readonly reverse: boolean;
}

export interface SequenceResults {
  /** [batch, steps, features] */
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
    const batch = x.shape[0];
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
    const rows = mask === undefined ? [x] : [x, mask];
    const [end, outputs] = scan(step, start, rows.map(swapped), { reverse });
    return { outputs: swapped(outputs), last: end.last, states: end.states };
  }
}

/** One product for all steps: [batch, steps, features] to [batch, steps, width], or either with the steps first. */
export function project(x: Tensor, kernel: Tensor, bias: Tensor | undefined): Tensor {
  const [outer, inner, features] = x.shape;
  const product = matmul(reshape(x, [outer * inner, features]), kernel);
  const sum = bias === undefined ? product : add(product, bias);
  return reshape(sum, [outer, inner, kernel.shape[1]]);
}

/** The first two axes swapped: the steps first, as scan takes them, or the batch. */
export const swapped = (x: Tensor): Tensor => transpose(x, [1, 0, 2]);

/**
 * Cells that go step by step have the steps first in the inputs, which mostly are narrower than what these give, and in the
 * mask.
 */
export const stepsFirst = ({ x, mask }: Pick<Sequence, "x" | "mask">): Pick<Sequence, "x" | "mask"> => ({
  x: swapped(x),
  mask: mask && swapped(mask),
});

/**
 * A recurrence of one state, which is what comes out.
 *
 * @param rows [steps, batch, width]
 * @param mask [steps, batch, 1]
 */
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
  return { outputs: swapped(outputs), last, states: [last] };
}

/** Whether the op's kernel for all steps is quicker on the device of x [batch, steps, features]. */
export function runsAsOneKernel(
  { op }: { readonly op: { readonly name: string } },
  x: Tensor,
  units: number,
): boolean {
  const [batch, steps] = x.shape;
  return prefersOneKernel(op.name, { steps, batch, units }, x.device.backend.profile);
}

/** What a mask leaves of a step: the state before, where it is 0. */
export const held = (after: Tensor, before: Tensor, mask: Tensor | undefined): Tensor =>
  mask === undefined ? after : where(notEqual(mask, 0), after, before);

/** Values with some dropped, where there is a mask of these. */
export const dropped = (x: Tensor, mask: Tensor | undefined): Tensor =>
  mask === undefined ? x : mul(x, mask);
