// Looking into a training step: who is told of the calls of a model's layers while it runs, and what a step tells.

import type { Tensor, Tree, Variable } from "../../engine/index.ts";
import { Ambient } from "../../engine/internal.ts";
import type { Layer } from "../layers/layer.ts";
import type { Call } from "../layers/placeholder.ts";

/** Told each call of a layer in a model's graph, and whether its last activations were left out. */
export type CallWatch = (call: Call<Layer>, outputs: Tree<Tensor>, isRaw: boolean) => void;

/** Who is told of the calls that run now. What runs again for a checkpoint was told of already. */
export const callWatch = new Ambient<CallWatch | undefined>(undefined, () => undefined);

/** What looks into some training steps, within the traced program: ops on the device alone. */
export interface StepWatch {
  /** The steps of an epoch, counted from 0, whose numbers this divides are looked into. */
  readonly every: number;
  /** Runs the pass forward and the walk back. */
  around<R>(fn: () => R): R;
  /** Told the gradients before they are applied; what it gives is called when they are. */
  gradients(loss: Tensor, variables: readonly Variable[], grads: readonly Tensor[]): () => void;
}
