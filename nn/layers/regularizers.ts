// Regularizers: penalties on weights, in Keras's names and formulas, that are added to the loss.

import {
  abs,
  add,
  div,
  matmul,
  maximum,
  mul,
  notEqual,
  reshape,
  ShapeError,
  showShape,
  sqrt,
  square,
  sum,
  type Tensor,
  tensor,
  tidy,
  transpose,
  where,
} from "../../engine/index.ts";
import { atLeastZero, checkOptions, choiceOf, NameTable } from "../../engine/internal.ts";
import { madeBy } from "./made.ts";

export interface Regularizer {
  readonly name: string;
  /** The penalty for a weight (or what a layer gives): a scalar. */
  call(x: Tensor): Tensor;
}

/** What layers take for a regularizer: a name, a Regularizer, or a function of the weight to a scalar. */
export type RegularizerLike = string | Regularizer | ((x: Tensor) => Tensor);

export interface L1L2Options {
  /** What Σ |w| is multiplied by; default 0.01. */
  l1?: number;
  /** What Σ w² is multiplied by; default 0.01. */
  l2?: number;
}

export interface OrthogonalOptions {
  /** Default 0.01. */
  factor?: number;
  /** Whether rows (the default) or columns are kept at right angles. */
  mode?: "rows" | "columns";
}

/** factor Σ |w|: drives weights to exactly 0 (Lasso). Default 0.01. */
export function l1(factor = 0.01): Regularizer {
  atLeastZero("regularizers.l1", "the factor", factor);
  return madeBy("regularizers.l1", [factor], {
    name: "l1",
    call: (x) => tidy(() => mul(sum(abs(x)), factor)),
  });
}

/**
 * factor Σ w²: keeps weights small (Ridge). Default 0.01. Its gradient goes through the optimizer; the decay of AdamW, which
 * does not, is an option of optimizers.
 */
export function l2(factor = 0.01): Regularizer {
  atLeastZero("regularizers.l2", "the factor", factor);
  return madeBy("regularizers.l2", [factor], {
    name: "l2",
    call: (x) => tidy(() => mul(sum(square(x)), factor)),
  });
}

/** Both: l1 Σ |w| + l2 Σ w². */
export function l1l2(options: L1L2Options = {}): Regularizer {
  checkOptions("regularizers.l1l2", options, { l1: true, l2: true });
  const [first, second] = [l1(options.l1), l2(options.l2)];
  return madeBy("regularizers.l1l2", [options], {
    name: "l1l2",
    call: (x) => tidy(() => add(first.call(x), second.call(x))),
  });
}

/**
 * factor times the mean of |cos| over all pairs of rows (or columns) of a matrix: they are kept at right angles to each
 * other.
 */
export function orthogonal(options: OrthogonalOptions = {}): Regularizer {
  const what = "regularizers.orthogonal";
  checkOptions(what, options, { factor: true, mode: true });
  const factor = atLeastZero(what, "factor", options.factor ?? 0.01);
  const mode = choiceOf(`${what} mode`, options.mode ?? "rows", ["rows", "columns"]);
  return madeBy(what, [options], {
    name: "orthogonal",
    call: (x) =>
      tidy(() => {
        if (x.rank !== 2) throw new ShapeError(`${what}: takes matrices, got ${showShape(x.shape)}`);
        const rows = mode === "rows" ? x : transpose(x);
        const lengths = sqrt(maximum(sum(square(rows), 1, { keepDims: true }), 1e-14));
        const unit = div(rows, lengths);
        const [count] = rows.shape;
        if (count < 2) return mul(sum(unit), 0);
        const places = tensor([...Array(count).keys()], { device: x.device });
        const isPair = notEqual(reshape(places, [count, 1]), places);
        const cosines = matmul(unit, unit, { transposeB: true });
        return mul(sum(where(isPair, abs(cosines), 0)), factor / (count * (count - 1)));
      }),
  });
}

/** @internal All come with `gradgpu/names`. */
export const table = new NameTable<() => Regularizer>(
  "regularizer",
  "regularizers.*()",
  {},
  { orthogonalRegularizer: "orthogonal" },
  "l1 l2 l1l2 orthogonal",
);

/**
 * A regularizer by name, with its defaults ("l1", "l2", "l1_l2", "orthogonal"); a Regularizer is given back as it is; a
 * function becomes one. None, that is undefined or null, is undefined.
 *
 * @throws ArgumentError for an unknown name, with the nearest known one, and for one that only `gradgpu/names` knows
 */
export function get(regularizer: RegularizerLike | null | undefined): Regularizer | undefined {
  if (regularizer === undefined || regularizer === null) return undefined;
  if (typeof regularizer === "string") return table.get(regularizer)();
  if (typeof regularizer === "function") {
    table.checkNotMaker(regularizer);
    return { name: regularizer.name || "custom", call: (x) => regularizer(x) };
  }
  if (typeof regularizer?.call === "function") return regularizer;
  throw table.misfit(", a Regularizer or a function", regularizer);
}
