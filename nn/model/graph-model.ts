// GraphModel: a layer made of calls of layers; what Model is but for training.

import {
  ArgumentError,
  type Device,
  DisposedError,
  device as defaultDevice,
  type Shape,
  Tensor,
  type Tree,
  type Variable,
} from "../../engine/index.ts";
import { checkOptions, leavesOf, type OptionNames } from "../../engine/internal.ts";
import type { NamedActivation } from "../layers/activations.ts";
import type { CallContext } from "../layers/call-context.ts";
import type { Config } from "../layers/config.ts";
import { Layer, type LayerOptions } from "../layers/layer.ts";
import { specsOf } from "../layers/layer-checks.ts";
import { masksOf } from "../layers/masks.ts";
import { type Placeholder, specsOfValues, type TensorsOf } from "../layers/placeholder.ts";
import type { SampleShape, SampleSpec, SpecOf } from "../layers/spec.ts";
import type { Weights } from "../layers/weights.ts";
import { readWeights, type WeightValue, writeWeights } from "../state/weights.ts";
import type { DataTree } from "../training/data.ts";
import { graphConfig } from "./copies.ts";
import { checkForm, Graph, type LayerCall } from "./graph.ts";
import { checkSpecs, runGraph } from "./run-graph.ts";
import { modelSummary } from "./summary.ts";

export interface ModelOptions extends Pick<LayerOptions, "name" | "trainable"> {}

export const modelOptions: OptionNames<ModelOptions> = { name: true, trainable: true };

// biome-ignore lint/suspicious/noExplicitAny: models of all kinds stand in one list
export abstract class GraphModel<const PI = any, const PO = any> extends Layer<TensorsOf<PI>, TensorsOf<PO>> {
  #graph: Graph | undefined;
  #device: Device | undefined;

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
    return this.knownGraph("inputs").inputs as PI;
  }

  /** Of the inputs, in their order. */
  get inputNames(): readonly string[] {
    return this.#graph?.inputNames ?? [];
  }

  /** Where it ends. */
  get outputs(): PO {
    return this.knownGraph("outputs").outputs as PO;
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
    const graph = this.knownGraph("outputOf");
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

  override get outputActivations(): readonly (NamedActivation | undefined)[] {
    if (this.#graph === undefined) return [];
    return leavesOf(this.#graph.outputs).map(({ producer, output }) =>
      producer === undefined ? undefined : (producer as LayerCall).layer.outputActivations[output],
    );
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
    for (const layer of this.inside()) if (layer.makesMask && !(layer instanceof GraphModel)) return true;
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
    const graph = this.knownGraph("outputSpec");
    checkSpecs(this.describe(), graph, inputs as Tree<SampleSpec>);
    return specsOfValues(graph.outputs) as SpecOf<TensorsOf<PO>>;
  }

  protected override createWeights(_inputs: SpecOf<TensorsOf<PI>>, weights: Weights): void {
    const graph = this.knownGraph("build");
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
    return runGraph(this.describe(), this.knownGraph("call"), inputs as Tree<Tensor>, false) as TensorsOf<PO>;
  }

  protected override forwardLogits(inputs: TensorsOf<PI>, _context: CallContext): TensorsOf<PO> {
    return runGraph(this.describe(), this.knownGraph("call"), inputs as Tree<Tensor>, true) as TensorsOf<PO>;
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

  /** Makes the weights of all layers that have none. */
  override build(
    inputs?: SampleShape | Tree<SampleSpec>,
    device: Device = this.#device ?? defaultDevice(),
  ): this {
    if (this.isDisposed) throw this.disposedError("build");
    const graph = this.knownGraph("build");
    if (inputs !== undefined) {
      checkSpecs(this.describe(), graph, specsOf(this.describe(), inputs));
    }
    if (!this.isBuilt) this.#buildOn(device);
    return this;
  }

  #buildOn(device: Device): void {
    const graph = this.knownGraph("build");
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
   * What the model was made of, as data that JSON holds: `modelFromConfig({ type: model.type, config: model.config() })`
   * makes it again, with fresh weights.
   */
  override config(): Config {
    return { name: this.name, trainable: this.trainable, ...graphConfig(this.knownGraph("config")) };
  }

  /** How errors name it: `model "sequential"`. */
  override describe(): string {
    return `model "${this.isInside ? this.path : this.name}"`;
  }

  /** @internal Makes the weights for data, if there are none. */
  protected buildFor(what: string, x: DataTree): void {
    if (this.isDisposed) throw this.disposedError(what);
    if (this.isBuilt) return;
    const first = x instanceof Tensor ? x : Object.values(x as object)[0];
    this.build(undefined, first instanceof Tensor ? first.device : undefined);
  }

  /** @internal */
  protected checkBuilt(what: string): void {
    if (this.isDisposed) throw this.disposedError(what);
    if (this.isBuilt) return;
    throw new ArgumentError(
      `${what}: ${this.describe()}: has not been built: ${this.whyNotBuilt()}; call build([...]) after init()`,
    );
  }

  /** @internal */
  protected whyNotBuilt(): string {
    return "no device was open";
  }

  /** @internal */
  protected knownGraph(what: string): Graph {
    if (this.#graph !== undefined) return this.#graph;
    if (this.isDisposed) throw this.disposedError(what);
    throw new ArgumentError(`${what}: ${this.describe()}: ${this.whyNoGraph()}`);
  }

  /** @internal */
  protected whyNoGraph(): string {
    return "has no graph";
  }

  /** @internal */
  protected disposedError(what: string): DisposedError {
    return new DisposedError(`${what}: ${this.describe()}: was disposed; make a new model`);
  }

  /** Frees the weights. The model can't be used again. */
  override dispose(): void {
    super.dispose();
    for (const layer of this.layers) layer.dispose();
    this.#device = undefined;
  }
}

/** An input that is read as numbers of rows has as many as the smallest of the tables. */
function idCountsOf({ inputs, calls }: Graph): (number | undefined)[] {
  return leavesOf(inputs).map((placeholder) => {
    const counts = calls.flatMap(({ layer, inputs: given }) =>
      leavesOf(given).flatMap((value, i) => {
        if (value !== placeholder) return [];
        // Of several inputs the first holds ids.
        const count = layer instanceof GraphModel ? layer.idCounts[i] : i === 0 ? layer.idCount : undefined;
        return count === undefined ? [] : [count];
      }),
    );
    return counts.length === 0 ? undefined : Math.min(...counts);
  });
}

/** The default device, if one is open. */
export function openDevice(): Device | undefined {
  try {
    return defaultDevice();
  } catch {
    return undefined;
  }
}
