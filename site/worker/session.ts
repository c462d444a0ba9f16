// Takes the page's commands, one after the other; pausing is at once, and looks come between two submits of a training.

import { type Device, DeviceLostError, init } from "gradgpu";
import { modelBytes } from "gradgpu/nn";
import { runBytes } from "../runs/kept-runs.ts";
import { Keeper } from "./keeping.ts";
import { Looks } from "./looks.ts";
import type { FromWorker, Post, ToWorker } from "./messages.ts";
import { Net } from "./net.ts";
import { Trainer } from "./training.ts";
import { Trials } from "./trying.ts";

/** What the page asked for. */
interface Task {
  readonly about: string;
  run(): Promise<void>;
  /** Says that it was not done; a problem says why. */
  fail?(): void;
}

export class Session {
  readonly #post: Post;
  readonly #net = new Net();
  readonly #looks: Looks;
  readonly #keeper: Keeper;
  readonly #trainer: Trainer;
  readonly #trials: Trials;
  #device: Device | undefined;
  #last: Promise<void> = Promise.resolve();
  /** Raised by each pause; a training that began before ends. */
  #pauses = 0;
  #asides: Task[] = [];
  /** The training that nothing waits behind, from when it was asked for to its end. */
  #training: Promise<void> | undefined;
  /** Ends the files that are being read. */
  #reading = new AbortController();
  /** The set-up whose net stands, or is being made. */
  #number = 0;

  /** @param tell gets each message with the number of the set-up that it is about */
  constructor(tell: (message: FromWorker, transfer: Transferable[] | undefined, number: number) => void) {
    const post: Post = (message, transfer) => tell(message, transfer, this.#number);
    this.#post = post;
    this.#looks = new Looks(this.#net, post);
    this.#keeper = new Keeper(this.#net, post);
    this.#trainer = new Trainer(this.#net, this.#looks, this.#keeper, post);
    this.#trials = new Trials(this.#net);
  }

  take(message: ToWorker): void {
    switch (message.kind) {
      case "pause":
        this.#pause();
        break;
      case "read":
        // It needs neither net nor device, so it waits for no training.
        void this.#read(message);
        break;
      case "unread":
        this.#reading.abort();
        break;
      case "train":
        this.#train(message.epochs);
        break;
      case "open":
        this.#inTurn({ about: "open", run: () => this.#open(message.device) });
        break;
      case "setup":
        this.#pause();
        this.#inTurn({ about: "setup", run: () => this.#build(message) });
        break;
      case "rate":
        this.#aside({
          about: "rate",
          run: async () => {
            this.#net.setRate(message.learningRate);
            // The address has it from now on: a reload finds the run by it.
            await this.#keeper.keep();
          },
        });
        break;
      case "step":
        this.#pause();
        this.#inTurn({ about: "step", run: () => this.#trainer.oneStep() });
        break;
      case "views":
        this.#looks.views = message.views;
        this.#aside({ about: "views", run: () => this.#looks.show() });
        break;
      case "walk":
        this.#aside({ about: "walk", run: () => this.#looks.walk() });
        break;
      case "save":
        this.#aside({
          about: "save",
          run: async () => {
            const bytes = await modelBytes(this.#net.model);
            this.#post({ kind: "file", id: message.id, bytes }, [bytes.buffer]);
          },
          fail: () => this.#post({ kind: "file", id: message.id, bytes: undefined }),
        });
        break;
      case "load":
        this.#pause();
        this.#inTurn({ about: "load", run: () => this.#load(message) });
        break;
      case "keep":
        this.#aside({ about: "keep", run: () => this.#keeper.keep() });
        break;
      case "try": {
        const { id, sample, trial } = message;
        this.#aside({
          about: "try",
          run: async () => this.#post({ kind: "tried", id, tried: await this.#trials.try(sample, trial) }),
          fail: () => this.#post({ kind: "tried", id, tried: undefined }),
        });
        break;
      }
    }
  }

  #pause(): void {
    this.#pauses++;
    this.#net.stop();
  }

  #inTurn(turn: Task): void {
    this.#training = undefined;
    this.#last = this.#last
      .then(() => this.#evenIfLost(() => turn.run()))
      .catch((error: unknown) => this.#failed(turn, error));
  }

  #train(epochs: number): void {
    const pauses = this.#pauses;
    const isPaused = () => pauses !== this.#pauses;
    const runAsides = () => this.#runAsides();
    this.#inTurn({ about: "train", run: () => this.#trainer.train(epochs, { isPaused, runAsides }) });
    const training = this.#last.then(() => this.#runLeftAsides());
    this.#last = training;
    this.#training = training;
    void training.then(() => {
      if (this.#training === training) this.#training = undefined;
    });
  }

  async #read({ id, data, files, form }: ToWorker & { kind: "read" }): Promise<void> {
    this.#reading.abort();
    const reading = new AbortController();
    this.#reading = reading;
    try {
      const { readOwn } = await import("./read-own.ts");
      const own = await readOwn(data, files, form, reading.signal);
      const numbers = [...new Set([own.x.buffer, own.y.buffer])];
      if (!reading.signal.aborted) this.#post({ kind: "own", id, data, own }, numbers);
    } catch (error) {
      if (!reading.signal.aborted) this.#tell("own", error);
    }
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

  /** Done between two submits of the training that runs or is to run next; in turn where there is none. */
  #aside(aside: Task): void {
    if (this.#training !== undefined) this.#asides.push(aside);
    else this.#inTurn(aside);
  }

  async #runAsides(): Promise<void> {
    for (const aside of this.#asides.splice(0)) {
      try {
        await aside.run();
      } catch (error) {
        // The training brings a lost device back, and comes here again.
        if (error instanceof DeviceLostError) this.#asides.push(aside);
        else this.#failed(aside, error);
      }
    }
  }

  /** Those that a training left, one by one: new ones may come meanwhile. */
  async #runLeftAsides(): Promise<void> {
    for (;;) {
      const aside = this.#asides.shift();
      if (aside === undefined) return;
      await this.#evenIfLost(() => aside.run()).catch((error: unknown) => this.#failed(aside, error));
    }
  }

  #failed(aside: Task, error: unknown): void {
    aside.fail?.();
    this.#tell(aside.about, error);
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

  async #build({ setup, own, run, from, number }: ToWorker & { kind: "setup" }): Promise<void> {
    this.#number = number;
    const copy = from === undefined ? undefined : await runBytes(from);
    await this.#net.prepare(setup, own);
    if (from !== undefined && copy === undefined)
      throw new Error(
        "The kept run is gone: it was removed, or its file is damaged. Reset begins with new weights; other runs stand under Runs and files.",
      );
    this.#keeper.begin(run, own, copy);
    await this.#net.make(this.#device as Device, copy);
    await this.#told();
  }

  async #load({ bytes, name, run }: ToWorker & { kind: "load" }): Promise<void> {
    await this.#net.load(bytes, name);
    // A device that is lost from here on brings this net back.
    this.#keeper.begin(run, this.#keeper.own, await this.#keeper.take());
    this.#post({ kind: "loaded", name });
    await this.#told();
    await this.#keeper.keep();
  }

  /** Says what there is now, and shows it. */
  async #told(): Promise<void> {
    this.#net.tell(this.#post, this.#keeper.run);
    await this.#looks.showFirst();
  }
}
