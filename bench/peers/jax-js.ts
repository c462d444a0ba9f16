// jax-js on one of its backends.

import type { Jax } from "./jax-api.ts";
import { prepareJaxNet } from "./jax-nets.ts";
import { prepareJaxOp } from "./jax-ops.ts";
import type { PeerHost, PeerLibrary } from "./peer.ts";

/** It works on iterators by methods that JavaScript has had since Node 22. */
function provideIteratorMethods(): void {
  const prototype = Object.getPrototypeOf(Object.getPrototypeOf([].values())) as Record<string, unknown>;
  prototype.map ??= function* <T, R>(this: Iterable<T>, fn: (value: T) => R) {
    for (const value of this) yield fn(value);
  };
  prototype.filter ??= function* <T>(this: Iterable<T>, fn: (value: T) => boolean) {
    for (const value of this) if (fn(value)) yield value;
  };
  prototype.toArray ??= function <T>(this: Iterable<T>) {
    return [...this];
  };
}

export async function openJax({ backend, importFile, packageOf }: PeerHost): Promise<PeerLibrary> {
  provideIteratorMethods();
  const { version, module } = packageOf("@jax-js/jax");
  const jax = (await importFile("@jax-js/jax", module!)) as Jax;
  const started = await jax.init(backend);
  if (!started.includes(backend)) throw new Error(`jax-js could not start its ${backend} backend`);
  jax.defaultDevice(backend);
  return {
    version,
    prepare: (work) => (work.kind === "net" ? prepareJaxNet(jax, work.net) : prepareJaxOp(jax, work.op)),
  };
}
