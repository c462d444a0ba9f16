// Derivatives by differences in float64: central differences with shrinking steps, extrapolated to step zero
// (Ridders' method: of the extrapolations, the one whose neighbours agree with it best).

/** Steps tried: from 2^-7 of the variable's size down to 2^-16. */
const rounds = 10;

export interface Difference {
  readonly value: number;
  /** How far the best two extrapolations lie apart. */
  readonly uncertainty: number;
  /** The shortest step that went into it: what rounding leaves in the function's values is divided by it. */
  readonly step: number;
}

/** f(b) - f(a), by whoever can tell it better than from two rounded sums. */
export type Change = (b: number, a: number) => number;

export const changeOf =
  (f: (x: number) => number): Change =>
  (b, a) =>
    f(b) - f(a);

/** The size that steps are taken of: the variable's own, and not too small. */
const sizeAt = (x: number) => Math.floor(Math.log2(Math.max(Math.abs(x), 2 ** -3)));

/** d f / d x at `x`. Steps that leave the function's domain (a result that is not finite) are passed over. */
export function derivative(change: Change, x: number): Difference {
  let step = 2 ** (sizeAt(x) - 7);
  let best: Difference = { value: Number.NaN, uncertainty: Number.POSITIVE_INFINITY, step };
  let previous: number[] = [];
  for (let round = 0; round < rounds; round++, step /= 2) {
    const quotient = change(x + step, x - step) / (2 * step);
    if (!Number.isFinite(quotient)) {
      previous = [];
      if (Number.isNaN(best.value)) best = { value: quotient, uncertainty: Number.POSITIVE_INFINITY, step };
      continue;
    }
    if (!Number.isFinite(best.value)) best = { value: quotient, uncertainty: Number.POSITIVE_INFINITY, step };
    const row = [quotient];
    let factor = 4;
    for (let k = 0; k < previous.length; k++, factor *= 4) {
      const value = (row[k] * factor - previous[k]) / (factor - 1);
      row.push(value);
      const uncertainty = Math.max(Math.abs(value - row[k]), Math.abs(value - previous[k]));
      if (uncertainty <= best.uncertainty) best = { value, uncertainty, step };
    }
    if (best.uncertainty <= 1e-11 * (1 + Math.abs(best.value))) break;
    previous = row;
  }
  return best;
}

/** The function just beside `x`, on either side: how far it goes there, and how steeply. */
export interface Sides {
  readonly left: Side;
  readonly right: Side;
}

interface Side {
  readonly slope: number;
  /** How far the value beside `x` lies from that at `x`, where it does not come nearer with the distance; else 0. */
  readonly jump: number;
}

/**
 * What is to the left and to the right of `x`: slopes that differ make a kink, a value that does not come nearer a jump.
 *
 * @param noise what rounding may leave in a difference of two values
 */
export function oneSided(change: Change, x: number, noise = 0): Sides {
  const step = 2 ** (sizeAt(x) - 20);
  const side = (direction: 1 | -1): Side => {
    const far = change(x + direction * step, x);
    const near = change(x + direction * step * 2 ** -10, x);
    // A slope leaves a thousandth of it, a root a thirtieth.
    const isJump = Math.abs(near) > Math.abs(far) / 2 && Math.abs(near) > 4 * noise;
    return { slope: (direction * far) / step, jump: isJump ? near : 0 };
  };
  return { left: side(-1), right: side(1) };
}

/** Whether the slopes on the two sides differ by more than rounding: a kink. */
export function isKinked(x: number, { left, right }: Sides, noise = 0): boolean {
  const step = 2 ** (sizeAt(x) - 20);
  const gap = Math.abs(left.slope - right.slope);
  return gap > 1e-3 * (1 + Math.min(Math.abs(left.slope), Math.abs(right.slope))) + (4 * noise) / step;
}
