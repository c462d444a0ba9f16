// The learning rate of one optimizer: a number that can be set, with time decay, or a schedule.

import { ArgumentError, add, cast, div, mul, reshape, showShape, Tensor } from "../engine/index.ts";
import { atLeastZero, checkNotMaker, kindOf } from "../engine/internal.ts";
import type { Schedule, ScheduleConfig } from "./schedules.ts";
import * as schedules from "./schedules.ts";

export class LearningRate {
  /** What the rate follows instead of a number, if it does. */
  readonly schedule: Schedule | undefined;
  readonly decay: number;
  readonly #name: string;
  #number: number;

  /** @param name the optimizer's, for errors */
  constructor(name: string, rate: number | Schedule, decay: number) {
    this.#name = name;
    checkNotMaker("schedules", rate, schedules);
    this.schedule = typeof rate === "function" ? rate : undefined;
    this.#number = typeof rate === "function" ? 0 : atLeastZero(name, "learningRate", rate);
    this.decay = atLeastZero(name, "decay", decay);
    if (this.schedule !== undefined && decay > 0) {
      throw new ArgumentError(
        `${name}: decay ${decay} and a schedule are both given; put the decay into the schedule`,
      );
    }
  }

  /** The number that it is, before decay; a schedule has none. */
  get number(): number {
    this.#checkIsNumber("read its rate with await optimizer.currentLearningRate()");
    return this.#number;
  }

  set number(rate: number) {
    this.#checkIsNumber("give the optimizer a number to set it later");
    this.#number = atLeastZero(this.#name, "learningRate", rate);
  }

  /** For showing: the number, or how the schedule was made. */
  get config(): number | ScheduleConfig {
    if (this.schedule === undefined) return this.#number;
    return this.schedule.config ?? { schedule: this.schedule.name || "custom" };
  }

  /** What the device's copy of the number starts from; 0 for a schedule, which reads none. */
  get start(): number {
    return this.#number;
  }

  /** The rate, an f32 scalar, after `iterations` updates (i32 scalar); `number` is its number on the device. */
  at(iterations: Tensor, number: Tensor): Tensor {
    if (this.schedule === undefined) {
      return this.decay === 0 ? number : div(number, add(mul(cast(iterations, "f32"), this.decay), 1));
    }
    const rate: unknown = this.schedule(cast(iterations, "f32"));
    if (rate instanceof Tensor && rate.size === 1 && rate.dtype === "f32") return reshape(rate, []);
    const got = rate instanceof Tensor ? `a ${rate.dtype} ${showShape(rate.shape)}` : kindOf(rate);
    throw new ArgumentError(`${this.#name}: the schedule must return an f32 scalar tensor, got ${got}`);
  }

  #checkIsNumber(remedy: string): void {
    if (this.schedule === undefined) return;
    const name = this.schedule.config?.schedule ?? (this.schedule.name || "custom");
    throw new ArgumentError(`${this.#name}: the learning rate follows the schedule "${name}"; ${remedy}`);
  }
}
