// What an update rule sees and gives, and checks of what it declares and gives.

import { ArgumentError, ShapeError, showShape, Tensor, type Variable } from "../engine/index.ts";
import { kindOf, sameShape } from "../engine/internal.ts";
import type { ByVariable } from "./by-variable.ts";
import type { Hyper, HyperValue } from "./hyper.ts";

/** What a slot starts from: a number, or the variables' values. */
export type SlotStart = number | "value";

/** What an optimizer remembers, and what each begins with. */
export interface Starts {
  readonly slots: Readonly<Record<string, SlotStart>>;
  readonly scalars: Readonly<Record<string, number>>;
}

/** What an update rule sees: vectors over all parameters at once, laid out alike. */
export interface UpdateContext<S extends string = string> {
  /** f32 [total]: the parameters' values. */
  readonly value: Tensor;
  /** f32 [total]: the gradient of the loss with respect to them. */
  readonly gradient: Tensor;
  /** f32 [total] each, or laid out by the shapes that `slotShape` gives: what the rule remembers. */
  readonly slots: Readonly<Record<S, Tensor>>;
  /** f32 scalars that the rule remembers. */
  readonly scalars: Readonly<Record<string, Tensor>>;
  /** f32: the rate of this update, a scalar; where groups of parameters have rates of their own, [total]. */
  readonly learningRate: Tensor;
  /** i32 scalar: how many updates were made before this one. */
  readonly iterations: Tensor;
  /** What a hyper-parameter is now: a number is itself, a schedule an f32 scalar. */
  readonly at: (hyper: Hyper) => HyperValue;
  /** The vectors variable by variable: sums and norms of each part, the parts as tensors of their shapes. */
  readonly byVariable: ByVariable;
}

export interface UpdateResult<S extends string = string> {
  readonly value: Tensor;
  /** Those that change. */
  readonly slots?: Readonly<Partial<Record<S, Tensor>>>;
  readonly scalars?: Readonly<Partial<Record<string, Tensor>>>;
}

/** @throws ArgumentError unless `starts` gives finite numbers by name, or "value" where `mayBeValue` */
export function checkStarts(optimizer: string, what: string, starts: unknown, mayBeValue = false): void {
  const isTable = typeof starts === "object" && starts !== null;
  const isStart = (start: unknown) => Number.isFinite(start) || (mayBeValue && start === "value");
  const wrong = isTable ? Object.entries(starts).find(([, start]) => !isStart(start)) : undefined;
  if (isTable && wrong === undefined) return;
  const got = wrong === undefined ? kindOf(starts) : `${kindOf(wrong[1])} for "${wrong[0]}"`;
  throw new ArgumentError(
    `${optimizer}: ${what} must give each one that the rule remembers the finite number that it starts from, as in { momentum: 0 }, or be {} for a rule that remembers none; got ${got}`,
  );
}

/** @throws ArgumentError for a value that is no Tensor, and for slots and scalars that are not among those declared */
export function checkResult(
  optimizer: string,
  result: UpdateResult,
  declared: { readonly slots: object; readonly scalars: object },
): void {
  const value: unknown = result?.value;
  if (!(value instanceof Tensor)) {
    const given: unknown = result;
    const got = given instanceof Tensor ? "a Tensor" : given ? `${kindOf(value)} as value` : kindOf(given);
    throw new ArgumentError(
      `${optimizer}: update must return { value: the new values, a Tensor; slots: { ... } }, got ${got}`,
    );
  }
  for (const kind of ["slot", "scalar"] as const) {
    const known = declared[`${kind}s`];
    const given = Object.entries(result[`${kind}s`] ?? {}).filter(([, next]) => next !== undefined);
    const [unknown] = given.find(([name]) => !Object.hasOwn(known, name)) ?? [];
    if (unknown === undefined) continue;
    throw new ArgumentError(
      `${optimizer}: update returned a ${kind} "${unknown}" that ${kind}Starts does not declare; it declares ${Object.keys(known).join(", ") || "none"}`,
    );
  }
}

/** @throws ArgumentError, ShapeError unless there is one gradient a variable, of its shape */
export function checkGradients(
  optimizer: string,
  gradients: readonly Tensor[],
  variables: readonly Variable[],
): void {
  if (!Array.isArray(gradients)) {
    throw new ArgumentError(
      `${optimizer}: apply takes an array of gradients, one a variable, got ${kindOf(gradients)}`,
    );
  }
  if (gradients.length !== variables.length) {
    throw new ArgumentError(
      `${optimizer}: got ${gradients.length} gradients for ${variables.length} variables; pass one each, in order`,
    );
  }
  gradients.forEach((gradient, i) => {
    if (!(gradient instanceof Tensor)) {
      throw new ArgumentError(
        `${optimizer}: the gradient of variable "${variables[i].name}" is ${kindOf(gradient)}; it must be a Tensor. The loss may not depend on it`,
      );
    }
    if (!sameShape(gradient.shape, variables[i].shape)) {
      throw new ShapeError(
        `${optimizer}: the gradient of variable "${variables[i].name}" has shape ${showShape(gradient.shape)}; it must be ${showShape(variables[i].shape)}`,
      );
    }
  });
}
