// Has Mesa's compiler compile kernels for a GPU that need not be there, in a process of their own, and reads what it says.

import { fork } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { bundleProgram } from "../bundle.ts";
import { endWithUs, interruption, isInterrupted, ownGroup } from "../interrupt.ts";
import { compilerFor } from "./compiler.ts";
import type { Gpu } from "./gpus.ts";
import { type Compiled, readLog } from "./log.ts";
import type { Order, WorkerReply } from "./worker.ts";

/** A kernel takes milliseconds; on a busy machine all of them take minutes. */
const limitMs = 900_000;

/** What is not there, in words that say how to get it. */
export class MissingCompiler extends Error {}

/**
 * Compiles for a GPU, one at a time.
 *
 * @returns what was compiled, by the names of the orders
 * @throws MissingCompiler where the machine has no such driver, or can't build what stands in front of it
 */
export async function compileFor(gpu: Gpu, orders: readonly Order[]): Promise<Map<string, Compiled>> {
  const compiler = compilerFor(gpu.name, gpu.isDisassembled);
  if ("missing" in compiler) throw new MissingCompiler(compiler.missing);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-compile-"));
  const logFile = path.join(folder, "log");
  const log = fs.openSync(logFile, "w");
  try {
    const reply = await ask(await bundleProgram("bench/gpu-report/worker.ts"), compiler.env, log, orders);
    if ("error" in reply) throw new Error(`compiling for ${gpu.name}: ${reply.error}`);
    if (reply.failed.length > 0)
      throw new Error(`compiling for ${gpu.name}: Dawn refuses\n  ${reply.failed.join("\n  ")}`);
    const found = new Map(readLog(fs.readFileSync(logFile, "utf8")).map((each) => [each.name, each]));
    const lacking = orders.filter(({ name }) => !found.has(name));
    if (lacking.length > 0)
      throw new Error(
        `compiling for ${gpu.name}: the compiler printed nothing of ${lacking.length} of ${orders.length} kernels, ${lacking[0].name} first`,
      );
    return found;
  } finally {
    fs.closeSync(log);
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

const ask = (file: string, env: NodeJS.ProcessEnv, log: number, orders: readonly Order[]) =>
  new Promise<WorkerReply>((resolve, reject) => {
    const child = endWithUs(fork(file, { env, stdio: ["ignore", log, log, "ipc"], ...ownGroup }));
    const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
    child.on("message", (reply: WorkerReply) => resolve(reply));
    child.on("error", (error) => reject(isInterrupted() ? new Error(interruption) : error));
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      const ended = `the process that compiles ended without an answer (${signal ?? `code ${code}`})`;
      reject(new Error(isInterrupted() ? interruption : ended));
    });
    child.send(orders as Order[]);
  });
