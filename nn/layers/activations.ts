// Activation functions by name.

import {
  ArgumentError,
  exp,
  leakyRelu,
  type OpFunction,
  relu,
  sigmoid,
  softmax,
  Tensor,
  tanh,
} from "../../engine/index.ts";
import { kindOf, NameTable, namesIn } from "../../engine/internal.ts";

export type ActivationFunction = (x: Tensor) => Tensor;

/** The functions by their names, for those who would rather not write strings: `activation: activations.relu`. */
export {
  celu,
  elu,
  gelu,
  hardSigmoid,
  hardSwish,
  hardTanh,
  leakyRelu,
  logSigmoid,
  logSoftmax,
  mish,
  relu,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  softsign,
  step,
  tanh,
} from "../../engine/index.ts";

/** x itself. */
export const linear: ActivationFunction = (x) => aTensor("linear", x);

/** eˣ, under Keras's name. */
export const exponential: ActivationFunction = (x) => exp(aTensor("exponential", x));

function aTensor(name: string, x: Tensor): Tensor {
  if (x instanceof Tensor) return x;
  throw new ArgumentError(`activations.${name}: argument 1 must be a Tensor, got ${kindOf(x)}`);
}

/** A function and what summaries and errors call it. */
export interface NamedActivation {
  readonly name: string;
  readonly call: ActivationFunction;
}

/**
 * @internal Keras's names in camelCase (`hard_silu` finds `hardSwish`), and PyTorch's where Keras has none. The rest comes
 * with `gradgpu/names`.
 */
export const table = new NameTable<ActivationFunction>(
  "activation",
  "activations.*",
  {
    linear,
    relu: (x) => relu(x),
    leakyRelu: (x) => leakyRelu(x),
    sigmoid: (x) => sigmoid(x),
    tanh: (x) => tanh(x),
    softmax: (x) => softmax(x),
  },
  { identity: "linear", swish: "silu", hardSilu: "hardSwish", exp: "exponential" },
  "elu selu silu softplus celu gelu mish softsign logSigmoid hardSigmoid hardSwish hardTanh exponential logSoftmax step",
);

/** The names that {@link get} knows; `gradgpu/names` adds some. */
export const names: readonly string[] = namesIn(table);

/** @internal Whether one of ours is called so, whether or not {@link get} knows it. */
export const isName = (name: unknown): name is string =>
  names.includes(name as string) || table.rest.includes(name as string);

/**
 * An activation by name ("relu", "leakyRelu" or "leaky_relu", ...), or any function of one tensor, those of this module
 * among them (`activations.relu`). None, that is undefined or null, is "linear": the identity. "leakyRelu" has a slope of
 * 0.2, as in Keras 3.
 *
 * @throws ArgumentError for an unknown name, with the nearest known one, and for one that only `gradgpu/names` knows
 */
export function get(activation: string | ActivationFunction | null | undefined): NamedActivation {
  if (activation === undefined || activation === null) return { name: "linear", call: linear };
  if (typeof activation === "function") {
    const { op, name } = activation as Partial<OpFunction<never, Tensor>> & { readonly name: string };
    const plain = activation === linear ? "linear" : activation === exponential ? "exponential" : undefined;
    const isOurs = plain !== undefined || (op !== undefined && op.isForeign !== true);
    const own = plain ?? op?.name ?? name;
    // A function of the user's that is called "softmax" is not the softmax that losses take over.
    return {
      name: isName(own) && !isOurs ? `custom ${own}` : own || "custom",
      call: ownFunction(activation),
    };
  }
  if (typeof activation !== "string") throw table.misfit(" or a function", activation);
  const call = table.get(activation);
  return { name: table.nameOf(activation), call };
}

/** The engine's own functions take further arguments: pass only the tensor. */
const ownFunction =
  (call: ActivationFunction): ActivationFunction =>
  (x) =>
    call(x);
