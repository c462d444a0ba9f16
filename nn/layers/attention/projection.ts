// Projection: the kernel and bias by which a sequence becomes heads, or heads a sequence. Attention layers multiply.

import type { Shape, Tensor, Variable } from "../../../engine/index.ts";
import { Layer } from "../layer.ts";
import type { SampleSpec } from "../spec.ts";
import { rulesOf } from "../weight-options.ts";
import type { Weights } from "../weights.ts";

/** What it is made of: weights of Keras's names and shapes. */
export class Projection extends Layer<Tensor, Tensor> {
  readonly #rules: { readonly kernel: ReturnType<typeof rulesOf>; readonly bias: ReturnType<typeof rulesOf> };
  readonly #kernelShape: (features: number) => Shape;
  readonly #biasShape: Shape | undefined;
  #kernel: Variable | undefined;
  #bias: Variable | undefined;

  /** @param biasShape undefined for none */
  constructor(options: object, kernelShape: (features: number) => Shape, biasShape: Shape | undefined) {
    super("Projection", {});
    this.#rules = { kernel: rulesOf("kernel", options, "glorotUniform"), bias: rulesOf("bias", options) };
    this.#kernelShape = kernelShape;
    this.#biasShape = biasShape;
  }

  get kernel(): Variable | undefined {
    return this.#kernel;
  }

  get bias(): Variable | undefined {
    return this.#bias;
  }

  protected override createWeights({ shape }: SampleSpec, weights: Weights): void {
    const { kernel, bias } = this.#rules;
    const features = shape[shape.length - 1] as number;
    this.#kernel = weights.add("kernel", this.#kernelShape(features), kernel.initializer, kernel);
    if (this.#biasShape !== undefined)
      this.#bias = weights.add("bias", this.#biasShape, bias.initializer, bias);
  }

  protected forward(x: Tensor): Tensor {
    return x;
  }
}
