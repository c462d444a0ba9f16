// TensorBoard: logs of fit, as TensorBoard and `npx gradgpu log` show them.

import {
  ArgumentError,
  DataError,
  disposeAll,
  div,
  greater,
  max,
  min,
  noGrad,
  reshape,
  sub,
  type Tensor,
  tidy,
  transpose,
  type Variable,
  where,
} from "../../../engine/index.ts";
import {
  atLeastOne,
  checkOptions,
  kindOf,
  type OptionNames,
  showGiven,
  wholeNumber,
} from "../../../engine/internal.ts";
import { EventWriter } from "../../logs/event-writer.ts";
import type { HyperParameter } from "../../logs/events.ts";
import { type DirectoryHandle, LogDownload, type LogTarget } from "../../logs/log-files.ts";
import type { DataTree } from "../data.ts";
import type { LoggedValues } from "../diagnosis/values.ts";
import { type Logs, trainingName } from "../history.ts";
import { type LayeredModel, layerOutputs, weightGradients } from "../layer-values.ts";
import type { TrainedModel } from "../model.ts";
import type { Callback, CallbackState, FitContext } from "./callback.ts";

export interface TensorBoardOptions {
  /** Where the log goes: a folder's path, in pages a FileSystemDirectoryHandle or a {@link LogDownload}. Default "logs". */
  logDir?: LogTarget;
  /** Epochs between two histograms of the weights, the first epoch has one; default 0, none. */
  histogramFreq?: number;
  /** With them, histograms of the gradients of the weights for `samples`; default false. */
  writeGradients?: boolean;
  /** With them, histograms of what each layer gives for `samples`, in inference mode; default false. */
  writeActivations?: boolean;
  /** A batch for gradients and activations: inputs and targets, as `fit` takes them. A few hundred do. */
  samples?: readonly [x: DataTree, y: DataTree];
  /** Whether the model's layers are drawn in TensorBoard's graph tab; default true. */
  writeGraph?: boolean;
  /** With the histograms, weights as images, black the least of each and white the largest; default false. */
  writeImages?: boolean;
  /** Whether steps a second are logged; default false. */
  writeStepsPerSecond?: boolean;
  /**
   * When losses and metrics are logged besides each epoch's end: "epoch" (the default) for not at all, every so many steps,
   * or "batch" for each, which makes each step a submit and waits for the device after it.
   */
  updateFreq?: "epoch" | "batch" | number;
  /** The run's hyper-parameters, for TensorBoard's hparams tab and the page's table. */
  hparams?: Readonly<Record<string, HyperParameter>>;
  /** Takes the line that says how to open the log; default: the console. */
  print?: (line: string) => void;
}

const tensorBoardOptions: OptionNames<TensorBoardOptions> = {
  logDir: true,
  histogramFreq: true,
  writeGradients: true,
  writeActivations: true,
  samples: true,
  writeGraph: true,
  writeImages: true,
  writeStepsPerSecond: true,
  updateFreq: true,
  hparams: true,
  print: true,
};

/** Pictures of one weight at most. */
const mostImages = 16;

/**
 * A callback that logs `fit` for TensorBoard, in files under `train/` and `validation/` as Keras names and fills them:
 * `epoch_loss`, `epoch_accuracy` and the like, `epoch_learning_rate`; histograms, the graph, hyper-parameters. Each epoch is
 * in the files when it ends, so that TensorBoard shows it while training goes on.
 *
 *     await model.fit(x, y, { validationSplit: 0.2, epochs: 20, callbacks: new TensorBoard("logs/deep-net") });
 *
 * and then `npx gradgpu log logs/deep-net`, which makes a page, or `tensorboard --logdir logs/deep-net`. Where the files
 * can't be written any more, as on a full disk, it says so once, and training goes on.
 *
 * @throws ArgumentError for wrong options, and for a folder's path in a page
 */
export class TensorBoard implements Callback {
  readonly logDir: LogTarget;
  /** Only with `updateFreq`: numbers are read for it. */
  readonly onStepsEnd: Callback["onStepsEnd"];
  readonly everySteps: number | undefined;
  readonly #options: TensorBoardOptions;
  #writers = new Map<string, EventWriter>();
  /** Steps of the epochs before this one. */
  #stepsBefore = 0;
  /** The epoch and the step that are logged next. */
  #nextEpoch = 0;
  #nextStep = 0;
  /** Where a run that goes on begins to log, by folder: what earlier files say of it and later is to be forgotten. */
  #purges = new Map<string, number>();
  #isOff = false;
  #isTold = false;

