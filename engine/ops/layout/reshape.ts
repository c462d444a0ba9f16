// Views: the same memory under another shape. No dispatch, no copy, and so is the gradient.

import { kindOf, ShapeError } from "../../base/errors.ts";
import { normalizeAxis, type Shape, showShape, sizeOf } from "../../base/shape.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction, TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/**
 * The same elements, in the same row-major order, under another shape of as many elements. One length may be -1:
 * it is worked out from the others. The result shares the memory of `x`: made of a Variable, it shows what is assigned to
 * that later; `mul(x, 1)` is a copy.
 */
export const reshape: OpFunction<[x: TensorLike, shape: Shape], Tensor> = defineOp({
  name: "reshape",
  saves: {},
  call: (x: TensorLike, shape: Shape) => {
    if (!Array.isArray(shape))
      throw new ShapeError(`reshape: the shape must be an array of lengths, got ${kindOf(shape)}`);
    return { inputs: [x], attrs: { shape: [...(shape as Shape)] } };
  },
  infer: ([x], { shape }: { shape: number[] }) => [{ shape: fillIn(shape, x.shape), dtype: x.dtype }],
  vjp: ({ grad, inputSpecs }) => [reshape(grad(), inputSpecs[0].shape)],
  samples: [
    { inputs: [{ shape: [4, 6] }], attrs: { shape: [3, 8] } },
    { inputs: [{ shape: [2, 3, 5] }], attrs: { shape: [-1, 5] } },
    { inputs: [{ shape: [1] }], attrs: { shape: [] } },
  ],
});

function fillIn(shape: readonly number[], from: Shape): Shape {
  const unknown = shape.filter((length) => length === -1).length;
  const known = sizeOf(shape.filter((length) => length !== -1));
  const size = sizeOf(from);
  const fits = unknown === 0 ? known === size : unknown === 1 && known > 0 && size % known === 0;
  if (!fits) {
    throw new ShapeError(
      `reshape: ${showShape(from)} has ${size} elements and can't become ${showShape(shape)}; the counts must be equal, with at most one length of -1`,
    );
  }
  return unknown === 0 ? shape : shape.map((length) => (length === -1 ? size / known : length));
}

/**
 * All axes from `from` on merged into one; `flatten(x)` gives one axis, `flatten(x, 1)` keeps the batch axis. A negative
 * `from` counts from the end.
 *
 * @throws ArgumentError for an axis out of range
 */
export function flatten(x: Tensor, from = 0): Tensor {
  checkTensor("flatten", x);
  const first = from === 0 ? 0 : normalizeAxis("flatten", from, x.shape.length);
  return reshape(x, [...x.shape.slice(0, first), sizeOf(x.shape.slice(first))]);
}
