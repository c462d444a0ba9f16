// What can be told of a cross-entropy that does not belong to the outputs it is given: training goes on, but badly.

import * as activations from "../layers/activations.ts";
import type { Layer } from "../layers/layer.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import type { Loss } from "../objective/losses.ts";

/** Those that give values from 0 to 1, or from 0 up, which a cross-entropy may divide by their sum. */
const likeProbabilities = ["softmax", "sigmoid", "hardSigmoid", "step", "exponential", "softplus"];

/** Why `loss` can't learn well from an output, and what to do; undefined where it can, or where nobody knows. */
export function outputWarning(output: Placeholder, loss: Loss): string | undefined {
  const ending = endingOf(output);
  const name = ending?.outputActivations.length === 1 ? ending.outputActivations[0]?.name : undefined;
  const activation = activations.isName(name) ? name : undefined;
  // A loss of the user's own may take what it likes.
  const wanted = (loss.withLogits?.() ?? loss).logitsOf;
  if (ending === undefined || activation === undefined || wanted === undefined) return undefined;
  const end = `${ending.describe()} ends with ${activation === "linear" ? "no activation" : activation}`;
  if (activation === "softmax" && output.shape.at(-1) === 1) {
    return `${end} over one output, which is always 1; use activation: "sigmoid" and "binaryCrossentropy"`;
  }
  if (loss.logitsOf !== undefined) {
    if (activation !== "softmax" && activation !== "sigmoid") return undefined;
    const [which, remedy] = loss.withLogits ? [" with fromLogits: true", "fromLogits, or "] : ["", ""];
    return `${loss.name}${which} takes outputs before ${wanted}, but ${end}, so it learns slowly; leave out ${remedy}that activation`;
  }
  if (likeProbabilities.includes(activation)) return undefined;
  return `${loss.name} takes probabilities, but ${end}, so it learns badly; use activation: "${wanted}" there, or losses.${loss.name}({ fromLogits: true })`;
}

/** The layer that the outputs surely come from: one that does nothing leaves them to the layer before. */
function endingOf(output: Placeholder): Layer | undefined {
  const { producer } = output;
  if (producer === undefined) return undefined;
  const layer = producer.layer as Layer;
  const doesNothing = layer.type === "Activation" && layer.outputActivation?.name === "linear";
  return doesNothing ? endingOf(producer.inputs as Placeholder) : layer;
}
