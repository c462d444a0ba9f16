// A peer in a process of its own, so that neither its Dawn nor its heap nor its choice of a backend meets ours. Calls
// go over IPC, one at a time.

import { type ChildProcess, fork } from "node:child_process";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { PeerBackend } from "../bench-case.ts";
import type { PeerAnswers, PeerReply, PeerRequest } from "./peer.ts";

/** jax-js compiles a net for most of a minute where no cache has its shaders, and for minutes beside other work. */
const limitMs = 480_000;

export class PeerProcess {
  readonly #child: ChildProcess;
  #next = 0;
  #pending: { id: number; resolve(reply: PeerReply): void; reject(error: Error): void } | undefined;
  #said = "";
  #ended: string | undefined;

  constructor(file: string) {
    this.#child = fork(file, { stdio: ["ignore", "ignore", "pipe", "ipc"], serialization: "advanced" });
    this.#child.stderr!.on("data", (chunk) => {
      this.#said = (this.#said + chunk).slice(-4000);
    });
    this.#child.on("message", (reply: PeerReply) => {
      if (this.#pending?.id !== reply.id) return;
      const { resolve } = this.#pending;
      this.#pending = undefined;
      resolve(reply);
    });
    this.#child.on("exit", (code, signal) => {
      const last = this.#said.trimEnd().split("\n").at(-1) ?? "";
      this.#ended = `its process ended (${signal ?? `code ${code}`})${last === "" ? "" : `: ${last}`}`;
      this.#pending?.reject(new Error(this.#ended));
      this.#pending = undefined;
    });
  }

  async call<R extends PeerRequest>(request: R): Promise<PeerAnswers[R["call"]]> {
    if (this.#ended !== undefined) throw new Error(this.#ended);
    const id = this.#next++;
    let timer: NodeJS.Timeout | undefined;
    try {
      const reply = await new Promise<PeerReply>((resolve, reject) => {
        this.#pending = { id, resolve, reject };
        timer = setTimeout(() => {
          this.close();
          reject(new Error(`no answer to "${request.call}" in ${limitMs / 1000} s`));
        }, limitMs);
        this.#child.send({ id, request });
      });
      if ("error" in reply) throw new Error(reply.error);
      return reply.answer as PeerAnswers[R["call"]];
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#ended ??= "it was closed";
    this.#child.kill("SIGKILL");
  }
}

/** Bundles the child's program as `npm run` bundles ours, and gives its file. */
export async function bundleWorker(): Promise<string> {
  const root = process.cwd();
  const runner = pathToFileURL(path.join(root, "scripts", "run.mjs")).href;
  const { bundle } = (await import(runner)) as { bundle(entry: string): Promise<string> };
  return bundle(path.join(root, "bench", "peers", "worker.ts"));
}

export interface OpenPeer {
  readonly backend: PeerBackend;
  readonly process: PeerProcess;
  readonly version: string;
  readonly adapter: string;
}
