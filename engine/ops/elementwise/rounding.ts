// Rounding to whole numbers. The gradients are 0 everywhere: these functions are flat between their jumps.

import { exact, unary } from "./elementwise.ts";

const rounding = (name: string, wgsl: string, reference: (a: number) => number) =>
  unary({
    name,
    wgsl,
    reference: ([a]) => reference(a),
    vjp: () => [null],
    samples: [
      { inputs: [{ shape: [4, 6], low: 1.1, high: 1.4 }] },
      { inputs: [{ shape: [7], low: -1.9, high: -1.6 }] },
    ],
    accuracy: exact,
  });

/** The largest whole number not above a. The gradient is 0. */
export const floor = rounding("floor", "floor(a)", Math.floor);
/** The smallest whole number not below a. The gradient is 0. */
export const ceil = rounding("ceil", "ceil(a)", Math.ceil);
/** a without its fraction: rounded towards 0. The gradient is 0. */
export const trunc = rounding("trunc", "trunc(a)", Math.trunc);
/** The nearest whole number; halves go to the even one, as IEEE 754, NumPy and PyTorch round. The gradient is 0. */
export const round = rounding("round", "round(a)", roundHalfEven);

function roundHalfEven(a: number): number {
  const low = Math.floor(a);
  const rest = a - low;
  if (rest !== 0.5) return rest < 0.5 ? low : Math.ceil(a);
  return low % 2 === 0 ? low : Math.ceil(a);
}
