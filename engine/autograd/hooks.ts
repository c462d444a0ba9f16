// Hooks on values: functions that see, or replace, a value's gradient while it is computed. They belong to the
// tensor's handle and go with it; nothing here walks.

import { checkFunction, GradientError, kindOf } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { checkTensor } from "../tensor/arguments.ts";
import { recorders } from "../tensor/recording.ts";
import { claim, keep, tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Variable } from "../tensor/variable.ts";
import { gradientHooks } from "./hook-store.ts";
import { type OpenTape, openTapes } from "./open-tapes.ts";

/** Sees a gradient; a tensor that it returns takes its place. */
export type GradientHook = (gradient: Tensor) => Tensor | undefined | void;

/** A registered hook. */
export interface HookHandle {
  /** Takes the hook away; twice is harmless. */
  remove(): void;
  [Symbol.dispose](): void;
}

interface Entry {
  readonly fn: GradientHook;
}

const hooks = new WeakMap<Tensor, Set<Entry>>();

/** The gradient after all hooks of `value`; owned by the caller, as `gradient` was. */
function applyHooks(value: Tensor, set: ReadonlySet<Entry>, gradient: Tensor): Tensor {
  let current = gradient;
  for (const { fn } of [...set]) {
    const next = tidy(() => {
      const replaced = fn(current);
      if (replaced === undefined || replaced === current) return undefined;
      if (!(replaced instanceof Tensor)) {
        throw new GradientError(
          `registerHook: the hook of ${value.describe()} returned ${kindOf(replaced)}; it must return a tensor, or nothing`,
        );
      }
      if (!sameShape(replaced.shape, current.shape) || replaced.dtype !== current.dtype) {
        throw new GradientError(
          `registerHook: the hook of ${value.describe()} returned ${replaced.dtype} ${showShape(replaced.shape)}; a gradient keeps its shape and dtype`,
        );
      }
      // It may be someone else's.
      return claim(replaced);
    });
    if (next === undefined) continue;
    current.dispose();
    current = keep(next);
  }
  return current;
}

/** @internal Open tapes and those that record now, each once, the newest first. */
export function knownTapes(): OpenTape[] {
  const recording = recorders.value.flatMap(({ tape }) => (tape === undefined ? [] : [tape as OpenTape]));
  return [...new Set([...recording.reverse(), ...openTapes()])];
}

/** @internal Tells the tapes that know `value` to look at its handle in their walks; false where none does. */
export function markOnTapes(value: Tensor): boolean {
  const found = knownTapes().filter((tape) => tape.knows(value));
  for (const tape of found) tape.mark(value);
  return found.length > 0;
}

/**
 * Calls `fn` with the gradient of `tensor` in each backward walk that computes it, when it is complete and before it
 * is handed on; a tensor of the same shape that `fn` returns takes its place. The gradient is the walk's: use it
 * inside, or copy it. Hooks run in the order they were registered, in `backward`, `Tape.gradient`, `grad` and all that
 * stands on them.
 *
 * @param tensor a Variable, a watched tensor, or a value that a tape has recorded
 * @throws GradientError where no tape knows the tensor, and, in the walk, where the hook's result does not fit
 */
export function registerHook(tensor: Tensor, fn: GradientHook): HookHandle {
  checkTensor("registerHook", tensor);
  checkFunction(
    "registerHook",
    fn,
    "sees the gradient, as in (gradient) => {}",
    "it is called in each walk back",
    "second",
  );
  // Tapes look at their variables' handles anyway.
  if (!markOnTapes(tensor) && !(tensor instanceof Variable)) {
    throw new GradientError(
      `registerHook: no tape has recorded ${tensor.describe()}; watch it first, or register the hook inside record() after the op that makes it`,
    );
  }
  const entry = { fn };
  const set = hooks.get(tensor) ?? new Set<Entry>();
  set.add(entry);
  hooks.set(tensor, set);
  gradientHooks.set(tensor, (gradient) => applyHooks(tensor, set, gradient));
  const remove = () => {
    set.delete(entry);
    if (set.size === 0) gradientHooks.delete(tensor);
  };
  return { remove, [Symbol.dispose]: remove };
}
