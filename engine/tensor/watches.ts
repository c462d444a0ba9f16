// What debugging has switched on, for those who must ask: apply, the tape, tensors, jit. Empty as a rule, so asking
// costs a property read. Knows nothing of what the watches do.

import type { TapeNode } from "../autograd/tape.ts";
import type { Device } from "./device.ts";
import type { Op } from "./op.ts";
import type { Tensor } from "./tensor.ts";

/** Told of every op that runs. */
export interface OpWatch {
  ran(op: Op, inputs: readonly Tensor[], outputs: readonly Tensor[]): void;
  /** Runs `fn`, the ops that `op` is composed of. */
  inside<T>(op: Op, fn: () => T): T;
  /** Runs `fn`, the backward rule of a node. */
  backward<T>(node: TapeNode, fn: () => T): T;
  /** Throws what was found on the device since the last check. */
  check(device: Device): Promise<void>;
}

/** Told of every handle that is made; what it returns is handed to {@link collected} if the garbage collector gets it. */
export interface TensorWatch {
  made(tensor: Tensor): unknown;
  collected(origin: unknown): void;
}

export const watches: { ops: OpWatch | undefined; tensors: TensorWatch | undefined } = {
  ops: undefined,
  tensors: undefined,
};
