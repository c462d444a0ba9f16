// Masks: which steps of a sequence count. A mask belongs to a value, and goes with it from layer to layer.

import { ArgumentError, notEqual, reshape, Tensor, type Tree } from "../../engine/index.ts";
import { kindOf, leavesOf, mapTree } from "../../engine/internal.ts";

/** A value's mask, [batch, time], 0 where a step does not count; undefined where all do. */
export type Mask = Tensor | undefined;

const masks = new WeakMap<Tensor, Tensor>();
/** Whether any value ever had one: until then nobody looks. */
let areUsed = false;

/**
 * The mask of a value that a layer gave, [batch, time]; undefined where all of its steps count. Outside of `tidy` it is the
 * caller's to free, as the value is; layers that pass a mask on give their output the same one.
 */
export function maskOf(value: Tensor): Mask {
  if (!(value instanceof Tensor)) {
    throw new ArgumentError(`maskOf: argument 1 must be a Tensor, got ${kindOf(value)}`);
  }
  return masks.get(value);
}

/** The masks of values, in their places; undefined where none has one. */
export function masksOf(values: Tree<Tensor>): Tree<Mask> | undefined {
  if (!areUsed) return undefined;
  if (values instanceof Tensor) return masks.get(values);
  return leavesOf(values).some((value) => masks.has(value)) ? mapTree(values, maskOf) : undefined;
}

/** Gives values their masks. */
export function setMasks(values: Tree<Tensor>, given: Tree<Mask> | undefined): void {
  if (given === undefined) return;
  areUsed = true;
  const list = leavesOf(given);
  leavesOf(values).forEach((value, i) => {
    const mask = list[i];
    if (mask !== undefined) masks.set(value, mask);
  });
}

/** A mask as a condition beside the numbers of a value, [batch, time, 1, ...]. */
export function conditionOf(mask: Tensor, { rank }: Tensor): Tensor {
  const flags = mask.dtype === "bool" ? mask : notEqual(mask, 0);
  return reshape(flags, [...mask.shape, ...new Array<number>(Math.max(0, rank - mask.rank)).fill(1)]);
}
