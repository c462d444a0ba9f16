// Layer: weights, and a function of one tensor that uses them. Shapes here are without the batch axis, which comes
// first in every input and output.

import {
  ArgumentError,
  type Device,
  DeviceError,
  DisposedError,
  device as defaultDevice,
  nameScope,
  reshape,
  type Shape,
  ShapeError,
  showShape,
  sizeOf,
  Tensor,
  tidy,
  type Variable,
  variable,
} from "../../engine/index.ts";
import {
  checkedName,
  checkOptions,
  checkSize,
  kindOf,
  type OptionNames,
  showGivenList,
} from "../../engine/internal.ts";
import type { Initializer } from "./initializers.ts";
import { autoName } from "./names.ts";

export interface LayerOptions {
  /** Default: the type in snake_case with a number ("dense", "dense_1", ...). */
  name?: string;
  /** Shape of one input, without the batch axis; wanted of a model's first layer, else worked out. */
  inputShape?: Shape;
  /** Short for `inputShape: [inputDim]`. */
  inputDim?: number;
  /** Whether training changes the weights; default true. */
  trainable?: boolean;
}

const layerOptions: OptionNames<LayerOptions> = {
  name: true,
  inputShape: true,
  inputDim: true,
  trainable: true,
};

/** The options of `O` that not every layer has. */
export type OwnLayerOptions<O extends LayerOptions> = OptionNames<Omit<O, keyof LayerOptions>>;

export interface CallOptions {
  /** Training behaviour (dropout drops, batch normalization uses the batch's statistics) or inference's; default false. */
  training?: boolean;
}

const callOptions: OptionNames<CallOptions> = { training: true };

/** @internal What was asked for, whole. */
export function readCallOptions(call: string, options: CallOptions | undefined): Required<CallOptions> {
  checkOptions(call, options, callOptions);
  return { training: options?.training ?? false };
}

/** A layer as tests and the bench try it. */
export interface LayerSample {
  readonly make: () => Layer;
  /** The input's, the batch first. */
  readonly shape: Shape;
  /** Input of whole numbers below this, as an embedding takes it; without a gradient. */
  readonly limit?: number;
}

export abstract class Layer {
  /** @internal What tests and the bench try of a class that the bench's table of layers does not list. */
  declare static readonly samples?: () => readonly LayerSample[];

  readonly name: string;
  /** The class's name, kept through minifiers. */
  readonly type: string;
  trainable: boolean;
  /** What the options asked for; undefined where it is to be worked out. */
  readonly declaredInputShape: Shape | undefined;
  #inputShape: Shape | undefined;
  #outputShape: Shape | undefined;
  #device: Device | undefined;
  readonly #weights: Variable[] = [];
  #isDisposed = false;

  /**
   * @param own the names of the options that the layer has besides {@link LayerOptions}: any others are refused. Left
   *   out, nothing is
   */
  protected constructor(type: string, options: LayerOptions, own?: Readonly<Record<string, true>>) {
    if (own !== undefined) checkOptions(type, options, { ...layerOptions, ...own });
    this.type = type;
    this.name = options.name === undefined ? autoName(type) : checkedName(type, options.name);
    this.trainable = options.trainable ?? true;
    const { inputShape, inputDim } = options;
    this.declaredInputShape = inputShape ?? (inputDim === undefined ? undefined : [inputDim]);
    if (this.declaredInputShape !== undefined) checkSampleShape(this.describe(), this.declaredInputShape);
  }

  /** Shape of one output for inputs of a shape; throws a ShapeError for a shape it can't take. */
  abstract computeOutputShape(inputShape: Shape): Shape;

  /** The layer's function. `x` has the shape that the layer was built for. */
  protected abstract forward(x: Tensor, options: Required<CallOptions>): Tensor;

  /**
   * Makes the weights; called once. Layers that this one keeps in properties (not in `#private` ones) or in arrays there
   * are its own: build them here, and their weights are trained, counted, saved and freed with its own.
   */
  protected createWeights(_inputShape: Shape, _device: Device): void {}

