// What the playground's page knows: its net, the runs that the browser keeps, and the user's own data. Components read the state and
// call what changes it.

import { claimRun, holdOnly, releaseRun } from "../runs/claims.ts";
import { fitsRun, type ListedRun, listRuns, ownOf, sweepOwn } from "../runs/kept-runs.ts";
import { rememberRun, runFor } from "../runs/this-tab.ts";
import type { GivenFile, OwnData, OwnForm } from "../setup/own-data.ts";
import { isOwn, type OwnName, type Setup, setupForOwn } from "../setup/setup.ts";
import type { FromWorker, Told } from "../worker/messages.ts";
import { NetStore } from "./net-store.ts";

export class Store extends NetStore {
  #reads = 0;
  /** A kept run whose data the browser lacks: it goes on when they are chosen again. */
  #lacking: ListedRun | undefined;
  readonly #keepsRuns: boolean;

  /** @param options whether the browser keeps its runs, and whether there is a view of the layers */
  constructor(hash: string, { keepsRuns = true, hasLayers = true } = {}) {
    super(hash, hasLayers);
    this.#keepsRuns = keepsRuns;
  }

  // What the page does.

  /** Ends when it is known whether a kept run goes on. */
  async start(): Promise<void> {
    this.startWorker();
    // A tab that is left may be closed without another word.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden" && this.#keepsRuns) this.send({ kind: "keep" });
    });
    const wish = this.wish;
    const runs = this.#keepsRuns ? await listRuns().catch(() => []) : [];
    if (this.#keepsRuns) void sweepOwn().catch(() => {});
    const kept = runFor(this.state.setup, runs);
    const own = kept === undefined ? undefined : await this.#ownFor(kept);
    if (wish !== this.wish) return;
    if (kept === undefined) this.build();
    else if (isOwn(kept.setup.data) && own === undefined) {
      this.build();
      this.#askForData(kept);
    } else await this.#resume(kept, own, this.state.setup.learningRate);
  }

  override change(patch: Partial<Setup>): void {
    super.change(patch);
    // Another rate alone is no other net.
    if (!this.state.isBuilt) this.#lacking = undefined;
  }

  override chooseData(data: Setup["data"]): void {
    if (data !== this.state.setup.data) this.stopReading();
    super.chooseData(data);
  }

  /** The user's own data take the place of the others. */
  useOwn(data: OwnName, own: OwnData): void {
    this.dismiss("own");
    this.stopReading();
    const lacking = this.#lacking;
    if (lacking !== undefined && lacking.setup.data === data && fitsRun(own, lacking)) {
      this.wish++;
      void this.#resume(lacking, own);
      return;
    }
    const { setup, own: before } = this.state;
    this.set({ own });
    this.change(setupForOwn(data, own, setup, before?.task));
  }

  /** Has the worker read files: the page has to stay alive. */
  readOwn(data: OwnName, files: readonly GivenFile[], form: OwnForm): void {
    this.dismiss("own");
    const what = data === "images" ? `${files.length} files are` : `${files[0].file.name} is`;
    this.set({ notice: `${what} being read.`, isReading: true });
    this.send({ kind: "read", id: ++this.#reads, data, files, form });
  }

  /** Files that are being read are not wanted any more. */
  stopReading(): void {
    if (!this.state.isReading) return;
    this.#reads++;
    this.set({ notice: "", isReading: false });
    this.send({ kind: "unread" });
  }

  /** Goes on with a run that the browser keeps. */
  async goOn(run: ListedRun): Promise<void> {
    const wish = ++this.wish;
    this.stopReading();
    const own = await this.#ownFor(run);
    if (wish !== this.wish) return;
    if (isOwn(run.setup.data) && own === undefined) this.#askForData(run);
    else await this.#resume(run, own);
  }

  /** Somebody put another address into this tab; a place on the page is none. */
  readdressed(): void {
    if (document.getElementById(location.hash.slice(1)) !== null) this.setSetup(this.state.setup);
    else location.reload();
  }

  load(bytes: Uint8Array<ArrayBuffer>, name: string): void {
    this.wish++;
    this.send({ kind: "load", bytes, name, run: this.newRun() });
  }

  // Behind it.

  /** A name that no run has; this tab's alone. */
  protected override newRun(): string {
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
    const wish = this.wish;
    const isFree = await claimRun(name);
    if (wish !== this.wish) {
      if (isFree && name !== this.state.run) releaseRun(name);
      return;
    }
    const notice = isFree
      ? `Went on with the kept run, at epoch ${epoch}.`
      : `The kept run is open in another tab; this one goes on with a copy, at epoch ${epoch}.`;
    this.setSetup(setup);
    this.set({ own: own ?? this.state.own, epoch, step, history, notice, file });
    this.build(name, isFree ? name : this.newRun());
    if (rate === setup.learningRate) return;
    this.setSetup({ ...setup, learningRate: rate });
    this.send({ kind: "rate", learningRate: rate });
  }

  protected override build(from?: string, run = this.newRun()): void {
    this.#lacking = undefined;
    if (run !== "") rememberRun(run);
    super.build(from, run);
  }

  protected override isLate(told: Told): boolean {
    const { message } = told;
    if (message.kind === "own" && message.id !== this.#reads) return true;
    // Of files that are not being read any more.
    if (message.kind === "problem" && message.about === "own" && !this.state.isReading) return true;
    return super.isLate(told);
  }

  protected override heard(message: FromWorker): void {
    if (message.kind === "built" && this.#keepsRuns) {
      holdOnly(message.run);
      rememberRun(message.run);
    }
    if (message.kind === "own") this.useOwn(message.data, message.own);
    if (message.kind === "kept" && message.isWhole) this.dismiss("keep");
    if (message.kind === "problem" && message.about === "own") this.set({ notice: "", isReading: false });
    super.heard(message);
  }
}
