// Layer: weights, and a function of tensors that uses them. Shapes here are without the batch axis, which comes first in
// every input and output.

import {
  ArgumentError,
  type Device,
  DeviceError,
  DisposedError,
  device as defaultDevice,
  nameScope,
  type Shape,
  ShapeError,
  Tensor,
  type Tree,
  tidy,
} from "../../engine/index.ts";
import { checkOptions, kindOf, leavesOf, mapTree } from "../../engine/internal.ts";
import type { NamedActivation } from "./activations.ts";
import { addLoss, type CallContext, callContext, type Inherited } from "./call-context.ts";
import { type Config, configValue, type LayerClass, leadingOf } from "./config.ts";
import { apartFrom, checkOutputs, sameSample, sameSpecs, shapeOf, specsOf } from "./layer-checks.ts";
import { type CallOptions, callOptions, type LayerOptions, layerOptions } from "./layer-options.ts";
import { LayerTree, type VariableIn } from "./layer-tree.ts";
import { masksOf, setMasks } from "./masks.ts";
import { hasPlaceholder, noteCall, Placeholder, type Symbolic, specsOfValues } from "./placeholder.ts";
import { get as regularizerOf } from "./regularizers.ts";
import {
  batched,
  checkSampleShape,
  fitsShape,
  mapSpecs,
  type SampleShape,
  type SampleSpec,
  type SpecOf,
  specsIn,
} from "./spec.ts";
import { Builder, type WeightRegularizer, type Weights } from "./weights.ts";

export type { OwnLayerOptions } from "./layer-options.ts";
export type { CallOptions, LayerOptions };

/** A layer as tests and the bench try it. */
export interface LayerSample {
  readonly make: () => Layer;
  /** The input's, the batch first. */
  readonly shape: Shape;
  /** Of a layer that takes several inputs in an array: those of the inputs after the first. */
  readonly others?: readonly Shape[];
  /** Input of whole numbers below this, as an embedding takes it; without a gradient. */
  readonly limit?: number;
}

/** A variable of a layer or of one inside it. */
export type LayerVariable = VariableIn<Layer>;

// biome-ignore lint/suspicious/noExplicitAny: layers of all kinds stand in one list
export abstract class Layer<I = any, O = any> extends LayerTree<Layer> {
  /** @internal What tests and the bench try of a class that the bench's table of layers does not list. */
  declare static readonly samples?: () => readonly LayerSample[];
  /**
   * The names of the arguments that stand before the options in the constructor, where there are any: properties of the
   * same names hold them, so that {@link clone} and {@link config} find them.
   */
  declare static readonly positional?: readonly string[];

  /** What the options asked for; undefined where it is to be worked out. */
  readonly declaredInputShape: SampleShape | undefined;
  /** The penalty on what it gives. */
  readonly activityRegularizer: WeightRegularizer | undefined;
  readonly #options: LayerOptions;
  #device: Device | undefined;
  #inputSpec: Tree<SampleSpec> | undefined;
  #outputSpec: Tree<SampleSpec> | undefined;
  /** The shapes that came last, and what they give: so that calls that repeat are checked by comparing alone. */
  #last: { readonly shapes: readonly Shape[]; readonly outputs: readonly SampleSpec[] } | undefined;
  #isDisposed = false;

  /**
   * @param own the names of the options that the layer has besides {@link LayerOptions}: any others are refused. Left
   *   out, nothing is
   */
  protected constructor(type: string, options: LayerOptions = {}, own?: Readonly<Record<string, true>>) {
    if (own !== undefined) checkOptions(type, options, { ...layerOptions, ...own });
    super(type, options);
    this.#options = { ...options };
    this.activityRegularizer = regularizerOf(options.activityRegularizer);
    const { inputShape, inputDim } = options;
    this.declaredInputShape = inputShape ?? (inputDim === undefined ? undefined : [inputDim]);
    if (this.declaredInputShape !== undefined) checkSampleShape(this.describe(), this.declaredInputShape);
  }

