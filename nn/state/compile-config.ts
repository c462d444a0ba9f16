// What compile() was told, as data that JSON holds. What is the user's own is named, to be given again at loading.

import { ArgumentError } from "../../engine/index.ts";
import { isPlainObject } from "../../engine/internal.ts";
import {
  type Clipping,
  Optimizer,
  type ParameterGroup,
  type ParameterGroups,
  type Schedule,
} from "../../optim/index.ts";
import { makerOf } from "../layers/made.ts";

/** What stands for a function or object in a config: one of ours with its arguments, or one of the user's by name. */
export type Reference =
  | { readonly made: string; readonly args: readonly unknown[] }
  | { readonly custom: string };

/** An optimizer as data. */
export interface OptimizerReference {
  readonly optimizer: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** By which weights are spared from decay. */
  readonly spared?: Reference;
  /** What `withLossScaling` was told, or `mixedPrecision`, which keeps values in halves. */
  readonly lossScaling?: { readonly halves?: boolean };
}

/** The options of `compile` as data. */
export type CompileConfig = Readonly<Record<string, unknown>>;

/**
 * @param what how errors begin
 * @throws ArgumentError for what has no name
 */
export function compileConfig(what: string, options: object): CompileConfig {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([key, value]) => [key, asData(`${what}: ${key}`, value)]));
}

function asData(what: string, value: unknown): unknown {
  if (value === null || ["string", "number", "boolean"].includes(typeof value)) return value;
  if (Array.isArray(value)) return value.map((part) => asData(what, part));
  if (value instanceof Optimizer) return optimizerAsData(what, value);
  if (value instanceof RegExp) return { pattern: value.source, flags: value.flags };
  if (typeof value === "function") {
    const { config } = value as Partial<Schedule>;
    return config === undefined ? customOf(what, value.name) : config;
  }
  if (typeof value !== "object") return undefined;
  const made = makerOf(value);
  if (made !== undefined) return { made: made.name, args: made.args.map((part) => asData(what, part)) };
  const { name, ...rest } = value as { readonly name?: unknown };
  // A loss or a metric of one's own has functions; a table by output's name has none.
  if (typeof name === "string" && Object.values(rest).some((part) => typeof part === "function")) {
    return customOf(what, name);
  }
  if (!isPlainObject(value)) return customOf(what, value.constructor?.name);
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, asData(`${what}.${key}`, part)]),
  );
}

function customOf(what: string, name: unknown): Reference {
  if (typeof name === "string" && name !== "") return { custom: name };
  throw new ArgumentError(
    `${what} has a function without a name, which a file can't hold; name it, and give it to loadModel by custom: { name }`,
  );
}

function optimizerAsData(what: string, optimizer: Optimizer): OptimizerReference {
  const { options, spared } = optimizer.recipe;
  const kept = Object.entries(options).filter(([, value]) => value !== undefined);
  return {
    optimizer: optimizer.type,
    options: Object.fromEntries(
      kept.map(([key, value]) => {
        if (key === "groups")
          return [key, (value as ParameterGroups).list.map((group) => groupAsData(what, group))];
        if (key === "clipping") return clippingAsData(what, value as Clipping);
        return [key, asData(`${what} ${key}`, value)];
      }),
    ),
    ...(spared === undefined ? {} : { spared: customOf(`${what}: excludeFromWeightDecay`, spared.name) }),
    ...(optimizer.inside.scaling && { lossScaling: optimizer.inside.scaling.options }),
  };
}

const clippingAsData = (what: string, { kind, limit }: Clipping) =>
  [kind, asData(`${what} clipping`, limit)] as const;

/** Variables that are listed are told by their names. */
function groupAsData(what: string, { variables, clipping, ...rest }: ParameterGroup): unknown {
  const data = {
    ...(asData(`${what}: groups`, rest) as object),
    ...(clipping && Object.fromEntries([clippingAsData(what, clipping)])),
  };
  if (variables === undefined) return data;
  const names = variables.map(({ name }) => name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return { ...data, filter: { pattern: `^(?:${names.join("|")})$`, flags: "" } };
}
