// What a layer declares: weights, and the layers inside it, each by a name of its own.

import {
  ArgumentError,
  type Device,
  type DType,
  RandomSource,
  type Shape,
  ShapeError,
  showShape,
  sizeOf,
  type Tensor,
  type Tree,
  type Variable,
  variable,
} from "../../engine/index.ts";
import { checkSize } from "../../engine/internal.ts";
import type { Initializer } from "./initializers.ts";
import { type SampleSpec, showSpecs } from "./spec.ts";

/**
 * What changes a variable: `trained`, the optimizer; `moved`, the layer as it runs (moving averages); `carried`, from call
 * to call (states of recurrent layers); `random`, the draws of random numbers.
 */
export type Role = "trained" | "moved" | "carried" | "random";

export interface WeightOptions {
  /** Default "trained". */
  role?: Role;
  /** Default "f32". */
  dtype?: DType;
  /** Its penalty is added to the training loss. */
  regularizer?: WeightRegularizer;
  /** What it becomes after each update. */
  constraint?: WeightConstraint;
}

/** A penalty on a tensor's values: a scalar. */
export interface WeightRegularizer {
  readonly name: string;
  call(weight: Tensor): Tensor;
}

/** What a weight becomes after each update: values of the same shape. */
export interface WeightConstraint {
  readonly name: string;
  call(weight: Tensor): Tensor;
}

/** A layer as another one has it: every {@link Layer}. */
export interface InnerLayer {
  readonly type: string;
  /** @internal */
  readonly path: string;
  describe(): string;
  /** @internal */
  adopt(owner: this, name: string): void;
  /** @internal */
  build(inputs: Tree<SampleSpec>, device: Device): unknown;
  /** @internal */
  checkFit(inputs: Tree<SampleSpec>): void;
  // biome-ignore lint/suspicious/noExplicitAny: specs in the form that the layer takes and gives
  outputSpec(inputs: any): any;
}

/** Where a layer declares its weights and inner layers, each time in the same order. */
export interface Weights {
  /** A weight of the layer, filled by `init`. */
  add(name: string, shape: Shape, init: Initializer, options?: WeightOptions): Variable;
  /** Key, counter and stream of random numbers that advance at each draw, u32 [4]; a `seed` fixes them. */
  random(name: string, seed?: number): Variable;
  /**
   * A layer inside this one, built for what it will be called with: its weights are trained, counted, saved and freed with
   * this one's. Gives what it gives.
   */
  inner(name: string, layer: InnerLayer, inputs: Tree<SampleSpec>): Tree<SampleSpec>;
}

/** A weight that a layer has. */
export interface Declared {
  readonly name: string;
  readonly variable: Variable;
  readonly role: Role;
  readonly regularizer: WeightRegularizer | undefined;
  readonly constraint: WeightConstraint | undefined;
}

/** A layer that a layer has. */
export interface Inner<L> {
  readonly name: string;
  readonly layer: L;
}

export type Part<L> = Declared | Inner<L>;

/** Makes what is declared and not there yet, and checks the shape of what is. */
export class Builder<L extends InnerLayer> implements Weights {
  readonly #layer: L;
  readonly #parts: Part<L>[];
  readonly #device: Device | undefined;
  readonly #inputs: Tree<SampleSpec>;
  readonly #declared = new Set<string>();

  /** @param device where to make; without one nothing is made, and what is not there is an error */
  constructor(layer: L, parts: Part<L>[], inputs: Tree<SampleSpec>, device: Device | undefined) {
    this.#layer = layer;
    this.#parts = parts;
    this.#inputs = inputs;
    this.#device = device;
  }

  add(name: string, shape: Shape, init: Initializer, options: WeightOptions = {}): Variable {
    const { role = "trained", dtype = "f32", regularizer, constraint } = options;
    const found = this.#find(name);
    if (found !== undefined) return this.#checked(found as Declared, shape);
    const device = this.#deviceFor(name);
    const what = `${this.#layer.describe()}: weight "${name}"`;
    checkSize(device, shape, what);
    const values = init.draw(shape, device.random);
    if (values.length !== sizeOf(shape)) {
      throw new ArgumentError(
        `${this.#layer.describe()}: initializer "${init.name}" gave ${values.length} values for ${name} of shape ${showShape(shape)}; it must give ${sizeOf(shape)}`,
      );
    }
    const made = variable(values, {
      shape,
      dtype,
      device,
      name: `${this.#layer.path}/${name}`,
      trainable: role === "trained",
    });
    this.#parts.push({ name, variable: made, role, regularizer, constraint });
    return made;
  }

  random(name: string, seed?: number): Variable {
    const found = this.#find(name);
    if (found !== undefined) return (found as Declared).variable;
    const device = this.#deviceFor(name);
    const words = seed === undefined ? device.random.state() : new RandomSource(seed).state();
    const made = variable(words, {
      dtype: "u32",
      device,
      trainable: false,
      name: `${this.#layer.path}/${name}`,
    });
    this.#parts.push({
      name,
      variable: made,
      role: "random",
      regularizer: undefined,
      constraint: undefined,
    });
    return made;
  }

  inner(name: string, given: InnerLayer, inputs: Tree<SampleSpec>): Tree<SampleSpec> {
    // Who declares is a Layer, and so is what it declares.
    const layer = given as L;
    const found = this.#find(name) as Inner<L> | undefined;
    if (found === undefined) {
      const device = this.#deviceFor(name);
      layer.adopt(this.#layer, name);
      layer.build(inputs, device);
      this.#parts.push({ name, layer });
    } else if (found.layer !== layer) {
      throw new ArgumentError(
        `${this.#layer.describe()}: declares another layer as "${name}" than before; declare the same each time`,
      );
    } else layer.checkFit(inputs);
    return layer.outputSpec(inputs);
  }

  /** The part of a name, which may be declared once. */
  #find(name: string): Part<L> | undefined {
    if (this.#declared.has(name)) {
      throw new ArgumentError(
        `${this.#layer.describe()}: declares "${name}" twice; give each weight and inner layer a name of its own`,
      );
    }
    this.#declared.add(name);
    return this.#parts.find((part) => part.name === name);
  }

  #deviceFor(name: string): Device {
    if (this.#device !== undefined) return this.#device;
    throw new ShapeError(
      `${this.#layer.describe()}: was built for other inputs, which need no "${name}", than ${showSpecs(this.#inputs)}; make a layer of its own for those`,
    );
  }

  #checked({ name, variable }: Declared, shape: Shape): Variable {
    const { shape: has } = variable;
    if (has.length === shape.length && has.every((length, axis) => length === shape[axis])) return variable;
    throw new ShapeError(
      `${this.#layer.describe()}: was built for other inputs: its ${name} is ${showShape(has)}, and ${showSpecs(this.#inputs)} would need ${showShape(shape)}; make a layer of its own for those`,
    );
  }
}
