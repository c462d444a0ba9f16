// Model: a layer made of calls of layers, and the public face of training. How training goes stands in training/.

import type { Dataset } from "../../data/dataset/index.ts";
import {
  ArgumentError,
  type Device,
  DisposedError,
  device as defaultDevice,
  type Shape,
  ShapeError,
  Tensor,
  type Tree,
  type Variable,
  variable,
} from "../../engine/index.ts";
import { checkOptions, leavesOf, mapTree, type OptionNames } from "../../engine/internal.ts";
import type { Optimizer } from "../../optim/index.ts";
import type { NamedActivation } from "../layers/activations.ts";
import type { CallContext } from "../layers/call-context.ts";
import type { Config } from "../layers/config.ts";
import { Layer, type LayerOptions } from "../layers/layer.ts";
import { specsOf } from "../layers/layer-checks.ts";
import { masksOf } from "../layers/masks.ts";
import { type Placeholder, specsOfValues, type TensorsOf } from "../layers/placeholder.ts";
import {
  batched,
  fitsShape,
  type SampleShape,
  type SampleSpec,
  type SpecOf,
  specsIn,
} from "../layers/spec.ts";
import type { Weights } from "../layers/weights.ts";
import type { Loss } from "../objective/losses.ts";
import type { MetricValue } from "../objective/metric.ts";
import { readWeights, type WeightValue, writeWeights } from "../state/weights.ts";
import { BatchStep } from "../training/batch-step.ts";
import type { DataTree } from "../training/data.ts";
import { type EvaluateModelOptions, evaluateModel, runOnBatch } from "../training/evaluate.ts";
import { type FitOptions, fitModel } from "../training/fit.ts";
import type { History, Logs } from "../training/history.ts";
import { evaluateOptions, predictOptions } from "../training/options.ts";
import { outputWarning } from "../training/output-warning.ts";
import { type PredictOptions, predictModel } from "../training/predict.ts";
import { isDataset } from "../training/source.ts";
import type { TrainableModel } from "../training/trainable.ts";
import { type TrainedOutput, Trainer, type TrainerOptions } from "../training/trainer.ts";
import { begin, type Compiled, type CompileOptions, compiled, outputsOf } from "./compiled.ts";
import { graphConfig, relaid } from "./copies.ts";
import { checkForm, Graph, type LayerCall, readInputs } from "./graph.ts";
import { endUse } from "./optimizer-users.ts";
import { modelSummary } from "./summary.ts";

export interface ModelOptions extends Pick<LayerOptions, "name" | "trainable"> {}

export interface OnBatchOptions {
  /** What the loss (and weighted metrics) of each sample counts; default 1 each. */
  sampleWeight?: DataTree;
}

