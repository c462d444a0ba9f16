// Constraints: what weights are set to after an update, in Keras's names and formulas.

import {
  ArgumentError,
  add,
  clip,
  div,
  mul,
  relu,
  sqrt,
  square,
  sum,
  type Tensor,
  tidy,
} from "../../engine/index.ts";
import { atLeastZero, checkOptions, NameTable } from "../../engine/internal.ts";
import { madeBy } from "./made.ts";

export interface Constraint {
  readonly name: string;
  /** The weight, or the nearest to it that is allowed. */
  call(weight: Tensor): Tensor;
}

/** What layers take for a constraint: a name, a Constraint, or a function of the weight. */
export type ConstraintLike = string | Constraint | ((weight: Tensor) => Tensor);

export interface NormAxis {
  /**
   * Along which a norm goes; default 0, the inputs of a matrix [in, out], so that each unit has a norm. [0, 1, 2] for the
   * kernels of a convolution.
   */
  axis?: number | readonly number[];
}

export interface MaxNormOptions extends NormAxis {
  /** Default 2. */
  maxValue?: number;
}

export interface MinMaxNormOptions extends NormAxis {
  /** Default 0. */
  minValue?: number;
  /** Default 1. */
  maxValue?: number;
  /** How much of the way a norm goes to the bounds; from 0 to 1, which is the default. */
  rate?: number;
}

/** Norms are at most `maxValue`. */
export function maxNorm(options: MaxNormOptions | number = {}): Constraint {
  const given = typeof options === "number" ? { maxValue: options } : options;
  checkOptions("constraints.maxNorm", given, { maxValue: true, axis: true });
  const most = atLeastZero("constraints.maxNorm", "maxValue", given.maxValue ?? 2);
  return scaled("maxNorm", given, (norms) => clip(norms, 0, most));
}

/** Weights are at least 0. */
export const nonNeg = (): Constraint =>
  madeBy("constraints.nonNeg", [], { name: "nonNeg", call: (weight) => relu(weight) });

/** Norms are 1. */
export function unitNorm(options: NormAxis = {}): Constraint {
  checkOptions("constraints.unitNorm", options, { axis: true });
  return scaled("unitNorm", options, () => 1);
}

/** Norms are from `minValue` to `maxValue`, or go there by `rate`. */
export function minMaxNorm(options: MinMaxNormOptions = {}): Constraint {
  const what = "constraints.minMaxNorm";
  checkOptions(what, options, { minValue: true, maxValue: true, rate: true, axis: true });
  const least = atLeastZero(what, "minValue", options.minValue ?? 0);
  const most = atLeastZero(what, "maxValue", options.maxValue ?? 1);
  const rate = atLeastZero(what, "rate", options.rate ?? 1);
  if (least > most || rate > 1) {
    throw new ArgumentError(
      `${what}: minValue ${least} must be at most maxValue ${most}, and rate ${rate} at most 1`,
    );
  }
  return scaled("minMaxNorm", options, (norms) =>
    add(mul(clip(norms, least, most), rate), mul(norms, 1 - rate)),
  );
}

/** The weight, its norms along the axis made the wanted ones; where a norm is 0 it stays. */
function scaled(name: string, given: NormAxis, wanted: (norms: Tensor) => Tensor | number): Constraint {
  const { axis = 0 } = given;
  return madeBy(`constraints.${name}`, [given], {
    name,
    call: (weight) =>
      tidy(() => {
        const norms = sqrt(sum(square(weight), axis as number[], { keepDims: true }));
        return mul(weight, div(wanted(norms), add(norms, 1e-7)));
      }),
  });
}

/** @internal All come with `gradgpu/names`. */
export const table = new NameTable<() => Constraint>(
  "constraint",
  "constraints.*()",
  {},
  { nonNegative: "nonNeg" },
  "maxNorm nonNeg unitNorm minMaxNorm",
);

/**
 * A constraint by name, with its defaults ("maxNorm", "nonNeg", "unitNorm", "minMaxNorm"); a Constraint is given back as it
 * is; a function becomes one. None, that is undefined or null, is undefined.
 *
 * @throws ArgumentError for an unknown name, with the nearest known one, and for one that only `gradgpu/names` knows
 */
export function get(constraint: ConstraintLike | null | undefined): Constraint | undefined {
  if (constraint === undefined || constraint === null) return undefined;
  if (typeof constraint === "string") return table.get(constraint)();
  if (typeof constraint === "function") {
    table.checkNotMaker(constraint);
    return { name: constraint.name || "custom", call: (weight) => constraint(weight) };
  }
  if (typeof constraint?.call === "function") return constraint;
  throw table.misfit(", a Constraint or a function", constraint);
}
