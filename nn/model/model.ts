// Model: a layer made of calls of layers, and the public face of training. How training goes stands in training/.

import type { Dataset } from "../../data/dataset/index.ts";
import { ArgumentError, type Variable, variable } from "../../engine/index.ts";
import { checkOptions, leavesOf } from "../../engine/internal.ts";
import type { Optimizer } from "../../optim/index.ts";
import type { Layer } from "../layers/layer.ts";
import type { TensorsOf } from "../layers/placeholder.ts";
import type { Loss } from "../objective/losses.ts";
import type { MetricValue } from "../objective/metric.ts";
import { BatchStep } from "../training/batch-step.ts";
import type { DataTree } from "../training/data.ts";
import { type EvaluateModelOptions, evaluateModel, runOnBatch } from "../training/evaluate.ts";
import { type FitOptions, fitModel } from "../training/fit.ts";
import type { History, Logs } from "../training/history.ts";
import { evaluateOptions, predictOptions } from "../training/options.ts";
import { outputWarning } from "../training/output-warning.ts";
import { type PredictOptions, predictModel } from "../training/predict.ts";
import { isDataset } from "../training/source.ts";
import type { OwnTrainerOptions, TrainableModel } from "../training/trainable.ts";
import { type TrainedOutput, Trainer } from "../training/trainer.ts";
import { begin, type Compiled, type CompileOptions, compiled, outputsOf } from "./compiled.ts";
import { relaid } from "./copies.ts";
import { GraphModel, type ModelOptions } from "./graph-model.ts";
import { endUse } from "./optimizer-users.ts";

export type { ModelOptions };

export interface OnBatchOptions {
  /** What the loss (and weighted metrics) of each sample counts; default 1 each. */
  sampleWeight?: DataTree;
}

/**
 * A model over a graph of calls: layers may be shared, branch and join, and models may stand in models.
 *
 *     const x = input([784]);
 *     const hidden = new Dense(64, { activation: "relu" }).call(x);
 *     const model = new Model(x, new Dense(10, { activation: "softmax" }).call(hidden));
 *     model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: "accuracy" });
 *     const history = await model.fit(images, labels, { batchSize: 128, epochs: 10 });
 *
 * Several inputs or outputs stand in arrays or plain objects; data, calls and results are of the same form.
 *
 * The weights are made on the default device as soon as one is open and the inputs' shapes are known; else at the first
 * call.
 */
// biome-ignore lint/suspicious/noExplicitAny: models of all kinds stand in one list
export class Model<const PI = any, const PO = any> extends GraphModel<PI, PO> implements TrainableModel {
  /**
   * Set it to true, in a callback or anywhere else, to end `fit` after the steps that were given to the device by then.
   * An epoch that is cut short so ends as others do: it is validated, callbacks are told of it, and the history has it,
   * with means over the samples that it has seen.
   */
  stopTraining = false;
  /** The finished epochs of the `fit` that is running, or of the last one, however it ended. */
  history: History | undefined;
  #compiled: Compiled | undefined;
  /** Those of `trainOnBatch` and `testOnBatch`, with weights of samples and without. */
  readonly #batchSteps = new Map<string, BatchStep>();
  /** Whether training has looked once for a loss and outputs that don't belong together. */
  #isChecked = false;
  #shuffleState: Variable | undefined;
  #isFitting = false;

  /** @internal Whether `fit` is running. */
  get isTraining(): boolean {
    return this.#isFitting;
  }

  /** The compiled optimizer, undefined before `compile`. */
  get optimizer(): Optimizer | undefined {
    return this.#compiled?.optimizer;
  }

  /** @internal What `compile` was told. */
  get compileOptions(): CompileOptions | undefined {
    return this.#compiled?.options;
  }

  /** @internal What `fit` draws its orders of samples from: one stream a model, one counter an epoch. */
  get shuffleState(): Variable | undefined {
    return this.#shuffleState;
  }

