// What a call of attention is about: sizes, where heads lie, masks and dropout, checked.

import { ArgumentError, DTypeError, ShapeError } from "../../base/errors.ts";
import { showGiven } from "../../base/number-checks.ts";
import { type Shape, showShape } from "../../base/shape.ts";
import type { Spec } from "../../kernel/kernel.ts";

/** Which of queries, keys and values lie beside each other in the rows of one tensor. */
export type Packing = "apart" | "keyValue" | "all";

export interface AttentionAttrs {
  readonly packing: Packing;
  readonly heads: number;
  /** Of keys and values. */
  readonly keyHeads: number;
  /** Numbers in a head's query and key, and in its value. */
  readonly dim: number;
  readonly valueDim: number;
  readonly scale: number;
  readonly causal: boolean;
  readonly hasMask: boolean;
  /** Of dropout; 0 for none. */
  readonly rate: number;
  /** Positions of the first queries: none, one of all, one of each sequence. They come behind the random state. */
  readonly offsets: "none" | "shared" | "each";
}

/** A call, all sizes known. */
export interface Problem extends AttentionAttrs {
  readonly batch: number;
  readonly queries: number;
  readonly keys: number;
  /** [batch | 1, heads | 1, queries | 1, keys | 1]. */
  readonly mask: Spec | undefined;
  /** Which input holds each: of queries, keys, values. */
  readonly sources: readonly [q: number, k: number, v: number];
  /** How many of the inputs hold them. */
  readonly packed: number;
  readonly maskAt: number;
  readonly wordsAt: number;
  /** Numbers of a token in each source, and before the first head. */
  readonly rows: readonly [q: number, k: number, v: number];
  readonly firsts: readonly [q: number, k: number, v: number];
}

export const packedInputs: Readonly<Record<Packing, number>> = { apart: 3, keyValue: 2, all: 1 };

export const hasWords = ({ rate, offsets }: AttentionAttrs): boolean => rate > 0 || offsets !== "none";

/** Sizes of the words: a random state, then positions. */
const wordCount = ({ rate, offsets }: AttentionAttrs, batch: number): number =>
  (rate > 0 ? 4 : 0) + (offsets === "none" ? 0 : offsets === "each" ? batch : 1);

/** @param between inputs that stand between the packed ones and the mask */
export function problemOf(op: string, inputs: readonly Spec[], attrs: AttentionAttrs, between = 0): Problem {
  const { packing, heads, keyHeads, dim, valueDim, hasMask } = attrs;
  const packed = packedInputs[packing];
  const given = inputs.slice(0, packed);
  for (const { dtype } of given)
    if (dtype !== "f32") throw new DTypeError(`${op}: takes f32 tensors, got ${dtype}; use cast(x, "f32")`);
  const [q, k, v] = [heads * dim, keyHeads * dim, keyHeads * valueDim];
  const widths = { apart: [q, k, v], keyValue: [q, k + v], all: [q + k + v] }[packing];
  const [batch, queries] = given[0].shape;
  const keys = given[packed > 1 ? 1 : 0].shape[1];
  given.forEach(({ shape }, n) => {
    const fits = shape.length === 3 && shape[0] === batch && shape[2] === widths[n];
    if (!fits || (n > 0 && shape[1] !== keys))
      throw new ShapeError(
        `${op}: tensor ${n} is ${showShape(shape)}; with ${heads} heads of ${dim} it must be [${batch}, ${n === 0 ? queries : keys}, ${widths[n]}]`,
      );
  });
  for (const [size, what] of [
    [batch, "batch"],
    [queries, "queries"],
    [keys, "keys"],
  ] as const) {
    if (!(size >= 1))
      throw new ShapeError(
        `${op}: there are no ${what === "batch" ? "sequences in the batch" : what} (${given.map(({ shape }) => showShape(shape)).join(", ")}); leave the call out where there is nothing to attend to`,
      );
  }
  const maskAt = packed + between;
  const wordsAt = maskAt + (hasMask ? 1 : 0);
  const problem: Problem = {
    ...attrs,
    batch,
    queries,
    keys,
    packed,
    mask: hasMask ? inputs[maskAt] : undefined,
    sources: packing === "apart" ? [0, 1, 2] : packing === "keyValue" ? [0, 1, 1] : [0, 0, 0],
    maskAt,
    wordsAt,
    rows:
      packing === "apart"
        ? [q, k, v]
        : packing === "keyValue"
          ? [q, k + v, k + v]
          : [q + k + v, q + k + v, q + k + v],
    firsts: packing === "apart" ? [0, 0, 0] : packing === "keyValue" ? [0, 0, k] : [0, q, q + k],
  };
  if (problem.mask !== undefined) checkMask(op, problem, problem.mask);
  if (hasWords(attrs)) {
    const { shape, dtype } = inputs[wordsAt];
    const count = wordCount(attrs, batch);
    if (dtype !== "u32" || shape.length !== 1 || shape[0] !== count)
      throw new ShapeError(
        `${op}: the random state and the positions are ${dtype} ${showShape(shape)}; they must be u32 [${count}]`,
      );
  }
  return problem;
}

export const scoreShape = ({ batch, heads, queries, keys }: Problem): Shape => [batch, heads, queries, keys];

function checkMask(op: string, problem: Problem, { shape, dtype }: Spec): void {
  if (dtype !== "bool" && dtype !== "f32")
    throw new DTypeError(
      `${op}: the mask must be bool (which keys are seen) or f32 (what is added to the scores), got ${dtype}; use notEqual(mask, 0)`,
    );
  const want = scoreShape(problem);
  if (shape.length === 4 && shape.every((length, axis) => length === 1 || length === want[axis])) return;
  throw new ShapeError(
    `${op}: the mask is ${showShape(shape)}; for ${problem.batch} sequences, ${problem.heads} heads, ${problem.queries} queries and ${problem.keys} keys it must be ${showShape(want)}, or 1 along any of these axes`,
  );
}

/** @throws ArgumentError unless heads of keys divide those of queries */
export function checkHeads(op: string, heads: number, keyHeads: number): void {
  if (keyHeads >= 1 && heads % keyHeads === 0) return;
  throw new ArgumentError(
    `${op}: ${showGiven(heads)} heads of queries can't share ${showGiven(keyHeads)} heads of keys and values; their number must be a multiple`,
  );
}

/** From one batch, head, query and key to the next in the mask. */
export function maskStrides({ mask }: Problem): readonly number[] {
  if (mask === undefined) return [0, 0, 0, 0];
  const { shape } = mask;
  let stride = 1;
  const strides = [0, 0, 0, 0];
  for (let axis = 3; axis >= 0; axis--) {
    if (shape[axis] > 1) strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}
