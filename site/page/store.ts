// What the playground's page knows, and the worker behind it. Components read the state and call what changes it.

import { claimRun } from "../runs/claims.ts";
import { type ListedRun, listRuns, ownOf } from "../runs/kept-runs.ts";
import { lessonOf } from "../setup/lessons.ts";
import type { GivenFile, ImageForm, OwnData } from "../setup/own-data.ts";
import { defaultSetup, fromHash, isOwn, type OwnName, type Setup, setupFor, toHash } from "../setup/setup.ts";
import { lossesOf, metricsFor } from "../setup/training.ts";
import type { FromWorker, ToWorker, Trial, Tried } from "../worker/messages.ts";
import { firstState, patchOf, type State, type Tab } from "./state.ts";

/** Epochs: more than anybody waits for. */
const untilPaused = 1e9;

/** Milliseconds after the last key before a set-up is built. */
const settleMs = 250;

export class Store {
  #state: State;
  #listeners = new Set<() => void>();
  #frame = 0;
  #worker: Worker | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #trials = new Map<number, (tried: Tried | undefined) => void>();
  #files = new Map<number, (bytes: Uint8Array<ArrayBuffer> | undefined) => void>();
  #nextId = 0;

  readonly #keepsRuns: boolean;
  readonly #hasLayers: boolean;

  /** @param options whether the browser keeps its runs, and whether there is a view of the layers */
  constructor(hash: string, { keepsRuns = true, hasLayers = true } = {}) {
    this.#keepsRuns = keepsRuns;
    this.#hasLayers = hasLayers;
    const { setup, problems } = fromHash(hash);
    this.#state = firstState(setup, problems, lessonOf(hash));
  }

  get state(): State {
    return this.#state;
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Components see it in the next frame, however often it changes before. */
  set(patch: Partial<State>): void {
    this.#state = { ...this.#state, ...patch };
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      for (const listener of this.#listeners) listener();
    });
  }

  // What the page does.

