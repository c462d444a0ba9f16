// Configs: what a layer was made of, as data that JSON holds, and layers made of it again.

import { ArgumentError, Tensor } from "../../engine/index.ts";
import { isPlainObject, kindOf, unknownName } from "../../engine/internal.ts";
import * as activations from "./activations.ts";
import { makerOf } from "./made.ts";

/** Data that JSON holds. */
export type Config = Readonly<Record<string, unknown>>;

/** A layer's type and {@link Config}. */
export interface LayerConfig {
  readonly type: string;
  readonly config: Config;
}

/** What has a config of its own: every layer. */
interface Configured {
  readonly type: string;
  config(): Config;
}

/**
 * A value of a layer's arguments and options as data.
 *
 * @param what how errors begin: the layer and the argument
 * @throws ArgumentError for a function of the user's own, which no data can hold
 */
export function configValue(what: string, value: unknown): unknown {
  if (value === null || ["number", "string", "boolean", "undefined"].includes(typeof value)) return value;
  if (Array.isArray(value)) return value.map((part) => configValue(what, part));
  const made = typeof value === "object" ? makerOf(value as object) : undefined;
  if (made !== undefined) return { made: made.name, args: made.args.map((part) => configValue(what, part)) };
  if (typeof value === "function") {
    const { name } = activations.get(value as activations.ActivationFunction);
    if (activations.isName(name)) return name;
  } else if (typeof (value as Configured).config === "function") {
    return { type: (value as Configured).type, config: (value as Configured).config() };
  } else if (ArrayBuffer.isView(value)) return Array.from(value as Float32Array);
  else if (isPlainObject(value)) {
    const { name, config } = value as { readonly name?: unknown; readonly config?: unknown };
    if (typeof name === "string" && isPlainObject(config)) return { name, ...config };
    const isOfFunctions = Object.values(value).some((part) => typeof part === "function");
    if (isOfFunctions && activations.isName(name)) return name;
    if (!isOfFunctions) {
      return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, configValue(what, part)]));
    }
  }
  const remedy = value instanceof Tensor ? "keep it in a weight" : "use a named one, or a layer of your own";
  throw new ArgumentError(`${what} is ${kindOf(value)}, which a config can't hold; ${remedy}`);
}

/** A class of layers, as configs name it. */
// biome-ignore lint/suspicious/noExplicitAny: constructors take what they like
export type LayerClass<L> = (new (...args: any[]) => L) & { readonly positional?: readonly string[] };

/**
 * The layer of a config.
 *
 * @param classes by their type
 * @param remake makes what a function of ours made, by its name and arguments
 */
export function layerOf<L>(
  { type, config }: LayerConfig,
  classes: Readonly<Record<string, LayerClass<L>>>,
  make: (config: LayerConfig) => L,
  remake: (made: string, args: readonly unknown[]) => unknown,
): L {
  if (!Object.hasOwn(classes, type)) {
    const error = unknownName("layer type", type, Object.keys(classes));
    throw new ArgumentError(`${error.message} Give a class of your own by custom: { ${type} }`);
  }
  const found = classes[type];
  const revive = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(revive);
    if (!isPlainObject(value)) return value;
    if (typeof value.made === "string" && Array.isArray(value.args)) return remake(value.made, value.args);
    const isLayer = typeof value.type === "string" && isPlainObject(value.config);
    return isLayer ? make(value as unknown as LayerConfig) : value;
  };
  const { positional = [] } = found;
  const options = Object.entries(config).filter(([key]) => !positional.includes(key));
  return new found(
    ...positional.map((key) => revive(config[key])),
    Object.fromEntries(options.map(([key, value]) => [key, revive(value)])),
  );
}

/** @internal The arguments that a layer was made with before its options. */
export function leadingOf(layer: { describe(): string }): Record<string, unknown> {
  const { positional = [] } = layer.constructor as LayerClass<object>;
  return Object.fromEntries(
    positional.map((name) => {
      const value = (layer as unknown as Record<string, unknown>)[name];
      if (value === undefined) {
        throw new ArgumentError(
          `${layer.describe()}: has no property "${name}", which its class names as an argument (positional)`,
        );
      }
      return [name, isPlainObject(value) && typeof value.call === "function" ? given(value) : value];
    }),
  );
}

/** An activation as it may be given again: by its name, or as the function that it is. */
const given = (value: unknown): unknown => {
  const { name, call } = value as activations.NamedActivation;
  return activations.isName(name) ? name : call;
};
