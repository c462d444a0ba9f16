// Masks: which steps of a sequence count. A mask belongs to a value, and goes with it from layer to layer.

import { ArgumentError, notEqual, reshape, Tensor, type Tree } from "../../engine/index.ts";
import { kindOf, leavesOf, mapTree } from "../../engine/internal.ts";

/** A value's mask, [batch, time], 0 where a step does not count; undefined where all do. */
export type Mask = Tensor | undefined;

/** Whether any value ever had one: until then nobody looks. */
let areUsed = false;

/**
 * The mask of a value that a layer gave, [batch, time]; undefined where all of its steps count. It belongs to the value and is
 * freed with it.
 */
export function maskOf(value: Tensor): Mask {
  if (!(value instanceof Tensor)) {
    throw new ArgumentError(`maskOf: argument 1 must be a Tensor, got ${kindOf(value)}`);
  }
  return value.belonging;
}

/** The masks of values, in their places; undefined where none has one. */
export function masksOf(values: Tree<Tensor>): Tree<Mask> | undefined {
  if (!areUsed) return undefined;
  if (values instanceof Tensor) return values.belonging;
  return leavesOf(values).some((value) => value.belonging) ? mapTree(values, maskOf) : undefined;
}

/** Gives values their masks: each a handle of its own, which lives as long as the value. */
export function setMasks(values: Tree<Tensor>, given: Tree<Mask> | undefined): void {
  if (given === undefined) return;
  areUsed = true;
  const list = leavesOf(given);
  leavesOf(values).forEach((value, i) => {
    const mask = list[i];
    if (mask === undefined || value.belonging === mask) return;
    value.belonging?.dispose();
    value.belonging = mask.alias();
  });
}

/** A mask as a condition beside the numbers of a value, [batch, time, 1, ...]. */
export function conditionOf(mask: Tensor, { rank }: Tensor): Tensor {
  const flags = mask.dtype === "bool" ? mask : notEqual(mask, 0);
  return reshape(flags, [...mask.shape, ...new Array<number>(Math.max(0, rank - mask.rank)).fill(1)]);
}
