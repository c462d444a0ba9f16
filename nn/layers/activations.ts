// Activation functions by name.

import {
  ArgumentError,
  celu,
  elu,
  exp,
  gelu,
  hardSigmoid,
  hardSwish,
  hardTanh,
  leakyRelu,
  logSigmoid,
  logSoftmax,
  mish,
  type OpFunction,
  relu,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  softsign,
  step,
  Tensor,
  tanh,
} from "../../engine/index.ts";
import { kindOf, lookup } from "../../engine/internal.ts";

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

/** Keras's names in camelCase (`hard_silu` finds `hardSwish`), and PyTorch's where Keras has none. */
const table: Readonly<Record<string, ActivationFunction>> = {
  linear,
  relu: (x) => relu(x),
  leakyRelu: (x) => leakyRelu(x),
  elu: (x) => elu(x),
  selu: (x) => selu(x),
  celu: (x) => celu(x),
  gelu: (x) => gelu(x),
  silu: (x) => silu(x),
  mish: (x) => mish(x),
  softplus: (x) => softplus(x),
  softsign: (x) => softsign(x),
  sigmoid: (x) => sigmoid(x),
  logSigmoid: (x) => logSigmoid(x),
  hardSigmoid: (x) => hardSigmoid(x),
  hardSwish: (x) => hardSwish(x),
  hardTanh: (x) => hardTanh(x),
  tanh: (x) => tanh(x),
  exponential,
  softmax: (x) => softmax(x),
  logSoftmax: (x) => logSoftmax(x),
  step: (x) => step(x),
};
const aliases = { identity: "linear", swish: "silu", hardSilu: "hardSwish", exp: "exponential" };

/** The engine's functions behind the names: only these may be called by them. */
const engineFunctions: ReadonlySet<unknown> = new Set([
  ...[relu, leakyRelu, elu, selu, celu, gelu, silu, mish, softplus, softsign, sigmoid, logSigmoid],
  ...[hardSigmoid, hardSwish, hardTanh, tanh, exp, softmax, logSoftmax, step, linear, exponential],
]);

/** The names that {@link get} knows. */
export const names: readonly string[] = Object.keys(table);

/**
 * An activation by name ("relu", "leakyRelu" or "leaky_relu", ...), or any function of one tensor, those of this module
 * among them (`activations.relu`). None, that is undefined or null, is "linear": the identity. "leakyRelu" has a slope of
 * 0.2, as in Keras 3.
 *
 * @throws ArgumentError for an unknown name, with the nearest known one
 */
export function get(activation: string | ActivationFunction | null | undefined): NamedActivation {
  if (activation === undefined || activation === null) return { name: "linear", call: table.linear };
  if (typeof activation === "function") {
    const own = (activation as Partial<OpFunction<never, Tensor>>).op?.name ?? activation.name;
    // A function of the user's that is called "softmax" is not the softmax that losses take over.
    const isTaken = names.includes(own) && !engineFunctions.has(activation);
    return { name: isTaken ? `custom ${own}` : own || "custom", call: ownFunction(activation) };
  }
  if (typeof activation !== "string") {
    throw new ArgumentError(
      `activations.get: takes a name (${names.join(", ")}) or a function, got ${kindOf(activation)}`,
    );
  }
  const call = lookup("activation", activation, table, aliases);
  return { name: names.find((name) => table[name] === call) as string, call };
}

/** The engine's own functions take further arguments: pass only the tensor. */
const ownFunction =
  (call: ActivationFunction): ActivationFunction =>
  (x) =>
    call(x);
