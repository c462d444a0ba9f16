// Derivatives by differences in float64: central differences with shrinking steps, extrapolated to step zero
// (Ridders' method: of the extrapolations, the one whose neighbours agree with it best).

/** Steps tried: from 2^-7 of the variable's size down to 2^-16. */
const rounds = 10;

export interface Difference {
  readonly value: number;
  /** How far the best two extrapolations lie apart. */
  readonly uncertainty: number;
}

/** d f / d x at `x`. Steps that leave the function's domain (a result that is not finite) are passed over. */
export function derivative(f: (x: number) => number, x: number): Difference {
  let step = 2 ** Math.floor(Math.log2(Math.max(Math.abs(x), 2 ** -3)) - 7);
  let best: Difference = { value: Number.NaN, uncertainty: Number.POSITIVE_INFINITY };
  let previous: number[] = [];
  for (let round = 0; round < rounds; round++, step /= 2) {
    const quotient = (f(x + step) - f(x - step)) / (2 * step);
    if (!Number.isFinite(quotient)) {
      previous = [];
      if (Number.isNaN(best.value)) best = { value: quotient, uncertainty: Number.POSITIVE_INFINITY };
      continue;
    }
    if (!Number.isFinite(best.value)) best = { value: quotient, uncertainty: Number.POSITIVE_INFINITY };
    const row = [quotient];
    let factor = 4;
    for (let k = 0; k < previous.length; k++, factor *= 4) {
      const value = (row[k] * factor - previous[k]) / (factor - 1);
      row.push(value);
      const uncertainty = Math.max(Math.abs(value - row[k]), Math.abs(value - previous[k]));
      if (uncertainty <= best.uncertainty) best = { value, uncertainty };
    }
    if (best.uncertainty <= 1e-11 * (1 + Math.abs(best.value))) break;
    previous = row;
  }
  return best;
}

/** The slopes to the left and to the right of `x`, which differ at a kink. */
export function oneSided(f: (x: number) => number, x: number): { left: number; right: number } {
  const step = 2 ** Math.floor(Math.log2(Math.max(Math.abs(x), 2 ** -3)) - 20);
  const middle = f(x);
  return { left: (middle - f(x - step)) / step, right: (f(x + step) - middle) / step };
}