  /** The name of the activation that comes last in {@link forward}, "linear" if none does. */
  get outputActivation(): string {
    return "linear";
  }

  /** {@link forward} without its last activation; layers that have one give it. */
  protected forwardLogits(x: Tensor, options: Required<CallOptions>): Tensor {
    return this.forward(x, options);
  }

  /**
   * The activation that a loss may take over, computing from {@link callLogits}: "linear" where a subclass has changed
   * {@link forward} and not {@link forwardLogits}, which then no longer belong together.
   */
  get fusibleActivation(): string {
    for (let owner: object | null = this; owner !== null; owner = Object.getPrototypeOf(owner)) {
      if (Object.hasOwn(owner, "forwardLogits")) return this.outputActivation;
      if (Object.hasOwn(owner, "forward")) return "linear";
    }
    return "linear";
  }

  get isBuilt(): boolean {
    return this.#inputShape !== undefined;
  }

  /** Undefined until built. */
  get inputShape(): Shape | undefined {
    return this.#inputShape;
  }

  /** Undefined until built. */
  get outputShape(): Shape | undefined {
    return this.#outputShape;
  }

  /**
   * All weights, in the order that `getWeights` gives them: the layer's own, then those of layers inside it, each once
   * even where layers share it.
   */
  get weights(): readonly Variable[] {
    return unique([...this.#weights, ...this.#inner().flatMap((layer) => layer.weights)]);
  }

  get trainableWeights(): readonly Variable[] {
    if (!this.trainable) return [];
    const own = this.#weights.filter((weight) => weight.trainable);
    return unique([...own, ...this.#inner().flatMap((layer) => layer.trainableWeights)]);
  }

  get nonTrainableWeights(): readonly Variable[] {
    const trainable = new Set(this.trainableWeights);
    return this.weights.filter((weight) => !trainable.has(weight));
  }

  /** How many numbers the weights hold. */
  countParams(): number {
    return this.weights.reduce((total, weight) => total + weight.size, 0);
  }

  /** Makes the weights for inputs of a shape, on the default device unless told another. Once only. */
  build(inputShape: Shape, device: Device = defaultDevice()): this {
    if (this.#isDisposed) throw new DisposedError(`${this.describe()}: was disposed; make a new layer`);
    if (this.#inputShape !== undefined) {
      if (!equalShapes(this.#inputShape, inputShape)) {
        throw new ShapeError(
          `${this.describe()}: was built for inputs of shape ${batched(this.#inputShape)}, not ${batched(inputShape)}; make a new layer`,
        );
      }
      return this;
    }
    checkSampleShape(this.describe(), inputShape);
    const declared = this.declaredInputShape;
    if (declared !== undefined && !equalShapes(declared, inputShape)) {
      throw new ShapeError(
        `${this.describe()}: its inputShape is ${batched(declared)}, but what comes in is ${batched(inputShape)}`,
      );
    }
    this.#outputShape = this.computeOutputShape(inputShape);
    this.#device = device;
    this.createWeights(inputShape, device);
    this.#inputShape = [...inputShape];
    return this;
  }

  /**
   * Runs the layer on a batch [batch, ...inputShape], building it first if it is not. Tensors made on the way are freed
   * when it is done (or when a tape that records them is); `keep` those that {@link forward} puts aside.
   *
   * @throws ShapeError when x is not of the shape that the layer was built for, or what comes out not of the one that
   *   {@link computeOutputShape} gives
   */
  call(x: Tensor, options?: CallOptions): Tensor {
    const read = readCallOptions("call", options);
    this.#check(x);
    return this.#run(x, () => this.forward(x, read));
  }

  /** Like {@link call}, without the layer's last activation: what a loss "from logits" wants. */
  callLogits(x: Tensor, options?: CallOptions): Tensor {
    const read = readCallOptions("callLogits", options);
    this.#check(x);
    return this.#run(x, () => this.forwardLogits(x, read));
  }

  #run(x: Tensor, forward: () => Tensor): Tensor {
    return nameScope(this.name, () => tidy(() => this.#checked(x, forward())));
  }

  /** How errors name it: `layer "dense_1" (Dense)`. */
  describe(): string {
    return `layer "${this.name}" (${this.type})`;
  }

  /** Frees the weights. The layer can't be used again. */
  dispose(): void {
    for (const layer of this.#inner()) layer.dispose();
    for (const weight of this.#weights) weight.dispose();
    this.#weights.length = 0;
    this.#inputShape = undefined;
    this.#isDisposed = true;
  }

  /** Layers in this one's properties, and in arrays there. */
  #inner(): Layer[] {
    return Object.values(this)
      .flatMap((value) => (Array.isArray(value) ? value : [value]))
      .filter(isLayer);
  }

  /** What comes out, checked. A tensor of its own even where the layer does nothing: who frees it keeps x. */
  #checked(x: Tensor, out: Tensor): Tensor {
    if (!(out instanceof Tensor)) {
      throw new ArgumentError(`${this.describe()}: forward must return a Tensor, got ${kindOf(out)}`);
    }
    const wanted = [x.shape[0], ...(this.#outputShape as Shape)];
    if (!equalShapes(out.shape, wanted)) {
      throw new ShapeError(
        `${this.describe()}: gave an output of shape ${showShape(out.shape)} for inputs ${showShape(x.shape)}; computeOutputShape says ${showShape(wanted)}`,
      );
    }
    return out === x ? reshape(x, x.shape) : out;
  }

  /** A weight of this layer, filled by `initializer`; f32. */
  protected addWeight(
    name: string,
    shape: Shape,
    initializer: Initializer,
    device: Device,
    options: { trainable?: boolean } = {},
  ): Variable {
    checkSize(device, shape, `${this.describe()}: weight "${name}"`);
    const values = initializer.draw(shape, device.random);
    if (values.length !== sizeOf(shape)) {
      throw new ArgumentError(
        `${this.describe()}: initializer "${initializer.name}" gave ${values.length} values for ${name} of shape ${showShape(shape)}; it must give ${sizeOf(shape)}`,
      );
    }
    const weight = variable(values, {
      shape,
      device,
      name: `${this.name}/${name}`,
      trainable: options.trainable ?? true,
    });
    this.#weights.push(weight);
    return weight;
  }

  #check(x: Tensor): void {
    if (this.#inputShape === undefined) {
      if (x.rank === 0)
        throw new ShapeError(`${this.describe()}: the input must have a batch axis, got a scalar`);
      this.build(x.shape.slice(1), x.device);
    }
    const wanted = this.#inputShape as Shape;
    if (x.rank !== wanted.length + 1 || !wanted.every((length, axis) => x.shape[axis + 1] === length)) {
      throw new ShapeError(
        `${this.describe()}: got an input of shape ${showShape(x.shape)}; it was built for ${batched(wanted)}`,
      );
    }
    if (x.device !== this.#device) {
      throw new DeviceError(
        `${this.describe()}: its weights and the input are on two devices (${this.#device?.name} and ${x.device.name})`,
      );
    }
  }
}

/** Each element once, where it stands first. */
export const unique = <T>(list: readonly T[]): T[] => [...new Set(list)];

const isLayer = (value: unknown): value is Layer => value instanceof Layer;

/** A shape as errors and summaries show it: `[batch, 784]`. */
export function batched(shape: Shape): string {
  return showShape(["batch", ...shape] as unknown as Shape);
}

export function equalShapes(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

/** @throws ShapeError unless every length is a whole number of at least 1 */
export function checkSampleShape(what: string, shape: Shape): void {
  const isShape = Array.isArray(shape) && shape.every((length) => Number.isInteger(length) && length >= 1);
  if (!isShape) {
    throw new ShapeError(
      `${what}: the input shape must be an array of whole numbers of at least 1, without the batch axis, got ${showGivenList(shape)}`,
    );
  }
}
