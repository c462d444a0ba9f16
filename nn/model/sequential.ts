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
import { input, Placeholder, type Symbolic } from "../layers/placeholder.ts";
import { batched, checkSampleShape, equalShapes, type SampleShape, type SampleSpec } from "../layers/spec.ts";
import { type DataLike, type DataTree, rowShape } from "../training/data.ts";
import { Graph } from "./graph.ts";
import { Model, type ModelOptions, modelOptions, openDevice } from "./model.ts";

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
  #input: Placeholder | undefined;
  #isTraining = () => false;

  constructor(layers: readonly (Layer | Input | Placeholder)[] = [], options: ModelOptions = {}) {
    checkOptions("Sequential", options, modelOptions);
    super(undefined as unknown as Placeholder, undefined as unknown as Placeholder, options, "Sequential");
    this.#isTraining = () => this.isTraining;
    for (const layer of layers) this.add(layer);
  }

  /** Appends a layer; an {@link Input} comes first, if at all. */
  add(layer: Layer | Input | Placeholder): this {
    if (this.#isTraining()) {
      throw new ArgumentError(
        `add: ${this.describe()}: is being trained, and would not train the new layer; set stopTraining, await fit, then add and compile`,
      );
    }
    if (layer instanceof Input || layer instanceof Placeholder) {
      if (this.#input !== undefined || this.#list.length > 0) {
        throw new ArgumentError(`${this.describe()}: Input must be the first entry, before any layer`);
      }
      this.#input = layer instanceof Input ? layer.placeholder : layer;
      return this;
    }
    if (!(layer instanceof Layer)) {
      throw new ArgumentError(`${this.describe()}: add takes a Layer or an Input, got ${kindOf(layer)}`);
    }
    const name = layer.givenName;
    const isTaken =
      name !== undefined && this.#list.some((other) => other !== layer && this.nameOf(other) === name);
    if (isTaken) {
      throw new ArgumentError(
        `${this.describe()}: there is a layer named "${name}" already; give each layer a name of its own`,
      );
    }
    const isNew = !this.#list.includes(layer);
    const taken = new Set(this.#list.map((other) => this.nameOf(other) as string));
    if (isNew) layer.adopt(this, name ?? freeName(baseName(layer.type), taken));
    this.#list.push(layer);
    try {
      this.#lay(this.#startFor(undefined));
    } catch (error) {
      this.#list.pop();
      if (isNew) layer.leave(this);
      throw error;
    }
    return this;
  }

  override get layers(): readonly Layer[] {
    return this.#list;
  }

  override nameOf(layer: Layer): string | undefined {
    return super.nameOf(layer) ?? (this.#list.includes(layer) ? layer.name : undefined);
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
    const start = this.#input === undefined ? [] : [copyOf(this.#input)];
    const copies = new Map(this.#list.map((layer) => [layer, layer.clone()]));
    const layers = this.#list.map((layer) => copies.get(layer) as Layer);
    return new Sequential([...start, ...layers], { name, trainable }) as this;
  }

  /** The graph from a start to the last layer; none while the start is not known. */
  #lay(start: Placeholder | undefined, device: Device | undefined = openDevice()): void {
    if (start === undefined) return;
    this.#input = start;
    let value = start;
    for (const layer of this.#list) value = (layer as Layer<Tensor, Tensor>).call(value);
    this.setGraph(new Graph(this.describe(), start, value), device);
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
    if (own !== undefined) return copyOf(own);
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

const copyOf = ({ shape, dtype, byteScale, name }: Placeholder) => input(shape, { dtype, byteScale, name });

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
