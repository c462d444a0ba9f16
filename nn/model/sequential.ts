// Sequential: the model with one path, layers one after another.

import {
  ArgumentError,
  type Device,
  device as defaultDevice,
  ShapeError,
  Tensor,
  type Tree,
} from "../../engine/index.ts";
import { checkOptions, kindOf } from "../../engine/internal.ts";
import type { Config } from "../layers/config.ts";
import { Input } from "../layers/input.ts";
import { type CallOptions, Layer } from "../layers/layer.ts";
import { baseName, freeName } from "../layers/names.ts";
import { copyOfInput, input, Placeholder, type Symbolic } from "../layers/placeholder.ts";
import { batched, checkSampleShape, equalShapes, type SampleShape, type SampleSpec } from "../layers/spec.ts";
import { type DataLike, type DataTree, rowShape } from "../training/data.ts";
import { Graph } from "./graph.ts";
import { type ModelOptions, modelOptions, openDevice } from "./graph-model.ts";
import { Model } from "./model.ts";

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
export class Sequential extends Model<Placeholder, Placeholder> {
  readonly #list: Layer[] = [];
  /** What each layer is called here; a layer may stand in the list twice. */
  readonly #names = new Map<Layer, string>();
  #input: Placeholder | undefined;
  /** What comes out of each layer, once it is known what the first one takes. */
  readonly #values: Placeholder[] = [];

  constructor(layers: readonly (Layer | Input | Placeholder)[] = [], options: ModelOptions = {}) {
    checkOptions("Sequential", options, modelOptions);
    super(undefined as unknown as Placeholder, undefined as unknown as Placeholder, options, "Sequential");
    for (const layer of layers) this.#append(layer);
    this.#lay(this.#startFor(undefined));
  }

  /** Appends a layer; an {@link Input} comes first, if at all. */
  add(layer: Layer | Input | Placeholder): this {
    if (this.isTraining) {
      throw new ArgumentError(
        `add: ${this.describe()}: is being trained, and would not train the new layer; set stopTraining, await fit, then add and compile`,
      );
    }
    const undo = this.#append(layer);
    try {
      if (this.#list.length > 0) this.#lay(this.#startFor(undefined));
    } catch (error) {
      undo();
      throw error;
    }
    return this;
  }

  /** Notes an entry and gives what takes it back; fails, with nothing noted, for one that does not fit. */
  #append(layer: Layer | Input | Placeholder): () => void {
    if (layer instanceof Input || layer instanceof Placeholder) {
      if (this.#input !== undefined || this.#list.length > 0) {
        throw new ArgumentError(`${this.describe()}: Input must be the first entry, before any layer`);
      }
      this.#input = layer instanceof Input ? layer.placeholder : layer;
      return () => {
        this.#input = undefined;
      };
    }
    if (!(layer instanceof Layer)) {
      throw new ArgumentError(`${this.describe()}: add takes a Layer or an Input, got ${kindOf(layer)}`);
    }
    const name = layer.givenName;
    const isNew = !this.#names.has(layer);
    const taken = new Set(this.#names.values());
    if (isNew && name !== undefined && taken.has(name)) {
      throw new ArgumentError(
        `${this.describe()}: there is a layer named "${name}" already; give each layer a name of its own`,
      );
    }
    const found = name ?? freeName(baseName(layer.type), taken);
    if (isNew) {
      layer.adopt(this, found);
      this.#names.set(layer, found);
    }
    this.#list.push(layer);
    const undo = () => {
      this.#list.pop();
      this.#values.length = Math.min(this.#values.length, this.#list.length);
      if (!isNew) return;
      layer.leave(this);
      this.#names.delete(layer);
    };
    try {
      this.#extendTo(this.#startFor(undefined));
    } catch (error) {
      undo();
      throw error;
    }
    return undo;
  }

  /** Calls the layers that were not called yet, from a start on, where there is one. */
  #extendTo(start: Placeholder | undefined): void {
    if (start === undefined) return;
    this.#input = start;
    for (let i = this.#values.length; i < this.#list.length; i++) {
      const before = i === 0 ? start : this.#values[i - 1];
      this.#values.push((this.#list[i] as Layer<Tensor, Tensor>).call(before));
    }
  }

  override get layers(): readonly Layer[] {
    return this.#list;
  }

  override nameOf(layer: Layer): string | undefined {
    return this.#names.get(layer);
  }

