// What an optimizer holds on the device once it knows its variables: slots, scalars, counters and settings.

import {
  ArgumentError,
  noGrad,
  sizeOf,
  Tensor,
  TraceError,
  tidy,
  Variable,
  variable,
} from "../engine/index.ts";
import { kindOf, sameShape } from "../engine/internal.ts";
import type { ByVariable } from "./by-variable.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { Packing } from "./packs.ts";
import type { Settings } from "./settings.ts";
import type { SlotStart } from "./update.ts";

export interface Built {
  readonly variables: readonly Variable[];
  readonly packing: Packing;
  /** Where the rule or the settings ask for it. */
  readonly byVariable: ByVariable | undefined;
  /** The rule's, and the optimizer's own. */
  readonly slots: Readonly<Record<string, Variable>>;
  /** Where a slot keeps its part of variable `index`: [start, end). */
  rangeIn(slot: string, index: number): readonly [start: number, end: number];
  readonly scalars: Readonly<Record<string, Variable>>;
  readonly iterations: Variable;
  readonly learningRate: Variable;
  readonly settings: Settings;
  /** Frees all but the variables. */
  dispose(): void;
}

/** What is to be held. */
export interface Plan {
  readonly name: string;
  readonly slots: Readonly<Record<string, SlotStart>>;
  readonly scalars: Readonly<Record<string, number>>;
  readonly learningRate: number;
  readonly settings: Settings;
  /** What the rule has variables taken apart by, and whether it takes sums by them. */
  readonly byVariable: typeof ByVariable | undefined;
  readonly reducesByVariable: boolean;
  shapeOf(slot: string, variable: Variable): readonly number[] | undefined;
}

export function makeBuilt(variables: readonly Variable[], plan: Plan): Built {
  const { name, settings } = plan;
  const { device } = variables[0];
  const packing = new Packing(variables);
  const state = { trainable: false, device };
  const layouts: Record<string, Layout> = {};
  const slots: Record<string, Variable> = {};
  for (const [slot, start] of Object.entries(plan.slots)) {
    const shapes = variables.map((v) => plan.shapeOf(slot, v));
    if (shapes.some((shape, i) => shape === undefined || !sameShape(shape, variables[i].shape)))
      layouts[slot] = layoutOf(shapes);
    const first = new Float32Array(layouts[slot]?.total ?? packing.total);
    if (start !== "value") first.fill(start);
    slots[slot] = variable(first, { ...state, name: `${name}/${slot}` });
    if (start === "value") copyValues(packing, slots[slot]);
  }
  const scalars: Record<string, Variable> = {};
  for (const [scalar, start] of Object.entries(plan.scalars))
    scalars[scalar] = variable(start, { ...state, name: `${name}/${scalar}` });
  const Own = plan.byVariable ?? settings.byVariable;
  const byVariable = Own && new Own(name, packing, layouts);
  if (plan.reducesByVariable || settings.byVariable) byVariable?.prepare(packing);
  const iterations = variable(0, { ...state, name: `${name}/iterations`, dtype: "i32" });
  const learningRate = variable(plan.learningRate, { ...state, name: `${name}/learningRate` });
  const held = [
    ...Object.values(slots),
    ...Object.values(scalars),
    iterations,
    learningRate,
    byVariable,
    settings,
  ];
  return {
    variables: packing.variables,
    packing,
    byVariable,
    slots,
    rangeIn(slot, index) {
      const layout = layouts[slot];
      if (layout === undefined) return packing.range(index);
      const [shape, start] = [layout.shapes[index], layout.offsets[index]];
      return [start, start + (shape === undefined ? 0 : sizeOf(shape))];
    },
    scalars,
    iterations,
    learningRate,
    settings,
    dispose() {
      for (const one of held) one?.dispose();
      packing.release();
    },
  };
}

/** Makes a slot what the variables are. */
export function copyValues(packing: Packing, slot: Variable): void {
  noGrad(() => tidy(() => void slot.assign(packing.read())));
}

/**
 * @param known the variables that it works on already
 * @throws ArgumentError, TraceError for what an optimizer can't train
 */
export function checkVariables(
  name: string,
  variables: readonly Variable[],
  known?: readonly Variable[],
): void {
  const other = Array.isArray(variables) ? variables.find((v) => !(v instanceof Variable)) : variables;
  if (!Array.isArray(variables) || other !== undefined) {
    const got = other instanceof Tensor ? other.describe() : kindOf(other);
    throw new ArgumentError(
      `${name}: takes an array of Variables to train, got ${got}; make them with variable(...)`,
    );
  }
  if (known !== undefined) {
    if (known.length === variables.length && known.every((variable, i) => variable === variables[i])) return;
    throw new ArgumentError(
      `${name}: works on ${known.length} other variables already (${listNames(known)}); make a new optimizer for ${listNames(variables)}, or compile the model again`,
    );
  }
  if (variables.length === 0) {
    throw new ArgumentError(`${name}: got no variables to train; pass at least one`);
  }
  const again = variables.find((v, i) => variables.indexOf(v) < i);
  if (again !== undefined) {
    throw new ArgumentError(
      `${name}: got ${again.describe()} twice, which would be changed twice a step; pass each variable once, as in [...new Set(variables)]`,
    );
  }
  if (variables[0].device.isTracing) {
    throw new TraceError(
      `${name}: was not built, or was disposed since, and a function that is traced can't do it; call build(variables) before`,
    );
  }
}

function listNames(variables: readonly Variable[]): string {
  const names = variables.slice(0, 3).map((v) => `"${v.name}"`);
  return names.join(", ") + (variables.length > 3 ? ", ..." : "");
}
