// Sequential: layers one after another, and the model's public face. How training goes stands in training/.

import {
  ArgumentError,
  cast,
  type Device,
  DisposedError,
  device as defaultDevice,
  noGrad,
  type Shape,
  ShapeError,
  showShape,
  Tensor,
  tidy,
  type Variable,
  variable,
} from "../../engine/index.ts";
import { checkedName, checkOptions, kindOf, type OptionNames } from "../../engine/internal.ts";
import { type Optimizer, optimizers } from "../../optim/index.ts";
import { Embedding } from "../layers/embedding.ts";
import { Input, scaleBytes } from "../layers/input.ts";
import { batched, type CallOptions, equalShapes, Layer, readCallOptions, unique } from "../layers/layer.ts";
import { autoName } from "../layers/names.ts";
import * as losses from "../objective/losses.ts";
import * as metrics from "../objective/metrics.ts";
import { readWeights, type WeightValue, writeWeights } from "../state/weights.ts";
import { BatchStep } from "../training/batch-step.ts";
import { type DataLike, rowShape } from "../training/data.ts";
import {
  evaluateModel,
  type FitOptions,
  fitModel,
  type TrainableModel,
  trainModelOnBatch,
} from "../training/fit.ts";
import type { History, Logs } from "../training/history.ts";
import { type EvaluateOptions, evaluateOptions, predictOptions } from "../training/options.ts";
import { outputWarning } from "../training/output-warning.ts";
import { predictModel } from "../training/predict.ts";
import { Trainer } from "../training/trainer.ts";
import { beginUse, endUse } from "./optimizer-users.ts";
import { summaryText } from "./summary.ts";

export interface CompileOptions {
  /** By name, with its defaults, or an Optimizer. */
  optimizer: string | Optimizer;
  /** By name, a Loss, or a function (targets, outputs) => losses. */
  loss: string | losses.Loss | ((targets: Tensor, outputs: Tensor) => Tensor);
  /** Names, Metrics or functions (targets, outputs) => values, one or several; default none. */
  metrics?: metrics.MetricLike | readonly metrics.MetricLike[];
}

const compileOptions: OptionNames<CompileOptions> = { optimizer: true, loss: true, metrics: true };

interface Compiled {
  readonly optimizer: Optimizer;
  /** Whether the model made it. */
  readonly isOwn: boolean;
  readonly loss: losses.Loss;
  readonly metrics: readonly metrics.MetricLike[];
  /** What `trainOnBatch` replays, once it was called. */
  batchStep?: BatchStep;
  /** Whether training has looked once for a loss and outputs that don't belong together. */
  isChecked: boolean;
}

/**
 * A model of layers in a row.
 *
 *     const model = new Sequential([new Input([784]), new Dense(64, { activation: "relu" }), new Dense(10, { activation: "softmax" })]);
 *     model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: "accuracy" });
 *     const history = await model.fit(x, y, { batchSize: 128, epochs: 10 });
 *
 * The weights are made on the default device as layers are added, once the input's shape is known (by an
 * {@link Input} or the first layer's `inputShape`) and a device is open; else at the first call.
 */
export class Sequential implements TrainableModel {
  readonly name: string;
  /**
   * Set it to true, in a callback or anywhere else, to end `fit` after the steps that were given to the device by then.
   * An epoch that is cut short so ends as others do: it is validated, callbacks are told of it, and the history has it,
   * with means over the samples that it has seen.
   */
  stopTraining = false;
  /** The finished epochs of the `fit` that is running, or of the last one, however it ended. */
  history: History | undefined;
  readonly #layers: Layer[] = [];
  #input: Input | undefined;
  #device: Device | undefined;
  #compiled: Compiled | undefined;
  #shuffleState: Variable | undefined;
  #isFitting = false;
  #isDisposed = false;

  constructor(layers: readonly (Layer | Input)[] = [], options: { name?: string } = {}) {
    checkOptions("Sequential", options, { name: true });
    this.name = options.name === undefined ? autoName("Sequential") : checkedName("Sequential", options.name);
    for (const layer of layers) this.add(layer);
  }

