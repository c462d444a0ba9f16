// What a model is at a moment, as tensors by name: weights, random states and what its optimizer remembers.

import {
  ArgumentError,
  DataError,
  type DType,
  type Shape,
  showShape,
  sizeOf,
  type Variable,
} from "../../engine/index.ts";
import { type Optimizer, type OptimizerState, optimizerState, setOptimizerState } from "../../optim/index.ts";
import type { Config } from "../layers/config.ts";
import type { LayerVariable } from "../layers/layer.ts";
import { equalShapes } from "../layers/spec.ts";
import type { Contents, HostTensor, StoredTensor } from "./safetensors.ts";
import { convertedTo } from "./stored-dtypes.ts";

/** What is kept of a model: every `Model` is one. */
export interface KeptModel {
  readonly type: string;
  readonly optimizer: Optimizer | undefined;
  readonly trainableWeights: readonly Variable[];
  /** @internal What `fit` draws its orders of samples from, once it did. */
  readonly shuffleState: Variable | undefined;
  readonly isBuilt: boolean;
  /** @internal What `compile` was told. */
  readonly compileOptions: object | undefined;
  variables(): Iterable<LayerVariable>;
  config(): Config;
  describe(): string;
}

type Tensors = Map<string, HostTensor>;

/** Names of a model's variables in files: random states apart from what is learnt. */
export const nameOf = ({ role, path }: Pick<LayerVariable, "role" | "path">): string =>
  `${role === "random" ? "random" : "model"}/${path}`;

/** Of the state that `fit` draws its orders of samples from. */
export const shuffleName = "fit/shuffle";
const iterationsName = "optimizer/iterations";

/** The variables as of now: what is asked of the device later doesn't count. */
async function valuesOf(variables: Iterable<readonly [name: string, variable: Variable]>): Promise<Tensors> {
  const list = [...variables];
  const wanted = new Set(list.map(([, variable]) => variable));
  // Those that lie in one vector, all of which are wanted, are read with it at once.
  const wholes = new Map<Variable, ReturnType<Variable["data"]>>();
  const read = (variable: Variable): ReturnType<Variable["data"]> => {
    const { partOf, size } = variable;
    if (!partOf?.parent.parts.every((part) => wanted.has(part))) return variable.data();
    const { parent, byteOffset } = partOf;
    const whole = wholes.get(parent) ?? parent.data();
    wholes.set(parent, whole);
    return whole.then((values) => values.subarray(byteOffset / 4, byteOffset / 4 + size));
  };
  // All reads are asked for before any is awaited.
  const reads = list.map(([name, variable]) => [name, variable, read(variable)] as const);
  return new Map(
    await Promise.all(
      reads.map(
        async ([name, { dtype, shape }, values]) => [name, { dtype, shape, values: await values }] as const,
      ),
    ),
  );
}

/** Weights, moving averages and carried states, by name. */
export const weightsOf = (model: KeptModel): Promise<Tensors> =>
  valuesOf(
    [...model.variables()]
      .filter(({ role }) => role !== "random")
      .map((one) => [nameOf(one), one.variable] as const),
  );

/** The optimizer's rate and name, which are no tensors. */
export interface OptimizerNotes {
  readonly name: string;
  readonly learningRate?: number;
}

