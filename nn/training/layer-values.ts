// What flows through a model for a batch: the outputs of its layers, and the gradients of its weights. Nothing of the model
// changes by it.

import {
  disposeAll,
  keep,
  noGrad,
  type Tensor,
  type Tree,
  tidy,
  type Variable,
  variable,
  variableGrads,
} from "../../engine/index.ts";
import { leavesOf, mapTree } from "../../engine/internal.ts";
import type { Optimizer } from "../../optim/index.ts";
import { asInput } from "../layers/input.ts";
import type { Layer, LayerVariable } from "../layers/layer.ts";
import type { Call, Placeholder } from "../layers/placeholder.ts";
import type { DataTree } from "./data.ts";
import { feedOf } from "./feed.ts";
import { withOwned } from "./owned.ts";
import type { TrainableModel } from "./trainable.ts";

/** A model as it is looked into: every `Model` and `Sequential` is one. */
export interface LayeredModel extends TrainableModel {
  readonly calls: readonly Call<Layer>[];
  readonly byteScales: readonly number[];
  nameOf(layer: Layer): string | undefined;
  variables(): IterableIterator<LayerVariable>;
}

/**
 * The outputs of each layer in inference mode, by the layers' names: `name` for one, `name_1` for a second output or call.
 *
 * @param what how errors begin
 * @returns tensors that are the caller's to dispose
 */
export async function layerOutputs(
  what: string,
  model: LayeredModel,
  x: DataTree,
): Promise<Map<string, Tensor>> {
  return withOwned(async (use) => {
    const feed = feedOf({ what, model, use }, x);
    await feed.checked;
    const { x: inputs } = feed.batchOf(feed.source.parts as readonly Tensor[]);
    return noGrad(() => tidy(() => outputsFor(model, inputs)));
  });
}

function outputsFor(model: LayeredModel, inputs: Tree<Tensor>): Map<string, Tensor> {
  const found = new Map<Placeholder, Tensor>();
  const given = leavesOf(inputs);
  leavesOf(model.inputs as Tree<Placeholder>).forEach((placeholder, i) => {
    found.set(placeholder, asInput(given[i], placeholder.dtype, model.byteScales[i]));
  });
  const named = new Map<string, Tensor>();
  for (const { layer, inputs: from, outputs } of model.calls) {
    const values = mapTree(from, (placeholder: Placeholder) => found.get(placeholder) as Tensor);
    const results = leavesOf(layer.call(values) as Tree<Tensor>);
    leavesOf(outputs).forEach((placeholder, i) => {
      found.set(placeholder, results[i]);
      const name = model.nameOf(layer) ?? layer.name;
      let free = name;
      for (let k = 1; named.has(free); k++) free = `${name}_${k}`;
      named.set(free, keep(results[i]));
    });
  }
  return named;
}

/**
 * The gradient of the loss by each weight that is trained, in training mode, by the weights' paths. Moving averages, random
 * states and weights are afterwards what they were.
 *
 * @param what how errors begin
 * @returns tensors that are the caller's to dispose
 */
export async function weightGradients(
  what: string,
  model: LayeredModel,
  x: DataTree,
  y: DataTree,
): Promise<Map<string, Tensor>> {
  return withOwned(async (use) => {
    const feed = feedOf({ what, model, losses: model.losses, use }, x, y);
    await feed.checked;
    let trained: readonly Variable[] = [];
    let found: Tensor[] = [];
    // In the place of the optimizer: it takes the gradients, and changes nothing.
    const taker = {
      build: (variables: readonly Variable[]) => {
        trained = variables;
      },
      computeGradients: variableGrads,
      apply: (gradients: readonly Tensor[]) => {
        found = gradients.map(keep);
      },
    } as unknown as Optimizer;
    const trainer = use(model.makeTrainer({ optimizer: taker }));
    const before = [...model.variables()].map((entry) => ({ entry, value: use(variable(entry.variable)) }));
    const batch = feed.batchOf(feed.source.parts as readonly Tensor[]);
    try {
      trainer.trainStep(batch.x, batch.y as never);
    } catch (error) {
      disposeAll(found);
      throw error;
    } finally {
      for (const { entry, value } of before) entry.variable.assign(value);
    }
    const paths = new Map(before.map(({ entry }) => [entry.variable, entry.path]));
    return new Map(trained.map((weight, i) => [paths.get(weight) ?? weight.name, found[i]]));
  });
}