  override build(
    inputs?: SampleShape | Tree<SampleSpec>,
    device: Device = this.isBuilt ? this.device : defaultDevice(),
  ): this {
    if (this.#list.length > 0 && this.graph === undefined && !this.isDisposed) {
      const isShape = Array.isArray(inputs);
      const shape = isShape ? (inputs as SampleShape) : (inputs as SampleSpec | undefined)?.shape;
      this.#lay(this.#startFor(shape), device);
    }
    return super.build(inputs, device);
  }

  override call(inputs: Tensor, options?: CallOptions): Tensor;
  override call(inputs: Symbolic<Tensor>): Symbolic<Tensor>;
  override call(inputs: Tensor | Placeholder, options?: CallOptions): Tensor | Placeholder {
    const isKnown = this.graph !== undefined || this.isDisposed || this.#list.length === 0;
    if (inputs instanceof Placeholder) {
      if (!isKnown) this.#lay(this.#startFor(inputs.shape, inputs.dtype));
      return super.call(inputs);
    }
    if (!isKnown && inputs instanceof Tensor) {
      if (inputs.rank === 0)
        throw new ShapeError(`${this.describe()}: the input must have a batch axis, got a scalar`);
      this.build(inputs.shape.slice(1), inputs.device);
    }
    return super.call(inputs, options);
  }

  protected override buildFor(what: string, x: DataTree): void {
    if (!this.isDisposed && this.graph === undefined && this.#list.length > 0) {
      const shape = rowShape(x as DataLike);
      if (shape === undefined) {
        throw new ArgumentError(
          `${what}: ${this.describe()}: the shape of a row of x can't be told; start the model with new Input([...])`,
        );
      }
      this.build(shape, x instanceof Tensor ? x.device : undefined);
    }
    super.buildFor(what, x);
  }

  override config(): Config {
    const start = this.#input;
    return {
      name: this.name,
      trainable: this.trainable,
      input:
        start === undefined
          ? null
          : { name: start.name ?? null, shape: start.shape, dtype: start.dtype, byteScale: start.byteScale },
      layers: this.#list.map((layer) => ({
        type: layer.type,
        config: { ...layer.config(), name: this.nameOf(layer) },
      })),
    };
  }

  override clone(): this {
    const { name, trainable } = this;
    const start = this.#input === undefined ? [] : [copyOfInput(this.#input)];
    const copies = new Map(this.#list.map((layer) => [layer, layer.clone()]));
    const layers = this.#list.map((layer) => copies.get(layer) as Layer);
    return new Sequential([...start, ...layers], { name, trainable }) as this;
  }

  /** The graph from a start to the last layer; none while the start is not known. */
  #lay(start: Placeholder | undefined, device: Device | undefined = openDevice()): void {
    if (start === undefined || this.#list.length === 0) return;
    this.#extendTo(start);
    const end = this.#values[this.#values.length - 1];
    this.setGraph(new Graph(this.describe(), start, end, this.#names), device);
  }

  /** Where it starts: at the Input, the first layer's shape, or else at inputs of `shape`. */
  #startFor(shape: SampleShape | undefined, dtype: SampleSpec["dtype"] = "f32"): Placeholder | undefined {
    const first = this.#list[0];
    const own = startOf(first);
    const known = this.#input?.shape ?? first?.declaredInputShape ?? own?.shape ?? firstShape(first);
    if (known !== undefined && shape !== undefined && !equalShapes(known, shape)) {
      throw new ShapeError(
        `${this.describe()}: takes inputs of shape ${batched(known)}, not ${batched(shape)}`,
      );
    }
    if (this.#input !== undefined) return this.#input;
    if (own !== undefined) return copyOfInput(own);
    if (known !== undefined) return input(known);
    if (shape === undefined) return undefined;
    checkSampleShape(this.describe(), shape);
    return input(shape, { dtype: dtype === "i32" ? "i32" : "f32" });
  }

  protected override whyNotBuilt(): string {
    if (this.#list.length === 0) return "it has no layers";
    return this.graph === undefined ? "its input's shape is not known" : super.whyNotBuilt();
  }

  protected override whyNoGraph(): string {
    if (this.#list.length === 0) return "has no layers; add some first";
    return "the input's shape is not known; start with new Input([...]), give the first layer an inputShape, or pass one to build()";
  }
}

/** Where a model starts that stands first: what bytes mean there holds for the whole. */
function startOf(layer: Layer | undefined): Placeholder | undefined {
  if (!(layer instanceof Model) || layer.calls.length === 0) return undefined;
  return layer.inputs instanceof Placeholder ? layer.inputs : undefined;
}

/** The shape of the input that a layer was built for. */
function firstShape(layer: Layer | undefined): SampleShape | undefined {
  const spec = layer?.inputSpec as SampleSpec | undefined;
  return Array.isArray(spec?.shape) ? spec.shape : undefined;
}
