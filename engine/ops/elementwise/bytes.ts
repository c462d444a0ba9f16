// Bytes (u8) beside numbers and floats: they count as f32, as in NumPy and PyTorch, so that images can be scaled where they
// are used.

import { apply, firstOf } from "../../tensor/apply.ts";
import type { Op, OpFunction, TensorLike } from "../../tensor/op.ts";
import { tidy } from "../../tensor/scope.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { cast } from "./cast.ts";
import { type ElementwiseDefinition, elementwiseOp } from "./elementwise.ts";

const isBytes = (value: TensorLike): value is Tensor => value instanceof Tensor && value.dtype === "u8";
/** Host values beside bytes are floats. */
const isFloat = (value: TensorLike): boolean => !(value instanceof Tensor) || value.dtype === "f32";

/**
 * A callable op of two numbers that takes bytes beside a number or an f32 tensor, as f32: an op by itself makes the floats,
 * `jit` computes them where they are used. Bytes beside bytes or other integers are refused: what would 200 + 100 be?
 */
export function binaryOfBytes(
  definition: Omit<ElementwiseDefinition<object>, "arity">,
): OpFunction<[a: TensorLike, b: TensorLike], Tensor> {
  const op = elementwiseOp({ ...definition, arity: 2 });
  const run = (a: TensorLike, b: TensorLike): Tensor => {
    if (isBytes(a) && isFloat(b)) return tidy(() => run(cast(a, "f32"), b));
    if (isBytes(b) && isFloat(a)) return tidy(() => run(a, cast(b, "f32")));
    // No call in between: source lines count frames.
    return firstOf(apply(op, [a, b], {}));
  };
  return Object.assign(run, { op: op as Op });
}
