// Looks at a saved state before an optimizer takes it: whether it is one, of that optimizer, and made of numbers only.

import { ArgumentError } from "../engine/index.ts";
import { isList, kindOf } from "../engine/internal.ts";

/** What the optimizer that gets the state remembers. */
interface Wanted {
  readonly slots: readonly string[];
  readonly scalars: readonly string[];
  readonly hasSchedule: boolean;
}

/**
 * @param name the optimizer's, as errors begin
 * @throws ArgumentError that names what differs
 */
export function checkState(name: string, state: unknown, wanted: Wanted): void {
  const start = `${name}.setState`;
  if (typeof state !== "object" || state === null || Array.isArray(state)) {
    throw new ArgumentError(`${start}: takes what getState() gave, got ${kindOf(state)}`);
  }
  const given = state as Readonly<Record<string, unknown>>;
  const isMissing = ["name", "iterations", "slots"].find((part) => given[part] === undefined);
  if (isMissing !== undefined) {
    throw new ArgumentError(
      `${start}: the state has no "${isMissing}" (it holds ${Object.keys(given).join(", ") || "nothing"}); pass what getState() gave`,
    );
  }
  if (given.name !== name) {
    throw new ArgumentError(
      `${start}: the state is of "${String(given.name)}", this optimizer is "${name}"; restore the state of the same optimizer`,
    );
  }
  const { iterations, learningRate } = given;
  if (!(Number.isInteger(iterations) && (iterations as number) >= 0 && (iterations as number) < 2 ** 31)) {
    throw new ArgumentError(
      `${start}: the state's iterations must be a whole number from 0 to 2^31 - 1, got ${shown(iterations)}`,
    );
  }
  if (learningRate !== undefined && !(Number.isFinite(learningRate) && (learningRate as number) >= 0)) {
    throw new ArgumentError(
      `${start}: the state's learningRate must be a finite number of at least 0, got ${shown(learningRate)}`,
    );
  }
  if (learningRate !== undefined && wanted.hasSchedule) {
    throw new ArgumentError(
      `${start}: the state has a learningRate, ${shown(learningRate)}, but this optimizer's follows a schedule; make the optimizer as it was`,
    );
  }
  checkParts(start, "slots", given.slots, wanted.slots, iterations === 0, checkSlot);
  checkParts(start, "scalars", given.scalars ?? {}, wanted.scalars, iterations === 0, checkScalar);
}

/** The parts must be those of the optimizer, all of them; before its first update it may have none. */
function checkParts(
  start: string,
  kind: "slots" | "scalars",
  parts: unknown,
  wanted: readonly string[],
  mayBeEmpty: boolean,
  check: (what: string, value: unknown) => void,
): void {
  if (typeof parts !== "object" || parts === null || Array.isArray(parts)) {
    throw new ArgumentError(`${start}: the state's ${kind} must be an object by name, got ${kindOf(parts)}`);
  }
  const found = Object.keys(parts);
  const lacks = mayBeEmpty && found.length === 0 ? undefined : wanted.find((part) => !found.includes(part));
  const other = found.find((part) => !wanted.includes(part));
  if (lacks !== undefined || other !== undefined) {
    const one = kind.slice(0, -1);
    const differs = lacks === undefined ? `a ${one} "${other}" too many` : `no ${one} "${lacks}"`;
    throw new ArgumentError(
      `${start}: the state has ${differs}: it holds ${list(found)}, this optimizer remembers ${list(wanted)}; restore the state of an optimizer made with the same options`,
    );
  }
  for (const [name, value] of Object.entries(parts))
    check(`${start}: the state's ${kind.slice(0, -1)} "${name}"`, value);
}

function checkSlot(what: string, value: unknown): void {
  if (!Array.isArray(value)) {
    throw new ArgumentError(
      `${what} must be a list with one array of numbers a variable, got ${kindOf(value)}`,
    );
  }
  value.forEach((part: unknown, i) => {
    if (!isList(part)) {
      throw new ArgumentError(
        `${what} holds ${kindOf(part)} for variable ${i} where an array of numbers belongs; JSON turns typed arrays into objects: save Array.from(values)`,
      );
    }
    if (ArrayBuffer.isView(part)) return;
    const at = (part as readonly unknown[]).findIndex((number) => typeof number !== "number");
    if (at >= 0) {
      throw new ArgumentError(
        `${what} holds ${kindOf(part[at])} at ${at} of variable ${i} where a number belongs; JSON writes NaN and infinities as null`,
      );
    }
  });
}

function checkScalar(what: string, value: unknown): void {
  if (typeof value !== "number") throw new ArgumentError(`${what} must be a number, got ${kindOf(value)}`);
}

const shown = (value: unknown) => (typeof value === "number" ? String(value) : kindOf(value));
const list = (names: readonly string[]) => names.join(", ") || "none";
