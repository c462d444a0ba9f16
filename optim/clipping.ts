// Gradient clipping, by value, by each variable's norm or by the norm over all, on packed gradients.

import {
  ArgumentError,
  clip,
  type Device,
  div,
  equal,
  gather,
  less,
  lessEqual,
  maximum,
  minimum,
  mul,
  neg,
  scatterAdd,
  sqrt,
  square,
  sum,
  type Tensor,
  type Variable,
  variable,
  where,
} from "../engine/index.ts";
import { aboveZero, largestMagnitude, type OptionNames, squaresScale } from "../engine/internal.ts";
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
 * The packed gradients clipped; where a norm is above the limit, its gradients are scaled as `g · limit / ‖g‖`. However
 * large or small gradients are, their squares are numbers of f32: norms are of gradients times a power of two.
 */
export function clipped(
  gradient: Tensor,
  kind: ClippingKind,
  limit: HyperValue,
  byVariable: ByVariable | undefined,
): Tensor {
  if (kind === "clipValue") return heldBetween(gradient, limit);
  if (kind === "globalClipNorm") {
    const { factor } = squaresScale(largestMagnitude(gradient));
    const scaled = mul(gradient, factor);
    return limited(gradient, scaled, scaleOf(sqrt(sum(square(scaled))), mul(factor, limit), limit));
  }
  const { spread, largest, sums } = byVariable as ByVariable;
  const { factor } = squaresScale(largest(gradient));
  const scaled = mul(gradient, spread(factor));
  const scales = scaleOf(sqrt(sums(square(scaled))), mul(factor, limit), limit);
  return limited(gradient, scaled, spread(scales));
}

const heldBetween = (gradient: Tensor, limit: HyperValue) =>
  typeof limit === "number" ? clip(gradient, -limit, limit) : minimum(maximum(gradient, neg(limit)), limit);

/** What scaled gradients of a norm are to be multiplied by; -1 where they are to stay as they were. */
const scaleOf = (norm: Tensor, scaledLimit: Tensor, limit: HyperValue) =>
  where(lessEqual(norm, scaledLimit), -1, div(limit, norm));

const limited = (gradient: Tensor, scaled: Tensor, scale: Tensor) =>
  where(less(scale, 0), gradient, mul(scaled, scale));

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
  readonly #count: number;

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
    this.#count = limits.length;
    this.#norms = new Varied(limits.length > 0 ? limits : [none], `${name}/clipNorm`, device);
    if (limits.length === 0) return;
    const table = (what: string, values: readonly number[], shape: readonly number[]) =>
      variable(Int32Array.from(values), {
        name: `${name}/${what}`,
        trainable: false,
        dtype: "i32",
        shape,
        device,
      });
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
    const { spread, largest, sums } = byVariable;
    const sets = this.#sets;
    const isOfSet = equal(this.#numbers as Variable, sets);
    const { factor } = squaresScale(largestMagnitude(where(isOfSet, largest(held), 0), 1));
    const scaled = mul(held, spread(gather(factor, sets)));
    const norms = sqrt(scatterAdd(sums(square(scaled)), sets, this.#count));
    const limit = this.#limit(clock);
    const scales = scaleOf(norms, mul(factor, limit), limit);
    // Variables of no set stay as they are.
    const ofVariables = where(less(sets, 0), -1, gather(scales, sets));
    return limited(held, scaled, spread(ofVariables));
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
