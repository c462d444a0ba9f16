// What jit hands to a backend: a Plan, plain data that can be printed and counted, and what the backend makes of it.

import type { KernelCall, Spec } from "../kernel/kernel.ts";
import type { Memory } from "../kernel/memory.ts";

/** A row of what lies in a place: a loop's steps read and write one after the other. */
export interface Row {
  /** From where the place begins; a multiple of what the adapter asks of offsets that are given at a dispatch. */
  readonly byteOffset: number;
  readonly bytes: number;
}

/** Where a value lives while the program runs; with a row, which part of it a dispatch binds. */
export type Place =
  /** A buffer of the program's own, shared by values that are never alive together. */
  (
    | { readonly kind: "slot"; readonly slot: number; readonly byteOffset: number; readonly bytes: number }
    /** Memory that outlives the program. */
    | { readonly kind: "memory"; readonly memory: Memory }
    /** The caller's argument. */
    | { readonly kind: "input"; readonly index: number }
  ) & { readonly row?: Row };

export type PlanStep =
  | {
      readonly kind: "dispatch";
      readonly name: string;
      readonly call: KernelCall;
      readonly places: readonly Place[];
      readonly loop?: LoopStep;
    }
  | {
      readonly kind: "copy";
      readonly name: string;
      readonly from: Place;
      readonly to: Place;
      readonly spec: Spec;
      readonly loop?: LoopStep;
    };

/** Which of a loop's steps it belongs to. */
export interface LoopStep {
  readonly step: number;
  readonly of: number;
}

export interface Slot {
  readonly bytes: number;
  /** Filled with zeros when the program is made: its gaps are read. */
  readonly isZeroed: boolean;
}

export interface Plan {
  readonly steps: readonly PlanStep[];
  readonly slots: readonly Slot[];
  readonly outputs: readonly { readonly place: Place; readonly spec: Spec }[];
  readonly inputs: readonly Spec[];
}

/** A planned program, bound to a device. */
export interface PreparedProgram {
  /** Runs it `times` times over with the same arguments. */
  run(inputs: readonly Memory[], times: number): void;
  /** Its results: memory that the next run overwrites. */
  outputs(inputs: readonly Memory[]): Memory[];
  /** Device bytes it holds besides its constants. */
  readonly bytes: number;
  dispose(): void;
}

/** How far compiling is. What it throws ends the warm-up, which then rejects with it. */
export type WarmUpProgress = (progress: {
  readonly done: number;
  readonly total: number;
  /** The kernel that is being compiled, where the driver takes one after another. */
  readonly kernel?: string;
}) => void;