/** All of a model, its optimizer's memory too. */
export async function stateOf(
  model: KeptModel,
  hasOptimizer = true,
): Promise<{ tensors: Tensors; optimizer: OptimizerNotes | undefined }> {
  const { optimizer, shuffleState } = model;
  const kept: (readonly [string, Variable])[] = [...model.variables()].map((one) => [
    nameOf(one),
    one.variable,
  ]);
  if (shuffleState !== undefined) kept.push([shuffleName, shuffleState]);
  const [tensors, state] = await Promise.all([
    valuesOf(kept),
    hasOptimizer && optimizer ? optimizerState(optimizer) : undefined,
  ]);
  if (optimizer === undefined || state === undefined) return { tensors, optimizer: undefined };
  const names = optimizedNames(model);
  const shapes = optimizedVariables(model).map(({ shape }) => shape);
  tensors.set(iterationsName, { dtype: "i32", shape: [], values: Int32Array.of(state.iterations) });
  for (const [scalar, value] of Object.entries(state.scalars ?? {}))
    tensors.set(`optimizer/${scalar}`, { dtype: "f32", shape: [], values: Float32Array.of(value) });
  for (const [slot, parts] of Object.entries(state.slots)) {
    parts.forEach((values, i) => {
      const shape = sizeOf(shapes[i]) === values.length ? shapes[i] : [values.length];
      tensors.set(`optimizer/${slot}/${names[i]}`, { dtype: "f32", shape, values });
    });
  }
  const { name, learningRate } = state;
  return { tensors, optimizer: { name, ...(learningRate === undefined ? {} : { learningRate }) } };
}

/** The variables that the optimizer works on, in its order. */
function optimizedVariables({ optimizer, trainableWeights }: KeptModel): readonly Variable[] {
  const own = optimizer?.variables ?? [];
  return own.length > 0 ? own : trainableWeights;
}

/** Their names; of those of another model that the optimizer works on too, what they are called. */
function optimizedNames(model: KeptModel): string[] {
  const own = new Map([...model.variables()].map((one) => [one.variable, nameOf(one)]));
  return optimizedVariables(model).map((variable) => own.get(variable) ?? `other/${variable.name}`);
}

/** What a file and a model have in common, and what not. */
export interface Matches {
  readonly found: readonly {
    readonly variable: Variable;
    readonly tensor: StoredTensor;
    readonly name: string;
  }[];
  /** Of the model, not in the file. */
  readonly missing: readonly string[];
  /** In the file, not of the model. */
  readonly unexpected: readonly string[];
  /** In both, of two shapes: "NAME is [3] in the file and [4] here". */
  readonly misshapen: readonly string[];
}

/** @param wanted name in the file and variable of each */
export function match(
  tensors: ReadonlyMap<string, StoredTensor>,
  wanted: readonly (readonly [name: string, variable: Variable])[],
): Matches {
  const own = new Map(wanted);
  const found: { variable: Variable; tensor: StoredTensor; name: string }[] = [];
  const missing: string[] = [];
  const misshapen: string[] = [];
  for (const [name, variable] of own) {
    const tensor = tensors.get(name);
    if (tensor === undefined) missing.push(name);
    else if (!equalShapes(tensor.shape, variable.shape)) {
      misshapen.push(
        `${name} is ${showShape(tensor.shape)} in the file and ${showShape(variable.shape)} here`,
      );
    } else found.push({ variable, tensor, name });
  }
  return { found, missing, misshapen, unexpected: [...tensors.keys()].filter((name) => !own.has(name)) };
}

/** @throws DataError that says what differs */
export function checkMatches(
  what: string,
  { missing, unexpected, misshapen }: Matches,
  remedy: string,
): void {
  const parts = [
    misshapen.length > 0 ? some(misshapen) : "",
    missing.length > 0 ? `the file has no ${some(missing)}` : "",
    unexpected.length > 0 ? `the model has no ${some(unexpected)}` : "",
  ].filter((part) => part !== "");
  if (parts.length > 0) throw new DataError(`${what}: ${parts.join("; ")}; ${remedy}`);
}

const some = (names: readonly string[]): string =>
  names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "");

/** Looks at all values, then gives what sets them, which can't fail any more. */
export function setterOf(what: string, { found }: Pick<Matches, "found">): () => void {
  const made = found.map(({ variable, tensor, name }) => ({
    variable,
    values: convertedTo(`${what}: ${name}`, variable.dtype as DType, tensor.dtype, tensor.values),
  }));
  return () => {
    for (const { variable, values } of made) variable.set(values);
  };
}

