// Starts a process that finds no compiled shader anywhere, and asks it for the first training step of a net.

import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { bundleProgram } from "../bundle.ts";
import type { NetSpec } from "../cases/nets.ts";
import type { FirstStep } from "../cases/training.ts";
import { endWithUs, interruption, isInterrupted, ownGroup, removeWithUs } from "../interrupt.ts";

/** A cold step takes seconds; on a busy machine with a slow adapter, minutes. */
const limitMs = 300_000;

export type ColdReply = { readonly step: FirstStep } | { readonly error: string };

/** Variables by which drivers are told where they keep compiled shaders: Mesa's, the desktop's, NVIDIA's. */
export const cacheVariables = ["MESA_SHADER_CACHE_DIR", "XDG_CACHE_HOME", "__GL_SHADER_DISK_CACHE_PATH"];

/** Runs `use` with the environment of a process whose shader caches are empty; what it fills is removed. */
export async function withEmptyCaches<T>(use: (env: NodeJS.ProcessEnv) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(path.join(os.tmpdir(), "gradgpu-cold-"));
  const isRemoved = removeWithUs(directory);
  try {
    return await use({
      ...process.env,
      ...Object.fromEntries(cacheVariables.map((name) => [name, directory])),
    });
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
    isRemoved();
  }
}

export async function firstStep(net: NetSpec): Promise<FirstStep> {
  const file = await bundleProgram("bench/cold/worker.ts");
  return withEmptyCaches(
    (env) =>
      new Promise<FirstStep>((resolve, reject) => {
        const child = endWithUs(
          fork(file, { env, stdio: ["ignore", "ignore", "ignore", "ipc"], ...ownGroup }),
        );
        const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
        child.on("message", (reply: ColdReply) => {
          if ("step" in reply) resolve(reply.step);
          else reject(new Error(reply.error));
        });
        // One that a signal ended before it was sent its work gives an error of its own.
        child.on("error", (error) => reject(isInterrupted() ? new Error(interruption) : error));
        // Waited for, so that nothing is written any more to the directory that is removed next.
        child.on("exit", (code, signal) => {
          clearTimeout(timer);
          const ended = `the process for a cold start ended without an answer (${signal ?? `code ${code}`})`;
          reject(new Error(isInterrupted() ? interruption : ended));
        });
        child.send(net);
      }),
  );
}
