// What holds while layers are called: training or not, which layers are frozen, and who takes the losses that they add.

import { keep, type Tensor, type Tree } from "../../engine/index.ts";
import { Ambient, checkFunction, claim, track } from "../../engine/internal.ts";
import type { Mask } from "./masks.ts";

/** What a layer's `forward` is told. */
export interface CallContext {
  /** Training behaviour (dropout drops, batch normalization uses the batch's statistics) or inference's. */
  readonly training: boolean;
  /** Whether this layer, and each that it stands in, is to be trained. */
  readonly trainable: boolean;
  /** The masks of the inputs, in their places; undefined where none has one. */
  readonly mask: Tree<Mask> | undefined;
  /** Adds a scalar to the loss of the step; it counts in training, and is freed by who collects it. */
  addLoss(value: Tensor): void;
}

/** What inner calls inherit. */
export interface Inherited {
  readonly training: boolean;
  readonly trainable: boolean;
  /** Layers that a compiled model does not train; undefined outside of one, where each layer says so itself. */
  readonly frozen: ReadonlySet<object> | undefined;
  readonly losses: Tensor[] | undefined;
  /** The layer whose `forward` is running. */
  readonly caller: { describe(): string } | undefined;
}

const outside: Inherited = {
  training: false,
  trainable: true,
  frozen: undefined,
  losses: undefined,
  caller: undefined,
};

/** A block that runs again for a checkpoint has the first run's context, and adds its losses no second time. */
export const callContext = new Ambient<Inherited>(outside, (value) => ({ ...value, losses: undefined }));

export function addLoss(value: Tensor): void {
  callContext.value.losses?.push(keep(claim(value)));
}

/**
 * Runs `fn` and gives, beside its result, the losses that layers in it added (`addLoss`, activity regularizers): scalars
 * for a training loop of one's own to add to its loss. They pass to the surrounding scope.
 */
export function collectLosses<R>(fn: () => R): { result: R; losses: Tensor[] } {
  checkFunction("collectLosses", fn, "calls layers, as in () => model.call(x)", "their losses are collected");
  const losses: Tensor[] = [];
  try {
    const result = callContext.with({ ...callContext.value, losses }, fn);
    return { result, losses: losses.map(track) };
  } catch (error) {
    for (const loss of losses) loss.dispose();
    throw error;
  }
}
