// Hyper-parameters that differ from variable to variable.

import { add, type Device, mul, type Tensor, type Variable, variable } from "../engine/index.ts";
import type { ByVariable } from "./by-variable.ts";
import { type Clock, type HyperValue, type Setting, type Share, shareNow } from "./hyper.ts";
import type { Schedule } from "./schedules/schedule.ts";

/** A hyper-parameter that may differ from variable to variable. */
export class Varied implements Setting {
  readonly #shares: readonly Share[];
  /** [variables] each, on the device, where they differ: what is fixed, and the shares of what is scheduled. */
  readonly #fixed: Variable | undefined;
  readonly #scheduled: ReadonlyMap<Schedule | undefined, Variable>;

  constructor(shares: readonly Share[], name: string, device: Device) {
    this.#shares = shares;
    const table = (what: string, values: readonly number[]) =>
      variable(values, { name: `${name}/${what}`, trainable: false, device }).holdsAlways(values);
    const scheduled = new Map<Schedule | undefined, Variable>();
    this.#scheduled = scheduled;
    const [first] = shares;
    if (shares.every((share) => isSame(share, first))) return;
    const fixed = shares.map((share) => (typeof share === "number" ? share : 0));
    if (fixed.some((value) => value !== 0)) this.#fixed = table("fixed", fixed);
    for (const of of new Set(shares.flatMap((share) => (typeof share === "number" ? [] : [share.of])))) {
      const times = shares.map((share) => (typeof share !== "number" && share.of === of ? share.times : 0));
      scheduled.set(of, table("scheduled", times));
    }
  }

  /** Whether it is 0 for all. */
  get isZero(): boolean {
    return this.#shares.every((share) => share === 0);
  }

  /** Whether {@link at} spreads it over vectors. */
  get differs(): boolean {
    return !this.#shares.every((share) => isSame(share, this.#shares[0]));
  }

  /** The number or scalar of all variables; where they differ, a vector with that of each at its elements. */
  at(clock: Clock, byVariable: ByVariable | undefined, own?: HyperValue): HyperValue {
    if (!this.differs) return this.of(0, clock, own);
    return this.#sum((byVariable as ByVariable).spread, clock, own);
  }

  /** The numbers of the variables, [variables], where they differ. */
  table(clock: Clock): Tensor {
    return this.#sum((values) => values, clock, undefined);
  }

  #sum(spread: (values: Tensor) => Tensor, clock: Clock, own: HyperValue | undefined): Tensor {
    let sum = this.#fixed && spread(this.#fixed);
    for (const [of, times] of this.#scheduled) {
      const value = mul(spread(times), of === undefined ? (own as HyperValue) : clock.at(of));
      sum = sum === undefined ? value : add(sum, value);
    }
    return sum as Tensor;
  }

  /** That of one variable. */
  of(index: number, clock: Clock, own?: HyperValue): HyperValue {
    return shareNow(this.#shares[index], clock, own);
  }

  dispose(): void {
    this.#fixed?.dispose();
    for (const table of this.#scheduled.values()) table.dispose();
  }
}

const isSame = (a: Share, b: Share) =>
  typeof a === "number" || typeof b === "number" ? a === b : a.of === b.of && a.times === b.times;
