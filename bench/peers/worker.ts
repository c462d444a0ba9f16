// A child process that holds one peer: prepares its work, checks and times it as it is asked over IPC. What runs here
// knows neither our engine's device nor the other peers.

import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { PeerBackend } from "../bench-case.ts";
import { isRandom, momentsOf, sampled } from "../cases/op-spec.ts";
import { takeEpochs } from "./epochs.ts";
import { BufferWatch } from "./gpu-memory.ts";
import { openJax } from "./jax-js.ts";
import { openOrt } from "./ort.ts";
import type {
  LibraryWork,
  PeerAnswers,
  PeerHost,
  PeerLibrary,
  PeerReply,
  PeerRequest,
  PeerWork,
} from "./peer.ts";
import { openTfjs } from "./tfjs.ts";

let library: PeerLibrary | undefined;
let work: PeerWork | undefined;
/** What it was prepared for. */
let asked: LibraryWork | undefined;
/** Dawn frees the adapter with its instance: it must live as long as the process. */
let gpu: GPU | undefined;
const buffers = new BufferWatch();

/** Puts WebGPU where a browser has it, as the peers expect; gives the adapter's name. */
async function provideWebgpu(): Promise<string> {
  const dawn = await import("webgpu");
  Object.assign(globalThis, dawn.globals);
  buffers.begin(GPUDevice.prototype, GPUBuffer.prototype);
  gpu = dawn.create([]) as GPU;
  const navigator = { gpu, userAgent: "Node.js", hardwareConcurrency: os.availableParallelism() };
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true, writable: true });
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("no WebGPU adapter");
  return adapter.info.device || adapter.info.description;
}

const places = {
  wasm: "the processor, in WebAssembly",
  cpu: "the processor, in plain JavaScript",
} as const;

async function open(name: PeerBackend, packages: string): Promise<PeerAnswers["open"]> {
  const backend = name.slice(name.lastIndexOf("-") + 1) as PeerHost["backend"];
  const adapter = backend === "webgpu" ? await provideWebgpu() : places[backend];
  const require = createRequire(path.join(packages, "package.json"));
  const folderOf = (name: string) => path.join(packages, "node_modules", name);
  const host: PeerHost = {
    backend,
    require,
    importFile: (name, file) => import(pathToFileURL(path.join(folderOf(name), file)).href),
    packageOf: (name) => JSON.parse(fs.readFileSync(path.join(folderOf(name), "package.json"), "utf8")),
  };
  const openLibrary = name.startsWith("tfjs") ? openTfjs : name.startsWith("ort") ? openOrt : openJax;
  library = await openLibrary(host);
  return { version: library.version, adapter };
}

async function sample(runs: number, readsEach: boolean): Promise<number> {
  const started = performance.now();
  for (let i = 0; i < runs; i++) {
    const running = work!.run();
    // What is no promise is not awaited: that would end the microtask.
    if (running !== undefined) await running;
    if (readsEach) await work!.wait();
  }
  if (!readsEach) await work!.wait();
  return performance.now() - started;
}

/** Counts what `use` asks of the GPU. Counting costs a little with each call. */
async function counted<T>(use: () => Promise<T>): Promise<{ value: T } & PeerAnswers["count"]> {
  const counts = { dispatches: 0, submits: 0 };
  if (gpu === undefined) return { value: await use(), ...counts };
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
    return { value: await use(), ...counts };
  } finally {
    for (const undo of restore) undo();
  }
}

async function count(runs: number): Promise<PeerAnswers["count"]> {
  if (gpu === undefined) return { dispatches: 0, submits: 0 };
  const { dispatches, submits } = await counted(() => sample(runs, false));
  return { dispatches: dispatches / runs, submits: submits / runs };
}

async function first(): Promise<PeerAnswers["first"]> {
  const { value: ms, ...counts } = await counted(() => sample(1, true));
  return { ms, ...counts };
}

async function prepare(wanted: LibraryWork): Promise<null> {
  buffers.forget();
  work = await library!.prepare(wanted);
  asked = wanted;
  return null;
}

async function read(): Promise<number[][]> {
  const isDrawn = asked?.kind === "op" && isRandom(asked.op.op);
  return (await work!.read()).map((values) => (isDrawn ? momentsOf : sampled)(Array.from(values, Number)));
}

function release(): null {
  work?.dispose();
  work = asked = undefined;
  return null;
}

async function step(): Promise<number[][]> {
  await work!.run();
  return read();
}

async function answer(request: PeerRequest): Promise<PeerAnswers[keyof PeerAnswers]> {
  switch (request.call) {
    case "open":
      return open(request.backend, request.packages);
    case "prepare":
      return prepare(request.work);
    case "step":
      return step();
    case "sample":
      return sample(request.runs, request.readsEach);
    case "first":
      return first();
    case "read":
      return read();
    case "count":
      return count(request.runs);
    case "memory":
      return { peakBytes: buffers.peakBytes };
    case "fit": {
      await prepare({ kind: "net", net: { ...request.fit.net, batches: 1 } });
      try {
        return await takeEpochs(work!, request.fit, request.longestMs, counted);
      } finally {
        release();
      }
    }
    case "release":
      return release();
  }
}

process.on("message", async ({ id, request }: { id: number; request: PeerRequest }) => {
  let reply: PeerReply;
  try {
    reply = { id, answer: await answer(request) };
  } catch (error) {
    reply = { id, error: error instanceof Error ? error.message : String(error) };
  }
  process.send!(reply);
});
process.on("disconnect", () => process.exit(0));
