// What jit takes and gives: its options, the function that it makes, and that function's programs.

import type { Plan, PreparedProgram, WarmUpProgress } from "../backend/program.ts";
import type { OptionNames } from "../base/errors.ts";
import type { Tree } from "../base/tree.ts";
import type { Device } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Fused, FuseOptions } from "./fuse.ts";
import type { Graph } from "./graph.ts";
import type { SimplifyOptions } from "./simplify.ts";

/** Switches for the passes, all on by default; turning one off never changes results beyond rounding. */
export interface JitOptions extends SimplifyOptions, FuseOptions {
  /** Gather or slice rows of a data set before they are scaled, not all of it scaled. */
  readonly pickFirst?: boolean;
  /** Let products read a slice of rows (a batch out of a data set) where it lies. */
  readonly rowSlices?: boolean;
  /** Names the program in messages. */
  name?: string;
  /** Where it runs if no argument is a tensor; default: the default device at the call. */
  device?: Device;
}

export const jitOptions: OptionNames<JitOptions> = {
  fold: true,
  dedupe: true,
  pointwise: true,
  epilogues: true,
  prologues: true,
  beside: true,
  companions: true,
  pickFirst: true,
  rowSlices: true,
  name: true,
  device: true,
};

/** What a traced function may return: tensors, alone or in arrays and plain objects, or nothing in their places. */
export type JitResult = Tree<Tensor | undefined | null | void>;

/**
 * An argument: tensors, alone or in arrays and plain objects, are inputs of the program; anything else must be plain data
 * and is part of its signature.
 */
export type JitArgument = unknown;

export interface Jitted<P extends JitArgument[], R> {
  (...args: P): R;
  /** Runs the program for these arguments `steps` times over in one submit and gives the last results. */
  run(options: { steps: number }, ...args: P): R;
  /**
   * Traces for these arguments and compiles all that is new, side by side where the driver can, so that the first
   * call takes no longer than any other. Runs nothing. The last argument may be a function that is told the progress.
   *
   * @throws ShaderError where the driver refuses a shader
   */
  warmUp(...args: P): Promise<WarmUp>;
  warmUp(...args: [...P, WarmUpProgress | undefined]): Promise<WarmUp>;
  /** The programs traced so far, by signature. */
  readonly programs: ReadonlyMap<string, Program>;
  /** Frees all programs. Calling the function again traces anew. */
  dispose(): void;
}

/** What a warm-up did: pipelines that were new, and its time. */
export interface WarmUp {
  readonly pipelines: number;
  readonly ms: number;
}

/** One traced signature of a function. */
export interface Program {
  /** The graph that `fused` groups: cleaned up, and rewritten for the device. */
  readonly graph: Graph;
  readonly fused: Fused;
  readonly plan: Plan;
  readonly prepared: PreparedProgram;
  /** The graph as it was recorded, before clean-up. */
  readonly tracedNodes: number;
}