  /**
   * Says how to train. Where the model ends with softmax or sigmoid and the loss is the cross-entropy that goes
   * with it, training takes the loss from the logits, which is stabler and one kernel. Where a cross-entropy gets
   * outputs that surely are no probabilities (or, with `fromLogits`, surely are some), training warns once.
   *
   * @throws ArgumentError for an unknown name, with the nearest known one
   */
  compile(options: CompileOptions): this {
    if (this.#isFitting) {
      throw new ArgumentError(
        `compile: ${this.describe()}: is being trained; set stopTraining and compile when fit is done`,
      );
    }
    const next = compiled(this.describe(), options);
    if (this.graph !== undefined)
      next.outputs = outputsOf(this.describe(), next, this.outputNames, this.outputShapes);
    begin(next);
    this.#freeCompiled(false);
    this.#compiled = next;
    this.#isChecked = false;
    if (this.isBuilt) next.frozen = frozenLayers(this);
    return this;
  }

  /**
   * Trains. The data goes to the device once (bytes stay bytes), or streams each epoch where it exceeds
   * `memoryBudget`; order, batches, weights, loss and metrics live there. Each epoch sees every sample once, in a
   * fresh random order under the device's seed.
   *
   * Arrays are read before the call returns, so that they may change afterwards; but typed ones that stream are read
   * batch by batch, without a copy of what is large: leave them alone until the promise settles.
   *
   * @param x samples [n, ...inputShape]: a tensor, nested arrays, or a typed array of n rows
   * @param y targets as the loss takes them: [n, ...outputShape], or n whole numbers for the sparse loss
   * @returns loss and metrics of each epoch, means over its samples; the validation data's as `valLoss`, ... With a metric
   *   that gives arrays, say `fit<MetricValue>(...)`
   * @throws ShapeError, ArgumentError, DeviceError before anything has changed, for data that does not fit
   */
  async fit<V extends MetricValue = number>(
    x: DataTree,
    y: DataTree,
    options?: FitOptions,
  ): Promise<History<V>>;
  /**
   * Trains on a data set of [x, y], [x, y, sampleWeight] or { x, y }. Slices of tensors, and of arrays within `memoryBudget`,
   * that are shuffled, batched, repeated, or cut lie on the device; all else is made on the host and goes over while the
   * device works. A set without batches gets some of `batchSize`.
   */
  async fit<V extends MetricValue = number>(dataset: Dataset, options?: FitOptions): Promise<History<V>>;
  async fit(data: DataTree | Dataset, targets?: DataTree | FitOptions, given?: FitOptions): Promise<History> {
    const { x, y, options } = callOf<FitOptions>(data, targets, given);
    this.#checkCompiled("fit");
    if (this.#isFitting) {
      throw new ArgumentError(`fit: ${this.describe()}: is being trained already; await that first`);
    }
    this.#isFitting = true;
    try {
      const built = this.#buildFrom("fit", x, options?.batchSize);
      if (built !== undefined) await built;
      this.#checkOutputs("fit");
      return await fitModel(this, this.makeShuffleState(), x, y, options);
    } finally {
      this.#isFitting = false;
    }
  }

