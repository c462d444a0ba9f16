// Where gradients that `backward` adds up are kept: on the tensor, which owns them, or, while a jitted function runs,
// in a store of that call, because what is made while tracing has no value outside.

import { Ambient } from "../base/ambient.ts";

/** A tensor, as far as its gradient goes. */
interface Holder<T> {
  gradientSlot: T | undefined;
}

/** The store of the jitted call that runs, by tensor. */
export const gradientStore = new Ambient<Map<object, unknown> | undefined>(undefined);

export function gradientOf<T extends { readonly isDisposed: boolean }>(tensor: Holder<T>): T | null {
  const store = gradientStore.value;
  const gradient = store === undefined ? tensor.gradientSlot : (store.get(tensor) as T | undefined);
  return gradient === undefined || gradient.isDisposed ? null : gradient;
}

/** Puts `gradient` in the place of what was there, which is the caller's to free. */
export function putGradient<T>(tensor: Holder<T>, gradient: T | undefined): void {
  const store = gradientStore.value;
  if (store === undefined) tensor.gradientSlot = gradient;
  else if (gradient === undefined) store.delete(tensor);
  else store.set(tensor, gradient);
}
