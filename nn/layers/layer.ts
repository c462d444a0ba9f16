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
  type Variable,
} from "../../engine/index.ts";
import {
  checkOptions,
  isPlainObject,
  kindOf,
  leavesOf,
  mapTree,
  type OptionNames,
} from "../../engine/internal.ts";
import type { NamedActivation } from "./activations.ts";
import * as activations from "./activations.ts";
import { addLoss, type CallContext, callContext, type Inherited } from "./call-context.ts";
import { type Config, configValue, type LayerClass } from "./config.ts";
import {
  apartFrom,
  checkedLayerName,
  checkOutputs,
  sameSample,
  sameSpecs,
  shapeOf,
  specsOf,
} from "./layer-checks.ts";
import { type Mask, masksOf, setMasks } from "./masks.ts";
import { baseName } from "./names.ts";
import { hasPlaceholder, noteCall, Placeholder, type Symbolic, specsOfValues } from "./placeholder.ts";
import { type RegularizerLike, get as regularizerOf } from "./regularizers.ts";
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
import {
  Builder,
  type Declared,
  type Part,
  type Role,
  type WeightRegularizer,
  type Weights,
} from "./weights.ts";

export interface LayerOptions {
  /** Default: what the model that it stands in calls it ("dense", "dense_1", ...). It holds no "/". */
  name?: string;
  /** Shape of one input, without the batch axis; wanted of a Sequential's first layer, else worked out. */
  inputShape?: SampleShape;
  /** Short for `inputShape: [inputDim]`. */
  inputDim?: number;
  /** Whether training changes the weights; default true. */
  trainable?: boolean;
  /**
   * A penalty on what the layer gives, its activation applied, by name ("l2"), as an object or a function. It is added to
   * the loss as it is: like Keras 3, and unlike Keras 2 and tfjs, it is not divided by the number of samples, so that a
   * larger batch weighs more.
   */
  activityRegularizer?: RegularizerLike | null;
}

const layerOptions: OptionNames<LayerOptions> = {
  name: true,
  inputShape: true,
  inputDim: true,
  trainable: true,
  activityRegularizer: true,
};

/** The options of `O` that not every layer has. */
export type OwnLayerOptions<O extends LayerOptions> = OptionNames<Omit<O, keyof LayerOptions>>;

export interface CallOptions {
  /**
   * Training behaviour (dropout drops, batch normalization uses the batch's statistics) or inference's. Default: that of
   * the layer whose `forward` calls, false outside of all.
   */
  training?: boolean;
  /** Masks of the inputs, [batch, time] each, in their places; default: those that the inputs got from the layers before. */
  mask?: Tree<Mask>;
  /** Leave out the activation that comes last, as a loss from logits wants it; default false. */
  logits?: boolean;
}

const callOptions: OptionNames<CallOptions> = { training: true, mask: true, logits: true };

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
export interface LayerVariable {
  /** Where it stands, relative to the layer that was asked: "kernel", "blocks/0/norm/gamma". */
  readonly path: string;
  readonly variable: Variable;
  readonly role: Role;
  /** Whether training changes it: its role is "trained", and neither its layer nor one around that is frozen. */
  readonly isTrained: boolean;
  /** The layer that declared it. */
  readonly layer: Layer;
}

// biome-ignore lint/suspicious/noExplicitAny: layers of all kinds stand in one list
export abstract class Layer<I = any, O = any> {
  /** @internal What tests and the bench try of a class that the bench's table of layers does not list. */
  declare static readonly samples?: () => readonly LayerSample[];
  /**
   * The names of the arguments that stand before the options in the constructor, where there are any: properties of the
   * same names hold them, so that {@link clone} and {@link config} find them.
   */
  declare static readonly positional?: readonly string[];