  /** @param logDir the folder; or all options */
  constructor(logDir: LogTarget | TensorBoardOptions = {}, options: TensorBoardOptions = {}) {
    const given = isTarget(logDir) ? { ...options, logDir } : logDir;
    checkOptions("TensorBoard", options, tensorBoardOptions);
    checkOptions("TensorBoard", given, tensorBoardOptions);
    const { histogramFreq = 0, updateFreq = "epoch", samples, print } = given;
    wholeNumber("TensorBoard", "histogramFreq", histogramFreq);
    if (updateFreq !== "epoch") {
      this.everySteps = updateFreq === "batch" ? 1 : checkedFrequency(updateFreq);
      this.onStepsEnd = this.#onStepsEnd;
    }
    for (const name of ["writeGradients", "writeActivations"] as const) {
      if (given[name] !== true) continue;
      if (samples === undefined)
        throw new ArgumentError(
          `TensorBoard: ${name} needs samples, a batch to compute them for, as in samples: [x, y]`,
        );
      if (histogramFreq === 0)
        throw new ArgumentError(
          `TensorBoard: ${name} is written with the histograms, and histogramFreq is 0; set it to 1 for each epoch`,
        );
    }
    if (samples !== undefined && !(Array.isArray(samples) && samples.length === 2))
      throw new ArgumentError(`TensorBoard: samples must be [x, y], got ${kindOf(samples)}`);
    if (print !== undefined && typeof print !== "function")
      throw new ArgumentError(`TensorBoard: print must be a function, got ${kindOf(print)}`);
    this.logDir = given.logDir ?? "logs";
    this.#options = given;
  }

  async onTrainBegin(model: TrainedModel, context: FitContext): Promise<void> {
    const { hparams, writeGraph = true } = this.#options;
    this.#isOff = false;
    this.#purges.clear();
    this.#nextEpoch = context.epoch;
    this.#stepsBefore = context.epoch * (context.params.steps ?? 0);
    this.#tell();
    await this.#written(async () => {
      if (writeGraph) await this.#writer("train").graph(model as LayeredModel);
      if (hparams !== undefined) {
        const metrics = ["train", "validation"].map((group) => ({ tag: "epoch_loss", group }));
        await this.#writer("").hparams(hparams, { metrics });
      }
    });
  }

  async onEpochEnd(epoch: number, logs: Logs, model: TrainedModel, context: FitContext): Promise<void> {
    const { histogramFreq = 0, writeStepsPerSecond } = this.#options;
    this.#stepsBefore += context.steps;
    this.#nextEpoch = epoch + 1;
    this.#nextStep = this.#stepsBefore;
    const rate = await model.optimizer?.currentLearningRate();
    await this.#written(async () => {
      for (const [name, value] of Object.entries(logs)) {
        const held = trainingName(name, logs);
        const writer = this.#writer(held === undefined ? "train" : "validation");
        void writer.scalar(`epoch_${snakeCase(held ?? name)}`, value, epoch);
      }
      const train = this.#writer("train");
      if (rate !== undefined) void train.scalar("epoch_learning_rate", rate, epoch);
      if (writeStepsPerSecond && context.seconds > 0)
        void train.scalar("epoch_steps_per_second", context.steps / context.seconds, epoch);
      if (histogramFreq > 0 && epoch % histogramFreq === 0) await this.#writeValues(epoch, model);
      await Promise.all([...this.#writers.values()].map((writer) => writer.flush()));
    });
  }

  async onTestEnd(logs: Logs, _model: TrainedModel, context: FitContext | undefined): Promise<void> {
    if (context === undefined) return;
    const step = this.#stepsBefore + context.steps;
    await this.#written(async () => {
      const writer = this.#writer("validation");
      for (const [name, value] of Object.entries(logs))
        await writer.scalar(`evaluation_${snakeCase(name)}_vs_iterations`, value, step);
    });
  }

  async onTrainEnd(): Promise<void> {
    await this.#written(async () => {
      if (this.#options.hparams !== undefined) await this.#writer("").hparamsEnd();
    });
    const writers = [...this.#writers.values()];
    this.#writers.clear();
    await this.#written(async () => {
      await Promise.all(writers.map((writer) => writer.close()));
    });
  }

  state(): CallbackState {
    return { stepsBefore: this.#stepsBefore, nextEpoch: this.#nextEpoch, nextStep: this.#nextStep };
  }

  async restore(state: CallbackState): Promise<void> {
    const { stepsBefore, nextEpoch, nextStep } = state as Record<
      "stepsBefore" | "nextEpoch" | "nextStep",
      number
    >;
    this.#stepsBefore = stepsBefore;
    this.#nextEpoch = nextEpoch;
    this.#nextStep = nextStep;
    // TensorBoard takes one number for all of a folder. Where it has some by step and others by epoch, that of the step: by the
    // epoch's, which is lower, it would forget steps that nobody logs again. Epochs are logged again with the same values.
    this.#purges.set("train", this.onStepsEnd === undefined ? nextEpoch : nextStep);
    this.#purges.set("validation", stepsBefore + 1);
    await this.#written(async () => {
      for (const [folder, writer] of this.#writers) await this.#purge(folder, writer);
    });
  }

  async #purge(folder: string, writer: EventWriter): Promise<void> {
    const step = this.#purges.get(folder);
    this.#purges.delete(folder);
    if (step !== undefined) await writer.purge(step);
  }

  /** @internal What other callbacks found, into the log of the training. */
  logValues(step: number, { scalars, histograms, texts }: LoggedValues): Promise<void> {
    return this.#written(async () => {
      const writer = this.#writer("train");
      for (const [tag, value] of scalars) void writer.scalar(tag, value, step);
      for (const [tag, buckets] of histograms) void writer.buckets(tag, buckets, step);
      for (const [tag, text] of texts) void writer.text(tag, text, step);
      await writer.flush();
    });
  }

  async #onStepsEnd(steps: number, logs: Logs, _model: TrainedModel, { samples }: FitContext): Promise<void> {
    if (samples === 0) return;
    this.#nextStep = this.#stepsBefore + steps;
    await this.#written(async () => {
      for (const [name, value] of Object.entries(logs))
        await this.#writer("train").scalar(`batch_${snakeCase(name)}`, value, this.#stepsBefore + steps - 1);
    });
  }

  async #writeValues(epoch: number, model: TrainedModel): Promise<void> {
    const { samples, writeGradients, writeActivations, writeImages } = this.#options;
    const writer = this.#writer("train");
    const layered = model as LayeredModel;
    const weights = new Map<string, Variable>();
    for (const { path, variable, role } of layered.variables())
      if (role === "trained" || role === "moved") weights.set(path, variable);
    await writer.histograms(weights, epoch);
    if (writeImages) {
      for (const [path, weight] of weights) {
        const picture = pictureOf(weight);
        if (picture === undefined) continue;
        await writer.image(path, picture, epoch, { maxOutputs: mostImages }).finally(() => picture.dispose());
      }
    }
    const what = `TensorBoard: samples: ${model.describe()}`;
    const made: [string, Map<string, Tensor>][] = [];
    try {
      if (writeGradients && samples !== undefined)
        made.push(["gradients", await weightGradients(what, layered, ...samples)]);
      if (writeActivations && samples !== undefined)
        made.push(["activations", await layerOutputs(what, layered, samples[0])]);
      for (const [kind, values] of made) {
        const named = new Map([...values].map(([name, value]) => [`${name}/${kind}`, value]));
        await writer.histograms(named, epoch);
      }
    } finally {
      for (const [, values] of made) disposeAll([...values.values()]);
    }
  }

  #writer(folder: "train" | "validation" | ""): EventWriter {
    let writer = this.#writers.get(folder);
    if (writer === undefined) {
      writer = new EventWriter(this.logDir, { folder });
      this.#writers.set(folder, writer);
      void this.#purge(folder, writer);
    }
    return writer;
  }

  /** Runs `fn` unless writing has failed before; a file that can't be written ends the log, not the training. */
  async #written(fn: () => Promise<void>): Promise<void> {
    if (this.#isOff) return;
    try {
      await fn();
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      this.#isOff = true;
      this.#writers.clear();
      console.warn(`gradgpu: TensorBoard: ${error.message}. Training goes on, without a log from here on`);
    }
  }

  #tell(): void {
    const { print = console.log } = this.#options;
    if (this.#isTold || typeof this.logDir !== "string") return;
    this.#isTold = true;
    const folder = /^[\w./\\:-]+$/.test(this.logDir) ? this.logDir : JSON.stringify(this.logDir);
    print(`The log: npx gradgpu log ${folder}, or tensorboard --logdir ${folder}`);
  }
}

