// An optimizer's state on the host: read from the device, looked at before it is taken, and taken.

import { ArgumentError } from "../engine/index.ts";
import { isList, kindOf, showGiven } from "../engine/internal.ts";
import { type Built, copyValues } from "./built.ts";
import { Optimizer } from "./optimizer.ts";
import { epoch } from "./step.ts";
import type { Starts } from "./update.ts";

/** What an optimizer remembers, on the host: data that fits any device. As JSON, its arrays must be plain ones. */
export interface OptimizerState {
  readonly name: string;
  readonly iterations: number;
  /** Absent under a schedule, which needs the iterations only. */
  readonly learningRate?: number;
  /** For each slot, one array a variable, in the variables' order. */
  readonly slots: Readonly<Record<string, readonly Float32Array[]>>;
  readonly scalars?: Readonly<Record<string, number>>;
}

/**
 * Reads an optimizer's slots and step count back, for saving.
 *
 * @throws ArgumentError for what is no Optimizer
 */
export async function optimizerState(optimizer: Optimizer): Promise<OptimizerState> {
  checkOptimizer("optimizerState", optimizer);
  const { name, schedule, inside } = optimizer;
  const rate = schedule ? {} : { learningRate: optimizer.learningRate };
  if (inside.built !== undefined) return { ...rate, ...(await readState(name, inside.built)) };
  // Only setOptimizerState has one wait.
  return (inside.waiting?.state as OptimizerState) ?? { ...rate, name, iterations: 0, slots: {} };
}

/**
 * Has an optimizer go on from a saved state. Before it knows its variables, the state is kept until it does.
 *
 * @throws ArgumentError when it is no state, another optimizer's, or of other variables; nothing is changed then
 */
export function setOptimizerState(optimizer: Optimizer, state: OptimizerState): void {
  checkOptimizer("setOptimizerState", optimizer);
  const { name, remembered: starts, inside } = optimizer;
  checkState(name, state, starts, optimizer.schedule !== undefined);
  if (inside.built === undefined) inside.waiting = { state, take: () => setOptimizerState(optimizer, state) };
  else writeState(name, inside.built, state, starts);
  if (state.learningRate !== undefined) optimizer.learningRate = state.learningRate;
  inside.epoch = state.scalars?.[epoch] ?? inside.epoch;
}

function checkOptimizer(who: string, optimizer: unknown): void {
  if (!(optimizer instanceof Optimizer))
    throw new ArgumentError(`${who}: the first argument must be an Optimizer, got ${kindOf(optimizer)}`);
}

/** What an optimizer remembers but its learning rate. */
async function readState(name: string, built: Built): Promise<OptimizerState> {
  const { slots, scalars } = built;
  const [iterations, values, numbers] = await Promise.all([
    built.iterations.item(),
    Promise.all(Object.values(slots).map((slot) => slot.data())),
    Promise.all(Object.values(scalars).map((scalar) => scalar.item())),
  ]);
  const named = <T, V>(held: object, of: readonly T[], show: (one: T, name: string) => V) =>
    Object.fromEntries(Object.keys(held).map((key, k) => [key, show(of[k], key)]));
  return {
    name,
    iterations,
    slots: named(slots, values, (all, slot) =>
      built.variables.map((_, i) => (all as Float32Array).subarray(...built.rangeIn(slot, i))),
    ),
    ...(numbers.length > 0 && { scalars: named(scalars, numbers, (number) => number) }),
  };
}

/**
 * Takes a checked state, all but its learning rate.
 *
 * @throws ArgumentError for slots of other variables; nothing is changed then
 */
function writeState(name: string, built: Built, state: OptimizerState, starts: Starts): void {
  const { variables, slots, scalars } = built;
  // A state from before the first step has no slots: they start anew.
  const isFresh = state.iterations === 0 && Object.keys(state.slots).length === 0;
  const values = Object.keys(slots).map((slot) => {
    const start = starts.slots[slot];
    const packed = new Float32Array(slots[slot].size).fill(isFresh && start !== "value" ? start : 0);
    if (isFresh) return packed;
    const saved = state.slots[slot];
    const ranges = variables.map((_, i) => built.rangeIn(slot, i));
    const fits =
      saved?.length === variables.length &&
      ranges.every(([begin, end], i) => saved[i].length === end - begin);
    if (!fits) {
      throw new ArgumentError(
        `${name}: the state has no slot "${slot}" for ${variables.length} variables of these sizes (it holds ${list(Object.keys(state.slots))} of "${state.name}"); restore the state of the same optimizer over the same variables`,
      );
    }
    saved.forEach((part, i) => {
      packed.set(part, ranges[i][0]);
    });
    return packed;
  });
  built.iterations.set([state.iterations]);
  for (const scalar in scalars)
    scalars[scalar].set([(isFresh ? undefined : state.scalars?.[scalar]) ?? starts.scalars[scalar]]);
  Object.keys(slots).forEach((slot, k) => {
    if (isFresh && starts.slots[slot] === "value") copyValues(built.packing, slots[slot]);
    else slots[slot].set(values[k]);
  });
}

