// Keeps the run that is in training in the browser's own files. Training goes on where that fails.

import { modelBytes } from "gradgpu/nn";
import { type KeptRun, keepOwn, keepRun } from "../runs/kept-runs.ts";
import type { OwnData } from "../setup/own-data.ts";
import type { Post } from "./messages.ts";
import type { Net } from "./net.ts";

export class Keeper {
  readonly #net: Net;
  readonly #post: Post;
  /** The run's name; none where it is not kept. */
  run = "";
  /** The run as it was kept last, for when the device is lost. */
  copy: KeptRun | undefined;
  /** The user's own data, where it learns those. */
  own: OwnData | undefined;

  constructor(net: Net, post: Post) {
    this.#net = net;
    this.#post = post;
  }

  /** A run that is kept already. */
  goOn(run: string, own: OwnData | undefined, copy: KeptRun | undefined): void {
    [this.run, this.own, this.copy] = [run, own, copy];
  }

  /** A run under a name of its own; its data are kept at once. */
  async begin(run: string, own: OwnData | undefined, copy: KeptRun | undefined): Promise<void> {
    this.goOn(run, own, copy);
    if (own === undefined || run === "") return;
    try {
      await keepOwn(run, own);
    } catch (error) {
      this.#tell(
        `Your data are not kept in the browser (${text(error)}). After a reload, choose them again.`,
      );
    }
  }

  /** Copies the net as it is now. */
  async take(): Promise<KeptRun> {
    const { setup, samples, epoch, step, history, callbacks, model } = this.#net;
    const bytes = await modelBytes(model);
    const remembered = await Promise.all(callbacks.map((callback) => callback.state?.()));
    this.copy = {
      setup,
      task: samples.spec.task,
      epoch,
      step,
      history: [...history],
      callbacks: remembered,
      model: bytes,
    };
    return this.copy;
  }

  async keep(): Promise<void> {
    const net = this.#net;
    if (!net.isBuilt || net.isSpoilt || net.step === 0) return;
    const copy = await this.take();
    if (this.run === "") return;
    try {
      await keepRun(this.run, copy);
      this.#post({ kind: "kept", run: this.run });
    } catch (error) {
      this.run = "";
      this.#tell(
        `This run is not kept in the browser (${text(error)}). Save it as a file before you close the page.`,
      );
    }
  }

  #tell(problem: string): void {
    this.#post({ kind: "problem", about: "keep", text: problem });
  }
}

/** Within a sentence. */
const text = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
