// Gradient clipping, by value, by each variable's norm or by the norm over all, on packed gradients.

import {
  ArgumentError,
  clip,
  type Device,
  div,
  equal,
  less,
  lessEqual,
  maximum,
  minimum,
  mul,
  neg,
  sqrt,
  type Tensor,
  type Variable,
  variable,
  where,
} from "../engine/index.ts";
import { aboveZero, gatherRows, type OptionNames, rootOfSquares } from "../engine/internal.ts";
import type { ByVariable } from "./by-variable.ts";
import { type Clock, type Hyper, type HyperValue, type NumberCheck, type Share, Varied } from "./hyper.ts";

/** At most one of them, as in Keras. */
export interface ClippingOptions {
  /** Every gradient element is held between -clipValue and clipValue. */
  clipValue?: Hyper;
  /** A variable's gradient whose Euclidean norm is larger is scaled to this norm. */
  clipNorm?: Hyper;
  /** All gradients are scaled together, so that their norm as one vector is at most this. */
  globalClipNorm?: Hyper;
}

export const clippingOptions: OptionNames<ClippingOptions> = {
  clipValue: true,
  clipNorm: true,
  globalClipNorm: true,
};

export type ClippingKind = keyof ClippingOptions;

export interface Clipping {
  readonly kind: ClippingKind;
  readonly limit: Hyper;
}

/**
 * The kind of clipping asked for, checked; undefined for none.
 *
 * @param hyper checks a number, or notes a schedule
 */
export function clippingOf(
  name: string,
  options: ClippingOptions,
  hyper: (what: string, value: Hyper, check: NumberCheck) => Hyper,
): Clipping | undefined {
  const kinds = (["clipValue", "clipNorm", "globalClipNorm"] as const).filter(
    (kind) => options[kind] !== undefined,
  );
  if (kinds.length > 1) {
    throw new ArgumentError(
      `${name}: ${kinds.join(" and ")} are both given; gradients are clipped in one way`,
    );
  }
  if (kinds.length === 0) return undefined;
  return { kind: kinds[0], limit: hyper(kinds[0], options[kinds[0]] as Hyper, aboveZero) };
}

/**
 * The packed gradients clipped; where a norm is above the limit, its gradients are scaled as `g · limit / ‖g‖`, right for
 * gradients of any size.
 */
export function clipped(
  gradient: Tensor,
  kind: ClippingKind,
  limit: HyperValue,
  byVariable: ByVariable | undefined,
): Tensor {
  if (kind === "clipValue") return heldBetween(gradient, limit);
  const unit = unitOf(limit);
  const share =
    kind === "clipNorm"
      ? (byVariable as ByVariable).spread(
          shareOf((byVariable as ByVariable).roots(gradient, unit ** 2), limit, unit),
        )
      : shareOf(rootOfSquares(gradient, undefined, unit ** 2), limit, unit);
  return mul(mul(gradient, share), share);
}

const heldBetween = (gradient: Tensor, limit: HyperValue) =>
  typeof limit === "number" ? clip(gradient, -limit, limit) : minimum(maximum(gradient, neg(limit)), limit);

/** A unit in which norms beyond f32 are numbers too; a limit that is almost none leaves no room for it. */
const unitOf = (limit: HyperValue) => (typeof limit !== "number" || limit > 2 ** -60 ? 2 ** 20 : 1);

/**
 * The root of what gradients of a norm are to be multiplied by: 1 where they are within the limit. Multiplied twice by a
 * root, huge gradients come down to tiny limits by way of numbers that f32 has.
 */
function shareOf(norm: Tensor, limit: HyperValue, unit: number): Tensor {
  if (typeof limit !== "number") {
    const inUnit = mul(limit, 1 / unit);
    return where(lessEqual(norm, inUnit), 1, div(sqrt(inUnit), sqrt(norm)));
  }
  return where(lessEqual(norm, limit / unit), 1, div(Math.sqrt(limit / unit), sqrt(norm)));
}

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
    const limitOf = ({ limit }: Clipping): Share =>
      typeof limit === "number" ? limit : { of: limit, times: 1 };
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
    const shares = shareOf(norms, this.#limit(clock), this.#unit);
    // Variables of no set stay as they are.
    const share = spread(where(less(sets, 0), 1, gatherRows(shares, sets)));
    return mul(mul(held, share), share);
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
