// A child process that holds one peer: prepares nets, checks and times their steps as it is asked over IPC. What runs
// here knows neither our engine's device nor the other peers.

import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { PeerBackend } from "../bench-case.ts";
import { openJax } from "./jax-js.ts";
import type { PeerAnswers, PeerLibrary, PeerNet, PeerRequest } from "./peer.ts";
import { openTfjs } from "./tfjs.ts";

let library: PeerLibrary | undefined;
let net: PeerNet | undefined;
/** Dawn frees the adapter with its instance: it must live as long as the process. */
let gpu: GPU | undefined;

/** Puts WebGPU where a browser has it, as the peers expect; gives the adapter's name. */
async function provideWebgpu(): Promise<string> {
  const dawn = await import("webgpu");
  Object.assign(globalThis, dawn.globals);
  gpu = dawn.create([]) as GPU;
  const navigator = { gpu, userAgent: "Node.js", hardwareConcurrency: os.availableParallelism() };
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true, writable: true });
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("no WebGPU adapter");
  return adapter.info.device || adapter.info.description;
}

async function open(backend: PeerBackend, packages: string): Promise<PeerAnswers["open"]> {
  const isGpu = backend.endsWith("webgpu");
  const adapter = isGpu ? await provideWebgpu() : "the processor, in WebAssembly";
  const require = createRequire(path.join(packages, "package.json"));
  // tfjs is made for `require` in Node; jax-js is a module.
  if (backend.startsWith("tfjs")) {
    library = await openTfjs(isGpu ? "webgpu" : "wasm", async (name) => require(name));
  } else {
    const folder = path.join(packages, "node_modules", "@jax-js", "jax");
    const { version, module } = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"));
    const file = pathToFileURL(path.join(folder, module)).href;
    library = await openJax(isGpu ? "webgpu" : "wasm", version, () => import(file));
  }
  return { version: library.version, adapter };
}

async function sample(steps: number, readsEach: boolean): Promise<number> {
  const started = performance.now();
  for (let i = 0; i < steps; i++) {
    net!.step();
    if (readsEach) await net!.readLoss();
  }
  if (!readsEach) await net!.readLoss();
  return performance.now() - started;
}

/** Counts what a step asks of the GPU; outside the clock, since counting costs. */
async function count(): Promise<PeerAnswers["count"]> {
  const counts = { dispatches: 0, submits: 0 };
  if (gpu === undefined) return counts;
  const restore: (() => void)[] = [];
  const watch = (name: string, method: string, field: keyof typeof counts) => {
    const target = (globalThis as unknown as Record<string, { prototype: Record<string, unknown> }>)[name]
      .prototype;
    const original = target[method] as (...args: unknown[]) => unknown;
    target[method] = function (this: unknown, ...args: unknown[]) {
      counts[field]++;
      return original.apply(this, args);
    };
    restore.push(() => {
      target[method] = original;
    });
  };
  watch("GPUComputePassEncoder", "dispatchWorkgroups", "dispatches");
  watch("GPUQueue", "submit", "submits");
  try {
    await sample(4, false);
  } finally {
    for (const undo of restore) undo();
  }
  return { dispatches: counts.dispatches / 4, submits: counts.submits / 4 };
}

function release(): null {
  net?.dispose();
  net = undefined;
  return null;
}

async function answer(request: PeerRequest): Promise<PeerAnswers[keyof PeerAnswers]> {
  switch (request.call) {
    case "open":
      return open(request.backend, request.packages);
    case "check": {
      net = await library!.prepare(request.spec);
      const losses: number[] = [];
      for (let i = 0; i < request.steps; i++) {
        net.step();
        losses.push(await net.readLoss());
      }
      release();
      return losses;
    }
    case "prepare":
      net = await library!.prepare(request.spec);
      return null;
    case "sample":
      return sample(request.steps, request.readsEach);
    case "count":
      return count();
    case "release":
      return release();
  }
}

process.on("message", async ({ id, request }: { id: number; request: PeerRequest }) => {
  try {
    process.send!({ id, answer: await answer(request) });
  } catch (error) {
    process.send!({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
process.on("disconnect", () => process.exit(0));
