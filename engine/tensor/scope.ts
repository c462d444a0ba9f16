// Scopes own the tensors made inside them and free them when they close. Ops never consume their inputs.

import { ArgumentError, checkFunction } from "../base/errors.ts";
import { checkTensor } from "./arguments.ts";
import { isTracked, openScope, track, untrack } from "./scope-stack.ts";
import { Tensor } from "./tensor.ts";

/**
 * Runs `fn` and disposes every tensor made in it, except those it returns (alone, or inside arrays, plain
 * objects and Maps), which pass to the surrounding scope. Variables are never disposed by a scope.
 *
 * `fn` must be synchronous: a promise would outlive the scope.
 */
export function tidy<T>(fn: () => T): T {
  checkFunction(
    "tidy",
    fn,
    "computes something, as in () => mean(x)",
    "what else it makes is freed after it",
  );
  const outer = openScope.value;
  const owned = new Set<{ dispose(): void }>();
  let result: T;
  try {
    result = openScope.with({ owned, outer }, fn);
    if (result instanceof Promise) {
      // What the function does from now on fails for lack of its tensors; the error below says why.
      result.catch(() => {});
      throw new ArgumentError(
        "tidy: the function returned a promise; tidy() takes synchronous functions. Await outside",
      );
    }
  } catch (error) {
    for (const tensor of owned) tensor.dispose();
    throw error;
  }
  const kept: ReadonlySet<unknown> = tensorsIn(result);
  for (const tensor of owned) {
    if (kept.has(tensor)) outer?.owned.add(tensor);
    else tensor.dispose();
  }
  return result;
}

/** @internal A handle that the innermost scope owns: `tensor` itself where that scope made it, else a second one. */
export function claim(tensor: Tensor): Tensor {
  if (isTracked(tensor)) return tensor;
  return track(tensor.alias());
}

/** Takes a tensor out of every open scope: it lives until its own `dispose()`. Returns it. */
export function keep<T extends Tensor>(tensor: T): T {
  checkTensor("keep", tensor);
  untrack(tensor);
  return tensor;
}

/** @internal All tensors found in `value`, as tidy() finds them. */
export function tensorsIn(value: unknown): Set<Tensor> {
  const found = new Set<Tensor>();
  collectTensors(value, found);
  return found;
}

/** Disposes all tensors found in `value` (a tensor, an array, a plain object, a Map, nested). */
export function disposeAll(value: unknown): void {
  for (const tensor of tensorsIn(value)) tensor.dispose();
}

function collectTensors(value: unknown, into: Set<Tensor>): void {
  if (value === null || typeof value !== "object") return;
  if (value instanceof Tensor) {
    into.add(value);
  } else if (Array.isArray(value)) {
    for (const element of value) collectTensors(element, into);
  } else if (value instanceof Map) {
    for (const element of value.values()) collectTensors(element, into);
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const element of Object.values(value)) collectTensors(element, into);
  }
}
