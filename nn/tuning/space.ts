// The space of a search: its hyper-parameters, checked, drawn at random, and laid out as a grid.

import { ArgumentError } from "../../engine/index.ts";
import {
  atLeastOne,
  checkOptions,
  hostUniform,
  isPlainObject,
  kindOf,
  showGiven,
} from "../../engine/internal.ts";
import type { HyperParameter } from "../logs/events.ts";

/** When a hyper-parameter counts: the others must have these values, or one of several. */
export type When = Readonly<Record<string, HyperParameter | readonly HyperParameter[]>>;

/** One of some values; an array stands for it, too. */
export interface Choice<T extends HyperParameter = HyperParameter> {
  readonly choice: readonly T[];
  readonly when?: When;
}
/** A whole number from the first to the second, both included. */
export interface IntegerRange {
  readonly integer: readonly [low: number, high: number];
  /** How many a grid takes of it; default 3, or all where there are no more. */
  readonly steps?: number;
  readonly when?: When;
}
/** A number, evenly spread. */
export interface UniformRange {
  readonly uniform: readonly [low: number, high: number];
  /** How many a grid takes of it, both ends included; default 3. */
  readonly steps?: number;
  readonly when?: When;
}
/** A number above 0 whose logarithm is evenly spread, as rates and penalties want it. */
export interface LogUniformRange {
  readonly logUniform: readonly [low: number, high: number];
  readonly steps?: number;
  readonly when?: When;
}

export type SpaceEntry =
  | readonly HyperParameter[]
  | HyperParameter
  | Choice
  | IntegerRange
  | UniformRange
  | LogUniformRange;

/** What there is to choose, by name. A plain value is the same in every trial. */
export type Space = Readonly<Record<string, SpaceEntry>>;

type ValueOf<E> = E extends readonly (infer T)[]
  ? T
  : E extends { readonly choice: readonly (infer T)[] }
    ? T
    : E extends HyperParameter
      ? E
      : number;

/** What a trial gets: undefined for what does not count in it. */
export type Values<S extends Space> = {
  readonly [K in keyof S]: S[K] extends { readonly when: When } ? ValueOf<S[K]> | undefined : ValueOf<S[K]>;
};

export type AnyValues = Readonly<Record<string, HyperParameter>>;

interface Axis {
  readonly name: string;
  readonly when: When | undefined;
  /** @param share from 0 to 1, exclusive */
  at(share: number): HyperParameter;
  /** Of a grid. */
  readonly points: readonly HyperParameter[];
}

/** @throws ArgumentError for a space that is none */
export function axesOf(space: Space): Axis[] {
  if (!isPlainObject(space) || Object.keys(space).length === 0)
    throw new ArgumentError(
      `search: space must be an object of hyper-parameters, as in { learningRate: { logUniform: [1e-4, 1e-1] } }, got ${kindOf(space)}`,
    );
  const known = new Set<string>();
  return Object.entries(space).map(([name, entry]) => {
    const axis = axisOf(name, entry);
    for (const other of Object.keys(axis.when ?? {})) {
      if (!known.has(other))
        throw new ArgumentError(
          `search: space.${name} counts when "${other}" has some value, which must stand before it in the space; there are ${[...known].join(", ") || "none"}`,
        );
    }
    known.add(name);
    return axis;
  });
}

const isValue = (value: unknown): value is HyperParameter =>
  typeof value === "string" ||
  typeof value === "boolean" ||
  (typeof value === "number" && Number.isFinite(value));

