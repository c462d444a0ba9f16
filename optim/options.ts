// The options of all optimizers, and how rules state those that they add.

import { atLeastZero, belowOne, type OptionNames } from "../engine/internal.ts";
import type { Clipping } from "./clipping.ts";
import type { ParameterGroups } from "./groups.ts";
import type { Hyper, HyperCheck, NumberCheck } from "./hyper.ts";
import type { Schedule } from "./schedules/schedule.ts";

export interface OptimizerOptions {
  /** Step size, a number or a schedule; what it defaults to stands with each optimizer. */
  learningRate?: number | Schedule;
  /** Older Keras's name of `learningRate`. */
  lr?: number;
  /** Time decay of older Keras: the rate of update t, from 0, is learningRate / (1 + decay · t). Default 0. */
  decay?: number;
  /**
   * Decoupled weight decay (Loshchilov and Hutter 2019): before its update each weight shrinks by rate · weightDecay of
   * itself, whatever its gradient. Unlike an L2 penalty, {@link l2}, it does not pass through the moments. Default 0.
   */
  weightDecay?: Hyper;
  /**
   * Coupled L2: the gradient of the penalty l2 · Σ w² in the loss, 2 · l2 · w, is added to that of the loss, so that it is
   * clipped and passes through the moments. The loss that is reported leaves it out. Default 0.
   */
  l2?: Hyper;
  /** Holds gradients within limits: `clipNorm(1)`, say, or `clipValue` or `globalClipNorm`. Default: none. */
  clipping?: Clipping;
  /** Groups of variables with a rate, a decay and clipping of their own, made by `parameterGroups`. */
  groups?: ParameterGroups;
  /** Gradients of so many steps are averaged into one update, which the last of them makes. Default 1. */
  gradientAccumulationSteps?: number;
  /** Take from gradients of kernels their mean over what feeds each output (Yong et al. 2020). Default false. */
  gradientCentralization?: boolean;
  /** Keep a moving average of the weights, for {@link Optimizer.swapEmaWeights}. Default false. */
  useEma?: boolean;
  /** How much of the average is kept at each update. Default 0.99. */
  emaMomentum?: number;
  /** Updates after which the weights are replaced by their average, each time. Default: never. */
  emaOverwriteFrequency?: number | null;
  name?: string;
}

export const optimizerOptions: OptionNames<OptimizerOptions> = {
  learningRate: true,
  lr: true,
  decay: true,
  weightDecay: true,
  l2: true,
  clipping: true,
  groups: true,
  gradientAccumulationSteps: true,
  gradientCentralization: true,
  useEma: true,
  emaMomentum: true,
  emaOverwriteFrequency: true,
  name: true,
};

/** What an option of a rule becomes, as a property of the same name: checked, and its default for undefined and null. */
export type RuleOption = (given: unknown, what: string, who: string, hyper: HyperCheck) => unknown;

/** The options that a rule adds to those of all optimizers. */
export type OwnOptions<O extends OptimizerOptions> = {
  readonly [K in Exclude<keyof O, keyof OptimizerOptions>]-?: RuleOption;
};

/** A number or a schedule. */
export const hyper =
  (start: Hyper, check: NumberCheck = atLeastZero): RuleOption =>
  (given, what, _who, checked) =>
    checked(what, (given ?? start) as Hyper, check);

/** The same, of what is kept at a step: from 0 up to 1. */
export const share = (start: Hyper): RuleOption => hyper(start, belowOne);

/** A number, or what else `check` lets through. */
export const fixed =
  <T>(start: T, check: (who: string, what: string, value: T) => T): RuleOption =>
  (given, what, who) =>
    check(who, what, (given ?? start) as T);

/** Whether the rule does something. */
export const flag =
  (start = false): RuleOption =>
  (given) =>
    given ?? start;
