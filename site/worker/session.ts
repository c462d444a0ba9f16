// A net in training: builds it, trains it, looks into it, keeps it. Commands run one after the other; pausing is at once.

import { type Device, DeviceLostError, init } from "gradgpu";
import { type Callback, diagnose, type Model, modelBytes, type Sequential } from "gradgpu/nn";
import { type EpochPoint, type KeptRun, keepOwn, keepRun, runBytes } from "../runs/kept-runs.ts";
import { isOwn, type Setup } from "../setup/setup.ts";
import { makeModel } from "./make-model.ts";
import { imageMaps, planeMaps } from "./maps.ts";
import type { FromWorker, LayersLook, ToWorker, Views } from "./messages.ts";
import { knowNames } from "./rare-names.ts";
import { batchOf, type Samples, samplesOf } from "./samples.ts";
import { rowsOf } from "./summary.ts";
import { walkPage } from "./walk.ts";

/** Milliseconds between two messages of a kind while it trains. */
const progressMs = 50;
const boundaryMs = 200;
const layersMs = 1000;
const keepMs = 5000;

/** Rows that a look into a training step takes. */
const lookRows = 256;

/** Has something done now and then, and seldom where it takes long: training has most of the time. */
class Pace {
  readonly #least: number;
  #next: number;

  constructor(least: number, begin: number) {
    this.#least = least;
    this.#next = begin + least;
  }

  async run(fn: () => Promise<void>): Promise<void> {
    const begun = performance.now();
    if (begun < this.#next) return;
    await fn();
    const ended = performance.now();
    this.#next = ended + Math.max(this.#least, 4 * (ended - begun));
  }
}

export type Post = (message: FromWorker, transfer?: Transferable[]) => void;

export class Session {
  readonly #post: Post;
  #device: Device | undefined;
  #model: Model | undefined;
  #samples: Samples | undefined;
  #setup: Setup | undefined;
  #run = "";
  #epoch = 0;
  #step = 0;
  /** Where in the training samples single steps are. */
  #row = 0;
  #history: EpochPoint[] = [];
  /** The run as it was kept last, for when the device is lost. */
  #copy: KeptRun | undefined;
  #views: Views = { boundary: false, layers: false };
  #last: Promise<void> = Promise.resolve();
  /** Raised by each pause; a training that began before ends. */
  #pauses = 0;
  #asides: (() => Promise<void>)[] = [];
  #isTraining = false;
  /** Whether weights are no numbers any more. */
  #isSpoilt = false;

