// Adafactor: mean squares kept as one number a row and one a column, for models whose optimizer must need little memory.

import {
  ArgumentError,
  add,
  cast,
  div,
  exp,
  expm1,
  log,
  maximum,
  mean,
  minimum,
  mul,
  neg,
  reshape,
  sqrt,
  square,
  sub,
  type Tensor,
  type Variable,
} from "../engine/index.ts";
import { aboveZero, atLeastZero, showGiven } from "../engine/internal.ts";
import { ByVariable } from "./by-variable.ts";
import { DeclaredOptimizer } from "./declared.ts";
import type { Hyper } from "./hyper.ts";
import { fixed, hyper, type OptimizerOptions, type OwnOptions } from "./options.ts";
import type { UpdateContext, UpdateResult } from "./update.ts";

export interface AdafactorOptions extends OptimizerOptions {
  /** The mean squares keep 1 - tᵇ at step t, b below 0. Default -0.8. */
  beta2Decay?: number;
  /** Added to squares. Default 1e-30. */
  epsilon1?: number;
  /** The least that a variable's root mean square counts, to which steps are in proportion. Default 1e-3. */
  epsilon2?: Hyper;
  /** Steps of a variable whose root mean square, before the rate, is larger are scaled to it. Default 1. */
  clipThreshold?: number;
}

const belowZero = (who: string, what: string, value: number): number => {
  if (Number.isFinite(value) && value < 0) return value;
  throw new ArgumentError(`${who}: ${what} must be a finite number below 0, got ${showGiven(value)}`);
};

const own: OwnOptions<AdafactorOptions> = {
  beta2Decay: fixed(-0.8, belowZero),
  epsilon1: fixed(1e-30, atLeastZero),
  epsilon2: hyper(1e-3),
  clipThreshold: fixed(1, aboveZero),
};

type Slot = "row" | "column" | "meanSquare";

/**
 * With q = tᵇ, t counted from 1, and g² + ε₁ for squares: r ← (1 - q) r + q (mean of squares over the last axis), c over the
 * one before, v = (r / mean of r) c; of vectors and scalars v ← (1 - q) v + q (square). u = g / √v;
 * w ← w - max(ε₂, rms(w)) min(η, 1 / √t) u / max(1, rms(u) / clipThreshold). Default learning rate η 0.001. Source: Shazeer
 * and Stern 2018, as Keras 3 has it, whose `relative_step` changes nothing.
 */
export class Adafactor extends DeclaredOptimizer<Slot> {
  declare readonly beta2Decay: number;
  declare readonly epsilon1: number;
  declare readonly epsilon2: Hyper;
  declare readonly clipThreshold: number;
  protected readonly slotStarts: Record<Slot, number> = { row: 0, column: 0, meanSquare: 0 };

  constructor(options: AdafactorOptions = {}) {
    super("Adafactor", 0.001, options, own);
  }

  protected override get byVariable() {
    return ByVariable;
  }

  protected override slotShape(slot: Slot, { shape }: Variable): readonly number[] | undefined {
    if (slot === "meanSquare") return shape.length < 2 ? shape : undefined;
    if (shape.length < 2) return undefined;
    return slot === "row" ? shape.slice(0, -1) : [...shape.slice(0, -2), ...shape.slice(-1)];
  }

  protected update(context: UpdateContext<Slot>): UpdateResult<Slot> {
    const { value, gradient, slots, learningRate, iterations, at, byVariable } = context;
    const t = cast(add(iterations, 1), "f32");
    const slowed = div(1, sqrt(t));
    const rates = byVariable.cut(minimum(learningRate, slowed));
    const exponent = mul(log(t), this.beta2Decay);
    const share = exp(exponent);
    const kept = neg(expm1(exponent));
    const next: Record<Slot, (Tensor | undefined)[]> = { row: [], column: [], meanSquare: [] };
    const [gradients, old] = [byVariable.cut(gradient), {} as Record<Slot, (Tensor | undefined)[]>];
    for (const slot of ["row", "column", "meanSquare"] as const)
      old[slot] = byVariable.cut(slots[slot], slot);
    const values = byVariable.cut(value).map((w, i) => {
      const g = gradients[i];
      const squares = add(square(g), this.epsilon1);
      const averaged = (slot: Slot, x: Tensor) => {
        const made = add(mul(old[slot][i] as Tensor, kept), mul(x, share));
        next[slot][i] = made;
        return made;
      };
      const v =
        w.rank < 2
          ? averaged("meanSquare", squares)
          : product(averaged("row", mean(squares, -1)), averaged("column", mean(squares, -2)));
      const u = div(g, sqrt(v));
      const held = maximum(div(rms(u), this.clipThreshold), 1);
      const step = mul(div(u, held), mul(maximum(rms(w), at(this.epsilon2)), rates[i]));
      return sub(w, step);
    });
    const joined = (slot: Slot) => byVariable.join(next[slot], slot);
    return {
      value: byVariable.join(values),
      slots: { row: joined("row"), column: joined("column"), meanSquare: joined("meanSquare") },
    };
  }
}

const rms = (x: Tensor): Tensor => sqrt(mean(square(x)));

/** Mean squares of all elements from those of the rows, [..., rows], and of the columns, [..., columns]. */
function product(row: Tensor, column: Tensor): Tensor {
  const ofRows = div(row, mean(row, -1, { keepDims: true }));
  return mul(
    reshape(ofRows, [...row.shape, 1]),
    reshape(column, [...column.shape.slice(0, -1), 1, column.shape[column.rank - 1]]),
  );
}
