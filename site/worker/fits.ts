// Whether a net out of a file is one for the data: what it takes, what it gives, and what that means.

import type { Layer, Model } from "gradgpu/nn";
import { type DataSpec, outputLayer } from "../setup/setup.ts";

/** @throws Error that says what does not fit; the net is gone then */
export function checkFits(model: Model, spec: DataSpec, name: string): void {
  const problem = problemOf(model, spec);
  if (problem === undefined) return;
  model.dispose();
  throw new Error(`${name}: ${problem}. Choose the data that it was trained on, and load it again.`);
}

function problemOf(model: Model, spec: DataSpec): string | undefined {
  if (model.inputNames.length > 1 || model.outputNames.length > 1)
    return `its net has ${model.inputNames.length} inputs and ${model.outputNames.length} outputs, and the page trains nets with one of each`;
  const [has, gives] = [model.inputShape, model.outputShape];
  if (has.join() !== spec.shape.join())
    return `its net takes samples of shape [${has.join(", ")}], and the data have [${spec.shape.join(", ")}]`;
  const { units, activation } = outputLayer(spec);
  if (gives.join() !== String(units))
    return `its net gives [${gives.join(", ")}] for a sample, and the data want [${units}]`;
  // A layer may say nothing of that, as one of the user's own.
  const last = activationOf(model.layers.at(-1));
  return last === undefined || last === activation
    ? undefined
    : `its net ends with ${last}, and nets for these data end with ${activation}`;
}

function activationOf(layer: Layer | undefined): string | undefined {
  const { activation } = (layer ?? {}) as { activation?: { name?: string } };
  return activation?.name;
}
