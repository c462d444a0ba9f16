// Op: a KernelOp with its backward rule, the one definition that eager execution, tracing, autograd and the tests read.

import type { HostArray } from "../base/dtype.ts";
import type { Spec } from "../kernel/kernel.ts";
import type { AnyAttrs, KernelOp } from "../kernel/kernel-op.ts";
import type { NestedInput, Tensor } from "./tensor.ts";

/**
 * What an op function accepts for a tensor: numbers and arrays of them, nested or typed, become tensors on the other
 * operands' device, of the first tensor's dtype. Arrays are uploaded at each call.
 */
export type TensorLike = Tensor | NestedInput | HostArray;

/** What a backward rule may look at. Reading an input or output that the op does not save throws. */
export interface VjpContext<A = unknown> {
  readonly attrs: A;
  /** Gradient of the loss for output `index` (zeros where the loss does not depend on it). */
  grad(index?: number): Tensor;
  /** Whether the loss depends on output `index` at all. */
  hasGrad(index: number): boolean;
  /** A saved input; it must be listed in `saves.inputs`. */
  input(index: number): Tensor;
  /** A saved output; it must be listed in `saves.outputs`. */
  output(index?: number): Tensor;
  /** Whether anyone wants the gradient of input `index`. */
  needs(index: number): boolean;
  /**
   * Gradients of the single value that `fn` computes from `inputs` by public ops, one an input; zeros for inputs that it
   * does not depend on.
   */
  pull(fn: () => Tensor, inputs: readonly Tensor[]): Tensor[];
  readonly inputSpecs: readonly Spec[];
  readonly outputSpecs: readonly Spec[];
}

/**
 * Vector-Jacobian product, written in public ops so that it can be differentiated and traced itself. Returns
 * one gradient an input, `null` where there is none. A gradient of a broadcast shape is summed to the input's
 * shape by the tape: no rule does that itself.
 */
export type Vjp<A = unknown> = (context: VjpContext<A>) => readonly (Tensor | null)[];

/** Marks an op without a gradient, and why. */
export interface NotDifferentiable {
  readonly notDifferentiable: string;
}

export const notDifferentiable = (reason: string): NotDifferentiable => ({ notDifferentiable: reason });

/** An op as users and tapes meet it: how it is computed, and how it is differentiated. */
export interface Op<A = AnyAttrs> extends KernelOp<A> {
  /**
   * Set instead of `kernels` and `reference` for an op made of other ops: they run unrecorded, and the tape shows
   * this op as one node with its own `vjp`. It must return new tensors.
   */
  readonly compose?: (inputs: readonly Tensor[], attrs: A) => readonly Tensor[];
  readonly vjp: Vjp<A> | NotDifferentiable;
  /** Inputs that are whole numbers whatever the others are: what host values become there is i32. */
  readonly wholeInputs?: readonly number[];
  readonly saves: { readonly inputs?: readonly number[]; readonly outputs?: readonly number[] };
  /** Set for an op from outside the package, whose name says nothing of what it does. */
  readonly isForeign?: boolean;
}

/** A public op function: call it, or read its definition from `.op`. */
export type OpFunction<P extends unknown[], R> = ((...args: P) => R) & { readonly op: Op };
