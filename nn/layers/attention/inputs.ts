// What attention layers take: queries, values, keys and a mask, in one of several forms.

import { ArgumentError, cast, notEqual, reshape, ShapeError, Tensor } from "../../../engine/index.ts";
import { kindOf } from "../../../engine/internal.ts";
import type { CallContext } from "../call-context.ts";
import { batched, isSpec, type SampleSpec } from "../spec.ts";

/** Queries, values and keys by name. */
export interface AttentionParts<T> {
  readonly query: T;
  /** Default: the queries, which makes it self-attention. */
  readonly value?: T;
  /** Default: the values. */
  readonly key?: T;
  /** Which keys a query sees, [batch, queries, keys] or [batch, heads, queries, keys], not 0 where it does. */
  readonly attentionMask?: T;
  readonly [name: string]: T | undefined;
}

/** One tensor attends to itself; else `[query, value]`, `[query, value, key]`, or by name. */
export type AttentionInput = Tensor | readonly Tensor[] | AttentionParts<Tensor>;

export interface Parts<T> {
  readonly query: T;
  readonly value: T;
  readonly key: T;
  readonly attentionMask: T | undefined;
}

const names = ["query", "value", "key", "attentionMask"];

/** The inputs, or their specs or masks, by name; undefined values stay so. */
export function partsOf<T>(what: string, inputs: unknown): Parts<T> {
  const isOne = inputs instanceof Tensor || isSpec(inputs);
  if (isOne) {
    const one = inputs as T;
    return { query: one, value: one, key: one, attentionMask: undefined };
  }
  if (Array.isArray(inputs) && inputs.length >= 1 && inputs.length <= 3) {
    const [query, value = query, key = value] = inputs as readonly T[];
    return { query, value, key, attentionMask: undefined };
  }
  const given = inputs as AttentionParts<T> | null;
  const isNamed =
    typeof given === "object" &&
    given !== null &&
    !Array.isArray(given) &&
    "query" in given &&
    Object.keys(given).every((name) => names.includes(name));
  if (!isNamed)
    throw new ArgumentError(
      `${what}: takes a sequence, [query, value], [query, value, key] or { query, value, key, attentionMask }, got ${Array.isArray(inputs) ? `an array of ${inputs.length}` : kindOf(inputs)}`,
    );
  const { query, value = query, key = value, attentionMask } = given;
  return { query, value, key, attentionMask };
}

/** Output and weights, where weights are asked for: the types of layers know the output alone. */
export const both = <T>(output: T, weights: T): T => [output, weights] as unknown as T;

/** @throws ShapeError unless all are sequences, values and keys of one length */
export function checkSequences(what: string, { query, value, key, attentionMask }: Parts<SampleSpec>): void {
  for (const { shape } of [query, value, key]) {
    if (shape.length === 2) continue;
    throw new ShapeError(
      `${what}: takes sequences, [batch, time, features], got ${batched(shape)}; Reshape brings others to that`,
    );
  }
  if (value.shape[0] !== key.shape[0] && value.shape[0] !== null && key.shape[0] !== null)
    throw new ShapeError(
      `${what}: each key has a value, but there are ${batched(key.shape)} keys and ${batched(value.shape)} values; give them one length`,
    );
  if (attentionMask !== undefined && ![2, 3].includes(attentionMask.shape.length))
    throw new ShapeError(
      `${what}: the attention mask must be [batch, queries, keys] or [batch, heads, queries, keys], got ${batched(attentionMask.shape)}`,
    );
}

const asBool = (mask: Tensor): Tensor => (mask.dtype === "bool" ? mask : notEqual(mask, 0));

/** The masks of queries, values and keys, where they have any. */
export function masksIn(
  what: string,
  mask: CallContext["mask"],
  inputs: AttentionInput,
): Partial<Parts<Tensor>> {
  if (mask === undefined) return {};
  if (mask instanceof Tensor || inputs instanceof Tensor) {
    const one = mask instanceof Tensor ? mask : undefined;
    return { query: one, value: one };
  }
  if (Array.isArray(mask)) {
    const [query, value, key] = mask as readonly (Tensor | undefined)[];
    return { query, value, key };
  }
  return partsOf<Tensor | undefined>(what, { query: undefined, ...mask }) as Partial<Parts<Tensor>>;
}

/**
 * Which keys queries see, [batch, 1 or heads, 1 or queries, keys], by the masks of values and keys and the one that was
 * given; undefined where all are seen. Keys and values that do not count are seen by none.
 */
export function seenBy(masks: Partial<Parts<Tensor>>, attentionMask: Tensor | undefined): Tensor[] {
  const keys = [masks.value, masks.key]
    .filter((mask, i, all) => mask !== undefined && all.indexOf(mask) === i)
    .map((mask) => {
      const flags = asBool(mask as Tensor);
      return reshape(flags, [flags.shape[0], 1, 1, flags.shape[1]]);
    });
  if (attentionMask === undefined) return keys;
  const given = asBool(attentionMask);
  return [...keys, given.rank === 4 ? given : reshape(given, [given.shape[0], 1, ...given.shape.slice(1)])];
}

/** A mask [batch, time] as numbers beside a sequence. */
export const besideSequence = (mask: Tensor): Tensor =>
  reshape(cast(asBool(mask), "f32"), [...mask.shape, 1]);
