// Keeps the run that is in training in the browser's own files. Training goes on where that fails.

import { modelBytes } from "gradgpu/nn";
import { type KeptRun, keepRun } from "../runs/kept-runs.ts";
import type { Post } from "./messages.ts";
import type { Net } from "./net.ts";

export class Keeper {
  readonly #net: Net;
  readonly #post: Post;
  /** The run's name; none where it is not kept. */
  run = "";
  /** The run as it was kept last, for when the device is lost. */
  copy: KeptRun | undefined;

  constructor(net: Net, post: Post) {
    this.#net = net;
    this.#post = post;
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
      const text = error instanceof Error ? error.message : String(error);
      this.#post({
        kind: "problem",
        about: "keep",
        text: `This run is not kept in the browser (${text}). Save it as a file before you close the page.`,
      });
    }
  }
}
