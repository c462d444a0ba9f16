// Weights alone in files: saved by name, and loaded into a model that has them too.

import { ArgumentError } from "../../engine/index.ts";
import { checkOptions, type OptionNames } from "../../engine/internal.ts";
import { joinedBytes, partsOf, readFile, type Source, writeParts } from "./files.ts";
import { checkMatches, type KeptModel, match, nameOf, setterOf, weightsOf } from "./model-state.ts";
import type { Place } from "./place.ts";
import type { StoredTensor } from "./safetensors.ts";
import { storeOf } from "./store.ts";

/**
 * Writes a model's weights, moving averages and carried states to a safetensors file, under "model/" and their paths. What
 * is there already stays until the new file is written, flushed and read back whole.
 *
 * @param place a path in Node, "indexeddb://NAME" or "opfs://NAME" in pages, or a Store of your own
 * @throws DataError where it can't be written
 */
export async function saveWeights(model: KeptModel, place: Place): Promise<void> {
  const store = storeOf("saveWeights", place);
  await writeParts(store, partsOf("weights", await weightsOf(checked("saveWeights", model))));
}

/** What {@link saveWeights} would write, as bytes. */
export async function weightBytes(model: KeptModel): Promise<Uint8Array<ArrayBuffer>> {
  return joinedBytes(partsOf("weights", await weightsOf(checked("weightBytes", model))));
}

export interface LoadWeightsOptions {
  /** Whether the file must have all weights of the model and no others, each of its shape. Default true. */
  strict?: boolean;
}

const loadOptions: OptionNames<LoadWeightsOptions> = { strict: true };

/** What {@link loadWeights} found, by the weights' paths. */
export interface LoadedWeights {
  readonly loaded: readonly string[];
  /** Of the model, not in the file: they stay as they are. */
  readonly missing: readonly string[];
  /** In the file, not of the model. */
  readonly unexpected: readonly string[];
  /** In both, of two shapes: they stay as they are. */
  readonly misshapen: readonly string[];
}

/**
 * Sets a model's weights to those of a safetensors file: one of ours, of whatever kind, or another's whose tensors are
 * called as the weights' paths, "dense/kernel". Numbers of other dtypes become the model's (F16, BF16, F64: f32).
 *
 * @param source where {@link saveWeights} or `saveModel` wrote it, or its bytes
 * @throws DataError that says what differs; nothing is changed then
 */
export async function loadWeights(
  model: KeptModel,
  source: Source,
  options: LoadWeightsOptions = {},
): Promise<LoadedWeights> {
  const what = "loadWeights";
  checkOptions(what, options, loadOptions);
  checked(what, model);
  const file = await readFile(what, source);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, tensor] of file.tensors) {
    if (name.startsWith("model/")) tensors.set(name, tensor);
    else if (file.kind === undefined) tensors.set(`model/${name}`, tensor);
  }
  const own = [...model.variables()].filter(({ role }) => role !== "random");
  const matches = match(
    tensors,
    own.map((one) => [nameOf(one), one.variable] as const),
  );
  if (options.strict ?? true) {
    checkMatches(file.name, matches, "make the model as it was, or load what fits with { strict: false }");
  }
  setterOf(file.name, matches)();
  const plain = (names: readonly string[]) => names.map((name) => name.replace(/^model\//, ""));
  return {
    loaded: plain(matches.found.map(({ name }) => name)),
    missing: plain(matches.missing),
    unexpected: plain(matches.unexpected),
    misshapen: plain(matches.misshapen),
  };
}

/** The model, if it is one that has its weights. */
export function checked<M extends KeptModel>(what: string, model: M): M {
  if (typeof model?.variables !== "function" || typeof model.describe !== "function") {
    throw new ArgumentError(`${what}: the first argument must be a model`);
  }
  if (!model.isBuilt) {
    throw new ArgumentError(`${what}: ${model.describe()} has no weights yet; call build() after init()`);
  }
  return model;
}