function axisOf(name: string, entry: SpaceEntry): Axis {
  const what = `search: space.${name}`;
  if (isValue(entry)) return { name, when: undefined, at: () => entry, points: [entry] };
  if (Array.isArray(entry)) return choiceAxis(what, name, entry as readonly unknown[], undefined);
  if (!isPlainObject(entry))
    throw new ArgumentError(
      `${what} must be an array of values, or { choice }, { integer }, { uniform } or { logUniform }, got ${kindOf(entry)}`,
    );
  const kinds = ["choice", "integer", "uniform", "logUniform"].filter((kind) => kind in entry);
  if (kinds.length !== 1)
    throw new ArgumentError(
      `${what} must have one of choice, integer, uniform and logUniform, got ${kinds.join(" and ") || `{ ${Object.keys(entry).join(", ")} }`}`,
    );
  const [kind] = kinds;
  checkOptions(what, entry, {
    [kind]: true,
    when: true,
    ...(kind === "choice" ? {} : { steps: true }),
  } as never);
  const { when, steps = 3 } = entry as { when?: When; steps?: number };
  if (when !== undefined && !isPlainObject(when))
    throw new ArgumentError(
      `${what}: when must be values by name, as in { optimizer: "sgd" }, got ${kindOf(when)}`,
    );
  if (kind === "choice") return choiceAxis(what, name, (entry as Choice).choice, when);
  atLeastOne(what, "steps", steps);
  const [low, high] = endsOf(what, kind, (entry as unknown as Record<string, unknown>)[kind]);
  const between = (share: number): number => {
    if (kind === "integer") return Math.min(high, low + Math.floor(share * (high - low + 1)));
    if (kind === "uniform") return low + share * (high - low);
    return Math.min(high, Math.max(low, Math.exp(Math.log(low) + share * (Math.log(high) - Math.log(low)))));
  };
  const count = kind === "integer" ? Math.min(steps, high - low + 1) : steps;
  const points = Array.from({ length: count }, (_, i) => {
    const share = count === 1 ? 0.5 : i / (count - 1);
    if (share === 1) return high;
    return kind === "integer" ? Math.round(low + share * (high - low)) : between(share);
  });
  return { name, when, at: between, points: [...new Set(points)] };
}

function choiceAxis(what: string, name: string, values: readonly unknown[], when: When | undefined): Axis {
  if (!Array.isArray(values) || values.length === 0 || !values.every(isValue))
    throw new ArgumentError(
      `${what} must have numbers, strings or booleans to choose from, got ${showGiven(values)}`,
    );
  const list = values as readonly HyperParameter[];
  return {
    name,
    when,
    at: (share) => list[Math.min(list.length - 1, Math.floor(share * list.length))],
    points: list,
  };
}

function endsOf(what: string, kind: string, given: unknown): [number, number] {
  const [low, high] = Array.isArray(given) && given.length === 2 ? given : [];
  const isRight = Number.isFinite(low) && Number.isFinite(high) && low <= high;
  if (!isRight) throw new ArgumentError(`${what}: ${kind} must be [low, high], got ${showGiven(given)}`);
  if (kind === "integer" && !(Number.isSafeInteger(low) && Number.isSafeInteger(high)))
    throw new ArgumentError(`${what}: integer must go from a whole number to one, got ${low} to ${high}`);
  if (kind === "logUniform" && low <= 0)
    throw new ArgumentError(`${what}: logUniform must begin above 0, got ${low}; use uniform`);
  return [low, high];
}

/** Whether a hyper-parameter counts beside those that were chosen before it. */
const counts = ({ when }: Axis, values: AnyValues): boolean =>
  Object.entries(when ?? {}).every(([name, wanted]) =>
    Array.isArray(wanted) ? wanted.includes(values[name]) : values[name] === wanted,
  );

const keyOf = (seed: number) => [seed % 2 ** 32, Math.floor(seed / 2 ** 32)] as const;

/** A seed of a trial's own. */
export const seedOf = (seed: number, trial: number): number =>
  Math.floor(hostUniform(keyOf(seed), 2 ** 31 + trial, 1)[0] * 2 ** 32);

/** A trial's values, by the search's seed and the trial's number alone. */
export function drawn(axes: readonly Axis[], seed: number, trial: number): AnyValues {
  const shares = hostUniform(keyOf(seed), trial, axes.length);
  const values: Record<string, HyperParameter> = {};
  for (const [i, axis] of axes.entries()) if (counts(axis, values)) values[axis.name] = axis.at(shares[i]);
  return values;
}

/** Every combination of the axes' points, the last axis fastest; those that differ in nothing that counts once. */
export function gridOf(axes: readonly Axis[]): AnyValues[] {
  let all: AnyValues[] = [{}];
  for (const axis of axes) {
    all = all.flatMap((values) =>
      counts(axis, values) ? axis.points.map((point) => ({ ...values, [axis.name]: point })) : [values],
    );
  }
  return all;
}
