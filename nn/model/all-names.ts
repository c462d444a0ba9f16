// What `gradgpu/names` adds: every optimizer, loss, metric, initializer, regularizer, constraint and activation by its name.

import type { NameTable } from "../../engine/internal.ts";
import * as optimizers from "../../optim/all.ts";
import { table as optimizerTable } from "../../optim/registry.ts";
import * as activations from "../layers/activations.ts";
import * as constraints from "../layers/constraints.ts";
import * as initializers from "../layers/initializers.ts";
import * as regularizers from "../layers/regularizers.ts";
import * as losses from "../objective/losses.ts";
import * as metrics from "../objective/metrics.ts";

/** From now on every name is found. Calling it again changes nothing. */
export function knowAllNames(): void {
  addFrom(losses.table, losses);
  metrics.addNames(chosen(metrics.restOfNames(), metrics));
  addFrom(initializers.table, initializers);
  addFrom(regularizers.table, regularizers);
  addFrom(constraints.table, constraints);
  const { table } = activations;
  const functions = chosen<(x: never, ...options: never[]) => unknown>(table.rest, activations);
  // They take further arguments: pass only the tensor.
  for (const [name, call] of Object.entries(functions))
    table.add({ [name]: (x) => call(x as never) as never });
  const classes = chosen<new () => never>(optimizerTable.rest, optimizers);
  for (const [name, Own] of Object.entries(classes))
    optimizerTable.add({ [name.toLowerCase()]: () => new Own() });
}

const chosen = <T>(names: readonly string[], all: object): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, Reflect.get(all, name) as T]));

function addFrom<T>(table: NameTable<T>, all: object): void {
  table.add(chosen(table.rest, all));
}
