// Parameter groups: some of an optimizer's variables with a rate, a decay and clipping of their own.

import { ArgumentError, type Variable } from "../engine/index.ts";
import { atLeastZero, checkOptions, kindOf, type OptionNames } from "../engine/internal.ts";
import { ByVariable } from "./by-variable.ts";
import type { Clipping } from "./clipping.ts";
import { checkFilter, fits, type VariableFilter } from "./filters.ts";
import { GroupClipping } from "./group-clipping.ts";
import { type Hyper, type HyperCheck, type Share, shareOf } from "./hyper.ts";
import type { Schedule } from "./schedules/schedule.ts";
import { type CommonSettings, checkClipping, commonSettings, type Settings } from "./settings.ts";
import { Varied } from "./varied.ts";

/** Settings of some variables that differ from the optimizer's; those left out are the optimizer's. */
export interface ParameterGroup {
  /** The variables; or give a `filter`. */
  readonly variables?: readonly Variable[];
  readonly filter?: VariableFilter;
  /** A rate of their own, which does not follow the optimizer's. */
  readonly learningRate?: number | Schedule;
  /** Their rate as a multiple of the optimizer's, which it follows. */
  readonly learningRateFactor?: number;
  readonly weightDecay?: Hyper;
  readonly l2?: Hyper;
  readonly clipping?: Clipping;
}

const groupOptions: OptionNames<ParameterGroup> = {
  variables: true,
  filter: true,
  learningRate: true,
  learningRateFactor: true,
  weightDecay: true,
  l2: true,
  clipping: true,
};

/**
 * Groups of an optimizer's variables with settings of their own, for its option `groups`.
 *
 * @throws ArgumentError for groups that don't say which variables they have, and for settings that don't go together
 */
export function parameterGroups(groups: readonly ParameterGroup[]): ParameterGroups {
  return new ParameterGroups(groups);
}

/** What {@link parameterGroups} makes. */
export class ParameterGroups {
  readonly list: readonly ParameterGroup[];

  constructor(groups: readonly ParameterGroup[]) {
    if (!Array.isArray(groups)) {
      throw new ArgumentError(
        `parameterGroups: takes an array of groups, as in [{ filter: "bias", weightDecay: 0 }], got ${kindOf(groups)}`,
      );
    }
    // Each has a clipping that is no other's: only variables of one group are scaled together.
    this.list = groups.map((group: ParameterGroup, i) => {
      checkGroup(`parameterGroups: group ${i}`, group);
      return group.clipping === undefined ? group : { ...group, clipping: { ...group.clipping } };
    });
  }

  /** @internal Has an optimizer check the numbers and note the schedules. */
  check(hyper: HyperCheck): void {
    this.list.forEach((group, i) => {
      const { learningRate, weightDecay, l2, clipping } = group;
      for (const [what, value] of Object.entries({ learningRate, weightDecay, l2, limit: clipping?.limit }))
        if (value !== undefined) hyper(`group ${i} ${what}`, value);
    });
  }

  /** @internal */
  settingsOf(
    variables: readonly Variable[],
    common: CommonSettings,
    isExcluded: (variable: Variable) => boolean,
  ): Settings {
    const { name } = common;
    const { device } = variables[0];
    const groups = groupsOf(name, this.list, variables);
    const varied = (what: string, share: (variable: Variable, i: number) => Share) =>
      new Varied(variables.map(share), `${name}/${what}`, device);
    const rate = varied("learningRates", (_, i) => rateShare(groups[i]));
    const weightDecay = varied("decays", (v, i) => {
      const own = groups[i]?.weightDecay;
      return own === undefined && isExcluded(v) ? 0 : shareOf(own ?? common.weightDecay);
    });
    const l2 = varied("penalties", (_, i) => shareOf(groups[i]?.l2 ?? common.l2));
    const alike = commonSettings(common);
    const clipping = groups.some((group) => group?.clipping)
      ? new GroupClipping(
          groups.map((group) => group?.clipping ?? common.clipping),
          name,
          device,
        )
      : undefined;
    const differs = clipping !== undefined || [rate, weightDecay, l2].some((one) => one.differs);
    return {
      rate,
      weightDecay,
      l2,
      clip: clipping ? (gradient, clock, by) => clipping.at(gradient, clock, by as ByVariable) : alike.clip,
      byVariable: differs ? ByVariable : alike.byVariable,
      dispose() {
        for (const one of [rate, weightDecay, l2, clipping]) one?.dispose();
      },
    };
  }
}

function checkGroup(who: string, group: ParameterGroup): void {
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
  checkClipping(who, group.clipping);
}

/**
 * The group of each variable, undefined for those in none.
 *
 * @throws ArgumentError for a variable in two groups, a group without variables, and one with others than the optimizer's
 */
function groupsOf(
  name: string,
  groups: readonly ParameterGroup[],
  variables: readonly Variable[],
): readonly (ParameterGroup | undefined)[] {
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
function rateShare(group: ParameterGroup | undefined): Share {
  if (typeof group?.learningRate === "number") return group.learningRate;
  if (group?.learningRate !== undefined) return { of: group.learningRate, times: 1 };
  return { of: undefined, times: group?.learningRateFactor ?? 1 };
}