/**
 * Checks that a file's state is such as a model has, and gives what takes it over, which changes nothing before all is
 * known to fit.
 *
 * @param shuffleState of the model, which is set where the file has one
 * @throws DataError that says what differs
 */
export function restorerOf(
  what: string,
  model: KeptModel,
  { tensors }: Contents,
  notes: OptimizerNotes | undefined,
  shuffleState: () => Variable,
): () => void {
  const own = [...model.variables()].map((one) => [nameOf(one), one.variable] as const);
  const ofModel = new Map([...tensors].filter(([name]) => /^(model|random)\//.test(name)));
  const matches = match(ofModel, own);
  checkMatches(what, matches, "make the model as it was when it was saved");
  const shuffle = tensors.get(shuffleName);
  const found = [...matches.found];
  if (shuffle !== undefined) {
    if (!equalShapes(shuffle.shape, [4]) || shuffle.dtype !== "U32")
      throw new DataError(
        `${what}: ${shuffleName} must be 4 words (U32), got ${shuffle.dtype} ${showShape(shuffle.shape)}`,
      );
    found.push({ variable: shuffleState(), tensor: shuffle, name: shuffleName });
  }
  const set = setterOf(what, { found });
  const { optimizer } = model;
  const state =
    notes === undefined || optimizer === undefined ? undefined : storedState(what, model, tensors, notes);
  return () => {
    // It looks at all of the state before it takes any.
    if (optimizer && state) withDataError(what, () => setOptimizerState(optimizer, state));
    set();
  };
}

function withDataError(what: string, fn: () => void): void {
  try {
    fn();
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new DataError(`${what}: ${error.message}`, { cause: error });
  }
}

/** What the optimizer takes, made of the tensors under "optimizer/". */
function storedState(
  what: string,
  model: KeptModel,
  tensors: ReadonlyMap<string, StoredTensor>,
  notes: OptimizerNotes,
): OptimizerState {
  const names = optimizedNames(model);
  const slots: Record<string, Float32Array[]> = {};
  const scalars: Record<string, number> = {};
  let iterations = 0;
  const unexpected: string[] = [];
  for (const [name, tensor] of tensors) {
    if (!name.startsWith("optimizer/")) continue;
    if (name === iterationsName) {
      iterations = scalarOf(what, name, tensor, "I32");
      continue;
    }
    const [, first, rest] = /^optimizer\/([^/]+)(?:\/(.+))?$/.exec(name) ?? [];
    if (first === undefined) unexpected.push(name);
    else if (rest === undefined) scalars[first] = scalarOf(what, name, tensor, "F32");
    else {
      const at = names.indexOf(rest);
      if (at < 0 || tensor.dtype !== "F32") unexpected.push(`${name} (${tensor.dtype})`);
      else {
        slots[first] ??= [];
        slots[first][at] = tensor.values as Float32Array;
      }
    }
  }
  if (unexpected.length > 0) {
    throw new DataError(
      `${what}: the optimizer of this model has no ${some(unexpected)}; make the model as it was when it was saved`,
    );
  }
  for (const [slot, parts] of Object.entries(slots)) {
    const lacking = names.filter((_, i) => parts[i] === undefined).map((name) => `optimizer/${slot}/${name}`);
    if (lacking.length > 0)
      throw new DataError(
        `${what}: the file has no ${some(lacking)}; make the model as it was when it was saved`,
      );
  }
  return { ...notes, iterations, slots, ...(Object.keys(scalars).length > 0 ? { scalars } : {}) };
}

function scalarOf(
  what: string,
  name: string,
  { dtype, shape, values }: StoredTensor,
  wanted: string,
): number {
  if (dtype === wanted && (shape as Shape).length === 0) return values[0];
  throw new DataError(`${what}: ${name} must be one number (${wanted}), got ${dtype} ${showShape(shape)}`);
}
