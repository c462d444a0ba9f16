// The error function and its complement: what the normal distribution is measured in.

import { mul, neg, square } from "./arithmetic.ts";
import { constantBeside } from "./constant.ts";
import { unary } from "./elementwise.ts";
import { exp } from "./exponential.ts";
import { errorFunctions } from "./math-functions.ts";

const slopeAtZero = 2 / Math.sqrt(Math.PI);

/** erf a = 2/√π ∫₀ᵃ e^(-t²) dt. */
export const erf = unary({
  name: "erf",
  wgsl: "erf_4(a)",
  helpers: errorFunctions("erf_4"),
  reference: ([a]) => (Math.abs(a) < 2 ? erfSeries(a) : Math.sign(a) * (1 - erfcTail(Math.abs(a)))),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [
    mul(grad(), mul(exp(neg(square(input(0)))), constantBeside(input(0), slopeAtZero))),
  ],
  samples: [{ inputs: [{ shape: [5, 7], low: -3, high: 3 }] }],
  accuracy: { ulp: 4 },
});

/**
 * erfc a = 1 - erf a, without cancelling for large a; 0 where the result would be subnormal, above 9.19. Half of
 * erfc(-x / √2) is the normal distribution function of x.
 */
export const erfc = unary({
  name: "erfc",
  wgsl: "erfc_4(a)",
  helpers: errorFunctions("erfc_4"),
  reference: ([a]) => referenceErfc(a),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [
    mul(grad(), mul(exp(neg(square(input(0)))), constantBeside(input(0), -slopeAtZero))),
  ],
  samples: [{ inputs: [{ shape: [5, 7], low: -3, high: 3 }] }],
  accuracy: { ulp: 4 },
});

/** @internal erfc in float64. */
export function referenceErfc(a: number): number {
  if (Math.abs(a) < 2) return 1 - erfSeries(a);
  return a > 0 ? erfcTail(a) : 2 - erfcTail(-a);
}

/** 2/√π e^(-a²) Σ 2ⁿ a^(2n+1) / (2n+1)!!, all terms of one sign (Abramowitz and Stegun 7.1.6). */
function erfSeries(a: number): number {
  let term = a;
  let total = a;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n++) {
    term *= (2 * a * a) / (2 * n + 1);
    total += term;
  }
  return slopeAtZero * Math.exp(-a * a) * total;
}

/** e^(-a²)/√π · 1/(a + (1/2)/(a + (2/2)/(a + (3/2)/(a + ...)))) for a ≥ 2 (Abramowitz and Stegun 7.1.14). */
function erfcTail(a: number): number {
  if (Number.isNaN(a) || a > 30) return a > 30 ? 0 : a;
  let fraction = a;
  for (let n = 150; n > 0; n--) fraction = a + n / 2 / fraction;
  return Math.exp(-a * a) / (Math.sqrt(Math.PI) * fraction);
}
