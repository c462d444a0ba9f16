// Dense: a fully connected layer (FC).

import { add, matmul, reshape, type Tensor, type Variable } from "../../../engine/index.ts";
import { atLeastOne } from "../../../engine/internal.ts";
import * as activations from "../activations.ts";
import type * as initializers from "../initializers.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import { featuresOf, type SampleSpec } from "../spec.ts";
import {
  type BiasOptions,
  biasOptions,
  type KernelOptions,
  kernelOptions,
  rulesOf,
  type WeightRules,
} from "../weight-options.ts";
import type { Weights } from "../weights.ts";

export interface DenseOptions extends LayerOptions, KernelOptions, BiasOptions {
  /** By name or as a function; default "linear", the identity. */
  activation?: string | activations.ActivationFunction | null;
}

const ownOptions: OwnLayerOptions<DenseOptions> = { ...kernelOptions, ...biasOptions, activation: true };

/**
 * activation(x · kernel + bias): [batch, ..., in] to [batch, ..., units]. kernel [in, units], bias [units]:
 * in · units + units parameters.
 */
export class Dense extends Layer<Tensor, Tensor> {
  static override readonly positional = ["units"];
  readonly units: number;
  readonly activation: activations.NamedActivation;
  readonly useBias: boolean;
  readonly kernelInitializer: initializers.Initializer;
  readonly biasInitializer: initializers.Initializer;
  readonly #rules: { readonly kernel: WeightRules; readonly bias: WeightRules };
  #kernel: Variable | undefined;
  #bias: Variable | undefined;

  constructor(units: number, options: DenseOptions = {}) {
    atLeastOne("Dense", "units", units);
    const activation = activations.get(options.activation);
    const rules = { kernel: rulesOf("kernel", options, "glorotUniform"), bias: rulesOf("bias", options) };
    super("Dense", options, ownOptions);
    this.units = units;
    this.activation = activation;
    this.useBias = options.useBias ?? true;
    this.kernelInitializer = rules.kernel.initializer;
    this.biasInitializer = rules.bias.initializer;
    this.#rules = rules;
  }

  get kernel(): Variable | undefined {
    return this.#kernel;
  }

  get bias(): Variable | undefined {
    return this.#bias;
  }

  override get outputActivation(): activations.NamedActivation {
    return this.activation;
  }

  override get passesMask(): boolean {
    return true;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    featuresOf(this.describe(), input);
    return { shape: [...input.shape.slice(0, -1), this.units], dtype: "f32" };
  }

  protected override createWeights(input: SampleSpec, weights: Weights): void {
    const { kernel, bias } = this.#rules;
    const features = featuresOf(this.describe(), input);
    this.#kernel = weights.add("kernel", [features, this.units], kernel.initializer, kernel);
    if (this.useBias) this.#bias = weights.add("bias", [this.units], bias.initializer, bias);
  }

  protected forward(x: Tensor): Tensor {
    const kernel = this.#kernel as Variable;
    const features = kernel.shape[0];
    // One matrix product over all rows, whatever the axes.
    const rows = x.rank === 2 ? x : reshape(x, [-1, features]);
    const product = matmul(rows, kernel);
    const out = this.#bias === undefined ? product : add(product, this.#bias);
    return x.rank === 2 ? out : reshape(out, [...x.shape.slice(0, -1), this.units]);
  }
}
