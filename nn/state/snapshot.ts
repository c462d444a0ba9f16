// snapshot and restore: what models and optimizers are at a moment, on the host, for loops of one's own.

import {
  ArgumentError,
  DisposedError,
  type HostArray,
  RandomGenerator,
  Variable,
} from "../../engine/index.ts";
import { kindOf } from "../../engine/internal.ts";
import { Optimizer, type OptimizerState, optimizerState, setOptimizerState } from "../../optim/index.ts";
import type { LayerVariable } from "../layers/layer.ts";

/** What has variables: a model or layer, a random generator, or a Variable itself. */
export type Snapshotted =
  | Variable
  | RandomGenerator
  | { variables(): Iterable<LayerVariable>; describe(): string };

/** The values of some variables, and what some optimizers remember, as of one moment. */
export class Snapshot {
  /** @internal */
  readonly values: readonly (readonly [Variable, HostArray])[];
  /** @internal */
  readonly states: readonly (readonly [Optimizer, OptimizerState])[];

  /** @internal Use {@link snapshot}. */
  constructor(values: Snapshot["values"], states: Snapshot["states"]) {
    this.values = values;
    this.states = states;
  }
}

/**
 * Copies to the host all variables of models (weights, moving averages, random states) and all that optimizers remember, as
 * they are now: what is asked of the device later does not count. A compiled model's optimizer and its order of samples are
 * copied too.
 *
 *     const saved = await snapshot(model, optimizer);
 *     restore(saved);
 *
 * @param models a model or layer, a RandomGenerator, a Variable, or several
 */
export async function snapshot(
  models: Snapshotted | readonly Snapshotted[],
  optimizers: Optimizer | readonly Optimizer[] = [],
): Promise<Snapshot> {
  const variables = new Set<Variable>();
  const given = new Set<Optimizer>(listOf(optimizers).map(checkedOptimizer));
  for (const model of listOf(models) as readonly Snapshotted[]) {
    for (const variable of variablesIn(model)) variables.add(variable);
    const { optimizer, shuffleState } = model as { optimizer?: unknown; shuffleState?: Variable };
    if (optimizer instanceof Optimizer) given.add(optimizer);
    if (shuffleState !== undefined) variables.add(shuffleState);
  }
  // All reads are asked for before any is awaited.
  const values = [...variables].map(async (variable) => [variable, await variable.data()] as const);
  const states = [...given].map(async (optimizer) => [optimizer, await optimizerState(optimizer)] as const);
  return new Snapshot(await Promise.all(values), await Promise.all(states));
}

/**
 * Gives the variables and optimizers of a snapshot what they had, bit for bit; also after `device.recover()`.
 *
 * @throws DisposedError where a variable was disposed since; nothing is changed then
 */
export function restore(saved: Snapshot): void {
  if (!(saved instanceof Snapshot)) {
    const remedy = (saved as unknown) instanceof Promise ? "; await it first" : "";
    throw new ArgumentError(
      `restore: takes what \`await snapshot(...)\` gave, got ${kindOf(saved)}${remedy}`,
    );
  }
  for (const [variable] of saved.values) {
    if (variable.isDisposed)
      throw new DisposedError(
        `restore: ${variable.describe()} was disposed since the snapshot; make one anew`,
      );
  }
  for (const [optimizer, state] of saved.states) setOptimizerState(optimizer, state);
  for (const [variable, values] of saved.values) variable.set(values);
}

const listOf = <T>(given: T | readonly T[]): readonly T[] => (Array.isArray(given) ? given : [given as T]);

function variablesIn(model: Snapshotted): Variable[] {
  if (model instanceof Variable) return [model];
  if (model instanceof RandomGenerator) return [model.state];
  if (typeof model === "object" && model !== null && typeof model.variables === "function")
    return [...model.variables()].map(({ variable }) => variable);
  throw new ArgumentError(
    `snapshot: takes models, layers, random generators and Variables, got ${kindOf(model)}`,
  );
}

function checkedOptimizer(optimizer: Optimizer): Optimizer {
  if (optimizer instanceof Optimizer) return optimizer;
  throw new ArgumentError(`snapshot: takes optimizers as its second argument, got ${kindOf(optimizer)}`);
}
