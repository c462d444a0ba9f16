// Clipping that differs from group to group of variables.

import { type Device, equal, less, type Tensor, type Variable, variable, where } from "../engine/index.ts";
import { gatherRows, rootOfSquares } from "../engine/internal.ts";
import type { ByVariable } from "./by-variable.ts";
import { type Clipping, heldBetween, scaledTwice, scaleRoot, unitOf } from "./clipping.ts";
import { type Clock, type HyperValue, type Share, shareOf } from "./hyper.ts";
import { Varied } from "./varied.ts";

/** A limit that nothing exceeds. */
const none = 3.4e38;

/** Clipping that differs from group to group: each variable's elements, and the norms of sets of variables. */
export class GroupClipping {
  /** By variable: the limit of its elements. */
  readonly #values: Varied;
  readonly #clipsValues: boolean;
  /** By set of variables that are scaled together: the limit of their norm. */
  readonly #norms: Varied;
  /** i32 [variables] and [sets, 1]: each variable's set, and the sets. */
  readonly #sets: Variable | undefined;
  readonly #numbers: Variable | undefined;
  readonly #unit: number;

  /** @param clippings one a variable, the same object for those whose norm is one */
  constructor(clippings: readonly (Clipping | undefined)[], name: string, device: Device) {
    const limitOf = ({ limit }: Clipping) => shareOf(limit);
    this.#values = new Varied(
      clippings.map((clipping) => (clipping?.kind === "clipValue" ? limitOf(clipping) : none)),
      `${name}/clipValue`,
      device,
    );
    this.#clipsValues = clippings.some((clipping) => clipping?.kind === "clipValue");
    const limits: Share[] = [];
    const together = new Map<Clipping, number>();
    const sets = clippings.map((clipping) => {
      if (clipping === undefined || clipping.kind === "clipValue") return -1;
      const found = clipping.kind === "globalClipNorm" ? together.get(clipping) : undefined;
      if (found !== undefined) return found;
      together.set(clipping, limits.length);
      return limits.push(limitOf(clipping)) - 1;
    });
    const units = limits.map((limit) => (typeof limit === "number" ? unitOf(limit) : 2 ** 20));
    this.#unit = Math.min(...units, 2 ** 20);
    this.#norms = new Varied(limits.length > 0 ? limits : [none], `${name}/clipNorm`, device);
    if (limits.length === 0) return;
    const table = (what: string, values: readonly number[], shape: readonly number[]) =>
      variable(values, {
        name: `${name}/${what}`,
        trainable: false,
        dtype: "i32",
        shape,
        device,
      }).holdsAlways(values);
    this.#sets = table("sets", sets, [sets.length]);
    this.#numbers = table(
      "setNumbers",
      limits.map((_, i) => i),
      [limits.length, 1],
    );
  }

  at(gradient: Tensor, clock: Clock, byVariable: ByVariable): Tensor {
    const held = this.#clipsValues ? heldBetween(gradient, this.#values.at(clock, byVariable)) : gradient;
    if (this.#sets === undefined) return held;
    const { spread, roots } = byVariable;
    const sets = this.#sets;
    const isOfSet = equal(this.#numbers as Variable, sets);
    const norms = rootOfSquares(where(isOfSet, roots(held, this.#unit ** 2), 0), 1);
    const shares = scaleRoot(norms, this.#limit(clock), this.#unit);
    // Variables of no set stay as they are.
    const share = spread(where(less(sets, 0), 1, gatherRows(shares, sets)));
    return scaledTwice(held, share);
  }

  #limit(clock: Clock): HyperValue {
    if (!this.#norms.differs) return this.#norms.of(0, clock);
    return this.#norms.table(clock);
  }

  dispose(): void {
    this.#values.dispose();
    this.#norms.dispose();
    this.#sets?.dispose();
    this.#numbers?.dispose();
  }
}
