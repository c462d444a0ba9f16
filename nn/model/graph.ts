// Graph: the calls that lead from a model's inputs to its outputs, in order, with a name for each layer.

import { ArgumentError, ShapeError, showShape, Tensor, type Tree } from "../../engine/index.ts";
import { isPlainObject, kindOf, leavesOf, mapTree, withLeaves } from "../../engine/internal.ts";
import { asInput } from "../layers/input.ts";
import type { Layer } from "../layers/layer.ts";
import { baseName, freeName } from "../layers/names.ts";
import { type Call, Placeholder, specsOfValues } from "../layers/placeholder.ts";
import { batched, fitsShape, type SampleSpec } from "../layers/spec.ts";

export type LayerCall = Call<Layer>;

export class Graph {
  readonly inputs: Tree<Placeholder>;
  readonly outputs: Tree<Placeholder>;
  /** In the order in which they were made, which is one in which they can run. */
  readonly calls: readonly LayerCall[];
  /** In the order of their first calls. */
  readonly layers: readonly Layer[];
  readonly #names: ReadonlyMap<Layer, string>;
  /** Of the inputs, in their order. */
  readonly inputNames: readonly string[];
  /** Of the inputs, what bytes mean: their own `byteScale`, or that of a model which they go into. */
  readonly byteScales: readonly number[];
  /** Of the outputs: their keys where they stand in a plain object, else the names of the layers that give them. */
  readonly outputNames: readonly string[];

