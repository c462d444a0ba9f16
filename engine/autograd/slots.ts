// Where gradients that `backward` adds up are kept: on the tensor, which owns them, or, while a jitted function runs,
// in a store of that call, because what is made while tracing has no value outside.

import { keep, tensorsIn, track } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The store of the jitted call that runs, by handle. */
let local: Map<Tensor, Tensor> | undefined;

export function gradientOf(tensor: Tensor): Tensor | null {
  const gradient = local === undefined ? tensor.gradientSlot : local.get(tensor);
  return gradient === undefined || gradient.isDisposed ? null : gradient;
}

/** Puts `gradient` in the place of what was there; undefined only frees that. The tensor owns it from now on. */
export function setGradient(tensor: Tensor, gradient: Tensor | undefined): void {
  gradientOf(tensor)?.dispose();
  if (gradient !== undefined) keep(gradient);
  if (local === undefined) tensor.gradientSlot = gradient;
  else if (gradient === undefined) local.delete(tensor);
  else local.set(tensor, gradient);
}

/** Runs a jitted function: gradients start from nothing in it and end with it, but for those it returns. */
export function withLocalGradients<T>(fn: () => T): T {
  const outer = local;
  const own = new Map<Tensor, Tensor>();
  local = own;
  let kept: ReadonlySet<Tensor> = new Set();
  try {
    const result = fn();
    kept = tensorsIn(result);
    return result;
  } finally {
    local = outer;
    for (const gradient of own.values()) {
      if (kept.has(gradient)) track(gradient);
      else gradient.dispose();
    }
  }
}