  /** The class's name, kept through minifiers. */
  readonly type: string;
  /** Set it to false to freeze the weights; a compiled model honours it from its next `compile` on. */
  trainable: boolean;
  /** What the options asked for; undefined where it is to be worked out. */
  readonly declaredInputShape: SampleShape | undefined;
  /** The penalty on what it gives. */
  readonly activityRegularizer: WeightRegularizer | undefined;
  readonly #givenName: string | undefined;
  readonly #options: LayerOptions;
  /** The layer that this one stands in, the first that took it, and what it is called there. */
  #home: { readonly owner: Layer | undefined; readonly name: string } | undefined;
  readonly #parts: Part<Layer>[] = [];
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
    this.type = type;
    this.#options = { ...options };
    this.#givenName = options.name === undefined ? undefined : checkedLayerName(type, options.name);
    this.trainable = options.trainable ?? true;
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

  /** Given by hand, else by the first model that the layer stands in, else made of the type. */
  get name(): string {
    return this.#givenName ?? this.#home?.name ?? baseName(this.type);
  }

  /** @internal The name that was given by hand. */
  get givenName(): string | undefined {
    return this.#givenName;
  }

  /** Its name after those of the layers that it stands in: "encoder/dense". */
  get path(): string {
    const owner = this.#home?.owner;
    const name = this.#home?.name ?? this.name;
    return owner === undefined || owner.isRoot ? name : `${owner.path}/${name}`;
  }

  /** @internal Whether paths begin below it, as they do in a model that stands in no other. */
  get isRoot(): boolean {
    return false;
  }

  /** @internal Whether another layer has it as a part. */
  protected get isInside(): boolean {
    return this.#home !== undefined;
  }

