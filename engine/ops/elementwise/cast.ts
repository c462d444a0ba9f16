// Conversion between dtypes.

import { type DType, dtypes } from "../../base/dtype.ts";
import { kindOf, unknownName } from "../../base/errors.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction, TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { registerTypes } from "../pointwise/pointwise-code.ts";
import { elementwiseOp, exact } from "./elementwise.ts";
import { mathFunctions } from "./math-functions.ts";

const bools = { dtype: "bool", low: 0, high: 2 } as const;

/** WGSL that converts vec4 `a` of one dtype to another; bool is 0 or 1, and anything but 0 is true. */
const casts: Record<DType, string> = {
  f32: "vec4f(a)",
  i32: "vec4i(a)",
  u32: "vec4u(a)",
  // Not a != 0, which is false for NaN in what Tint makes of it.
  bool: "!(a == A())",
  u8: "vec4u(a) & vec4u(255u)",
};

/** WGSL limits floats to the largest float in range, 2147483520 for i32, and leaves open what NaN gives. */
const fromFloat = {
  i32: "select(select(vec4i(a), vec4i(2147483647), a >= vec4f(2147483648.0)), vec4i(), is_nan_4(a))",
  u32: "select(select(vec4u(a), vec4u(4294967295u), a >= vec4f(4294967296.0)), vec4u(), is_nan_4(a))",
  u8: "select(vec4u(clamp(a, vec4f(0.0), vec4f(255.0))), vec4u(), is_nan_4(a))",
};

/**
 * Converts to another dtype. Floats are cut towards zero and limited to the integer type's range, NaN becomes 0; integers
 * keep their lowest bits, as in NumPy and PyTorch; bool is 0 or 1, and as a condition all but 0 is true, NaN too.
 */
export const cast: OpFunction<[x: TensorLike, dtype: DType], Tensor> = defineOp({
  ...elementwiseOp<{ dtype: DType }>({
    name: "cast",
    traits: { keepsEqualSize: true },
    arity: 1,
    inputDTypes: ([a]) => [a.dtype],
    outputDType: (_, { dtype }) => {
      if (!dtypes.includes(dtype))
        throw unknownName("dtype", typeof dtype === "string" ? dtype : kindOf(dtype), dtypes);
      return dtype;
    },
    wgsl: ({ dtype }, [spec]) => {
      if (dtype === "bool" && spec.dtype === "bool") return "a";
      if (spec.dtype === "f32" && dtype in fromFloat) return fromFloat[dtype as keyof typeof fromFloat];
      return casts[dtype].replace("A()", `${registerTypes[spec.dtype]}()`);
    },
    helpers: mathFunctions("is_nan_4"),
    reference: ([a], { dtype }, from) => castNumber(a, dtype, from !== "f32"),
    vjp: ({ grad, inputSpecs }) => [inputSpecs[0].dtype === "f32" ? cast(grad(), "f32") : null],
    samples: [
      { inputs: [{ shape: [5, 7] }], attrs: { dtype: "f32" } },
      { inputs: [{ shape: [11], dtype: "i32", low: -9, high: 9 }], attrs: { dtype: "f32" } },
      { inputs: [{ shape: [13], dtype: "u8", low: 0, high: 256 }], attrs: { dtype: "f32" } },
      { inputs: [{ shape: [13], low: 0, high: 255 }], attrs: { dtype: "u8" }, differentiable: [] },
      { inputs: [{ shape: [7], low: -5, high: 5 }], attrs: { dtype: "i32" }, differentiable: [] },
      { inputs: [{ shape: [7], ...bools }], attrs: { dtype: "f32" } },
      { inputs: [{ shape: [7], dtype: "i32", low: -2, high: 2 }], attrs: { dtype: "bool" } },
    ],
    accuracy: exact,
  }),
  call: (x: TensorLike, dtype: DType) => ({ inputs: [x], attrs: { dtype } }),
});

function castNumber(a: number, dtype: DType, isWhole: boolean): number {
  if (dtype === "f32") return a;
  if (dtype === "bool") return a !== 0 ? 1 : 0;
  // Cut to the type's bits as it is stored.
  if (isWhole) return a;
  if (Number.isNaN(a)) return 0;
  const [low, high] =
    dtype === "i32" ? [-(2 ** 31), 2 ** 31 - 1] : dtype === "u32" ? [0, 2 ** 32 - 1] : [0, 255];
  return Math.trunc(Math.min(Math.max(a, low), high));
}
