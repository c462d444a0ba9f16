// Constants of backward rules that f32 would round: on the reference, which computes in float64, they keep their digits.

import { full } from "../../tensor/create.ts";
import type { TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add } from "./arithmetic.ts";

/**
 * A number for an op beside `x`. Numbers become what the GPU would be given, so on the reference this one is the sum of
 * two: the nearest f32 number, and the nearest one to what is missing.
 */
export function constantBeside({ device }: Tensor, value: number): TensorLike {
  const rounded = Math.fround(value);
  if (device.kind !== "cpu" || rounded === value) return value;
  return add(full([], rounded, { device }), value - rounded);
}