  /**
   * Loss and metrics over all samples, in inference mode: [loss, ...metrics], or by name with `returnDict`. `verbose: 1`
   * prints them on a line, too. With a metric that gives arrays, say `evaluate<MetricValue>(...)`.
   */
  async evaluate<V extends MetricValue = number>(
    x: DataTree,
    y: DataTree,
    options: EvaluateModelOptions & { returnDict: true },
  ): Promise<Logs<V>>;
  async evaluate<V extends MetricValue = number>(
    x: DataTree,
    y: DataTree,
    options?: EvaluateModelOptions & { returnDict?: false },
  ): Promise<[loss: number, ...metrics: (number | V)[]]>;
  async evaluate<V extends MetricValue = number>(
    dataset: Dataset,
    options: EvaluateModelOptions & { returnDict: true },
  ): Promise<Logs<V>>;
  async evaluate<V extends MetricValue = number>(
    dataset: Dataset,
    options?: EvaluateModelOptions & { returnDict?: false },
  ): Promise<[loss: number, ...metrics: (number | V)[]]>;
  async evaluate(
    data: DataTree | Dataset,
    targets?: DataTree | EvaluateModelOptions,
    given?: EvaluateModelOptions & { returnDict?: boolean },
  ): Promise<[loss: number, ...metrics: number[]] | Logs> {
    const { x, y, options } = callOf<EvaluateModelOptions & { returnDict?: boolean }>(data, targets, given);
    checkOptions("evaluate", options, evaluateOptions);
    this.#checkCompiled("evaluate");
    const built = this.#buildFrom("evaluate", x, options.batchSize);
    if (built !== undefined) await built;
    const logs = await evaluateModel(this, x, y, options);
    return options.returnDict ? logs : (Object.values(logs) as [loss: number, ...metrics: number[]]);
  }

  /**
   * Outputs [n, ...outputShape] in inference mode, in the order of x and in the form of the model's outputs. The tensors
   * are yours to dispose.
   */
  async predict(x: DataTree | Dataset, options: PredictOptions = {}): Promise<TensorsOf<PO>> {
    checkOptions("predict", options, predictOptions);
    const built = this.#buildFrom("predict", x, options.batchSize);
    if (built !== undefined) await built;
    return (await predictModel(this, x, options)) as TensorsOf<PO>;
  }

  /** {@link predict} of one batch at once. */
  predictOnBatch(x: DataTree): Promise<TensorsOf<PO>> {
    return this.predict(x, { batchSize: 2 ** 30 });
  }

  /**
   * One training step on a batch: its [loss, ...metrics] from before the step. It is traced once for each shape that
   * batches have, and replayed from then on: keep to a few.
   */
  trainOnBatch<V extends MetricValue = number>(
    x: DataTree,
    y: DataTree,
    options: OnBatchOptions = {},
  ): Promise<(number | V)[]> {
    return this.#runOnBatch("trainOnBatch", x, y, options);
  }

  /** A batch's [loss, ...metrics], in inference mode; nothing changes. Traced as {@link trainOnBatch} is. */
  testOnBatch<V extends MetricValue = number>(
    x: DataTree,
    y: DataTree,
    options: OnBatchOptions = {},
  ): Promise<(number | V)[]> {
    return this.#runOnBatch("testOnBatch", x, y, options);
  }