  constructor(post: Post) {
    this.#post = post;
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
        this.#inTurn("train", () => this.#train(message.epochs, pauses));
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
        this.#aside("rate", async () => {
          const { optimizer } = this.#built();
          if (optimizer !== undefined) optimizer.learningRate = message.learningRate;
          if (this.#setup !== undefined) this.#setup = { ...this.#setup, learningRate: message.learningRate };
        });
        break;
      case "step":
        this.#pause();
        this.#inTurn("step", () => this.#oneStep());
        break;
      case "views":
        this.#views = message.views;
        this.#aside("views", () => this.#show());
        break;
      case "walk":
        this.#aside("walk", () => this.#walk());
        break;
      case "save":
        this.#aside("save", async () => {
          const bytes = await modelBytes(this.#built());
          this.#post({ kind: "file", bytes }, [bytes.buffer]);
        });
        break;
      case "load":
        this.#pause();
        this.#inTurn("load", () => this.#load(message.bytes, message.name));
        break;
      case "keep":
        this.#aside("keep", () => this.#keep());
        break;
      case "predict":
        this.#aside("predict", () => this.#predict(message.id, message.x));
        break;
    }
  }

  #pause(): void {
    this.#pauses++;
    if (this.#model !== undefined) this.#model.stopTraining = true;
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
      await (this.#device as Device).recover();
      if (this.#samples !== undefined) {
        this.#forget();
        await this.#make(this.#copy);
        await this.#told();
      }
      this.#post({
        kind: "notice",
        text: `The graphics device was lost, and is open again. The net is as it was at step ${this.#step}.`,
      });
      await fn();
    }
  }

  /** Runs between two submits of a training, or at once where none is running. */
  #aside(about: string, fn: () => Promise<void>): void {
    const guarded = () => fn().catch((error: unknown) => this.#tell(about, error));
    if (this.#isTraining) this.#asides.push(guarded);
    else this.#inTurn(about, guarded);
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
    this.#forget();
    this.#samples = undefined;
    await knowNames(setup);
    this.#samples = await samplesOf(setup, own);
    this.#setup = setup;
    this.#run = run;
    this.#copy = isResumed ? await runBytes(run) : undefined;
    if (own !== undefined && run !== "" && !isResumed) await keepOwn(run, own).catch(() => {});
    await this.#make(this.#copy);
    await this.#told();
  }

  #forget(): void {
    this.#model?.dispose();
    this.#model = undefined;
  }

  /** The net of the set-up with its first weights, or as it was kept. */
  async #make(kept: KeptRun | undefined): Promise<void> {
    const setup = this.#setup as Setup;
    const { train, spec } = this.#samples as Samples;
    [this.#epoch, this.#step, this.#row, this.#history, this.#isSpoilt] = [0, 0, 0, [], false];
    this.#device?.setSeed(setup.seed);
    if (kept === undefined) {
      this.#model = makeModel(setup, spec, Math.ceil(train.count / setup.batchSize));
      return;
    }
    const { loadModel } = await import("./loading.ts");
    this.#model = await loadModel(kept.model);
    [this.#epoch, this.#step, this.#history] = [kept.epoch, kept.step, [...kept.history]];
  }

  /** Says what there is now. */
  async #told(): Promise<void> {
    const { train, validation } = this.#samples as Samples;
    this.#post({
      kind: "built",
      rows: rowsOf(this.#built()),
      trainCount: train.count,
      validationCount: validation.count,
      epoch: this.#epoch,
      step: this.#step,
      history: this.#history,
    });
    if (this.#views.boundary) await this.#showBoundary();
    // On software a first look compiles for seconds: it waits until something has been learnt.
    if (this.#views.layers && this.#epoch > 0) await this.#showLayers();
  }

  #built(): Sequential {
    if (this.#model === undefined)
      throw new Error("There is no net yet: look at what the layers say, and mend that first.");
    return this.#model as Sequential;
  }

  /** @param pauses there were when it was asked for: one since then ends it */
  async #train(epochs: number, pauses: number): Promise<void> {
    if (pauses !== this.#pauses) {
      this.#post({ kind: "running", isRunning: false });
      return;
    }
    const model = this.#built();
    const { train, validation } = this.#samples as Samples;
    const setup = this.#setup as Setup;
    const watcher = this.#watcher(model, Math.ceil(train.count / setup.batchSize), pauses);
    this.#post({ kind: "running", isRunning: true });
    this.#isTraining = true;
    try {
      await model.fit(train.x, train.y, {
        epochs: this.#epoch + epochs,
        initialEpoch: this.#epoch,
        batchSize: setup.batchSize,
        validationData: [validation.x, validation.y],
        validationBatchSize: 512,
        verbose: 0,
        callbacks: watcher,
      });
    } finally {
      this.#isTraining = false;
      this.#post({ kind: "running", isRunning: false });
      const asides = this.#asides.splice(0);
      for (const aside of asides) await aside();
    }
    await this.#keep();
    await this.#show();
  }

  #watcher(model: Model, stepsAnEpoch: number, pauses: number): Callback {
    const begin = performance.now();
    let toldAt = begin;
    const every = {
      boundary: new Pace(boundaryMs, begin),
      layers: new Pace(layersMs, begin),
      keep: new Pace(keepMs, begin),
    };
    let waiting: EpochPoint[] = [];
    const begun = { at: performance.now(), step: this.#step };
    let before = this.#step;
    const tell = () => {
      const now = performance.now();
      const stepsPerSecond = ((this.#step - begun.step) / Math.max(1, now - begun.at)) * 1000;
      // Of the last second or two: the first steps compile.
      if (now - begun.at > 2000) [begun.at, begun.step] = [now, this.#step];
      const points = waiting;
      waiting = [];
      toldAt = now;
      this.#post({ kind: "progress", epoch: this.#epoch, step: this.#step, points, stepsPerSecond });
    };
    return {
      onEpochBegin: () => {
        before = this.#step;
        if (pauses !== this.#pauses) model.stopTraining = true;
      },
      onBoundary: async (_model, { steps }) => {
        if (steps > 0) this.#step = before + steps;
        const asides = this.#asides.splice(0);
        for (const aside of asides) await aside();
        const now = performance.now();
        if (now - toldAt > progressMs) tell();
        if (this.#views.boundary) await every.boundary.run(() => this.#showBoundary());
        if (this.#views.layers) await every.layers.run(() => this.#showLayers());
        await every.keep.run(() => this.#keep());
        if (pauses !== this.#pauses) model.stopTraining = true;
      },
      onEpochEnd: (epoch, logs, _model, { steps }) => {
        this.#epoch = epoch + 1;
        this.#step = before + (steps || stepsAnEpoch);
        before = this.#step;
        const point = pointOf(this.#epoch, logs);
        this.#history.push(point);
        waiting.push(point);
        if (Number.isFinite(point.loss)) return;
        model.stopTraining = true;
        this.#tellLoss(point.loss, `epoch ${this.#epoch}`);
      },
      onTrainEnd: tell,
    };
  }

  /** What has been kept before stays: its weights are numbers. */
  #tellLoss(loss: number, where: string): void {
    this.#isSpoilt = true;
    this.#post({
      kind: "problem",
      about: "loss",
      text: `The loss is ${loss} in ${where}: the weights are lost. Lower the learning rate, or set a limit for gradients; Reset begins with new weights.`,
    });
  }

  async #oneStep(): Promise<void> {
    const model = this.#built();
    const { train } = this.#samples as Samples;
    const batch = batchOf(train, this.#row, (this.#setup as Setup).batchSize);
    this.#row = (this.#row + batch.count) % train.count;
    const [loss] = await model.trainOnBatch(batch.x, batch.y);
    this.#step++;
    this.#post({ kind: "progress", epoch: this.#epoch, step: this.#step, points: [], stepsPerSecond: 0 });
    if (!Number.isFinite(loss)) this.#tellLoss(loss, `step ${this.#step}`);
    await this.#show();
    await this.#keep();
  }

  async #show(): Promise<void> {
    if (this.#model === undefined || this.#step === 0) return;
    if (this.#views.boundary) await this.#showBoundary();
    if (this.#views.layers) await this.#showLayers();
  }

  async #showBoundary(): Promise<void> {
    const { spec } = this.#samples as Samples;
    if (spec.shape.length !== 1 || spec.shape[0] !== 2 || isOwn(this.#setup?.data ?? "")) return;
    const { boundary, units } = await planeMaps(this.#built(), this.#views.layers);
    this.#post({ kind: "boundary", ...boundary }, [boundary.values.buffer]);
    if (units.length > 0)
      this.#post(
        { kind: "units", maps: units },
        units.map(({ values }) => values.buffer),
      );
  }

  async #showLayers(): Promise<void> {
    const { train } = this.#samples as Samples;
    const batch = batchOf(train, 0, Math.min(lookRows, train.count));
    const { layers, gradientNorm, warnings } = await diagnose(this.#built(), batch.x, batch.y);
    const look: LayersLook = {
      gradientNorm,
      warnings: warnings.map(({ layer, text }) => ({ layer, text })),
      layers: layers.map(
        ({ name, type, activation, isOutput, gradientNorm, outputs: [output], weights }) => ({
          name,
          type,
          activation,
          isOutput,
          gradientNorm,
          mean: output.mean,
          deviation: output.standardDeviation,
          zeros: output.zeros,
          deadUnits: output.deadUnits,
          saturation: output.saturation,
          histogram: output.histogram,
          weights: weights.map((weight) => ({
            path: weight.path,
            shape: weight.shape,
            norm: weight.norm,
            gradientNorm: weight.gradientNorm,
            updateRatio: weight.updateRatio,
            histogram: weight.histogram,
            gradientHistogram: weight.gradientHistogram,
          })),
        }),
      ),
    };
    this.#post({ kind: "layers", look });
    if (this.#samples?.spec.shape.length !== 3) return;
    const maps = await imageMaps(this.#built(), batchOf(train, 0, 1).x);
    this.#post(
      { kind: "units", maps },
      maps.map(({ values }) => values.buffer),
    );
  }

  async #walk(): Promise<void> {
    const { train } = this.#samples as Samples;
    const setup = this.#setup as Setup;
    const page = await walkPage(this.#built(), batchOf(train, this.#row, 2), setup.loss);
    this.#post({ kind: "walk", page });
  }

  async #load(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<void> {
    const { loadModel } = await import("./loading.ts");
    const loaded = await loadModel(bytes);
    const wanted = (this.#samples as Samples).spec.shape;
    const has = loaded.inputShape;
    if (has.join() !== wanted.join()) {
      loaded.dispose();
      throw new Error(
        `${name}: its net takes samples of shape [${has.join(", ")}], and the data have [${wanted.join(", ")}]. Choose the data that it was trained on, and load it again.`,
      );
    }
    this.#model?.dispose();
    this.#model = loaded;
    if (loaded.optimizer === undefined) {
      const { loss } = this.#setup as Setup;
      loaded.compile({ optimizer: "adam", loss });
    }
    [this.#epoch, this.#step, this.#history, this.#isSpoilt] = [0, 0, [], false];
    this.#post({ kind: "loaded", name });
    await this.#told();
  }

  async #predict(id: number, x: Float32Array<ArrayBuffer>): Promise<void> {
    const output = await this.#built().predict(x);
    const values = Float32Array.from(await output.data());
    output.dispose();
    this.#post({ kind: "predicted", id, values }, [values.buffer]);
  }

  /** Keeps the run in the browser's own files. Training goes on where that fails. */
  async #keep(): Promise<void> {
    if (this.#model === undefined || this.#isSpoilt || this.#step === 0) return;
    const model = await modelBytes(this.#model);
    const [epoch, step, history] = [this.#epoch, this.#step, [...this.#history]];
    this.#copy = { setup: this.#setup as Setup, epoch, step, history, model };
    if (this.#run === "") return;
    try {
      await keepRun(this.#run, this.#copy);
      this.#post({ kind: "kept", run: this.#run });
    } catch (error) {
      this.#run = "";
      const text = error instanceof Error ? error.message : String(error);
      this.#post({
        kind: "problem",
        about: "keep",
        text: `This run is not kept in the browser (${text}). Save it as a file before you close the page.`,
      });
    }
  }
}

function pointOf(epoch: number, logs: Readonly<Record<string, number>>): EpochPoint {
  return {
    epoch,
    loss: logs.loss,
    valLoss: logs.valLoss,
    accuracy: logs.accuracy,
    valAccuracy: logs.valAccuracy,
  };
}
