// Parameter groups: some of an optimizer's variables with a rate, a decay and clipping of their own.

import { ArgumentError, type Variable } from "../engine/index.ts";
import { atLeastZero, checkOptions, kindOf, type OptionNames } from "../engine/internal.ts";
import { type Clipping, type ClippingOptions, clippingOf, clippingOptions } from "./clipping.ts";
import type { Hyper, NumberCheck, Share } from "./hyper.ts";
import type { Schedule } from "./schedules/schedule.ts";

/**
 * Says which variables: text is whole steps of their paths, as "bias" or "encoder" is of "encoder/dense/bias"; a regular
 * expression is matched against the path; a function is told each variable; of a list, one must fit.
 */
export type VariableFilter = string | RegExp | ((variable: Variable) => boolean) | readonly VariableFilter[];

/** Settings of some variables that differ from the optimizer's; those left out are the optimizer's. */
export interface ParameterGroup extends ClippingOptions {
  /** The variables; or give a `filter`. */
  readonly variables?: readonly Variable[];
  readonly filter?: VariableFilter;
  /** A rate of their own, which does not follow the optimizer's. */
  readonly learningRate?: number | Schedule;
  /** Their rate as a multiple of the optimizer's, which it follows. */
  readonly learningRateFactor?: number;
  readonly weightDecay?: Hyper;
  readonly l2?: Hyper;
}

const groupOptions: OptionNames<ParameterGroup> = {
  variables: true,
  filter: true,
  learningRate: true,
  learningRateFactor: true,
  weightDecay: true,
  l2: true,
  ...clippingOptions,
};

/** A group with its settings checked. */
export interface CheckedGroup extends ParameterGroup {
  readonly clipping: Clipping | undefined;
}

/** @param hyper checks a number, or notes a schedule */
export function checkedGroups(
  name: string,
  groups: unknown,
  hyper: (what: string, value: Hyper, check?: NumberCheck) => Hyper,
): readonly CheckedGroup[] {
  if (!Array.isArray(groups)) {
    throw new ArgumentError(
      `${name}: groups must be an array, as in [{ filter: "bias", weightDecay: 0 }], got ${kindOf(groups)}`,
    );
  }
  return groups.map((group: ParameterGroup, i) => {
    const who = `${name} group ${i}`;
    checkOptions(who, group, groupOptions);
    if (group === undefined || (group.variables === undefined) === (group.filter === undefined)) {
      throw new ArgumentError(
        `${who}: needs either variables or a filter, as in { filter: "bias", weightDecay: 0 }; it has ${group?.filter === undefined ? "neither" : "both"}`,
      );
    }
    if (group.learningRate !== undefined && group.learningRateFactor !== undefined) {
      throw new ArgumentError(
        `${who}: learningRate, a rate of its own, and learningRateFactor, a multiple of the optimizer's, are both given; pass one`,
      );
    }
    if (group.filter !== undefined) checkFilter(who, group.filter);
    else if (!Array.isArray(group.variables)) {
      throw new ArgumentError(
        `${who}: variables must be an array of them, as in dense.trainableWeights, got ${kindOf(group.variables)}; what tells them is a filter`,
      );
    }
    if (group.learningRateFactor !== undefined)
      atLeastZero(who, "learningRateFactor", group.learningRateFactor);
    for (const what of ["learningRate", "weightDecay", "l2"] as const) {
      const value = group[what];
      if (value !== undefined) hyper(`group ${i} ${what}`, value);
    }
    return {
      ...group,
      clipping: clippingOf(who, group, (what, value, check) => hyper(`group ${i} ${what}`, value, check)),
    };
  });
}

/** @throws ArgumentError unless it is one */
export function checkFilter(who: string, filter: unknown): void {
  if ((typeof filter === "string" && filter !== "") || filter instanceof RegExp) return;
  if (typeof filter === "function") return;
  if (Array.isArray(filter)) {
    for (const one of filter) checkFilter(who, one);
    return;
  }
  throw new ArgumentError(
    `${who}: a filter is a part of a path ("bias"), a regular expression, a function of a variable, or a list of them, got ${kindOf(filter)}`,
  );
}

export function fits(filter: VariableFilter, variable: Variable): boolean {
  if (typeof filter === "string") return `/${variable.name}/`.includes(`/${filter}/`);
  // A global one would go on from its last match.
  if (filter instanceof RegExp)
    return new RegExp(filter.source, filter.flags.replace(/[gy]/g, "")).test(variable.name);
  return typeof filter === "function" ? filter(variable) === true : filter.some((one) => fits(one, variable));
}

/**
 * The group of each variable, undefined for those in none.
 *
 * @throws ArgumentError for a variable in two groups, a group without variables, and one with others than the optimizer's
 */
export function groupsOf(
  name: string,
  groups: readonly CheckedGroup[],
  variables: readonly Variable[],
): readonly (CheckedGroup | undefined)[] {
  groups.forEach((group, i) => {
    const listed = group.variables ?? variables.filter((v) => fits(group.filter as VariableFilter, v));
    const stranger = listed.find((variable) => !variables.includes(variable));
    if (stranger !== undefined) {
      const got = stranger?.describe?.() ?? kindOf(stranger);
      throw new ArgumentError(
        `${name} group ${i}: ${got} is none of the variables that the optimizer trains; leave it out`,
      );
    }
    if (listed.length > 0) return;
    const names = variables.map((v) => `"${v.name}"`).slice(0, 8);
    throw new ArgumentError(
      `${name} group ${i}: no variable ${group.filter === undefined ? "is listed" : `fits the filter ${String(group.filter)}`}; the optimizer trains ${names.join(", ")}${variables.length > 8 ? ", ..." : ""}`,
    );
  });
  return variables.map((variable) => {
    const found = groups.filter((group) =>
      group.variables === undefined
        ? fits(group.filter as VariableFilter, variable)
        : group.variables.includes(variable),
    );
    if (found.length > 1) {
      const indices = found.map((group) => groups.indexOf(group)).join(" and ");
      throw new ArgumentError(
        `${name}: ${variable.describe()} is in groups ${indices}; each variable can be in one`,
      );
    }
    return found[0];
  });
}

/** The share of a rate that a variable of a group has. */
export function rateShare(group: CheckedGroup | undefined): Share {
  if (typeof group?.learningRate === "number") return group.learningRate;
  if (group?.learningRate !== undefined) return { of: group.learningRate, times: 1 };
  return { of: undefined, times: group?.learningRateFactor ?? 1 };
}

/** A hyper-parameter as a share. */
export const shareOf = (hyper: Hyper): Share => (typeof hyper === "number" ? hyper : { of: hyper, times: 1 });
