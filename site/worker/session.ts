// Takes the page's commands, one after the other; pausing is at once, and looks come between two submits of a training.

import { type Device, DeviceLostError, init } from "gradgpu";
import { modelBytes } from "gradgpu/nn";
import { keepOwn, runBytes } from "../runs/kept-runs.ts";
import { Keeper } from "./keeping.ts";
import { Looks } from "./looks.ts";
import type { Post, ToWorker } from "./messages.ts";
import { Net } from "./net.ts";
import { Trainer } from "./training.ts";
import { tried } from "./trying.ts";

export class Session {
  readonly #post: Post;
  readonly #net = new Net();
  readonly #looks: Looks;
  readonly #keeper: Keeper;
  readonly #trainer: Trainer;
  #device: Device | undefined;
  #last: Promise<void> = Promise.resolve();
  /** Raised by each pause; a training that began before ends. */
  #pauses = 0;
  #asides: (() => Promise<void>)[] = [];

  constructor(post: Post) {
    this.#post = post;
    this.#looks = new Looks(this.#net, post);
    this.#keeper = new Keeper(this.#net, post);
    this.#trainer = new Trainer(this.#net, this.#looks, this.#keeper, post);
  }

  take(message: ToWorker): void {
    switch (message.kind) {
      case "pause":
        this.#pause();
        break;
      case "read":
        this.#inTurn("own", async () => {
          const { ownImages } = await import("./own-files.ts");
          const own = await ownImages(message.files, message.form);
          this.#post({ kind: "own", own });
        });
        break;
      case "train": {
        const pauses = this.#pauses;
        const isPaused = () => pauses !== this.#pauses;
        const runAsides = () => this.#runAsides();
        this.#inTurn("train", () => this.#trainer.train(message.epochs, { isPaused, runAsides }));
        break;
      }
      case "open":
        this.#inTurn("open", () => this.#open(message.device));
        break;
      case "setup":
        this.#pause();
        this.#inTurn("setup", () => this.#build(message));
        break;
      case "rate":
        this.#aside("rate", async () => this.#net.setRate(message.learningRate));
        break;
      case "step":
        this.#pause();
        this.#inTurn("step", () => this.#trainer.oneStep());
        break;
      case "views":
        this.#looks.views = message.views;
        this.#aside("views", () => this.#looks.show());
        break;
      case "walk":
        this.#aside("walk", () => this.#looks.walk());
        break;
      case "save":
        this.#aside("save", async () => {
          const bytes = await modelBytes(this.#net.model);
          this.#post({ kind: "file", bytes }, [bytes.buffer]);
        });
        break;
      case "load":
        this.#pause();
        this.#inTurn("load", async () => {
          await this.#net.load(message.bytes, message.name);
          this.#post({ kind: "loaded", name: message.name });
          await this.#told();
        });
        break;
      case "keep":
        this.#aside("keep", () => this.#keeper.keep());
        break;
      case "try":
        this.#aside("try", async () => {
          const { id, trial } = message;
          try {
            this.#post({ kind: "tried", id, tried: await tried(this.#net, trial) });
          } catch (error) {
            this.#post({ kind: "tried", id, tried: undefined });
            throw error;
          }
        });
        break;
    }
  }

  #pause(): void {
    this.#pauses++;
    this.#net.stop();
  }

  #inTurn(about: string, fn: () => Promise<void>): void {
    this.#last = this.#last
      .then(() => this.#evenIfLost(fn))
      .catch((error: unknown) => this.#tell(about, error));
  }

  /** While it trains, `fit` brings a lost device back; otherwise it is opened again here, and the net is as it was kept. */
  async #evenIfLost(fn: () => Promise<void>): Promise<void> {
    try {
      await fn();
    } catch (error) {
      if (!(error instanceof DeviceLostError)) throw error;
      const device = this.#device as Device;
      await device.recover();
      if (this.#net.hasSamples) {
        this.#net.forget();
        await this.#net.make(device, this.#keeper.copy);
        await this.#told();
      }
      this.#post({
        kind: "notice",
        text: `The graphics device was lost, and is open again. The net is as it was at step ${this.#net.step}.`,
      });
      await fn();
    }
  }

  /** Runs between two submits of a training, or at once where none is running. */
  #aside(about: string, fn: () => Promise<void>): void {
    const guarded = () => fn().catch((error: unknown) => this.#tell(about, error));
    if (this.#trainer.isTraining) this.#asides.push(guarded);
    else this.#inTurn(about, guarded);
  }

  async #runAsides(): Promise<void> {
    for (const aside of this.#asides.splice(0)) await aside();
  }

  #tell(about: string, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    const remedy =
      error instanceof DeviceLostError
        ? " Reload the page: the run goes on from where it was kept last."
        : "";
    this.#post({ kind: "problem", about, text: `${text}${remedy}` });
  }

  async #open(device: "auto" | "cpu"): Promise<void> {
    this.#device?.dispose();
    const why = isSecureContext ? "this browser has no WebGPU" : "WebGPU needs https, or localhost";
    const reason = "gpu" in navigator ? "" : why;
    const opened = await init({ device }).catch((error: unknown) => {
      this.#tell("open", error);
      return init({ device: "cpu" });
    });
    this.#device = opened;
    const { kind, info } = opened;
    this.#post({
      kind: "device",
      device: {
        kind,
        adapter: info.adapter,
        isSoftware: info.isSoftware,
        reason: kind === "cpu" && device !== "cpu" ? reason || "no graphics adapter was found" : reason,
      },
    });
  }

  async #build({ setup, own, run, isResumed }: ToWorker & { kind: "setup" }): Promise<void> {
    await this.#net.prepare(setup, own);
    this.#keeper.run = run;
    this.#keeper.copy = isResumed ? await runBytes(run) : undefined;
    if (own !== undefined && run !== "" && !isResumed) await keepOwn(run, own).catch(() => {});
    await this.#net.make(this.#device as Device, this.#keeper.copy);
    await this.#told();
  }

  /** Says what there is now, and shows it. */
  async #told(): Promise<void> {
    this.#net.tell(this.#post);
    await this.#looks.showFirst();
  }
}
