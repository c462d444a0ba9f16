// Comparisons and tests of single values, which give bool.

import { notDifferentiable } from "../../tensor/op.ts";
import { binaryOfBytes } from "./bytes.ts";
import { exact, numeric, unary } from "./elementwise.ts";
import { mathFunctions } from "./math-functions.ts";

const comparison = (name: string, wgsl: string, reference: (a: number, b: number) => boolean) =>
  binaryOfBytes({
    name,
    dtypes: numeric,
    outputDType: "bool",
    wgsl,
    reference: ([a, b]) => (reference(a, b) ? 1 : 0),
    vjp: notDifferentiable("a comparison gives true or false"),
    samples: [{ inputs: [{ shape: [4, 6] }, { shape: [6] }] }, { inputs: [{ shape: [9] }, { shape: [9] }] }],
    accuracy: exact,
  });

/** a < b, as bool; false where either is NaN. */
export const less = comparison("less", "a < b", (a, b) => a < b);
/** a ≤ b, as bool; false where either is NaN. */
export const lessEqual = comparison("lessEqual", "a <= b", (a, b) => a <= b);
/** a > b, as bool; false where either is NaN. */
export const greater = comparison("greater", "a > b", (a, b) => a > b);
/** a ≥ b, as bool; false where either is NaN. */
export const greaterEqual = comparison("greaterEqual", "a >= b", (a, b) => a >= b);
/** a = b, as bool; false where either is NaN. */
export const equal = comparison("equal", "a == b", (a, b) => a === b);
/** a ≠ b, as bool; true where either is NaN. */
// Not a != b, which Tint translates so that it is false for NaN.
export const notEqual = comparison("notEqual", "!(a == b)", (a, b) => a !== b);

/** By bit pattern, since WGSL compilers may assume that a comparison never sees NaN or infinity. */
const test = (name: string, wgsl: string, reference: (a: number) => boolean) =>
  unary({
    name,
    outputDType: "bool",
    wgsl,
    helpers: wgsl.includes("is_nan_4") ? mathFunctions("is_nan_4") : undefined,
    reference: ([a]) => (reference(a) ? 1 : 0),
    vjp: notDifferentiable("a comparison gives true or false"),
    samples: [
      { inputs: [{ shape: [4, 6] }] },
      {
        inputs: [
          { shape: [5], values: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 3e38] },
        ],
      },
    ],
    accuracy: exact,
  });

const magnitude = "(bitcast<vec4u>(a) & vec4u(0x7fffffffu))";
/** Whether a is NaN, as bool. */
// biome-ignore lint/suspicious/noShadowRestrictedNames: the field's name; a module that wants the global says Number.isNaN
export const isNaN = test("isNaN", "is_nan_4(a)", Number.isNaN);
/** Whether a is neither infinite nor NaN, as bool. */
// biome-ignore lint/suspicious/noShadowRestrictedNames: as isNaN
export const isFinite = test("isFinite", `${magnitude} < vec4u(0x7f800000u)`, Number.isFinite);
/** Whether a is infinity or minus infinity, as bool. */
export const isInfinite = test(
  "isInfinite",
  `${magnitude} == vec4u(0x7f800000u)`,
  (a) => Math.abs(a) === Number.POSITIVE_INFINITY,
);
