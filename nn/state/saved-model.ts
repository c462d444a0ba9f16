// Models in files, whole: structure, weights, compile options and what the optimizer remembers.

import { checkOptions, type OptionNames } from "../../engine/internal.ts";
import { compileConfig } from "./compile-config.ts";
import { joinedBytes, partsOf, writeParts } from "./files.ts";
import { type KeptModel, stateOf } from "./model-state.ts";
import type { Place } from "./place.ts";
import type { FileParts } from "./safetensors.ts";
import { checked } from "./saved-weights.ts";
import { storeOf } from "./store.ts";

export interface SaveModelOptions {
  /** Whether what `compile` was told and what the optimizer remembers are kept, too. Default true. */
  optimizer?: boolean;
}

const options: OptionNames<SaveModelOptions> = { optimizer: true };

/**
 * Writes a model to one safetensors file: its structure, weights and random states, what `compile` was told, and what its
 * optimizer remembers. {@link loadModel} makes it again. What is there already stays until the new file is written, flushed
 * and read back whole.
 *
 *     await saveModel(model, "model.safetensors");
 *     const again = await loadModel("model.safetensors");
 *
 * @param place a path in Node, "indexeddb://NAME" or "opfs://NAME" in pages, or a Store of your own
 * @throws ArgumentError where a part can't be told in a file: a function without a name, an activation of your own
 * @throws DataError where it can't be written; what was there before is still there
 */
export async function saveModel(model: KeptModel, place: Place, given: SaveModelOptions = {}): Promise<void> {
  checkOptions("saveModel", given, options);
  const store = storeOf("saveModel", place);
  await writeParts(store, await modelParts("saveModel", model, given));
}

/** What {@link saveModel} would write, as bytes, which {@link loadModel} takes. */
export async function modelBytes(
  model: KeptModel,
  given: SaveModelOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  checkOptions("modelBytes", given, options);
  return joinedBytes(await modelParts("modelBytes", model, given));
}

/** The file of a model. */
export async function modelParts(
  what: string,
  model: KeptModel,
  given: SaveModelOptions = {},
): Promise<FileParts> {
  checked(what, model);
  const { compileOptions } = model;
  const hasOptimizer = (given.optimizer ?? true) && compileOptions !== undefined;
  const notes = {
    model: { type: model.type, config: model.config() },
    compile: hasOptimizer
      ? compileConfig(`${what}: ${model.describe()}: compile`, compileOptions)
      : undefined,
  };
  const { tensors, optimizer } = await stateOf(model, hasOptimizer);
  return partsOf("model", tensors, { ...notes, optimizer });
}