  /** @internal Tells the layer where it stands; the first one counts. */
  adopt(owner: Layer, name: string): void {
    if (this.#home !== undefined) return;
    this.#home = { owner, name };
    // Weights that it has already get the names that they have in there.
    for (const { path, variable } of this.variables()) variable.name = `${this.path}/${path}`;
  }

  /** @internal Takes {@link adopt} back, where nothing came of it. */
  leave(owner: Layer): void {
    if (this.#home?.owner === owner) this.#home = undefined;
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
   * All variables, the layer's own and those of layers inside it, in the order in which they were declared; one that is
   * reached by two paths once, under the first.
   */
  variables(): IterableIterator<LayerVariable> {
    return this.#walk("", true, new Set(), undefined);
  }

  /** @internal The weights that training changes where the layers of a set are frozen, whatever they say. */
  trainedBut(frozen: ReadonlySet<object>): Variable[] {
    return [...this.#walk("", true, new Set(), frozen)]
      .filter(({ isTrained }) => isTrained)
      .map(({ variable }) => variable);
  }

  *#walk(
    prefix: string,
    isTrained: boolean,
    seen: Set<Variable>,
    frozen: ReadonlySet<object> | undefined,
  ): IterableIterator<LayerVariable> {
    const trains = isTrained && (frozen === undefined ? this.trainable : !frozen.has(this));
    for (const part of this.#parts) {
      const path = `${prefix}${part.name}`;
      if ("layer" in part) yield* part.layer.#walk(`${path}/`, trains, seen, frozen);
      else if (!seen.has(part.variable)) {
        seen.add(part.variable);
        const { variable, role } = part;
        yield { path, variable, role, isTrained: trains && role === "trained", layer: this };
      }
    }
  }

  /** @internal The weights' penalties and what keeps them in bounds, of this layer and of those inside it. */
  *weightRules(): IterableIterator<Declared> {
    for (const { layer, variable } of this.variables()) {
      for (const part of layer.#parts) {
        const isIts = "variable" in part && part.variable === variable;
        if (isIts && (part.regularizer !== undefined || part.constraint !== undefined)) yield part;
      }
    }
  }

  /** @internal The layers inside this one, and in those, each once. */
  *inside(seen = new Set<Layer>()): IterableIterator<Layer> {
    for (const part of this.#parts) {
      if (!("layer" in part) || seen.has(part.layer)) continue;
      seen.add(part.layer);
      yield part.layer;
      yield* part.layer.inside(seen);
    }
  }

  /** Trained weights and moving averages: what `getWeights` gives, in the same order. */
  get weights(): readonly Variable[] {
    return this.#select(({ role }) => role === "trained" || role === "moved");
  }

  get trainableWeights(): readonly Variable[] {
    return this.#select(({ isTrained }) => isTrained);
  }

  get nonTrainableWeights(): readonly Variable[] {
    return this.#select(({ role, isTrained }) => role === "moved" || (role === "trained" && !isTrained));
  }

  #select(wanted: (entry: LayerVariable) => boolean): Variable[] {
    return [...this.variables()].filter(wanted).map(({ variable }) => variable);
  }

  /** How many numbers the weights hold. */
  countParams(): number {
    return this.weights.reduce((total, weight) => total + weight.size, 0);
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
      this.createWeights(specs as SpecOf<I>, new Builder(this, this.#parts, specs, device));
    } catch (error) {
      for (const part of this.#parts) if ("variable" in part) part.variable.dispose();
      this.#parts.length = 0;
      throw error;
    }
    this.#outputSpec = outputs;
    this.#inputSpec = specs;
    return this;
  }

  /** @internal Declares once more, for inputs that it was not built for: what is new is made. */
  protected extend(specs: Tree<SampleSpec>, outputs: Tree<SampleSpec>, device: Device): void {
    this.#device = device;
    this.createWeights(specs as SpecOf<I>, new Builder(this, this.#parts, specs, device));
    this.#inputSpec = specs;
    this.#outputSpec = outputs;
    this.#last = undefined;
  }

  /** @internal @throws ShapeError unless its weights are such as inputs of these specs need */
  checkFit(specs: Tree<SampleSpec>): void {
    if (this.#inputSpec === undefined || this.#parts.length === 0) return;
    if (sameSpecs(specs, this.#inputSpec)) return;
    this.createWeights(specs as SpecOf<I>, new Builder(this, this.#parts, specs, undefined));
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
    const values = { ...this.#leading(), ...this.#options, trainable: this.trainable };
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
    return new made(...Object.values(this.#leading()).map(fresh), options);
  }

  /** The arguments before the options. */
  #leading(): Record<string, unknown> {
    const { positional = [] } = this.constructor as LayerClass<this>;
    return Object.fromEntries(
      positional.map((name) => {
        const value = (this as unknown as Record<string, unknown>)[name];
        if (value === undefined) {
          throw new ArgumentError(
            `${this.describe()}: has no property "${name}", which its class names as an argument (positional)`,
          );
        }
        return [name, isPlainObject(value) && typeof value.call === "function" ? given(value) : value];
      }),
    );
  }

  /** How errors name it: `layer "dense_1" (Dense)`. */
  describe(): string {
    return `layer "${this.path}" (${this.type})`;
  }

  /** Frees the weights, and those of the layers inside. The layer can't be used again. */
  dispose(): void {
    for (const part of this.#parts) {
      if ("layer" in part) part.layer.dispose();
      else part.variable.dispose();
    }
    this.#parts.length = 0;
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
        `${this.describe()}: got ${kindOf(value)} among placeholders; a model is put together of placeholders only: make an input(...) for it, or keep it in a layer`,
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
    if (elsewhere !== undefined && this.#parts.length > 0) {
      throw new DeviceError(
        `${this.describe()}: its weights and the input are on two devices (${this.#device?.name} and ${elsewhere.device.name})`,
      );
    }
    return (this.#last as { outputs: readonly SampleSpec[] }).outputs;
  }
}

/** An activation as it may be given again: by its name, or as the function that it is. */
const given = (value: unknown): unknown => {
  const { name, call } = value as NamedActivation;
  return activations.names.includes(name) ? name : call;
};