  /**
   * @param what how errors begin
   * @param names of the layers, where they have been given already
   */
  constructor(
    what: string,
    inputs: Tree<Placeholder>,
    outputs: Tree<Placeholder>,
    names?: ReadonlyMap<Layer, string>,
  ) {
    const [starts, ends] = [placeholdersIn(what, "inputs", inputs), placeholdersIn(what, "outputs", outputs)];
    this.inputs = inputs;
    this.outputs = outputs;
    this.calls = callsBetween(what, starts, ends);
    this.layers = [...new Set(this.calls.map(({ layer }) => layer))];
    this.#names = names ?? namesOf(what, this.layers);
    this.byteScales = starts.map((start) => byteScaleOf(start, this.calls));
    this.inputNames = namesByKey(inputs) ?? inputNamesOf(what, starts, this.#names);
    this.outputNames = namesByKey(outputs) ?? outputNamesOf(ends, this.#names);
  }

  nameOf(layer: Layer): string | undefined {
    return this.#names.get(layer);
  }

  /** The specs of a call's inputs. */
  specsOf({ inputs }: LayerCall): Tree<SampleSpec> {
    return specsOfValues(inputs);
  }

  /** Whether any other call of the model reads what a call gives. */
  isRead(call: LayerCall): boolean {
    return this.calls.some(({ inputs }) => leavesOf(inputs).some(({ producer }) => producer === call));
  }

  /**
   * What comes out for values of the inputs.
   *
   * @param run gives what a call gives for values of its inputs
   */
  run<V>(values: Tree<V>, run: (call: LayerCall, inputs: Tree<V>) => Tree<V>): Tree<V> {
    const found = new Map<Placeholder, V>();
    const given = leavesOf(values);
    leavesOf(this.inputs).forEach((placeholder, i) => {
      found.set(placeholder, given[i]);
    });
    const numbersOf = (placeholder: Placeholder) => found.get(placeholder) as V;
    for (const call of this.calls) {
      const results = leavesOf(run(call, mapTree(call.inputs, numbersOf)));
      leavesOf(call.outputs).forEach((placeholder, i) => {
        found.set(placeholder, results[i]);
      });
    }
    return mapTree(this.outputs, numbersOf);
  }
}

function placeholdersIn(what: string, which: string, tree: Tree<Placeholder>): Placeholder[] {
  const leaves = leavesOf<unknown>(tree);
  for (const leaf of leaves) {
    if (leaf instanceof Placeholder) continue;
    throw new ArgumentError(
      `${what}: its ${which} must be placeholders, as input([...]) and layer.call(...) give them, got ${kindOf(leaf)}`,
    );
  }
  if (leaves.length === 0) throw new ArgumentError(`${what}: has no ${which}; give at least one`);
  return leaves as Placeholder[];
}

/** The calls that the outputs need, in the order in which they were made. */
function callsBetween(
  what: string,
  starts: readonly Placeholder[],
  ends: readonly Placeholder[],
): LayerCall[] {
  const known = new Set(starts);
  const twice = starts.find((start, i) => starts.indexOf(start) !== i);
  if (twice !== undefined) {
    throw new ArgumentError(
      `${what}: an input of shape ${batched(twice.shape)} stands twice among its inputs`,
    );
  }
  const calls = new Set<LayerCall>();
  const reached = new Set<Placeholder>();
  const open = [...ends];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (known.has(value)) {
      reached.add(value);
      continue;
    }
    const call = value.producer as LayerCall | undefined;
    if (call === undefined) {
      throw new ArgumentError(
        `${what}: an output depends on an input of shape ${batched(value.shape)}${value.name === undefined ? "" : ` ("${value.name}")`} that is not among its inputs; add it there`,
      );
    }
    if (calls.has(call)) continue;
    calls.add(call);
    open.push(...leavesOf(call.inputs));
  }
  const idle = starts.findIndex((start) => !reached.has(start));
  if (idle >= 0) {
    throw new ArgumentError(
      `${what}: no output depends on input ${idle}, of shape ${batched(starts[idle].shape)}; leave it out, or use it`,
    );
  }
  return [...calls].sort((a, b) => a.order - b.order);
}

/** Those given by hand, and the types numbered in the order of the calls. */
function namesOf(what: string, layers: readonly Layer[]): Map<Layer, string> {
  const names = new Map<Layer, string>();
  const taken = new Set<string>();
  for (const layer of layers) {
    const name = layer.givenName;
    if (name === undefined) continue;
    if (taken.has(name)) {
      throw new ArgumentError(
        `${what}: there is a layer named "${name}" already; give each layer a name of its own`,
      );
    }
    taken.add(name);
    names.set(layer, name);
  }
  for (const layer of layers) if (!names.has(layer)) names.set(layer, freeName(baseName(layer.type), taken));
  return new Map(layers.map((layer) => [layer, names.get(layer) as string]));
}

function byteScaleOf(start: Placeholder, calls: readonly LayerCall[]): number {
  if (start.byteScale !== 1) return start.byteScale;
  const within = calls.flatMap(({ layer, inputs }) =>
    leavesOf(inputs).flatMap((value, i) => (value === start ? (layer.byteScales[i] ?? 1) : [])),
  );
  return within.find((scale) => scale !== 1) ?? 1;
}

/** The keys of values in a plain object. */
function namesByKey(tree: Tree<Placeholder>): string[] | undefined {
  const isFlat = isPlainObject(tree) && Object.values(tree).every((part) => part instanceof Placeholder);
  return isFlat ? Object.keys(tree) : undefined;
}

function outputNamesOf(ends: readonly Placeholder[], names: ReadonlyMap<Layer, string>): string[] {
  const taken = new Set<string>();
  return ends.map(({ producer }) =>
    freeName(producer === undefined ? "input" : (names.get(producer.layer as Layer) as string), taken),
  );
}

function inputNamesOf(
  what: string,
  starts: readonly Placeholder[],
  layers: ReadonlyMap<Layer, string>,
): string[] {
  const taken = new Set(layers.values());
  for (const { name } of starts) {
    if (name === undefined) continue;
    if (taken.has(name)) {
      throw new ArgumentError(`${what}: the input's name "${name}" is taken; give it one of its own`);
    }
    taken.add(name);
  }
  return starts.map(({ name }) => name ?? freeName("input", taken));
}

/** @throws ArgumentError for values of another form than the inputs have */
export function checkForm(what: string, inputs: Tree<Placeholder>, given: unknown): void {
  if (inputs instanceof Placeholder) return;
  const isList = Array.isArray(inputs);
  const keys = Object.keys(inputs);
  if (
    typeof given !== "object" ||
    given === null ||
    Array.isArray(given) !== isList ||
    given instanceof Tensor
  ) {
    throw new ArgumentError(
      `${what}: takes ${isList ? `${keys.length} inputs in an array` : `inputs by name (${keys.join(", ")})`}, got ${kindOf(given)}`,
    );
  }
  const found = Object.keys(given);
  if (isList && found.length !== keys.length) {
    throw new ArgumentError(
      `${what}: takes ${keys.length} inputs, got ${found.length}; pass one tensor each, in an array`,
    );
  }
  for (const key of keys) {
    if (!found.includes(key)) {
      throw new ArgumentError(`${what}: input "${key}" is missing; it takes ${keys.join(", ")}`);
    }
    const part = (inputs as Readonly<Record<string, Tree<Placeholder>>>)[key];
    checkForm(what, part, (given as Readonly<Record<string, unknown>>)[key]);
  }
}

/**
 * Values as a model's inputs want them: f32 is taken as it is, bytes are multiplied by the input's `byteScale`.
 *
 * @param values of the inputs' form
 * @throws ShapeError for what does not fit
 */
export function readInputs(
  what: string,
  { inputs, inputNames, byteScales }: Graph,
  values: Tree<Tensor>,
): Tree<Tensor> {
  const given = leavesOf(values);
  return withLeaves(
    inputs,
    leavesOf(inputs).map((placeholder, i) =>
      readOne(what, placeholder, given[i], inputNames[i], byteScales[i]),
    ),
  );
}

function readOne(
  what: string,
  { shape, dtype }: Placeholder,
  x: unknown,
  name: string,
  byteScale: number,
): Tensor {
  if (!(x instanceof Tensor)) {
    throw new ArgumentError(`${what}: call takes a Tensor, got ${kindOf(x)}; use predict() for arrays`);
  }
  if (x.rank === 0 || !fitsShape(x.shape.slice(1), shape)) {
    throw new ShapeError(
      `${what}: takes inputs of shape ${batched(shape)}${name === "input" ? "" : ` as "${name}"`}, got ${showShape(x.shape)}`,
    );
  }
  return asInput(x, dtype, byteScale);
}
