// The rows of a model's summary: what each layer gives, and how many parameters it has.

import type { Model } from "gradgpu/nn";
import type { LayerRow } from "./messages.ts";

export function rowsOf(model: Model): LayerRow[] {
  return model.layers.map((layer) => ({
    name: model.nameOf(layer) ?? layer.name,
    type: layer.type,
    shape: [...(layer.outputShape ?? [])],
    parameters: layer.weights.reduce((sum, { size }) => sum + size, 0),
  }));
}