const isTarget = (value: LogTarget | TensorBoardOptions): value is LogTarget =>
  typeof value === "string" ||
  value instanceof LogDownload ||
  typeof (value as DirectoryHandle | null)?.getDirectoryHandle === "function";

function checkedFrequency(freq: unknown): number {
  if (typeof freq === "number") return atLeastOne("TensorBoard", "updateFreq", freq);
  throw new ArgumentError(
    `TensorBoard: updateFreq must be "epoch", "batch" or a number of steps, got ${showGiven(freq)}`,
  );
}

/** As Keras writes names: `meanSquaredError` is `mean_squared_error`. */
const snakeCase = (name: string): string =>
  name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/**
 * A weight as images, from 0 for its least value to 1 for its largest: a vector is a line, a matrix lies on its longer side,
 * a kernel of 1, 3 or 4 channels is an image for each of its outputs. Undefined for what is none.
 */
function pictureOf(weight: Variable): Tensor | undefined {
  const { shape } = weight;
  if (weight.size === 0 || shape.length === 0 || shape.length === 3 || shape.length > 4) return undefined;
  if (shape.length === 4 && ![1, 3, 4].includes(shape[2])) return undefined;
  return noGrad(() =>
    tidy(() => {
      const low = min(weight);
      const range = sub(max(weight), low);
      const shades = where(greater(range, 0), div(sub(weight, low), range), 0);
      if (shape.length === 1) return reshape(shades, [1, 1, shape[0], 1]);
      if (shape.length === 4) return transpose(shades, [3, 0, 1, 2]);
      const [rows, columns] = shape;
      const lying = rows > columns ? transpose(shades) : shades;
      return reshape(lying, [1, Math.min(rows, columns), Math.max(rows, columns), 1]);
    }),
  );
}
