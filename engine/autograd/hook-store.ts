// What hooks do to a value's gradient, by the value's handle: walks look here, registerHook puts it here.

import type { Tensor } from "../tensor/tensor.ts";

/** Gives the gradient after all hooks, which the caller owns as it owned the one given. */
export const gradientHooks = new WeakMap<Tensor, (gradient: Tensor) => Tensor>();
