// What can be told of a cross-entropy that does not belong to the outputs it is given: training goes on, but badly.

import type { Shape } from "../../engine/index.ts";
import { Activation } from "../layers/activation.ts";
import * as activations from "../layers/activations.ts";
import { Layer } from "../layers/layer.ts";
import type { Loss } from "../objective/losses.ts";

/** Those that give values from 0 to 1, or from 0 up, which a cross-entropy may divide by their sum. */
const likeProbabilities = ["softmax", "sigmoid", "hardSigmoid", "step", "exponential", "softplus"];

/**
 * Why `loss` can't learn well from what the layers give, and what to do; undefined where it can, or where nobody knows.
 *
 * @param outputShape of one sample
 */
export function outputWarning(layers: readonly Layer[], outputShape: Shape, loss: Loss): string | undefined {
  const ending = layers.at(-1);
  const activation = activationOf(layers);
  // A loss of the user's own may take what it likes.
  const wanted = loss.withLogits?.().logitsOf;
  if (ending === undefined || activation === undefined || wanted === undefined) return undefined;
  const end = `${ending.describe()} ends with ${activation === "linear" ? "no activation" : activation}`;
  if (activation === "softmax" && outputShape.at(-1) === 1) {
    return `${end} over one output, which is always 1; use activation: "sigmoid" and "binaryCrossentropy"`;
  }
  if (loss.logitsOf !== undefined) {
    if (activation !== "softmax" && activation !== "sigmoid") return undefined;
    return `${loss.name} with fromLogits: true takes outputs before ${wanted}, but ${end}, so it learns slowly; leave out fromLogits, or that activation`;
  }
  if (likeProbabilities.includes(activation)) return undefined;
  return `${loss.name} takes probabilities, but ${end}, so it learns badly; use activation: "${wanted}" there, or losses.${loss.name}({ fromLogits: true })`;
}

/** The activation of the engine's that the outputs surely come from; undefined where that can't be told. */
function activationOf(layers: readonly Layer[]): string | undefined {
  // An Activation layer that does nothing leaves the outputs to the layer before.
  const last = layers.findLast(
    (layer) => !(layer instanceof Activation && layer.outputActivation === "linear"),
  );
  if (last === undefined || !speaksForItself(last)) return undefined;
  return activations.names.find((name) => name === last.outputActivation);
}

/** Whether its class says what its function ends with, and no subclass has changed the function since. */
function speaksForItself(layer: Layer): boolean {
  for (let owner: object = layer; owner !== Layer.prototype; owner = Object.getPrototypeOf(owner)) {
    if (Object.hasOwn(owner, "outputActivation")) return true;
    if (["forward", "forwardLogits", "call", "callLogits"].some((name) => Object.hasOwn(owner, name)))
      return false;
  }
  return false;
}