export const modelOptions: OptionNames<ModelOptions> = { name: true, trainable: true };

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
export class Model<const PI = any, const PO = any>
  extends Layer<TensorsOf<PI>, TensorsOf<PO>>
  implements TrainableModel
{
  /**
   * Set it to true, in a callback or anywhere else, to end `fit` after the steps that were given to the device by then.
   * An epoch that is cut short so ends as others do: it is validated, callbacks are told of it, and the history has it,
   * with means over the samples that it has seen.
   */
  stopTraining = false;
  /** The finished epochs of the `fit` that is running, or of the last one, however it ended. */
  history: History | undefined;
  #graph: Graph | undefined;
  #device: Device | undefined;
  #compiled: Compiled | undefined;
  /** Those of `trainOnBatch` and `testOnBatch`, with weights of samples and without. */
  readonly #batchSteps = new Map<string, BatchStep>();
  /** Whether training has looked once for a loss and outputs that don't belong together. */
  #isChecked = false;
  #shuffleState: Variable | undefined;
  #isFitting = false;

  /**
   * @param inputs where it starts: placeholders as {@link input} makes them
   * @param outputs where it ends: what calls of layers gave for them
   */
  constructor(
    inputs: PI & Tree<Placeholder>,
    outputs: PO & Tree<Placeholder>,
    options: ModelOptions = {},
    type = "Model",
  ) {
    super(type, options, modelOptions);
    if (inputs === undefined && outputs === undefined && type !== "Model") return;
    this.setGraph(new Graph(this.describe(), inputs, outputs));
  }

  /** @internal Whether `fit` is running. */
  get isTraining(): boolean {
    return this.#isFitting;
  }

  /** @internal The graph, which a Sequential has once its input's shape is known. */
  protected get graph(): Graph | undefined {
    return this.#graph;
  }

  /** @internal Replaces the graph, and builds what is new in it if a device is open. */
  protected setGraph(graph: Graph, device = this.#device ?? openDevice()): void {
    const before = this.#graph;
    this.#graph = graph;
    try {
      if (device !== undefined) this.#buildOn(device);
    } catch (error) {
      this.#graph = before;
      throw error;
    }
  }

  get calls(): readonly LayerCall[] {
    return this.#graph?.calls ?? [];
  }

  /** In the order of their first calls. */
  get layers(): readonly Layer[] {
    return this.#graph?.layers ?? [];
  }

  /** Where the model starts; a Sequential's is known as its input's shape is. */
  get inputs(): PI {
    return this.#knownGraph("inputs").inputs as PI;
  }

  /** Of the inputs, in their order. */
  get inputNames(): readonly string[] {
    return this.#graph?.inputNames ?? [];
  }

  /** Where it ends. */
  get outputs(): PO {
    return this.#knownGraph("outputs").outputs as PO;
  }

  /** What a layer is called in this model: unique among its layers. Undefined of one that it has not. */
  nameOf(layer: Layer): string | undefined {
    return this.#graph?.nameOf(layer) ?? undefined;
  }

  /**
   * What a layer gives at its first call in this model, for another model over a part of it:
   * `new Model(model.inputs, model.outputOf("dense_1"))`.
   *
   * @param layer itself, or its name here
   */
  outputOf<P = Placeholder>(layer: string | Layer): P {
    const graph = this.#knownGraph("outputOf");
    const call = graph.calls.find((one) => one.layer === layer || graph.nameOf(one.layer) === layer);
    if (call !== undefined) return call.outputs as P;
    throw new ArgumentError(
      `outputOf: ${this.describe()}: has no layer ${typeof layer === "string" ? `"${layer}"` : layer.describe()}; it has ${graph.layers.map((one) => graph.nameOf(one)).join(", ")}`,
    );
  }

  /** A layer by its name in this model. */
  getLayer(name: string): Layer {
    const found = this.layers.find((layer) => this.nameOf(layer) === name);
    if (found !== undefined) return found;
    throw new ArgumentError(
      `getLayer: ${this.describe()}: has no layer "${name}"; it has ${this.layers.map((layer) => this.nameOf(layer)).join(", ")}`,
    );
  }

  override get isRoot(): boolean {
    return !this.isInside;
  }

  /** Whether all layers have their weights. */
  override get isBuilt(): boolean {
    return super.isBuilt && this.layers.every((layer) => layer.isBuilt);
  }

  override get inputShape(): Shape {
    this.checkBuilt("inputShape");
    return super.inputShape as Shape;
  }

  override get outputShape(): Shape {
    this.checkBuilt("outputShape");
    return super.outputShape as Shape;
  }

  /** Where the weights are. */
  get device(): Device {
    this.checkBuilt("device");
    return this.#device as Device;
  }

  /** The compiled optimizer, undefined before `compile`. */
  get optimizer(): Optimizer | undefined {
    return this.#compiled?.optimizer;
  }

  override get outputActivations(): readonly (NamedActivation | undefined)[] {
    if (this.#graph === undefined) return [];
    return leavesOf(this.#graph.outputs).map(({ producer, output }) =>
      producer === undefined ? undefined : (producer as LayerCall).layer.outputActivations[output],
    );
  }

  /** @internal What `compile` was told. */
  get compileOptions(): CompileOptions | undefined {
    return this.#compiled?.options;
  }

  /** @internal What `fit` draws its orders of samples from: one stream a model, one counter an epoch. */
  get shuffleState(): Variable | undefined {
    return this.#shuffleState;
  }

  /** Names by which logs and data tell the outputs apart: those of the layers that give them, or of their places. */
  get outputNames(): readonly string[] {
    return this.#graph === undefined ? [] : this.#graph.outputNames;
  }

  /** @internal Of every output. */
  get outputShapes(): readonly SampleShape[] {
    return this.#graph === undefined ? [] : leavesOf(this.#graph.outputs).map(({ shape }) => shape);
  }

  /** @internal Whether a layer in it makes masks. */
  get usesMasks(): boolean {
    for (const layer of this.inside()) if (layer.makesMask && !(layer instanceof Model)) return true;
    return false;
  }

  override get byteScales(): readonly number[] {
    return this.#graph?.byteScales ?? [];
  }

  /** @internal Input by input, how many rows the table has that its numbers choose from; undefined where they don't. */
  get idCounts(): readonly (number | undefined)[] {
    return this.#graph === undefined ? [] : idCountsOf(this.#graph);
  }

  override outputSpec(inputs: SpecOf<TensorsOf<PI>>): SpecOf<TensorsOf<PO>> {
    const graph = this.#knownGraph("outputSpec");
    this.#checkSpecs(graph, inputs as Tree<SampleSpec>);
    return specsOfValues(graph.outputs) as SpecOf<TensorsOf<PO>>;
  }

  protected override createWeights(_inputs: SpecOf<TensorsOf<PI>>, weights: Weights): void {
    const graph = this.#knownGraph("build");
    const declared = new Set<Layer>();
    for (const call of graph.calls) {
      const { layer } = call;
      if (declared.has(layer)) layer.checkFit(graph.specsOf(call));
      else weights.inner(graph.nameOf(layer) as string, layer, graph.specsOf(call));
      declared.add(layer);
    }
  }

  protected override checkForm(inputs: TensorsOf<PI>): void {
    const graph = this.#graph;
    if (graph !== undefined) checkForm(this.describe(), graph.inputs, inputs);
  }

  protected forward(inputs: TensorsOf<PI>, _context: CallContext): TensorsOf<PO> {
    return this.#runGraph(inputs, false);
  }

  protected override forwardLogits(inputs: TensorsOf<PI>, _context: CallContext): TensorsOf<PO> {
    return this.#runGraph(inputs, true);
  }

  override get makesMask(): boolean {
    return true;
  }

  /** Those that the layers gave to what comes out. */
  protected override outputMask(
    _inputs: TensorsOf<PI>,
    _mask: CallContext["mask"],
    outputs: TensorsOf<PO>,
  ): CallContext["mask"] {
    return masksOf(outputs as Tree<Tensor>);
  }

  #runGraph(inputs: TensorsOf<PI>, logits: boolean): TensorsOf<PO> {
    const graph = this.#knownGraph("call");
    const values = readInputs(this.describe(), graph, inputs as Tree<Tensor>);
    const ends = new Map<Placeholder, Tensor>();
    const wanted = new Set(logits ? leavesOf(graph.outputs) : []);
    const found = graph.run(values, (call, given) => {
      const { layer } = call;
      const made = leavesOf(call.outputs);
      if (!made.some((placeholder) => wanted.has(placeholder))) return layer.call(given) as Tree<Tensor>;
      const raw = layer.call(given, { logits: true }) as Tree<Tensor>;
      const list = leavesOf(raw);
      made.forEach((placeholder, i) => {
        ends.set(placeholder, list[i]);
      });
      if (!graph.isRead(call)) return raw;
      // Others read the activated value.
      const activations = layer.outputActivations;
      let next = 0;
      return mapTree(raw, (value: Tensor) => activations[next++]?.call(value) ?? value);
    });
    if (!logits) return found as TensorsOf<PO>;
    const all = leavesOf(found);
    let at = 0;
    return mapTree(graph.outputs, (placeholder: Placeholder) => {
      const value = all[at++];
      return ends.get(placeholder) ?? value;
    }) as TensorsOf<PO>;
  }

  /** Makes the weights of all layers that have none. */
  override build(
    inputs?: SampleShape | Tree<SampleSpec>,
    device: Device = this.#device ?? defaultDevice(),
  ): this {
    if (this.isDisposed) throw this.#disposed("build");
    const graph = this.#knownGraph("build");
    if (inputs !== undefined) {
      this.#checkSpecs(graph, specsOf(this.describe(), inputs));
    }
    if (!this.isBuilt) this.#buildOn(device);
    return this;
  }

  #buildOn(device: Device): void {
    const graph = this.#knownGraph("build");
    this.#device ??= device;
    this.extend(specsOfValues(graph.inputs), specsOfValues(graph.outputs), this.#device);
  }

  /** Prints the table of layers in Keras 2's form, line by line, and gives its text. */
  summary(options: { print?: (line: string) => void } = {}): string {
    checkOptions("summary", options, { print: true });
    const { print = (line: string) => console.log(line) } = options;
    this.checkBuilt("summary");
    const text = modelSummary(this);
    for (const line of text.split("\n")) print(line);
    return text;
  }

  /** Reads all weights back, in the order of {@link weights}. */
  async getWeights(): Promise<WeightValue[]> {
    this.checkBuilt("getWeights");
    return readWeights(this.#namedWeights());
  }

  /**
   * Replaces all weights, in the order of {@link weights}: what `getWeights` gave, or flat arrays.
   *
   * @throws ShapeError when they do not fit; nothing is changed then
   */
  setWeights(values: readonly (WeightValue | ArrayLike<number>)[]): this {
    this.checkBuilt("setWeights");
    writeWeights(`setWeights: ${this.describe()}`, this.#namedWeights(), values);
    return this;
  }

  /** The weights by their paths in this model. */
  #namedWeights(): { name: string; variable: Variable }[] {
    return [...this.variables()]
      .filter(({ role }) => role === "trained" || role === "moved")
      .map(({ path, variable }) => ({ name: path, variable }));
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
    if (this.#graph !== undefined)
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

  /** @internal A trainer for the compiled losses, metrics and optimizer. */
  makeTrainer(options: Pick<TrainerOptions, "hasWeights" | "classWeights"> = {}): Trainer {
    const compiled = this.#checkCompiled("training");
    compiled.frozen ??= frozenLayers(this);
    const { optimizer, frozen } = compiled;
    return new Trainer({ ...options, model: this, optimizer, frozen, outputs: this.#outputsTrained() });
  }

  /**
   * What the model was made of, as data that JSON holds: `modelFromConfig({ type: model.type, config: model.config() })`
   * makes it again, with fresh weights.
   */
  override config(): Config {
    return { name: this.name, trainable: this.trainable, ...graphConfig(this.#knownGraph("config")) };
  }

  /** A model of new layers made as these were, with fresh weights, not compiled. */
  override clone(): this {
    const copies = new Map<Layer, Layer>();
    const copyOf = (layer: Layer) => {
      const found = copies.get(layer) ?? layer.clone();
      copies.set(layer, found);
      return found;
    };
    const { inputs, outputs } = relaid(this.#knownGraph("clone"), copyOf);
    return new Model(inputs, outputs, { name: this.name, trainable: this.trainable }) as unknown as this;
  }

  /** How errors name it: `model "sequential"`. */
  override describe(): string {
    return `model "${this.isInside ? this.path : this.name}"`;
  }

  /**
   * Frees the weights, and the optimizer unless another model was compiled with it too; disposing that oneself, before or
   * after, is harmless. An optimizer that a later `compile` replaced is the caller's. The model can't be used again.
   */
  override dispose(): void {
    this.#freeCompiled(true);
    this.#compiled = undefined;
    super.dispose();
    for (const layer of this.layers) layer.dispose();
    this.#shuffleState?.dispose();
    this.#shuffleState = undefined;
    this.#device = undefined;
  }

  /** @internal Makes the weights for data, if there are none. */
  protected buildFor(what: string, x: DataTree): void {
    if (this.isDisposed) throw this.#disposed(what);
    if (this.isBuilt) return;
    const first = x instanceof Tensor ? x : Object.values(x as object)[0];
    this.build(undefined, first instanceof Tensor ? first.device : undefined);
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

  /** @internal */
  protected checkBuilt(what: string): void {
    if (this.isDisposed) throw this.#disposed(what);
    if (this.isBuilt) return;
    throw new ArgumentError(
      `${what}: ${this.describe()}: has not been built: ${this.whyNotBuilt()}; call build([...]) after init()`,
    );
  }

  /** @internal */
  protected whyNotBuilt(): string {
    return "no device was open";
  }

  #knownGraph(what: string): Graph {
    if (this.#graph !== undefined) return this.#graph;
    if (this.isDisposed) throw this.#disposed(what);
    throw new ArgumentError(`${what}: ${this.describe()}: ${this.whyNoGraph()}`);
  }

  /** @internal */
  protected whyNoGraph(): string {
    return "has no graph";
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

  #checkSpecs(graph: Graph, specs: Tree<SampleSpec>): void {
    const given = specsIn(specs);
    const wanted = leavesOf(graph.inputs);
    if (given.length !== wanted.length) {
      throw new ArgumentError(`${this.describe()}: takes ${wanted.length} inputs, got ${given.length}`);
    }
    given.forEach(({ shape }, i) => {
      if (fitsShape(shape, wanted[i].shape)) return;
      throw new ShapeError(
        `${this.describe()}: takes inputs of shape ${batched(wanted[i].shape)}, not ${batched(shape)}`,
      );
    });
  }

  #disposed(what: string): DisposedError {
    return new DisposedError(`${what}: ${this.describe()}: was disposed; make a new model`);
  }

  #checkCompiled(what: string): Compiled {
    if (this.isDisposed) throw this.#disposed(what);
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
    leavesOf(this.#knownGraph(what).outputs).forEach((output, i) => {
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

/** An input that is read as numbers of rows has as many as the smallest of the tables. */
function idCountsOf({ inputs, calls }: Graph): (number | undefined)[] {
  return leavesOf(inputs).map((placeholder) => {
    const counts = calls.flatMap(({ layer, inputs: given }) =>
      leavesOf(given).flatMap((value, i) => {
        if (value !== placeholder) return [];
        // Of several inputs the first holds ids.
        const count = layer instanceof Model ? layer.idCounts[i] : i === 0 ? layer.idCount : undefined;
        return count === undefined ? [] : [count];
      }),
    );
    return counts.length === 0 ? undefined : Math.min(...counts);
  });
}

/** The layers that say that they are not to be trained. */
function frozenLayers(model: Layer): ReadonlySet<Layer> {
  return new Set([model, ...model.inside()].filter((layer) => !layer.trainable));
}

/** The default device, if one is open. */
export function openDevice(): Device | undefined {
  try {
    return defaultDevice();
  } catch {
    return undefined;
  }
}
