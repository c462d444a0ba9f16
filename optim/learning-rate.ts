// The learning rate of one optimizer: a number that can be set, with time decay, or a schedule.

import { ArgumentError, add, div, mul, type Tensor } from "../engine/index.ts";
import { atLeastZero } from "../engine/internal.ts";
import type { Clock } from "./hyper.ts";
import { configOf, type Schedule, type ScheduleConfig } from "./schedules/schedule.ts";

export class LearningRate {
  /** What the rate follows instead of a number, if it does. */
  readonly schedule: Schedule | undefined;
  readonly decay: number;
  readonly #name: string;
  /** What a schedule may begin with that has no rate of its own. */
  readonly #default: number;
  #number: number;

  /** @param name the optimizer's, for errors */
  constructor(name: string, rate: number | Schedule, decay: number, defaultRate: number) {
    this.#name = name;
    this.#default = defaultRate;
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
    return this.schedule === undefined ? this.#number : configOf(this.schedule);
  }

  /** What the device's copy of the number starts from; 0 for a schedule, which reads none. */
  get start(): number {
    return this.#number;
  }

  /** The rate of an update, an f32 scalar; `number` is its number on the device. */
  at(clock: Clock, number: Tensor): Tensor {
    if (this.schedule !== undefined) return clock.at(this.schedule, this.#default) as Tensor;
    return this.decay === 0 ? number : div(number, add(mul(clock.step, this.decay), 1));
  }

  #checkIsNumber(remedy: string): void {
    if (this.schedule === undefined) return;
    const name = this.schedule.config?.schedule ?? (this.schedule.name || "custom");
    throw new ArgumentError(`${this.#name}: the learning rate follows the schedule "${name}"; ${remedy}`);
  }
}