  /** Appends a layer; an {@link Input} comes first, if at all. */
  add(layer: Layer | Input): this {
    if (this.#isFitting) {
      throw new ArgumentError(
        `add: ${this.describe()}: is being trained, and would not train the new layer; set stopTraining, await fit, then add and compile`,
      );
    }
    if (layer instanceof Input) {
      if (this.#input !== undefined || this.#layers.length > 0) {
        throw new ArgumentError(`${this.describe()}: Input must be the first entry, before any layer`);
      }
      this.#input = layer;
      return this;
    }
    if (!(layer instanceof Layer)) {
      throw new ArgumentError(`${this.describe()}: add takes a Layer or an Input, got ${kindOf(layer)}`);
    }
    if (this.#layers.some((other) => other.name === layer.name)) {
      throw new ArgumentError(
        `${this.describe()}: there is a layer named "${layer.name}" already; give each layer a name of its own`,
      );
    }
    // Fails here, at the caller's line, for shapes that do not fit.
    const before =
      this.#layers.length === 0 ? this.#knownInputShape(layer) : this.#outputShapeOf(this.#layers);
    if (before !== undefined) layer.computeOutputShape(before);
    this.#layers.push(layer);
    const isOpen = this.#device ?? openDevice();
    if (before === undefined || isOpen === undefined) return this;
    try {
      return this.build(undefined, isOpen);
    } catch (error) {
      this.#layers.pop();
      throw error;
    }
  }

  get layers(): readonly Layer[] {
    return this.#layers;
  }

  /** Whether all layers have their weights. */
  get isBuilt(): boolean {
    return this.#layers.length > 0 && this.#layers.every((layer) => layer.isBuilt);
  }

  /** Shape of one input, without the batch axis. */
  get inputShape(): Shape {
    return this.#checkBuilt("inputShape")[0].inputShape as Shape;
  }

  /** Shape of one output, without the batch axis. */
  get outputShape(): Shape {
    return this.#checkBuilt("outputShape").at(-1)?.outputShape as Shape;
  }

  /** Where the weights are. */
  get device(): Device {
    this.#checkBuilt("device");
    return this.#device as Device;
  }

  /** The name of the activation that the model ends with; "linear" for none. */
  get outputActivation(): string {
    return this.#layers.at(-1)?.outputActivation ?? "linear";
  }

  /** @internal The one that a loss may take over, see {@link Layer.fusibleActivation}. */
  get fusibleActivation(): string {
    return this.#layers.at(-1)?.fusibleActivation ?? "linear";
  }

  /** @internal How many rows the first layer's table has, where that is an Embedding: inputs are numbers of those. */
  get idCount(): number | undefined {
    const first = this.#layers[0];
    // A subclass may make ids of anything.
    return first?.constructor === Embedding ? (first as Embedding).inputDim : undefined;
  }

