// A chain of pointwise expressions as plain data, alone or fused to a structured kernel.

import type { DType } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";
import type { Operand, Spec } from "./kernel.ts";

/** One expression of a chain; its operands are inputs (by index) or earlier steps (inputs.length + step). */
export interface PointwiseStep {
  readonly expression: string;
  readonly helpers?: Readonly<Record<string, string>>;
  readonly operands: readonly number[];
  readonly dtype: DType;
}

export interface ChainInput extends Spec {
  /** A shape of as many elements as the target that it is broadcast to, where that differs from the target's. */
  readonly under?: Shape;
  /** Indexed by the expression itself: the WGSL type of its binding. */
  readonly raw?: string;
}

/** A chain of expressions over the elements of `target`. */
export interface PointwiseChain {
  readonly target: Spec;
  /** Inputs, each broadcast to the shape `under` (default: the target's). */
  readonly inputs: readonly ChainInput[];
  /** Inputs that are read whole rather than element by element. */
  readonly wholeInputs?: readonly number[];
  readonly steps: readonly PointwiseStep[];
  /** Values stored: step numbers, each into its output. */
  readonly outputs: readonly { readonly step: number; readonly dtype: DType; readonly inPlaceOf?: number }[];
}

/** A pointwise chain behind a structured kernel. */
export interface EpilogueChain extends PointwiseChain {
  /** Whether the op's own result is stored too. */
  readonly keepsResult: boolean;
  /** By chain input: the op's own input that is the same value element by element, if one is. */
  readonly sharedInputs: readonly (number | undefined)[];
  /** Operands of inputs 1, 2, ... (input 0 is the kernel's own result; shared ones have none) and of the outputs. */
  readonly inputOperands: readonly (Operand | undefined)[];
  readonly outputOperands: readonly Operand[];
}
