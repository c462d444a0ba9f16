// Activation: an activation function as a layer of its own.

import { ArgumentError, type Tensor } from "../../../engine/index.ts";
import * as activations from "../activations.ts";
import { Layer, type LayerOptions } from "../layer.ts";

/** The function, pointwise (softmax: over the last axis); the same numbers as a layer's `activation` option. */
export class Activation extends Layer<Tensor, Tensor> {
  static override readonly positional = ["activation"];
  readonly activation: activations.NamedActivation;

  /** @param activation by name or as a function */
  constructor(activation: string | activations.ActivationFunction, options: LayerOptions = {}) {
    // A name that a module does not have is undefined; here, where there must be one, that is a slip.
    if (activation === undefined) {
      throw new ArgumentError(
        `Activation: needs a name (${activations.names.join(", ")}) or a function, got undefined`,
      );
    }
    const found = activations.get(activation);
    super("Activation", options, {});
    this.activation = found;
  }

  override get outputActivation(): activations.NamedActivation {
    return this.activation;
  }

  override get passesMask(): boolean {
    return true;
  }

  protected forward(x: Tensor): Tensor {
    return x;
  }
}