  async #runOnBatch(
    what: "trainOnBatch" | "testOnBatch",
    x: DataTree,
    y: DataTree,
    options: OnBatchOptions,
  ): Promise<number[]> {
    checkOptions(what, options, { sampleWeight: true });
    this.#checkCompiled(what);
    this.buildFor(what, x);
    if (what === "trainOnBatch") this.#checkOutputs(what);
    const { sampleWeight } = options;
    const key = `${what}${sampleWeight === undefined ? "" : " weighted"}`;
    let step = this.#batchSteps.get(key);
    if (step === undefined) {
      const hasWeights = this.outputNames.map(() => sampleWeight !== undefined);
      step = new BatchStep(this.device, this.makeTrainer({ hasWeights }), what === "trainOnBatch");
      this.#batchSteps.set(key, step);
    }
    return Object.values(await runOnBatch(what, this, step, x, y, sampleWeight));
  }

  /** @internal Output by output. */
  get losses(): readonly Loss[] {
    return this.#outputsTrained().map(({ loss }) => loss);
  }

  #outputsTrained(): readonly TrainedOutput[] {
    const compiled = this.#checkCompiled("training");
    compiled.outputs ??= outputsOf(this.describe(), compiled, this.outputNames, this.outputShapes);
    return compiled.outputs;
  }

  /** @internal A trainer for the compiled losses and metrics, and the compiled optimizer unless another one is given. */
  makeTrainer(options: OwnTrainerOptions = {}): Trainer {
    const compiled = this.#checkCompiled("training");
    compiled.frozen ??= frozenLayers(this);
    const { optimizer, frozen } = compiled;
    return new Trainer({ optimizer, ...options, model: this, frozen, outputs: this.#outputsTrained() });
  }

  /** A model of new layers made as these were, with fresh weights, not compiled. */
  override clone(): this {
    const copies = new Map<Layer, Layer>();
    const copyOf = (layer: Layer) => {
      const found = copies.get(layer) ?? layer.clone();
      copies.set(layer, found);
      return found;
    };
    const { inputs, outputs } = relaid(this.knownGraph("clone"), copyOf);
    return new Model(inputs, outputs, { name: this.name, trainable: this.trainable }) as unknown as this;
  }

  /**
   * Frees the weights, and the optimizer unless another model was compiled with it too; disposing that oneself, before or
   * after, is harmless. An optimizer that a later `compile` replaced is the caller's. The model can't be used again.
   */
  override dispose(): void {
    this.#freeCompiled(true);
    this.#compiled = undefined;
    super.dispose();
    this.#shuffleState?.dispose();
    this.#shuffleState = undefined;
  }

  /** @internal {@link shuffleState}, made where there is none. */
  makeShuffleState(): Variable {
    this.#shuffleState ??= variable(this.device.random.state(), {
      dtype: "u32",
      device: this.device,
      trainable: false,
      name: "fit/shuffle",
    });
    return this.#shuffleState;
  }

  /** {@link buildFor}, by a data set's first batch where there is one. */
  #buildFrom(what: string, x: DataTree | Dataset, batchSize: number | undefined): Promise<void> | undefined {
    if (!isDataset(x)) this.buildFor(what, x);
    else if (!this.isBuilt || this.isDisposed) {
      return x
        .sample(`${what}: ${this.describe()}`, batchSize)
        .then((first) => this.buildFor(what, first as DataTree));
    }
    return undefined;
  }

  #checkCompiled(what: string): Compiled {
    if (this.isDisposed) throw this.disposedError(what);
    if (this.#compiled === undefined) {
      throw new ArgumentError(`${what}: ${this.describe()}: call compile({ optimizer, loss }) first`);
    }
    return this.#compiled;
  }

  /** Warns, once a compile, of a cross-entropy and outputs that don't belong together. */
  #checkOutputs(what: string): void {
    if (this.#isChecked) return;
    this.#isChecked = true;
    const { losses } = this;
    leavesOf(this.knownGraph(what).outputs).forEach((output, i) => {
      const warning = outputWarning(output, losses[i]);
      if (warning !== undefined) console.warn(`gradgpu: ${what}: ${this.describe()}: ${warning}`);
    });
  }

  /** @param isLast whether the model ends, so that the optimizer that it was compiled with last goes, too */
  #freeCompiled(isLast: boolean): void {
    for (const step of this.#batchSteps.values()) step.dispose();
    this.#batchSteps.clear();
    if (this.#compiled === undefined) return;
    const { optimizer, isOwn } = this.#compiled;
    // One that was passed and is replaced may be compiled with again, and then goes on where it was.
    if (!endUse(optimizer) && (isOwn || isLast)) optimizer.dispose();
  }
}

/** Data and options of a call: behind a data set come the options. */
function callOf<O extends object>(
  x: DataTree | Dataset,
  y: DataTree | O | undefined,
  options: O | undefined,
) {
  const [targets, given = {}] = isDataset(x) ? [undefined, y] : [y, options];
  return { x, y: targets as DataTree, options: given as O };
}

/** The layers that say that they are not to be trained. */
function frozenLayers(model: Layer): ReadonlySet<Layer> {
  return new Set([model, ...model.inside()].filter((layer) => !layer.trainable));
}
