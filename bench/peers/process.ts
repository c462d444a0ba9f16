// A peer in a process of its own, so that neither its Dawn nor its heap nor its choice of a backend meets ours. Calls
// go over IPC, one at a time.

import { type ChildProcess, fork } from "node:child_process";
import type { PeerBackend } from "../bench-case.ts";
import { endWithUs, interruption, isInterrupted, ownGroup } from "../interrupt.ts";
import type { PeerAnswers, PeerReply, PeerRequest } from "./peer.ts";

/** jax-js compiles a net for minutes where no cache has its shaders, and for many minutes beside other work. */
const standardLimitMs = 30 * 60_000;

export interface PeerProcessOptions {
  /** Of one call; its process is ended after it. */
  readonly limitMs?: number;
  readonly env?: NodeJS.ProcessEnv;
}

export class PeerProcess {
  readonly #child: ChildProcess;
  #next = 0;
  #pending: { id: number; resolve(reply: PeerReply): void; reject(error: Error): void } | undefined;
  #said = "";
  #ended: string | undefined;

  readonly #limitMs: number;

  constructor(file: string, { limitMs = standardLimitMs, env = process.env }: PeerProcessOptions = {}) {
    this.#limitMs = limitMs;
    this.#child = endWithUs(
      fork(file, {
        env,
        stdio: ["ignore", "ignore", "pipe", "ipc"],
        serialization: "advanced",
        ...ownGroup,
      }),
    );
    // A call that could not be sent any more is answered by the exit.
    this.#child.on("error", () => {});
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
      this.#ended = isInterrupted()
        ? interruption
        : `its process ended (${signal ?? `code ${code}`})${last === "" ? "" : `: ${last}`}`;
      this.#pending?.reject(new Error(this.#ended));
      this.#pending = undefined;
    });
  }

  /** Whether it has to be started anew: it crashed, or took too long. */
  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  async call<R extends PeerRequest>(
    request: R,
    limitMs: number = this.#limitMs,
  ): Promise<PeerAnswers[R["call"]]> {
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

  /** Ends it, and resolves when it has ended. */
  async close(): Promise<void> {
    this.#ended ??= "it was closed";
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }
}

export interface OpenPeer {
  readonly backend: PeerBackend;
  readonly process: PeerProcess;
  readonly version: string;
  readonly adapter: string;
}