  /** Ends when it is known whether a kept run goes on. */
  async start(): Promise<void> {
    this.#startWorker();
    // A tab that is left may be closed without another word.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden" && this.#keepsRuns) this.#send({ kind: "keep" });
    });
    const runs = this.#keepsRuns ? await listRuns().catch(() => []) : [];
    const kept = runs.find(({ setup }) => toHash(setup) === toHash(this.#state.setup));
    const { data } = this.#state.setup;
    const own = kept !== undefined && isOwn(data) ? await ownOf(kept.name) : undefined;
    if (kept === undefined || (isOwn(data) && own === undefined)) this.#build();
    else await this.#resume(kept, own);
  }

  change(patch: Partial<Setup>): void {
    const setup = { ...this.#state.setup, ...patch };
    this.#setSetup(setup);
    const keys = Object.keys(patch);
    const isRate = keys.length === 1 && keys[0] === "learningRate" && setup.schedule === "constant";
    if (isRate && this.#state.isBuilt) {
      this.#send({ kind: "rate", learningRate: setup.learningRate });
      return;
    }
    this.set({ isBuilt: false });
    clearTimeout(this.#timer);
    this.#send({ kind: "pause" });
    this.#timer = setTimeout(() => this.#build(), settleMs);
  }

  chooseData(data: Setup["data"]): void {
    if (data !== this.#state.setup.data) this.change(setupFor(data, this.#state.setup));
  }

  /** The user's own data take the place of the others. */
  useOwn(data: OwnName, own: OwnData): void {
    this.dismiss("own");
    this.set({ own });
    const { setup } = this.#state;
    const next = setupFor(data, setup);
    const [losses, metrics] = [lossesOf(own.task), metricsFor(own)];
    // A net that stands for such data is kept; files are often chosen twice.
    const layers = setup.data === data ? setup.layers : next.layers;
    this.change({
      ...next,
      layers,
      loss: losses.includes(setup.loss) ? setup.loss : losses[0],
      metric: metrics.includes(setup.metric) ? setup.metric : metrics[0],
    });
  }

  /** Has the worker read images. */
  readImages(files: readonly GivenFile[], form: ImageForm): void {
    this.dismiss("own");
    this.set({ notice: `${files.length} files are being read.` });
    this.#send({ kind: "read", files, form });
  }

  endLesson(): void {
    this.set({ lesson: undefined });
    this.#setSetup(this.#state.setup);
  }

  reset(): void {
    clearTimeout(this.#timer);
    this.#build();
  }

  /** Goes on with a run that the browser keeps. */
  async goOn(run: ListedRun): Promise<void> {
    clearTimeout(this.#timer);
    const isOfOwn = isOwn(run.setup.data);
    const own = isOfOwn ? await ownOf(run.name) : undefined;
    if (isOfOwn && own === undefined) {
      this.tell("own", "The data of this run were not kept in the browser: choose their file again.");
      return;
    }
    this.#setSetup(run.setup);
    await this.#resume(run, own);
  }

  toggle(): void {
    if (this.#state.isRunning) this.#send({ kind: "pause" });
    else this.#train(untilPaused);
  }

  oneEpoch(): void {
    if (!this.#state.isRunning) this.#train(1);
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
  save(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    this.dismiss("save");
    const id = this.#nextId++;
    this.#send({ kind: "save", id });
    return new Promise((resolve) => this.#files.set(id, resolve));
  }

  load(bytes: Uint8Array<ArrayBuffer>, name: string): void {
    this.#send({ kind: "load", bytes, name, run: this.#newRun() });
  }

  /**
   * What the net says of a sample; undefined where it can't be tried, which a problem tells.
   *
   * @param sample the same number for one that is tried again: the worker reads it once
   */
  try(sample: number, trial: Trial): Promise<Tried | undefined> {
    this.dismiss("try");
    const id = this.#nextId++;
    this.#send({ kind: "try", id, sample, trial });
    return new Promise((resolve) => this.#trials.set(id, resolve));
  }

  tell(about: string, text: string): void {
    const others = this.#state.problems.filter((problem) => problem.about !== about);
    this.set({ problems: [...others, { about, text }] });
  }

  dismiss(about: string): void {
    const others = this.#state.problems.filter((problem) => problem.about !== about);
    if (others.length < this.#state.problems.length) this.set({ problems: others });
  }

  // Behind it.

  #setSetup(setup: Setup): void {
    this.set({ setup });
    const hash = toHash(setup);
    const { lesson } = this.#state;
    const all = lesson === undefined ? hash : `${hash}&lesson=${lesson.name}`;
    const isDefault = all === toHash(defaultSetup);
    const place = `${location.pathname}${location.search}${isDefault ? "" : `#${all}`}`;
    history.replaceState(null, "", place);
  }

  #startWorker(): void {
    this.#worker?.terminate();
    const worker = new Worker(new URL("../worker/main.ts", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => this.#take(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.tell(
        "worker",
        `Training ended by an error (${event.message || "its script could not be loaded"}). Reload the page: the run goes on from where it was kept.`,
      );
      this.set({ isRunning: false });
    });
    this.#worker = worker;
    this.#send({
      kind: "open",
      device: new URLSearchParams(location.search).get("device") === "cpu" ? "cpu" : "auto",
    });
    this.#tellViews(this.#state.tab);
  }

  #tellViews(tab: Tab): void {
    this.#send({ kind: "views", views: { boundary: true, layers: this.#hasLayers && tab === "layers" } });
  }

  #send(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }

  #train(epochs: number): void {
    this.dismiss("loss");
    this.set({ isRunning: true });
    this.#send({ kind: "train", epochs });
  }

  /** A name that no run has; this tab's alone. */
  #newRun(): string {
    if (!this.#keepsRuns) return "";
    const name = `run-${Date.now().toString(36)}`;
    void claimRun(name);
    return name;
  }

  /** Goes on with a kept run, or with a copy of one that another tab is at: both would write to one file. */
  async #resume({ name, epoch, step, history }: ListedRun, own: OwnData | undefined): Promise<void> {
    const isFree = await claimRun(name);
    const notice = isFree
      ? `Went on with the kept run, at epoch ${epoch}.`
      : `The kept run is open in another tab; this one goes on with a copy, at epoch ${epoch}.`;
    this.set({ own, epoch, step, history, notice });
    this.#build(name, isFree ? name : this.#newRun());
  }

  /** @param from a kept run to go on with */
  #build(from?: string, run = this.#newRun()): void {
    const { setup, own } = this.#state;
    this.set({
      run,
      isBuilt: false,
      boundary: undefined,
      units: [],
      look: undefined,
      problems: this.#state.problems.filter(({ about }) => about === "address" || about === "keep"),
      ...(from !== undefined ? {} : { notice: "", epoch: 0, step: 0, history: [], stepsPerSecond: 0 }),
    });
    this.#send({ kind: "setup", setup, own: isOwn(setup.data) ? own : undefined, run, from });
  }

  #take(message: FromWorker): void {
    this.set(patchOf(message, this.#state));
    switch (message.kind) {
      case "built":
        // What was wrong with an earlier set-up may be told after this one was asked for.
        this.dismiss("setup");
        if (this.#state.tab === "steps") this.askWalk();
        break;
      case "own":
        this.useOwn("images", message.own);
        break;
      case "running":
        if (!message.isRunning && this.#state.tab === "steps") this.askWalk();
        break;
      case "file":
        this.#files.get(message.id)?.(message.bytes);
        this.#files.delete(message.id);
        break;
      case "tried":
        this.#trials.get(message.id)?.(message.tried);
        this.#trials.delete(message.id);
        break;
      case "problem":
        // Files that could not be read are not being read, and a run that could not be read does not go on.
        if (["own", "setup"].includes(message.about)) this.set({ notice: "" });
        this.tell(message.about, message.text);
        break;
    }
  }
}