  /**
   * What comes out for inputs of a shape and dtype; throws a ShapeError for some that it can't take. Unless a layer says
   * otherwise, what comes in.
   */
  outputSpec(inputs: SpecOf<I>): SpecOf<O> {
    return inputs as unknown as SpecOf<O>;
  }

  /** The layer's function, without its {@link outputActivation}. The inputs have shapes that {@link outputSpec} takes. */
  protected abstract forward(inputs: I, context: CallContext): O;

  /** Declares the weights and inner layers; called again, with nothing made anew, to check whether other inputs fit. */
  protected createWeights(_inputs: SpecOf<I>, _weights: Weights): void {}

  /** Applied to what {@link forward} gives; a loss from logits leaves it out. */
  get outputActivation(): NamedActivation | undefined {
    return undefined;
  }

  /** @internal Those that come last, output by output. */
  get outputActivations(): readonly (NamedActivation | undefined)[] {
    return [this.outputActivation];
  }

  /** Whether masks of the input go on to the output, as they do through what treats each step by itself. */
  get passesMask(): boolean {
    return false;
  }

  /** The masks of the outputs, in their places; undefined for none. */
  protected outputMask(inputs: I, mask: CallContext["mask"], _outputs: O): CallContext["mask"] {
    return this.passesMask && inputs instanceof Tensor ? mask : undefined;
  }

  /** @internal Where an input is the number of a row of a table, as an Embedding's: how many rows that has. */
  get idCount(): number | undefined {
    return undefined;
  }

  /** @internal Input by input, what bytes mean to it: a model's, where they come in as bytes. */
  get byteScales(): readonly number[] {
    return [];
  }

  get isBuilt(): boolean {
    return this.#inputSpec !== undefined;
  }

  /** Of the inputs that it was built for; undefined before. */
  get inputSpec(): Tree<SampleSpec> | undefined {
    return this.#inputSpec;
  }

