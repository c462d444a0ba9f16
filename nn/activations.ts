// Activation functions by name. Knows the engine's functions, not layers.

import {
  ArgumentError,
  leakyRelu,
  relu,
  sigmoid,
  softmax,
  step,
  type Tensor,
  tanh,
} from "../engine/index.ts";
import { lookup } from "../optim/index.ts";

export type ActivationFunction = (x: Tensor) => Tensor;

/** A function and what summaries and errors call it. */
export interface NamedActivation {
  readonly name: string;
  readonly call: ActivationFunction;
}

const table: Readonly<Record<string, ActivationFunction>> = {
  linear: (x) => x,
  relu: (x) => relu(x),
  leakyRelu: (x) => leakyRelu(x),
  sigmoid: (x) => sigmoid(x),
  tanh: (x) => tanh(x),
  softmax: (x) => softmax(x),
  step: (x) => step(x),
};
const aliases = { identity: "linear" };

/** The names that {@link get} knows. */
export const names: readonly string[] = Object.keys(table);

/**
 * An activation by name ("relu", "leakyRelu" or "leaky_relu", ...), or any function of one tensor. None is
 * "linear": the identity.
 *
 * @throws ArgumentError for an unknown name, with the nearest known one
 */
export function get(activation: string | ActivationFunction | null | undefined): NamedActivation {
  if (activation === undefined || activation === null) return { name: "linear", call: table.linear };
  if (typeof activation === "function")
    return { name: activation.name || "custom", call: ownFunction(activation) };
  if (typeof activation !== "string") {
    throw new ArgumentError(
      `activations.get: takes a name (${names.join(", ")}) or a function, got ${typeof activation}`,
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
