// The net of the page and the worker that trains it: what the page knows of them, and what changes it. Knows nothing of what the
// browser keeps, nor of files of the user's own.

import { lessonOf } from "../setup/lessons.ts";
import { defaultSetup, fromHash, isOwn, type Setup, setupFor, toHash } from "../setup/setup.ts";
import type { FromWorker, Told, ToWorker, Trial, Tried } from "../worker/messages.ts";
import { firstState, isOfNet, patchOf, type Tab } from "./state.ts";
import { Watched } from "./watched.ts";
import { WorkerLink } from "./worker-link.ts";

/** Epochs: more than anybody waits for. */
const untilPaused = 1e9;

/** Milliseconds after the last key before a set-up is built. */
const settleMs = 250;

export class NetStore extends Watched {
  #worker: WorkerLink | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** How many set-ups the worker was sent. */
  #number = 0;
  /** Raised by whatever asks for another net: what is awaited for an earlier wish is not wanted any more. */
  protected wish = 0;

  readonly #hasLayers: boolean;

  /** @param hasLayers whether there is a view of the layers */
  constructor(hash: string, hasLayers: boolean) {
    const { setup, problems } = fromHash(hash);
    super(firstState(setup, problems, lessonOf(hash)));
    this.#hasLayers = hasLayers;
  }

  // What the page does.

  change(patch: Partial<Setup>): void {
    this.wish++;
    const setup = { ...this.state.setup, ...patch };
    this.setSetup(setup);
    const keys = Object.keys(patch);
    const isRate = keys.length === 1 && keys[0] === "learningRate" && setup.schedule === "constant";
    if (isRate && this.state.isBuilt) {
      this.send({ kind: "rate", learningRate: setup.learningRate });
      return;
    }
    this.set({ isBuilt: false });
    // What is still said of the net before comes too late: told that it is built, the page would let it be trained.
    this.#number++;
    clearTimeout(this.#timer);
    this.send({ kind: "pause" });
    this.#timer = setTimeout(() => this.build(), settleMs);
  }

  chooseData(data: Setup["data"]): void {
    if (data === this.state.setup.data) return;
    this.change(setupFor(data, this.state.setup));
  }

  endLesson(): void {
    this.set({ lesson: undefined });
    this.setSetup(this.state.setup);
  }

  reset(): void {
    this.wish++;
    this.build();
  }

  toggle(): void {
    if (this.state.isRunning) this.send({ kind: "pause" });
    else this.#train(untilPaused);
  }

  oneEpoch(): void {
    if (!this.state.isRunning) this.#train(1);
  }

  oneStep(): void {
    this.send({ kind: "step" });
  }

  show(tab: Tab): void {
    this.set({ tab });
    this.#tellViews(tab);
    if (tab === "steps") this.askWalk();
  }

  askWalk(): void {
    this.set({ walk: undefined });
    this.send({ kind: "walk" });
  }

  /** The net as the bytes of a safetensors file; undefined where it can't be saved, which a problem tells. */
  async save(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    this.dismiss("save");
    return this.#worker?.save();
  }

  /**
   * What the net says of a sample; undefined where it can't be tried, which a problem tells.
   *
   * @param sample the same number for one that is tried again: the worker reads it once
   */
  async try(sample: number, trial: Trial): Promise<Tried | undefined> {
    this.dismiss("try");
    return this.#worker?.try(sample, trial);
  }

  // Behind it.

  protected setSetup(setup: Setup): void {
    this.set({ setup });
    const hash = toHash(setup);
    const { lesson } = this.state;
    const all = lesson === undefined ? hash : `${hash}&lesson=${lesson.name}`;
    const isDefault = all === toHash(defaultSetup);
    const place = `${location.pathname}${location.search}${isDefault ? "" : `#${all}`}`;
    history.replaceState(null, "", place);
  }

  protected startWorker(): void {
    this.#worker = new WorkerLink(
      (told) => this.#take(told),
      (why) => {
        this.tell(
          "worker",
          `Training ended by an error (${why}). Reload the page: the run goes on from where it was kept.`,
        );
        this.set({ isRunning: false });
      },
    );
    this.send({
      kind: "open",
      device: new URLSearchParams(location.search).get("device") === "cpu" ? "cpu" : "auto",
    });
    this.#tellViews(this.state.tab);
  }

  #tellViews(tab: Tab): void {
    this.send({ kind: "views", views: { boundary: true, layers: this.#hasLayers && tab === "layers" } });
  }

  protected send(message: ToWorker): void {
    this.#worker?.send(message);
  }

  #train(epochs: number): void {
    this.dismiss("loss");
    this.set({ isRunning: true });
    this.send({ kind: "train", epochs });
  }

  /** @param from a kept run to go on with */
  protected build(from?: string, run = this.newRun()): void {
    clearTimeout(this.#timer);
    const { setup, own } = this.state;
    const anew = { notice: "", epoch: 0, step: 0, history: [], stepsPerSecond: 0, file: undefined };
    this.set({
      run,
      isBuilt: false,
      boundary: undefined,
      units: [],
      look: undefined,
      problems: this.state.problems.filter(({ about }) => about === "address"),
      ...(from === undefined ? anew : {}),
    });
    const number = ++this.#number;
    this.send({ kind: "setup", setup, number, own: isOwn(setup.data) ? own : undefined, run, from });
  }

  /** The name that the next net is kept under; empty: it is not kept. */
  protected newRun(): string {
    return "";
  }

  /** A message of the worker has changed the state, and this is what else comes of it. */
  protected heard(message: FromWorker): void {
    switch (message.kind) {
      case "built":
        // What was wrong with an earlier set-up may be told after this one was asked for.
        this.dismiss("setup");
        if (this.state.tab === "steps") this.askWalk();
        break;
      case "running":
        if (!message.isRunning && this.state.tab === "steps") this.askWalk();
        break;
      case "problem":
        // A run that could not be read does not go on.
        if (message.about === "setup") this.set({ notice: "", run: "", epoch: 0, step: 0, history: [] });
        this.tell(message.about, message.text);
        break;
    }
  }

  /** Whether a message comes too late: it is about what is not wanted any more. */
  protected isLate({ message, number }: Told): boolean {
    return number < this.#number && isOfNet(message);
  }

  #take(told: Told): void {
    if (this.isLate(told)) return;
    this.set(patchOf(told.message, this.state));
    this.heard(told.message);
  }
}
