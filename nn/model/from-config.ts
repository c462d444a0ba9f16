// Models made of configs. Names all layers, so it costs those programs alone that call it.

import { ArgumentError } from "../../engine/index.ts";
import { checkOptions, kindOf, type OptionNames } from "../../engine/internal.ts";
import { type LayerClass, type LayerConfig, layerOf } from "../layers/config.ts";
import * as constraints from "../layers/constraints.ts";
import * as all from "../layers/index.ts";
import * as initializers from "../layers/initializers.ts";
import { Layer } from "../layers/layer.ts";
import * as regularizers from "../layers/regularizers.ts";
import { knowAllNames } from "./all-names.ts";
import { type GraphConfig, layGraph } from "./copies.ts";
import { Model } from "./model.ts";
import { Sequential } from "./sequential.ts";

export interface ModelFromConfigOptions {
  /** Layers of your own by their type, as in { Residual }. */
  custom?: Readonly<Record<string, LayerClass<Layer>>>;
}

const options: OptionNames<ModelFromConfigOptions> = { custom: true };

/**
 * The model that gave a config (`{ type: model.type, config: model.config() }`, or what JSON made of it), with fresh
 * weights; `setWeights` brings those of before.
 *
 * @throws ArgumentError for a type of layer that is none of ours and not given by `custom`
 */
export function modelFromConfig(config: LayerConfig, given: ModelFromConfigOptions = {}): Model {
  checkOptions("modelFromConfig", given, options);
  if (typeof config?.type !== "string" || typeof config.config !== "object") {
    throw new ArgumentError(
      `modelFromConfig: takes { type: model.type, config: model.config() }, got ${kindOf(config)}`,
    );
  }
  // A config holds what was passed as an object by its name.
  knowAllNames();
  const classes = { ...layerClasses(), ...given.custom };
  const make = (one: LayerConfig): Layer => {
    if (one.type === "Sequential") return sequentialOf(one.config as never, make);
    if (one.type === "Model") return modelOf(one.config as never, make);
    return layerOf(one, classes, make, remake);
  };
  const made = make(config);
  if (made instanceof Model) return made;
  throw new ArgumentError(`modelFromConfig: a ${config.type} is no model; put it into a Sequential`);
}

/** Calls a function of a table again, "regularizers.l2" say. */
export function callMaker(
  tables: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  made: string,
  args: readonly unknown[],
): unknown {
  const [table, name] = made.split(".");
  const found =
    Object.hasOwn(tables, table) && Object.hasOwn(tables[table], name) ? tables[table][name] : undefined;
  if (typeof found === "function" && name !== "get") return found(...args);
  throw new ArgumentError(
    `modelFromConfig: there is no ${made}; the config is of a later release, or was changed`,
  );
}

const remake = (made: string, args: readonly unknown[]) =>
  callMaker({ initializers, regularizers, constraints }, made, args);

function layerClasses(): Record<string, LayerClass<Layer>> {
  const found = Object.entries(all as Readonly<Record<string, unknown>>).filter(
    ([, value]) => typeof value === "function" && value.prototype instanceof Layer,
  );
  return Object.fromEntries(found) as Record<string, LayerClass<Layer>>;
}

interface Named {
  readonly name?: string;
  readonly trainable?: boolean;
}

function modelOf(config: GraphConfig & Named, make: (config: LayerConfig) => Layer): Model {
  const layers = Object.fromEntries(
    Object.entries(config.layers).map(([name, layer]) => [name, make(layer)]),
  );
  const { inputs, outputs } = layGraph(config, layers);
  return new Model(inputs, outputs, { name: config.name, trainable: config.trainable });
}

interface SequentialConfig extends Named {
  readonly input: GraphConfig["inputs"][number] | null;
  readonly layers: readonly LayerConfig[];
}

function sequentialOf(config: SequentialConfig, make: (config: LayerConfig) => Layer): Sequential {
  const { input: start, layers, name, trainable } = config;
  const model = new Sequential([], { name, trainable });
  if (start !== null) {
    const { shape, dtype, byteScale } = start;
    model.add(all.input(shape, { dtype, byteScale, name: start.name ?? undefined }));
  }
  for (const layer of layers) model.add(make(layer));
  return model;
}
