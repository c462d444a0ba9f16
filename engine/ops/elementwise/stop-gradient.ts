// stopGradient: the identity, held constant by every derivative.

import { defineOp } from "../../tensor/define.ts";
import { notDifferentiable, type OpFunction, type TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/**
 * `x` as a constant: the same values in the same memory, through which no gradient of any order flows. A view, so it
 * costs no dispatch and no copy.
 */
export const stopGradient: OpFunction<[x: TensorLike], Tensor> = defineOp({
  name: "stopGradient",
  saves: {},
  call: (x: TensorLike) => ({ inputs: [x], attrs: {} }),
  infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
  vjp: notDifferentiable("it holds its input constant"),
  samples: [{ inputs: [{ shape: [3, 5] }] }, { inputs: [{ shape: [], dtype: "i32" }] }],
});
