// What the playground's page knows, and the worker behind it. Components read the state and call what changes it.

import { claimRun, holdOnly, releaseRun } from "../runs/claims.ts";
import { fitsRun, type ListedRun, listRuns, ownOf, sweepOwn } from "../runs/kept-runs.ts";
import { rememberRun, runFor } from "../runs/this-tab.ts";
import { lessonOf } from "../setup/lessons.ts";
import type { GivenFile, ImageForm, OwnData } from "../setup/own-data.ts";
import {
  defaultSetup,
  fromHash,
  isOwn,
  type OwnName,
  type Setup,
  setupFor,
  setupForOwn,
  toHash,
} from "../setup/setup.ts";
import type { Told, ToWorker, Trial, Tried } from "../worker/messages.ts";
import { firstState, isOfNet, patchOf, type Tab } from "./state.ts";
import { Watched } from "./watched.ts";
import { WorkerLink } from "./worker-link.ts";

/** Epochs: more than anybody waits for. */
const untilPaused = 1e9;

/** Milliseconds after the last key before a set-up is built. */
const settleMs = 250;

export class Store extends Watched {
  #worker: WorkerLink | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Raised by whatever asks for another net: what is awaited for an earlier wish is not wanted any more. */
  #wish = 0;
  /** How many set-ups the worker was sent. */
  #number = 0;
  #reads = 0;
  /** A kept run whose data the browser lacks: it goes on when they are chosen again. */
  #lacking: ListedRun | undefined;

  readonly #keepsRuns: boolean;
  readonly #hasLayers: boolean;

  /** @param options whether the browser keeps its runs, and whether there is a view of the layers */
  constructor(hash: string, { keepsRuns = true, hasLayers = true } = {}) {
    const { setup, problems } = fromHash(hash);
    super(firstState(setup, problems, lessonOf(hash)));
    this.#keepsRuns = keepsRuns;
    this.#hasLayers = hasLayers;
  }

  // What the page does.