  /** All weights, layer by layer; one that layers share counts once. */
  get weights(): Variable[] {
    return unique(this.#layers.flatMap((layer) => layer.weights));
  }

  get trainableWeights(): Variable[] {
    return unique(this.#layers.flatMap((layer) => layer.trainableWeights));
  }

  get nonTrainableWeights(): Variable[] {
    const trainable = new Set(this.trainableWeights);
    return this.weights.filter((weight) => !trainable.has(weight));
  }

  /** The compiled optimizer, undefined before `compile`. */
  get optimizer(): Optimizer | undefined {
    return this.#compiled?.optimizer;
  }

  /** Makes the weights of all layers that have none, for inputs of a shape (without the batch axis). */
  build(inputShape?: Shape, device: Device = this.#device ?? defaultDevice()): this {
    if (this.#isDisposed) throw this.#disposed("build");
    if (this.#layers.length === 0)
      throw new ArgumentError(`${this.describe()}: has no layers; add some first`);
    const known = this.#knownInputShape(this.#layers[0]);
    if (known !== undefined && inputShape !== undefined && !equalShapes(known, inputShape)) {
      throw new ShapeError(
        `${this.describe()}: takes inputs of shape ${batched(known)}, not ${batched(inputShape)}`,
      );
    }
    let shape = known ?? inputShape;
    if (shape === undefined) {
      throw new ArgumentError(
        `${this.describe()}: the input's shape is not known; start with new Input([...]), give the first layer an inputShape, or pass one to build()`,
      );
    }
    this.#device ??= device;
    for (const layer of this.#layers) {
      layer.build(shape, this.#device);
      shape = layer.outputShape as Shape;
    }
    return this;
  }

  /**
   * The outputs for a batch [batch, ...inputShape]. f32 is taken as it is, bytes are multiplied by the Input's
   * `byteScale`, other dtypes become f32.
   *
   * @throws ShapeError when x does not fit
   */
  call(x: Tensor, options?: CallOptions): Tensor {
    const { training } = readCallOptions("call", options);
    return this.#run(x, (last, value) => last.call(value, { training }), training);
  }

  /** Like {@link call}, without the model's last activation. */
  callLogits(x: Tensor, options?: CallOptions): Tensor {
    const { training } = readCallOptions("callLogits", options);
    return this.#run(x, (last, value) => last.callLogits(value, { training }), training);
  }

  /** How many numbers the weights hold. */
  countParams(): number {
    this.#checkBuilt("countParams");
    return this.weights.reduce((total, weight) => total + weight.size, 0);
  }

  /** Prints the table of layers in Keras 2's form, line by line, and gives its text. */
  summary(options: { print?: (line: string) => void } = {}): string {
    checkOptions("summary", options, { print: true });
    const { print = (line: string) => console.log(line) } = options;
    const rows = this.#checkBuilt("summary").map((layer) => ({
      name: layer.name,
      type: layer.type,
      outputShape: layer.outputShape as Shape,
      params: layer.countParams(),
    }));
    const count = (weights: readonly Variable[]) => weights.reduce((total, weight) => total + weight.size, 0);
    const text = summaryText(this.name, rows, {
      trainable: count(this.trainableWeights),
      nonTrainable: count(this.nonTrainableWeights),
    });
    for (const line of text.split("\n")) print(line);
    return text;
  }

  /** Reads all weights back, in the order of {@link weights}. */
  async getWeights(): Promise<WeightValue[]> {
    this.#checkBuilt("getWeights");
    return readWeights(this.weights);
  }

  /**
   * Replaces all weights, in the order of {@link weights}: what `getWeights` gave, or flat arrays.
   *
   * @throws ShapeError when they do not fit; nothing is changed then
   */
  setWeights(values: readonly (WeightValue | ArrayLike<number>)[]): this {
    this.#checkBuilt("setWeights");
    writeWeights(`setWeights: ${this.describe()}`, this.weights, values);
    return this;
  }

  /**
   * Says how to train. Where the model ends with softmax or sigmoid and the loss is the cross-entropy that goes
   * with it, training takes the loss from the logits, which is stabler and one kernel. Where a cross-entropy gets
   * outputs that surely are no probabilities (or, with `fromLogits`, surely are some), training warns once.
   *
   * @throws ArgumentError for an unknown name, with the nearest known one
   */
  compile(options: CompileOptions): this {
    checkOptions("compile", options, compileOptions);
    for (const part of ["optimizer", "loss"] as const) {
      if (options?.[part] === undefined) {
        throw new ArgumentError(
          `compile: ${this.describe()}: needs ${part === "loss" ? "a loss" : "an optimizer"}`,
        );
      }
    }
    if (this.#isFitting) {
      throw new ArgumentError(
        `compile: ${this.describe()}: is being trained; set stopTraining and compile when fit is done`,
      );
    }
    const optimizer = optimizers.get(options.optimizer);
    const loss = losses.get(options.loss);
    const list = options.metrics ?? [];
    const wanted = Array.isArray(list) ? list : [list as metrics.MetricLike];
    metrics.check(wanted);
    const isOwn = optimizer !== options.optimizer;
    beginUse(optimizer);
    this.#freeCompiled(false);
    this.#compiled = { optimizer, isOwn, loss, metrics: [...wanted], isChecked: false };
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
   * @returns loss and metrics of each epoch, means over its samples; the validation data's as `valLoss`, ...
   * @throws ShapeError, ArgumentError, DeviceError before anything has changed, for data that does not fit
   */
  async fit(x: DataLike, y: DataLike, options: FitOptions = {}): Promise<History> {
    this.#checkCompiled("fit");
    if (this.#isFitting) {
      throw new ArgumentError(`fit: ${this.describe()}: is being trained already; await that first`);
    }
    this.#isFitting = true;
    try {
      this.#buildFor("fit", x);
      this.#checkOutputs("fit");
      return await fitModel(this, this.#shuffle(), x, y, options);
    } finally {
      this.#isFitting = false;
    }
  }

  /**
   * Loss and metrics over all samples, in inference mode: [loss, ...metrics], or by name with `returnDict`. `verbose: 1`
   * prints them on a line, too.
   */
  async evaluate(x: DataLike, y: DataLike, options: EvaluateOptions & { returnDict: true }): Promise<Logs>;
  async evaluate(
    x: DataLike,
    y: DataLike,
    options?: EvaluateOptions & { returnDict?: false },
  ): Promise<[loss: number, ...metrics: number[]]>;
  async evaluate(
    x: DataLike,
    y: DataLike,
    options: EvaluateOptions & { returnDict?: boolean } = {},
  ): Promise<[loss: number, ...metrics: number[]] | Logs> {
    checkOptions("evaluate", options, evaluateOptions);
    this.#checkCompiled("evaluate");
    this.#buildFor("evaluate", x);
    const logs = await evaluateModel(this, x, y, options);
    return options.returnDict ? logs : (Object.values(logs) as [loss: number, ...metrics: number[]]);
  }

  /** Outputs [n, ...outputShape] in inference mode, in the order of x. The tensor is yours to dispose. */
  async predict(x: DataLike, options: EvaluateOptions = {}): Promise<Tensor> {
    checkOptions("predict", options, predictOptions);
    this.#buildFor("predict", x);
    return predictModel(this, x, options);
  }

  /**
   * One training step on a batch: its [loss, ...metrics] from before the step. It is traced once for each shape that
   * batches have, and replayed from then on: keep to a few.
   */
  async trainOnBatch(x: DataLike, y: DataLike): Promise<number[]> {
    this.#checkCompiled("trainOnBatch");
    this.#buildFor("trainOnBatch", x);
    this.#checkOutputs("trainOnBatch");
    return Object.values(await trainModelOnBatch(this, this.#batchStep(), x, y));
  }

  /** The compiled step of `trainOnBatch`; another one where the trainable weights have changed. */
  #batchStep(): BatchStep {
    const compiled = this.#checkCompiled("trainOnBatch");
    if (compiled.batchStep?.trainer.isCurrent === false) {
      compiled.batchStep.dispose();
      compiled.batchStep = undefined;
    }
    compiled.batchStep ??= new BatchStep(this.device, this.makeTrainer());
    return compiled.batchStep;
  }

  /** @internal A trainer for the compiled loss, metrics and optimizer. */
  makeTrainer(): Trainer {
    const { loss, metrics: wanted, optimizer } = this.#checkCompiled("training");
    const resolved = wanted.map((metric) => metrics.get(metric, loss, this.outputShape));
    return new Trainer(this, loss, resolved, optimizer);
  }

  /** How errors name it: `model "sequential"`. */
  describe(): string {
    return `model "${this.name}"`;
  }

  /**
   * Frees the weights, and the optimizer unless another model was compiled with it too; disposing that oneself, before or
   * after, is harmless. An optimizer that a later `compile` replaced is the caller's. The model can't be used again.
   */
  dispose(): void {
    this.#isDisposed = true;
    this.#freeCompiled(true);
    this.#compiled = undefined;
    for (const layer of this.#layers) layer.dispose();
    this.#shuffleState?.dispose();
    this.#shuffleState = undefined;
    this.#device = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #run(x: Tensor, last: (layer: Layer, value: Tensor) => Tensor, training: boolean): Tensor {
    if (!(x instanceof Tensor)) {
      throw new ArgumentError(
        `${this.describe()}: call takes a Tensor, got ${typeof x}; use predict() for arrays`,
      );
    }
    if (!this.isBuilt) {
      if (x.rank === 0)
        throw new ShapeError(`${this.describe()}: the input must have a batch axis, got a scalar`);
      this.build(x.shape.slice(1), x.device);
    }
    const { inputShape } = this;
    if (x.rank === 0 || !equalShapes(x.shape.slice(1), inputShape)) {
      throw new ShapeError(
        `${this.describe()}: takes inputs of shape ${batched(inputShape)}, got ${showShape(x.shape)}`,
      );
    }
    return tidy(() => {
      let value = this.#asFloat(x);
      for (const layer of this.#layers.slice(0, -1)) value = layer.call(value, { training });
      return last(this.#layers[this.#layers.length - 1], value);
    });
  }

  #asFloat(x: Tensor): Tensor {
    if (x.dtype === "f32") return x;
    return noGrad(() => {
      const floats = cast(x, "f32");
      return x.dtype === "u8" ? scaleBytes(floats, this.#input?.byteScale ?? 1) : floats;
    });
  }

  #knownInputShape(first: Layer): Shape | undefined {
    return this.#input?.shape ?? first.declaredInputShape ?? first.inputShape;
  }

  /** What comes out of the layers, undefined while the input's shape is not known. */
  #outputShapeOf(layers: readonly Layer[]): Shape | undefined {
    let shape = this.#knownInputShape(layers[0]);
    for (const layer of layers) shape = shape === undefined ? undefined : layer.computeOutputShape(shape);
    return shape;
  }

  #buildFor(what: string, x: DataLike): void {
    if (this.isBuilt) return;
    if (this.#layers.length > 0 && this.#knownInputShape(this.#layers[0]) !== undefined) {
      this.build(undefined, x instanceof Tensor ? x.device : undefined);
      return;
    }
    const shape = rowShape(x);
    if (shape === undefined) {
      throw new ArgumentError(
        `${what}: ${this.describe()}: the shape of a row of x can't be told; start the model with new Input([...])`,
      );
    }
    this.build(shape, x instanceof Tensor ? x.device : undefined);
  }

  /** The state of the orders that `fit` takes samples in: one stream a model, one counter an epoch. */
  #shuffle(): Variable {
    this.#shuffleState ??= variable(this.device.random.state(), {
      dtype: "u32",
      device: this.device,
      trainable: false,
      name: `${this.name}/shuffle`,
    });
    return this.#shuffleState;
  }

  #checkBuilt(what: string): readonly Layer[] {
    if (this.#isDisposed) throw this.#disposed(what);
    if (!this.isBuilt) {
      throw new ArgumentError(
        `${what}: ${this.describe()}: has not been built: ${this.#layers.length === 0 ? "it has no layers" : "its input's shape is not known, or no device was open"}; call build([...]) after init()`,
      );
    }
    return this.#layers;
  }

  #disposed(what: string): DisposedError {
    return new DisposedError(`${what}: ${this.describe()}: was disposed; make a new model`);
  }

  #checkCompiled(what: string): Compiled {
    if (this.#isDisposed) throw this.#disposed(what);
    if (this.#compiled === undefined) {
      throw new ArgumentError(`${what}: ${this.describe()}: call compile({ optimizer, loss }) first`);
    }
    return this.#compiled;
  }

  /** Warns, once a compile, of a cross-entropy and outputs that don't belong together. */
  #checkOutputs(what: string): void {
    const compiled = this.#checkCompiled(what);
    if (compiled.isChecked) return;
    compiled.isChecked = true;
    const warning = outputWarning(this.#layers, this.outputShape, compiled.loss);
    if (warning !== undefined) console.warn(`gradgpu: ${what}: ${this.describe()}: ${warning}`);
  }

  /** @param isLast whether the model ends, so that the optimizer that it was compiled with last goes, too */
  #freeCompiled(isLast: boolean): void {
    if (this.#compiled === undefined) return;
    const { optimizer, isOwn, batchStep } = this.#compiled;
    batchStep?.dispose();
    // One that was passed and is replaced may be compiled with again, and then goes on where it was.
    if (!endUse(optimizer) && (isOwn || isLast)) optimizer.dispose();
  }
}

/** The default device, if one is open. */
function openDevice(): Device | undefined {
  try {
    return defaultDevice();
  } catch {
    return undefined;
  }
}
