// Keeps the run that is in training in the browser's own files. Training goes on where that fails, and it is tried again.

import { modelBytes } from "gradgpu/nn";
import { type KeptRun, keepOwn, keepRun, noteOf, type OwnNote } from "../runs/kept-runs.ts";
import type { OwnData } from "../setup/own-data.ts";
import type { Post } from "./messages.ts";
import type { Net } from "./net.ts";

/** Milliseconds from a failure to keep the user's own data to the next try: they may be large. */
const restMs = 30_000;

export class Keeper {
  readonly #net: Net;
  readonly #post: Post;
  /** The run's name; empty: it is not kept. */
  run = "";
  /** The run as it was kept last, for when the device is lost. */
  copy: KeptRun | undefined;
  /** The user's own data, where it learns those. */
  own: OwnData | undefined;
  /** What is said of those, once they have been looked through. */
  #note: OwnNote | undefined;
  #hasOwn = false;
  #ownProblem = "";
  #ownFailedAt = Number.NEGATIVE_INFINITY;
  /** What this run's keeping was last said to suffer from. */
  #problem = "";

  constructor(net: Net, post: Post) {
    this.#net = net;
    this.#post = post;
  }

  /** A run, under a name that may have been kept already. Nothing is written before it has learnt something. */
  begin(run: string, own: OwnData | undefined, copy: KeptRun | undefined): void {
    if (own !== this.own) this.#note = undefined;
    [this.run, this.own, this.copy] = [run, own, copy];
    [this.#hasOwn, this.#ownFailedAt, this.#problem] = [false, Number.NEGATIVE_INFINITY, ""];
  }

  /** Copies the net as it is now. */
  async take(): Promise<KeptRun> {
    const { setup, samples, epoch, step, history, callbacks, model, file } = this.#net;
    const bytes = await modelBytes(model);
    const remembered = await Promise.all(callbacks.map((callback) => callback.state?.()));
    this.copy = {
      setup,
      task: samples.spec.task,
      epoch,
      step,
      history: [...history],
      callbacks: remembered,
      file,
      model: bytes,
    };
    return this.copy;
  }

  async keep(): Promise<void> {
    const net = this.#net;
    if (!net.isBuilt || net.isSpoilt || net.isFresh) return;
    const { run, own } = this;
    const copy = await this.take();
    if (run === "") return;
    try {
      if (own !== undefined) this.#note ??= await noteOf(own);
      await keepRun(run, { ...copy, own: this.#note });
    } catch (error) {
      this.#tell(
        `This run is not kept in the browser (${text(error)}). Save it as a file before you close the page, or remove others under Runs and files: it is tried again.`,
      );
      return;
    }
    const problem = own === undefined ? undefined : await this.#keepOwn(own);
    this.#post({ kind: "kept", run, isWhole: problem === undefined });
    if (problem === undefined) this.#problem = "";
    else this.#tell(problem);
  }

  /** What is wrong, where something is. */
  async #keepOwn(own: OwnData): Promise<string | undefined> {
    if (this.#hasOwn) return undefined;
    if (performance.now() - this.#ownFailedAt < restMs) return this.#ownProblem;
    try {
      await keepOwn(own, this.#note as OwnNote);
      this.#hasOwn = true;
      return undefined;
    } catch (error) {
      this.#ownFailedAt = performance.now();
      this.#ownProblem = `Your data are not kept in the browser (${text(error)}). After a reload, choose them again, and the run goes on.`;
      return this.#ownProblem;
    }
  }

  #tell(problem: string): void {
    // Once: a reader may have closed it.
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#post({ kind: "problem", about: "keep", text: problem });
  }
}

/** Within a sentence. */
const text = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
