// Logical ops on bool, and selection by a condition.

import { DTypeError } from "../../base/errors.ts";
import { defineOp } from "../../tensor/define.ts";
import { notDifferentiable, type OpFunction, type TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { binary, elementwiseOp, exact, numeric, unary } from "./elementwise.ts";

const bools = { dtype: "bool", low: 0, high: 2 } as const;
const logical = (name: string, wgsl: string, reference: (a: number, b: number) => number) =>
  binary({
    name,
    dtypes: ["bool"],
    wgsl,
    reference: ([a, b]) => reference(a, b),
    vjp: notDifferentiable("a logical op gives true or false"),
    samples: [
      {
        inputs: [
          { shape: [4, 6], ...bools },
          { shape: [6], ...bools },
        ],
      },
    ],
    accuracy: exact,
  });

/** Whether both hold. */
export const logicalAnd = logical("logicalAnd", "a & b", (a, b) => a & b);
/** Whether one or both hold. */
export const logicalOr = logical("logicalOr", "a | b", (a, b) => a | b);
/** Whether exactly one holds. */
export const logicalXor = logical("logicalXor", "a != b", (a, b) => a ^ b);
/** Whether a does not hold. */
export const logicalNot = unary({
  name: "logicalNot",
  dtypes: ["bool"],
  wgsl: "!a",
  reference: ([a]) => 1 - a,
  vjp: notDifferentiable("a logical op gives true or false"),
  samples: [{ inputs: [{ shape: [4, 6], ...bools }] }],
  accuracy: exact,
});

/**
 * b where the condition a holds, else c; all broadcast. The gradient goes to the side that was taken; the other gets
 * 0, even where it is NaN.
 */
export const where: OpFunction<[condition: TensorLike, ifTrue: TensorLike, ifFalse: TensorLike], Tensor> =
  defineOp({
    ...elementwiseOp({
      name: "where",
      arity: 3,
      inputDTypes: ([, b, c]) => {
        if (!numeric.includes(b.dtype) && b.dtype !== "bool") {
          throw new DTypeError(
            `where: takes f32, i32, u32 or bool values, got ${b.dtype}; use cast(x, "f32")`,
          );
        }
        return ["bool", b.dtype, c.dtype === b.dtype ? c.dtype : b.dtype];
      },
      wgsl: "select(c, b, a)",
      reference: ([a, b, c]) => (a ? b : c),
      saves: { inputs: [0] },
      vjp: ({ grad, input, needs }) => [
        null,
        needs(1) ? where(input(0), grad(), 0) : null,
        needs(2) ? where(input(0), 0, grad()) : null,
      ],
      samples: [
        { inputs: [{ shape: [4, 6], ...bools }, { shape: [4, 6] }, { shape: [6] }] },
        { inputs: [{ shape: [1, 6], ...bools }, { shape: [4, 1] }, { shape: [] }] },
      ],
      accuracy: exact,
    }),
    call: (condition: TensorLike, ifTrue: TensorLike, ifFalse: TensorLike) => ({
      inputs: [condition, ifTrue, ifFalse],
      attrs: {},
    }),
  });
