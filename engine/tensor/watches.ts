// Who watches ops and tensors while debug() asks for it; apply, the tape, tensors and jit tell them. What is watched
// is named `object` here, because tensors and devices stand above.

import { Ambient } from "../base/ambient.ts";

/** Told of every op that runs. */
export interface OpWatch {
  ran(op: object, attrs: unknown, inputs: readonly object[], outputs: readonly object[]): void;
  /** Runs `fn`, the ops that `op` is composed of. */
  inside<T>(op: object, fn: () => T): T;
  /** Runs `fn`, the backward rule of a node. */
  backward<T>(node: object, fn: () => T): T;
  /** Throws what was found on the device since the last check. */
  check(device: object): Promise<void>;
}

/** Told of every handle that is made; what it returns is handed to {@link collected} if the garbage collector gets it. */
export interface TensorWatch {
  made(tensor: object): unknown;
  collected(origin: unknown): void;
}

/** Undefined while ops are not debugged. */
export const opWatch = new Ambient<OpWatch | undefined>(undefined);
/** Undefined while handles are not debugged. */
export const tensorWatch = new Ambient<TensorWatch | undefined>(undefined);
