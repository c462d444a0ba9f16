// A peer in a process of its own, so that neither its Dawn nor its heap nor its choice of a backend meets ours. It is called
// one call at a time, over whatever carries messages.

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
  /** Why the process ended, by what it wrote to stderr, where its last line does not tell. */
  readonly describeEnd?: (said: string) => string | undefined;
}

/** A program of ours in Node, told over IPC. */
export function forkPeer(file: string, options: PeerProcessOptions = {}): PeerProcess {
  const child = endWithUs(
    fork(file, {
      env: options.env ?? process.env,
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      serialization: "advanced",
      ...ownGroup,
    }),
  );
  const peer = new PeerProcess(child, (id, request) => child.send({ id, request }), options);
  child.on("message", (reply: PeerReply) => peer.receive(reply));
  return peer;
}

const lastLine = (said: string) => said.trimEnd().split("\n").at(-1);

export class PeerProcess {
  readonly #child: ChildProcess;
  #next = 0;
  #pending: { id: number; resolve(reply: PeerReply): void; reject(error: Error): void } | undefined;
  #said = "";
  #ended: string | undefined;

  readonly #limitMs: number;

  readonly #send: (id: number, request: PeerRequest) => void;

  constructor(
    child: ChildProcess,
    send: (id: number, request: PeerRequest) => void,
    { limitMs = standardLimitMs, describeEnd = lastLine }: PeerProcessOptions = {},
  ) {
    this.#limitMs = limitMs;
    this.#child = child;
    this.#send = send;
    // A call that could not be sent any more is answered by the end; what never started has none.
    child.on("error", (error) => {
      if (child.pid === undefined) this.#end(error.message);
    });
    child.stderr!.on("data", (chunk) => {
      this.#said = (this.#said + chunk).slice(-4000);
    });
    child.on("close", (code, signal) => {
      const said = describeEnd(this.#said);
      this.#end(`its process ended (${signal ?? `code ${code}`})${said ? `: ${said}` : ""}`);
    });
  }

  #end(reason: string): void {
    this.#ended = isInterrupted() ? interruption : reason;
    this.#pending?.reject(new Error(this.#ended));
    this.#pending = undefined;
  }

  /** Takes an answer; one to a call that is over is dropped. */
  receive(reply: PeerReply): void {
    if (this.#pending?.id !== reply.id) return;
    const { resolve } = this.#pending;
    this.#pending = undefined;
    resolve(reply);
  }

  /** Whether it has to be started anew: it crashed, or took too long. */
  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** @param what who waits is told took too long, where it does */
  async call<R extends PeerRequest>(
    request: R,
    limitMs: number = this.#limitMs,
    what = `its answer to "${request.call}"`,
  ): Promise<PeerAnswers[R["call"]]> {
    if (this.#ended !== undefined) throw new Error(this.#ended);
    const id = this.#next++;
    let timer: NodeJS.Timeout | undefined;
    try {
      const reply = await new Promise<PeerReply>((resolve, reject) => {
        this.#pending = { id, resolve, reject };
        timer = setTimeout(() => {
          this.close();
          reject(new Error(`${what} takes more than ${limitMs / 1000} s`));
        }, limitMs);
        this.#send(id, request);
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
    if (this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null)
      return;
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