  /** Ends when it is known whether a kept run goes on. */
  async start(): Promise<void> {
    this.#startWorker();
    // A tab that is left may be closed without another word.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden" && this.#keepsRuns) this.#send({ kind: "keep" });
    });
    const wish = this.#wish;
    const runs = this.#keepsRuns ? await listRuns().catch(() => []) : [];
    if (this.#keepsRuns) void sweepOwn().catch(() => {});
    const kept = runFor(this.state.setup, runs);
    const own = kept === undefined ? undefined : await this.#ownFor(kept);
    if (wish !== this.#wish) return;
    if (kept === undefined) this.#build();
    else if (isOwn(kept.setup.data) && own === undefined) {
      this.#build();
      this.#askForData(kept);
    } else await this.#resume(kept, own, this.state.setup.learningRate);
  }

  change(patch: Partial<Setup>): void {
    this.#wish++;
    const setup = { ...this.state.setup, ...patch };
    this.#setSetup(setup);
    const keys = Object.keys(patch);
    const isRate = keys.length === 1 && keys[0] === "learningRate" && setup.schedule === "constant";
    if (isRate && this.state.isBuilt) {
      this.#send({ kind: "rate", learningRate: setup.learningRate });
      return;
    }
    this.#lacking = undefined;
    this.set({ isBuilt: false });
    clearTimeout(this.#timer);
    this.#send({ kind: "pause" });
    this.#timer = setTimeout(() => this.#build(), settleMs);
  }

  chooseData(data: Setup["data"]): void {
    if (data === this.state.setup.data) return;
    this.stopReading();
    this.change(setupFor(data, this.state.setup));
  }

  /** The user's own data take the place of the others. */
  useOwn(data: OwnName, own: OwnData): void {
    this.dismiss("own");
    this.stopReading();
    const lacking = this.#lacking;
    if (lacking !== undefined && lacking.setup.data === data && fitsRun(own, lacking)) {
      this.#wish++;
      void this.#resume(lacking, own);
      return;
    }
    this.set({ own });
    this.change(setupForOwn(data, own, this.state.setup));
  }

  /** Has the worker read images. */
  readImages(files: readonly GivenFile[], form: ImageForm): void {
    this.dismiss("own");
    this.set({ notice: `${files.length} files are being read.`, isReading: true });
    this.#send({ kind: "read", id: ++this.#reads, files, form });
  }

  /** Images that are being read are not wanted any more. */
  stopReading(): void {
    if (!this.state.isReading) return;
    this.#reads++;
    this.set({ notice: "", isReading: false });
    this.#send({ kind: "unread" });
  }

  endLesson(): void {
    this.set({ lesson: undefined });
    this.#setSetup(this.state.setup);
  }

  reset(): void {
    this.#wish++;
    this.#build();
  }

  /** Goes on with a run that the browser keeps. */
  async goOn(run: ListedRun): Promise<void> {
    const wish = ++this.#wish;
    this.stopReading();
    const own = await this.#ownFor(run);
    if (wish !== this.#wish) return;
    if (isOwn(run.setup.data) && own === undefined) this.#askForData(run);
    else await this.#resume(run, own);
  }

  toggle(): void {
    if (this.state.isRunning) this.#send({ kind: "pause" });
    else this.#train(untilPaused);
  }

  oneEpoch(): void {
    if (!this.state.isRunning) this.#train(1);
  }

  oneStep(): void {
    this.#send({ kind: "step" });
  }

  show(tab: Tab): void {
    this.set({ tab });
    this.#tellViews(tab);
    if (tab === "steps") this.askWalk();
  }

  askWalk(): void {
    this.set({ walk: undefined });
    this.#send({ kind: "walk" });
  }

  /** The net as the bytes of a safetensors file; undefined where it can't be saved, which a problem tells. */
  async save(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    this.dismiss("save");
    return this.#worker?.save();
  }

  load(bytes: Uint8Array<ArrayBuffer>, name: string): void {
    this.#wish++;
    this.#send({ kind: "load", bytes, name, run: this.#newRun() });
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

  #setSetup(setup: Setup): void {
    this.set({ setup });
    const hash = toHash(setup);
    const { lesson } = this.state;
    const all = lesson === undefined ? hash : `${hash}&lesson=${lesson.name}`;
    const isDefault = all === toHash(defaultSetup);
    const place = `${location.pathname}${location.search}${isDefault ? "" : `#${all}`}`;
    history.replaceState(null, "", place);
  }

  #startWorker(): void {
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
    this.#send({
      kind: "open",
      device: new URLSearchParams(location.search).get("device") === "cpu" ? "cpu" : "auto",
    });
    this.#tellViews(this.state.tab);
  }

  #tellViews(tab: Tab): void {
    this.#send({ kind: "views", views: { boundary: true, layers: this.#hasLayers && tab === "layers" } });
  }

  #send(message: ToWorker): void {
    this.#worker?.send(message);
  }

  #train(epochs: number): void {
    this.dismiss("loss");
    this.set({ isRunning: true });
    this.#send({ kind: "train", epochs });
  }

  /** A name that no run has; this tab's alone. */
  #newRun(): string {
    if (!this.#keepsRuns) return "";
    const name = `run-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
    void claimRun(name);
    return name;
  }

  /** The user's own data of a kept run: as the browser has them, or as they were chosen since. */
  async #ownFor(run: ListedRun): Promise<OwnData | undefined> {
    if (!isOwn(run.setup.data)) return undefined;
    const { own } = this.state;
    return (await ownOf(run)) ?? (own !== undefined && fitsRun(own, run) ? own : undefined);
  }

  #askForData(run: ListedRun): void {
    this.#lacking = run;
    const name = run.own === undefined ? "" : ` (${run.own.name})`;
    this.tell(
      "own",
      `The data of this run${name} are not in the browser. Choose them again, and it goes on.`,
    );
  }

  /**
   * Goes on with a kept run, or with a copy of one that another tab is at: both would write to one file.
   *
   * @param rate the address's, which may have changed after the run was kept last
   */
  async #resume(run: ListedRun, own: OwnData | undefined, rate = run.setup.learningRate): Promise<void> {
    const { name, setup, epoch, step, history, file } = run;
    const wish = this.#wish;
    const isFree = await claimRun(name);
    if (wish !== this.#wish) {
      if (isFree && name !== this.state.run) releaseRun(name);
      return;
    }
    const notice = isFree
      ? `Went on with the kept run, at epoch ${epoch}.`
      : `The kept run is open in another tab; this one goes on with a copy, at epoch ${epoch}.`;
    this.#setSetup(setup);
    this.set({ own: own ?? this.state.own, epoch, step, history, notice, file });
    this.#build(name, isFree ? name : this.#newRun());
    if (rate === setup.learningRate) return;
    this.#setSetup({ ...setup, learningRate: rate });
    this.#send({ kind: "rate", learningRate: rate });
  }

  /** @param from a kept run to go on with */
  #build(from?: string, run = this.#newRun()): void {
    clearTimeout(this.#timer);
    this.#lacking = undefined;
    if (run !== "") rememberRun(run);
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
    this.#send({ kind: "setup", setup, number, own: isOwn(setup.data) ? own : undefined, run, from });
  }

  #take({ message, number }: Told): void {
    if (number < this.#number && isOfNet(message)) return;
    if (message.kind === "own" && message.id !== this.#reads) return;
    this.set(patchOf(message, this.state));
    switch (message.kind) {
      case "built":
        // What was wrong with an earlier set-up may be told after this one was asked for.
        this.dismiss("setup");
        if (this.#keepsRuns) {
          holdOnly(message.run);
          rememberRun(message.run);
        }
        if (this.state.tab === "steps") this.askWalk();
        break;
      case "own":
        this.useOwn("images", message.own);
        break;
      case "kept":
        if (message.isWhole) this.dismiss("keep");
        break;
      case "running":
        if (!message.isRunning && this.state.tab === "steps") this.askWalk();
        break;
      case "problem":
        if (message.about === "own") {
          if (!this.state.isReading) break;
          this.set({ notice: "", isReading: false });
        }
        // A run that could not be read does not go on.
        if (message.about === "setup") this.set({ notice: "", run: "", epoch: 0, step: 0, history: [] });
        this.tell(message.about, message.text);
        break;
    }
  }
}
