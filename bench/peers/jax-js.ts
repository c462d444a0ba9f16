// jax-js on one of its backends.

import type { Jax } from "./jax-api.ts";
import { prepareJaxNet } from "./jax-nets.ts";
import { prepareJaxOp } from "./jax-ops.ts";
import type { PeerHost, PeerLibrary } from "./peer.ts";

export async function openJax({ backend, importFile, packageOf }: PeerHost): Promise<PeerLibrary> {
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
