// Dense: a fully connected layer (FC).

import {
  add,
  type Device,
  matmul,
  reshape,
  type Shape,
  ShapeError,
  type Tensor,
  type Variable,
} from "../../engine/index.ts";
import { atLeastOne } from "../../engine/internal.ts";
import * as activations from "./activations.ts";
import * as initializers from "./initializers.ts";
import { type CallOptions, Layer, type LayerOptions, type OwnLayerOptions } from "./layer.ts";

export interface DenseOptions extends LayerOptions {
  /** By name or as a function; default "linear", the identity. */
  activation?: string | activations.ActivationFunction | null;
  /** Default true. */
  useBias?: boolean;
  /** Default "glorotUniform". */
  kernelInitializer?: string | initializers.Initializer;
  /** Default "zeros". */
  biasInitializer?: string | initializers.Initializer;
}

const ownOptions: OwnLayerOptions<DenseOptions> = {
  activation: true,
  useBias: true,
  kernelInitializer: true,
  biasInitializer: true,
};

/**
 * activation(x · kernel + bias): [batch, ..., in] to [batch, ..., units]. kernel [in, units], bias [units]:
 * in · units + units parameters.
 */
export class Dense extends Layer {
  readonly units: number;
  readonly activation: activations.NamedActivation;
  readonly useBias: boolean;
  readonly kernelInitializer: initializers.Initializer;
  readonly biasInitializer: initializers.Initializer;
  #kernel: Variable | undefined;
  #bias: Variable | undefined;

  constructor(units: number, options: DenseOptions = {}) {
    atLeastOne("Dense", "units", units);
    const activation = activations.get(options.activation);
    const kernelInitializer = initializers.get(options.kernelInitializer ?? "glorotUniform");
    const biasInitializer = initializers.get(options.biasInitializer ?? "zeros");
    super("Dense", options, ownOptions);
    this.units = units;
    this.activation = activation;
    this.useBias = options.useBias ?? true;
    this.kernelInitializer = kernelInitializer;
    this.biasInitializer = biasInitializer;
  }

  get kernel(): Variable | undefined {
    return this.#kernel;
  }

  get bias(): Variable | undefined {
    return this.#bias;
  }

  override get outputActivation(): string {
    return this.activation.name;
  }

  computeOutputShape(inputShape: Shape): Shape {
    if (inputShape.length === 0) {
      throw new ShapeError(
        `${this.describe()}: needs inputs with a features axis, [batch, features], got [batch]`,
      );
    }
    return [...inputShape.slice(0, -1), this.units];
  }

  protected override createWeights(inputShape: Shape, device: Device): void {
    const features = inputShape[inputShape.length - 1];
    this.#kernel = this.addWeight("kernel", [features, this.units], this.kernelInitializer, device);
    if (this.useBias) this.#bias = this.addWeight("bias", [this.units], this.biasInitializer, device);
  }

  protected forward(x: Tensor, options: Required<CallOptions>): Tensor {
    return this.activation.call(this.forwardLogits(x, options));
  }

  protected override forwardLogits(x: Tensor, _options: Required<CallOptions>): Tensor {
    const kernel = this.#kernel as Variable;
    const features = kernel.shape[0];
    // One matrix product over all rows, whatever the axes.
    const rows = x.rank === 2 ? x : reshape(x, [-1, features]);
    const product = matmul(rows, kernel);
    const out = this.#bias === undefined ? product : add(product, this.#bias);
    return x.rank === 2 ? out : reshape(out, [...x.shape.slice(0, -1), this.units]);
  }
}
