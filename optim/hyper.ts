// Hyper-parameters: numbers, or schedules that give one for each update.

import { ArgumentError, add, cast, expm1, mul, neg, sub, type Tensor } from "../engine/index.ts";
import type { ByVariable } from "./by-variable.ts";
import { type Schedule, type ScheduleContext, scheduled } from "./schedules/schedule.ts";

/** A number, or a schedule that says it for each update. */
export type Hyper = number | Schedule;

/** Gives a number back if it is one that an option may have. */
export type NumberCheck = (who: string, what: string, value: number) => number;

/** Checks a hyper-parameter, or notes that it is a schedule, and gives it back. */
export type HyperCheck = (what: string, value: Hyper, check?: NumberCheck) => Hyper;

/** What a hyper-parameter is in one update: a number, or an f32 scalar tensor. */
export type HyperValue = number | Tensor;

/** 1 - x. */
export const complement = (x: HyperValue): HyperValue => (typeof x === "number" ? 1 - x : sub(1, x));

/** 2 x. */
export const twice = (x: HyperValue): HyperValue => (typeof x === "number" ? 2 * x : mul(x, 2));

/** When an update is made: what schedules go by. */
export class Clock {
  readonly #name: string;
  readonly #iterations: Tensor;
  readonly #epoch: Tensor | undefined;
  #step: Tensor | undefined;

  /** @param name the optimizer's, for errors */
  constructor(name: string, iterations: Tensor, epoch: Tensor | undefined) {
    this.#name = name;
    this.#iterations = iterations;
    this.#epoch = epoch;
  }

  /** Updates made before, an f32 scalar. */
  get step(): Tensor {
    this.#step ??= cast(this.#iterations, "f32");
    return this.#step;
  }

  readonly at = (hyper: Hyper, defaultValue?: number): HyperValue => {
    if (typeof hyper !== "function") return hyper;
    const [name, epoch] = [this.#name, this.#epoch];
    const context: ScheduleContext = {
      defaultValue,
      get epoch() {
        if (epoch !== undefined) return epoch;
        throw new ArgumentError(
          `${name}: a schedule counts epochs, and is not marked so; make it with schedules.byEpoch((epoch) => ...)`,
        );
      },
    };
    return scheduled(name, hyper, this.step, context);
  };
}

/** What one variable has: a number, or so many times what a schedule gives; without one, so many times the optimizer's own. */
export type Share = number | { readonly of: Schedule | undefined; readonly times: number };

/** A hyper-parameter in the updates of all variables. */
export interface Setting {
  /** Whether it is 0 for all. */
  readonly isZero: boolean;
  /** The number or scalar of all variables; where they differ, a vector with that of each at its elements. */
  at(clock: Clock, byVariable: ByVariable | undefined, own?: HyperValue): HyperValue;
  /** That of one variable. */
  of(index: number, clock: Clock, own?: HyperValue): HyperValue;
  dispose(): void;
}

/** A hyper-parameter as a share. */
export const shareOf = (hyper: Hyper): Share => (typeof hyper === "number" ? hyper : { of: hyper, times: 1 });

/** What a share is in one update. */
export function shareNow(share: Share, clock: Clock, own: HyperValue | undefined): HyperValue {
  if (typeof share === "number") return share;
  const value = share.of === undefined ? (own as HyperValue) : clock.at(share.of);
  return share.times === 1 ? value : mul(value, share.times);
}

/** One that is the same for all variables. */
export const sameForAll = (share: Share): Setting => ({
  isZero: share === 0,
  at: (clock, _, own) => shareNow(share, clock, own),
  of: (_, clock, own) => shareNow(share, clock, own),
  dispose() {},
});

/** 1 - βᵗ for the f32 tensor `t` of at least 1, by expm1: 1 - 0.999 in f32 would lose five digits. */
export function oneMinusPower(beta: number, t: Tensor): Tensor {
  // β = 0: e⁻²⁰⁰ is zero in f32.
  return neg(expm1(mul(t, Math.max(Math.log(beta), -200))));
}

/** The scalar by which {@link correctionOf} remembers a scheduled β; none for a number. */
export const correctionStart = (name: string, beta: Hyper): Readonly<Record<string, number>> =>
  typeof beta === "function" ? { [name]: 0 } : {};

/**
 * What a running mean of ones that started from 0 would be now, by which means that start from 0 are divided: 1 - βᵗ, and
 * under a schedule 1 - β₁β₂...βₜ, which the scalar `name` remembers.
 */
export function correctionOf(
  name: string,
  beta: HyperValue,
  scalars: Readonly<Record<string, Tensor>>,
  t: Tensor,
): { readonly correction: Tensor; readonly scalars: Readonly<Record<string, Tensor>> } {
  if (typeof beta === "number") return { correction: oneMinusPower(beta, t), scalars: {} };
  const correction = add(mul(scalars[name], beta), sub(1, beta));
  return { correction, scalars: { [name]: correction } };
}