  /** The shape of the input that it was built for; undefined before. */
  get inputShape(): Shape | undefined {
    return shapeOf(this.describe(), "inputShape", this.#inputSpec);
  }

  /** The shape of the output for that input; undefined before. */
  get outputShape(): Shape | undefined {
    return shapeOf(this.describe(), "outputShape", this.#outputSpec);
  }

  /** Shape of one output for one input of a shape, f32. */
  computeOutputShape(inputShape: SampleShape): Shape {
    const spec = this.outputSpec({ shape: inputShape, dtype: "f32" } as SpecOf<I>);
    return (spec as unknown as SampleSpec).shape as Shape;
  }

  /**
   * Makes the weights for inputs of a shape, on the default device unless told another; once only: for other inputs it
   * says whether they fit.
   *
   * @param inputs the shape of the one input, without the batch axis; or the specs of all, in their places
   */
  build(inputs: SampleShape | Tree<SampleSpec>, device: Device = defaultDevice()): this {
    if (this.#isDisposed) throw new DisposedError(`${this.describe()}: was disposed; make a new layer`);
    const specs = specsOf(this.describe(), inputs);
    if (this.#inputSpec !== undefined) {
      this.checkFit(specs);
      return this;
    }
    const declared = this.declaredInputShape;
    const first = specsIn(specs)[0];
    if (declared !== undefined && first !== undefined && !fitsShape(first.shape, declared)) {
      throw new ShapeError(
        `${this.describe()}: its inputShape is ${batched(declared)}, but what comes in is ${batched(first.shape)}`,
      );
    }
    const outputs: Tree<SampleSpec> = this.outputSpec(specs as SpecOf<I>);
    this.#device = device;
    try {
      this.createWeights(specs as SpecOf<I>, new Builder(this, this.parts, specs, device));
    } catch (error) {
      for (const part of this.parts) if ("variable" in part) part.variable.dispose();
      this.parts.length = 0;
      throw error;
    }
    this.#outputSpec = outputs;
    this.#inputSpec = specs;
    return this;
  }

  /** @internal Declares once more, for inputs that it was not built for: what is new is made. */
  protected extend(specs: Tree<SampleSpec>, outputs: Tree<SampleSpec>, device: Device): void {
    this.#device = device;
    this.createWeights(specs as SpecOf<I>, new Builder(this, this.parts, specs, device));
    this.#inputSpec = specs;
    this.#outputSpec = outputs;
    this.#last = undefined;
  }

  /** @internal @throws ShapeError unless its weights are such as inputs of these specs need */
  checkFit(specs: Tree<SampleSpec>): void {
    if (this.#inputSpec === undefined || this.parts.length === 0) return;
    if (sameSpecs(specs, this.#inputSpec)) return;
    this.createWeights(specs as SpecOf<I>, new Builder(this, this.parts, specs, undefined));
  }

  /**
   * Runs the layer on a batch, [batch, ...] each input, building it first if it is not. Tensors made on the way are freed
   * when it is done (or when a tape that records them is); `keep` those that {@link forward} puts aside.
   *
   * For placeholders it gives placeholders: that is how models are put together.
   *
   * @throws ShapeError when the inputs are not of shapes that the layer takes, or what comes out not of the one that
   *   {@link outputSpec} gives
   */
  call(inputs: I, options?: CallOptions): O;
  call(inputs: Symbolic<I>): Symbolic<O>;
  call(inputs: I | Symbolic<I>, options?: CallOptions): O | Symbolic<O> {
    if (hasPlaceholder(inputs)) return this.#symbolic(inputs as Tree<Placeholder>) as Symbolic<O>;
    checkOptions("call", options, callOptions);
    return this.#run(inputs as I, options ?? {});
  }

  /**
   * What it was made of, as data that JSON holds: `modelFromConfig` makes models of it again.
   *
   * @throws ArgumentError where it was given a function of the user's own
   */
  config(): Config {
    const values = { ...leadingOf(this), ...this.#options, trainable: this.trainable };
    const what = `config: ${this.describe()}`;
    return Object.fromEntries(
      Object.entries(values)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => [key, configValue(`${what}: ${key}`, value)]),
    );
  }

  /** A new layer made of the same arguments, with weights of its own. */
  clone(): this {
    const made = this.constructor as LayerClass<this>;
    const fresh = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(fresh);
      return value instanceof Layer ? value.clone() : value;
    };
    const options = { ...this.#options, trainable: this.trainable };
    return new made(...Object.values(leadingOf(this)).map(fresh), options);
  }

  /** Frees the weights, and those of the layers inside. The layer can't be used again. */
  dispose(): void {
    for (const part of this.parts) {
      if ("layer" in part) part.layer.dispose();
      else part.variable.dispose();
    }
    this.parts.length = 0;
    this.#inputSpec = undefined;
    this.#isDisposed = true;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @internal */
  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  /** A call in a model that is being put together. */
  #symbolic(inputs: Tree<Placeholder>): Tree<Placeholder> {
    mapTree(inputs, (value: unknown) => {
      if (value instanceof Placeholder) return;
      throw new ArgumentError(
        `${this.describe()}: got ${kindOf(value)} among placeholders; make an input(...) for it, or keep it in a layer`,
      );
    });
    const specs = specsOfValues(inputs);
    if (this.isBuilt) this.checkFit(specs);
    const outputs: Tree<SampleSpec> = this.outputSpec(specs as SpecOf<I>);
    return noteCall(this, inputs, (placeholderOf) => mapSpecs(outputs, placeholderOf) as Tree<Placeholder>);
  }

  #run(inputs: I, { training, mask: given, logits = false }: CallOptions): O {
    const outer = callContext.value;
    this.checkForm(inputs);
    const wanted = this.#ready(inputs as Tree<Tensor>, outer);
    const mask = given ?? masksOf(inputs as Tree<Tensor>);
    const inherited: Inherited = {
      training: training ?? outer.training,
      trainable: outer.trainable && (outer.frozen === undefined ? this.trainable : !outer.frozen.has(this)),
      frozen: outer.frozen,
      losses: outer.losses,
      caller: this,
    };
    const context: CallContext = {
      training: inherited.training,
      trainable: inherited.trainable,
      mask,
      addLoss,
    };
    const within = <R>(fn: () => R): R => (this.isRoot ? fn() : nameScope(this.name, fn));
    return within(() =>
      callContext.with(inherited, () => {
        return tidy(() => {
          const raw = logits ? this.forwardLogits(inputs, context) : this.forward(inputs, context);
          const activation = logits ? undefined : this.outputActivation;
          const outputs = activation === undefined ? raw : (activation.call(raw as Tensor) as O);
          checkOutputs(this.describe(), inputs as Tree<Tensor>, outputs as Tree<Tensor>, wanted);
          if (this.activityRegularizer !== undefined && outer.losses !== undefined) {
            const given = logits && this.outputActivation !== undefined;
            this.#penalize(given ? this.outputActivation.call(outputs as Tensor) : outputs);
          }
          const apart = apartFrom(inputs as Tree<Tensor>, outputs as Tree<Tensor>);
          if (mask !== undefined || this.makesMask) setMasks(apart, this.outputMask(inputs, mask, outputs));
          return apart as O;
        });
      }),
    );
  }

  /** @internal Refuses inputs of another form than the layer takes. */
  protected checkForm(_inputs: I): void {}

  /** Adds the penalties on what comes out. */
  #penalize(outputs: unknown): void {
    for (const output of leavesOf(outputs as Tree<Tensor>)) {
      addLoss((this.activityRegularizer as WeightRegularizer).call(output));
    }
  }

  /** @internal What comes out without the last activations; a model leaves out those of the layers that it ends with. */
  protected forwardLogits(inputs: I, context: CallContext): O {
    return this.forward(inputs, context);
  }

  /** Whether {@link outputMask} may give one where the inputs have none, as an Embedding's does with `maskZero`. */
  get makesMask(): boolean {
    return false;
  }

  /** Builds the layer if it is not, checks the inputs, and gives the specs of what must come out. */
  #ready(inputs: Tree<Tensor>, { caller }: Inherited): readonly SampleSpec[] {
    if (this.#isDisposed) throw new DisposedError(`${this.describe()}: was disposed; make a new layer`);
    const tensors = inputs instanceof Tensor ? [inputs] : leavesOf(inputs);
    for (const tensor of tensors) {
      if (!(tensor instanceof Tensor)) {
        throw new ArgumentError(`${this.describe()}: call takes Tensors, got ${kindOf(tensor)}`);
      }
      if (tensor.rank === 0)
        throw new ShapeError(`${this.describe()}: the input must have a batch axis, got a scalar`);
    }
    const last = this.#last;
    const isAsLast =
      last !== undefined &&
      last.shapes.length === tensors.length &&
      tensors.every((tensor, i) => sameSample(tensor.shape, last.shapes[i]));
    if (!isAsLast) {
      const specs = mapTree(
        inputs,
        ({ shape, dtype }: Tensor): SampleSpec => ({ shape: shape.slice(1), dtype }),
      );
      if (this.isBuilt) this.checkFit(specs);
      else if (caller !== undefined) {
        throw new ArgumentError(
          `${caller.describe()}: calls ${this.describe()}, which it has not declared, so nothing would train it; declare it in createWeights, as in weights.inner("${this.name}", this.${this.name}, inputs)`,
        );
      } else this.build(specs, tensors[0]?.device);
      const outputs = specsIn(this.outputSpec(specs as SpecOf<I>) as Tree<SampleSpec>);
      this.#last = { shapes: tensors.map(({ shape }) => shape), outputs };
    }
    const elsewhere = tensors.find(({ device }) => device !== this.#device);
    if (elsewhere !== undefined && this.parts.length > 0) {
      throw new DeviceError(
        `${this.describe()}: its weights and the input are on two devices (${this.#device?.name} and ${elsewhere.device.name})`,
      );
    }
    return (this.#last as { outputs: readonly SampleSpec[] }).outputs;
  }
}