/**
 * @param name the optimizer's, as errors begin
 * @throws ArgumentError that names what differs, unless it is a state of that optimizer, made of numbers only
 */
function checkState(name: string, state: unknown, starts: Starts, hasSchedule: boolean): void {
  const refusal = (text: string) => new ArgumentError(`${name}: setOptimizerState: ${text}`);
  if (!isTable(state)) throw refusal(`takes what optimizerState(optimizer) gave, got ${kindOf(state)}`);
  const missing = ["name", "iterations", "slots"].find((part) => state[part] === undefined);
  if (missing !== undefined)
    throw refusal(
      `the state has no "${missing}" (it holds ${Object.keys(state).join(", ") || "nothing"}); pass what optimizerState(optimizer) gave`,
    );
  const { iterations, learningRate } = state;
  if (state.name !== name)
    throw refusal(
      `the state is of "${String(state.name)}", this optimizer is "${name}"; restore the state of the same optimizer`,
    );
  if (!(Number.isInteger(iterations) && (iterations as number) >= 0 && (iterations as number) < 2 ** 31))
    throw refusal(
      `the state's iterations must be a whole number from 0 to 2^31 - 1, got ${showGiven(iterations)}`,
    );
  if (learningRate !== undefined) {
    if (!(Number.isFinite(learningRate) && (learningRate as number) >= 0))
      throw refusal(
        `the state's learningRate must be a finite number of at least 0, got ${showGiven(learningRate)}`,
      );
    if (hasSchedule)
      throw refusal(
        `the state has a learningRate, ${learningRate}, but this optimizer's follows a schedule; make the optimizer as it was`,
      );
  }
  /** The parts must be those of the optimizer, all of them; before its first update it may have none. */
  const checkParts = (one: string, parts: unknown, wanted: readonly string[], problem: PartCheck) => {
    if (!isTable(parts)) throw refusal(`the state's ${one}s must be an object by name, got ${kindOf(parts)}`);
    const found = Object.keys(parts);
    const lacks =
      iterations === 0 && found.length === 0 ? undefined : wanted.find((part) => !found.includes(part));
    const other = found.find((part) => !wanted.includes(part));
    if (lacks !== undefined || other !== undefined)
      throw refusal(
        `the state has ${lacks === undefined ? `a ${one} "${other}" too many` : `no ${one} "${lacks}"`}: it holds ${list(found)}, this optimizer remembers ${list(wanted)}; restore the state of an optimizer made with the same options`,
      );
    for (const part of found) {
      const wrong = problem(parts[part]);
      if (wrong !== undefined) throw refusal(`the state's ${one} "${part}" ${wrong}`);
    }
  };
  checkParts("slot", state.slots, Object.keys(starts.slots), slotProblem);
  checkParts("scalar", state.scalars ?? {}, Object.keys(starts.scalars), (value) =>
    typeof value === "number" ? undefined : `must be a number, got ${kindOf(value)}`,
  );
}

/** What is wrong with a part of a state. */
type PartCheck = (value: unknown) => string | undefined;

const slotProblem: PartCheck = (value) => {
  if (!Array.isArray(value))
    return `must be a list with one array of numbers a variable, got ${kindOf(value)}`;
  for (const [i, part] of value.entries()) {
    if (!isList(part))
      return `holds ${kindOf(part)} for variable ${i} where an array of numbers belongs; JSON turns typed arrays into objects: save Array.from(values)`;
    if (ArrayBuffer.isView(part)) continue;
    const at = (part as readonly unknown[]).findIndex((number) => typeof number !== "number");
    if (at >= 0)
      return `holds ${kindOf(part[at])} at ${at} of variable ${i} where a number belongs; JSON writes NaN and infinities as null`;
  }
  return undefined;
};

const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const list = (names: readonly string[]) => names.join(", ") || "none";
