// Installs a peer and starts the process that holds it.

import path from "node:path";
import type { PeerBackend } from "../bench-case.ts";
import { bundleProgram } from "../bundle.ts";
import { installPeer } from "./install.ts";
import { forkPeer, type OpenPeer, type PeerProcessOptions } from "./process.ts";
import { openTorch } from "./torch.ts";

export async function openPeer(backend: PeerBackend, options: PeerProcessOptions = {}): Promise<OpenPeer> {
  const cache = path.join(process.cwd(), "node_modules", ".cache", "gradgpu", "peers");
  const packages = backend === "torch-cpu" ? "" : await installPeer(backend, cache);
  const child =
    backend === "torch-cpu"
      ? await openTorch(options)
      : forkPeer(await bundleProgram("bench/peers/worker.ts"), options);
  try {
    return { backend, process: child, ...(await child.call({ call: "open", backend, packages })) };
  } catch (error) {
    await child.close();
    throw error;
  }
}
