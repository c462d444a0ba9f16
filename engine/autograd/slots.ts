// Gradients of tensors, as backward and jit set them.

import { gradientOf, gradientStore, putGradient } from "../tensor/gradient-store.ts";
import { keep, tensorsIn } from "../tensor/scope.ts";
import { track } from "../tensor/scope-stack.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Puts `gradient` in the place of what was there; undefined only frees that. The tensor owns it from now on. */
export function setGradient(tensor: Tensor, gradient: Tensor | undefined): void {
  gradientOf(tensor)?.dispose();
  if (gradient !== undefined) keep(gradient);
  putGradient(tensor, gradient);
}

/** Runs a jitted function: gradients start from nothing in it and end with it, but for those it returns. */
export function withLocalGradients<T>(fn: () => T): T {
  const own = new Map<object, Tensor>();
  let kept: ReadonlySet<Tensor> = new Set();
  try {
    return gradientStore.with(own, () => {
      const result = fn();
      kept = tensorsIn(result);
      return result;
    });
  } finally {
    for (const gradient of own.values()) {
      if (kept.has(gradient)) track(gradient);
      else gradient.dispose();
    }
  }
}
