// Bytes (u8) beside numbers and floats: they count as f32, as in NumPy and PyTorch, so that images can be scaled where they
// are used.

import type { OpFunction, TensorLike } from "../../tensor/op.ts";
import { tidy } from "../../tensor/scope.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { cast } from "./cast.ts";
import { binary, type ElementwiseDefinition } from "./elementwise.ts";

const isBytes = (value: TensorLike): value is Tensor => value instanceof Tensor && value.dtype === "u8";
const isFloat = (value: TensorLike): boolean => typeof value === "number" || value?.dtype === "f32";

/**
 * A callable op of two numbers that takes bytes beside a number or an f32 tensor, as f32: an op by itself makes the floats,
 * `jit` computes them where they are used. Bytes beside bytes or other integers are refused: what would 200 + 100 be?
 */
export function binaryOfBytes(
  definition: Omit<ElementwiseDefinition<object>, "arity">,
): OpFunction<[a: TensorLike, b: TensorLike], Tensor> {
  const plain = binary(definition);
  const run = (a: TensorLike, b: TensorLike): Tensor => {
    if (isBytes(a) && isFloat(b)) return tidy(() => plain(cast(a, "f32"), b));
    if (isBytes(b) && isFloat(a)) return tidy(() => plain(a, cast(b, "f32")));
    return plain(a, b);
  };
  return Object.assign(run, { op: plain.op });
}
