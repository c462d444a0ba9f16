// Picking and adding up by indices along several axes at once: gatherNd and scatterNd. Rows of indices become one number
// each; gather and scatterAdd do the rest, and have the gradients.

import linearIndexSource from "../../../shaders/linear-index.wgsl";
import { DTypeError, ShapeError } from "../../base/errors.ts";
import { checkShape, type Shape, sameShape, showShape, sizeOf } from "../../base/shape.ts";
import { input, output, type Spec } from "../../kernel/kernel.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import { defineOp } from "../../tensor/define.ts";
import { notDifferentiable, type OpFunction } from "../../tensor/op.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { elementsGrid, elementsShader } from "../layout/copying.ts";
import { reshape } from "../layout/reshape.ts";
import { gather, scatterAdd } from "./gather.ts";

const linearIndexShader = elementsShader("linear-index", linearIndexSource);

interface LinearAttrs {
  /** Of the axes that are indexed. */
  readonly lengths: readonly number[];
}

/** By row of `indices` [..., axes] the number of the place among all of those axes, -1 where it is outside: i32 [...]. */
export const linearIndex: OpFunction<[indices: Tensor, lengths: readonly number[]], Tensor> = defineOp({
  name: "linearIndex",
  accuracy: { ulp: 0 },
  saves: {},
  call: (indices: Tensor, lengths: readonly number[]) => ({ inputs: [indices], attrs: { lengths } }),
  infer: ([indices], { lengths }: LinearAttrs) => {
    checkIndices("linearIndex", indices);
    if (indices.shape[indices.shape.length - 1] !== lengths.length) {
      throw new ShapeError(
        `linearIndex: indices ${showShape(indices.shape)} must have a last axis of length ${lengths.length}`,
      );
    }
    return [{ shape: indices.shape.slice(0, -1), dtype: "i32" }];
  },
  kernels: ({ outputs: [out], attrs: { lengths }, profile }) => {
    if (sizeOf(out.shape) === 0) return { calls: [] };
    const { count, segment, workgroups } = elementsGrid(sizeOf(out.shape), profile);
    return {
      calls: [
        {
          shader: linearIndexShader,
          sizes: [count, segment, lengths.length, 0, ...Array.from({ length: 8 }, (_, k) => lengths[k] ?? 1)],
          operands: [input(0), output(0)],
          workgroups,
        },
      ],
    };
  },
  reference: ([indices], { lengths }, [out]) => {
    for (let i = 0; i < out.data.length; i++) {
      let at = 0;
      for (let axis = 0; axis < lengths.length && at >= 0; axis++) {
        const index = indices.data[i * lengths.length + axis];
        at = index >= 0 && index < lengths[axis] ? at * lengths[axis] + index : -1;
      }
      out.data[i] = at;
    }
  },
  vjp: notDifferentiable("indices are whole numbers and do not change smoothly"),
  samples: [
    {
      inputs: [{ shape: [4, 2], dtype: "i32", values: [0, 0, 2, 3, 1, 4, -1, 2] }],
      attrs: { lengths: [3, 4] },
    },
    { inputs: [{ shape: [2, 3, 1], dtype: "u32", low: 0, high: 7 }], attrs: { lengths: [5] } },
    { inputs: [{ shape: [9, 3], dtype: "i32", low: -1, high: 4 }], attrs: { lengths: [3, 4, 3] } },
  ],
});

function checkIndices(op: string, indices: Spec): void {
  if (indices.dtype !== "i32" && indices.dtype !== "u32")
    throw new DTypeError(`${op}: the indices must be i32 or u32, got ${indices.dtype}; use cast(x, "i32")`);
}

/** How many axes of a tensor of so many a row of `indices` names. */
function axesOf(op: string, indices: Tensor, rank: number, whose: string): number {
  checkIndices(op, indices);
  const axes = indices.shape[indices.shape.length - 1];
  if (axes !== undefined && axes >= 1 && axes <= rank) return axes;
  throw new ShapeError(
    `${op}: indices ${showShape(indices.shape)} must end with an axis of length 1 to ${rank}, as many indices as axes of ${whose} they name`,
  );
}

/**
 * Elements of `x`, or parts of it, by rows of indices: `indices` [..., k] (i32 or u32) name places along the first k axes,
 * and the result's shape is `indices.shape[..-1] + x.shape[k..]`. `x` may have any dtype. A row with an index out of range
 * gives zeros; under `debug({ numerics: true })` it is an error.
 *
 *     gatherNd(x, tensor([[0, 2], [1, 1]], { dtype: "i32" }))     // x[0, 2] and x[1, 1]
 *
 * @throws ShapeError, DTypeError
 */
export function gatherNd(x: Tensor, indices: Tensor): Tensor {
  checkTensor("gatherNd", x);
  checkTensor("gatherNd", indices, 2);
  const axes = axesOf("gatherNd", indices, x.shape.length, `x ${showShape(x.shape)}`);
  const [lengths, rest] = [x.shape.slice(0, axes), x.shape.slice(axes)];
  return tidy(() => gather(reshape(x, [sizeOf(lengths), ...rest]), linearIndex(indices, lengths), 0));
}

/**
 * Zeros of `shape`, and each of `updates` added at the place that its row of `indices` [..., k] names: the adjoint of
 * {@link gatherNd}. `updates` (f32, i32 or u32) has the shape `indices.shape[..-1] + shape[k..]`. Rows with an index out of
 * range are left out. Additions go in the order of the rows, so results repeat bit for bit.
 *
 * @throws ShapeError, DTypeError
 */
export function scatterNd(indices: Tensor, updates: Tensor, shape: Shape): Tensor {
  checkTensor("scatterNd", indices);
  checkTensor("scatterNd", updates, 2);
  checkShape("scatterNd", shape);
  const axes = axesOf("scatterNd", indices, shape.length, `the shape ${showShape(shape)}`);
  const [lengths, rest] = [shape.slice(0, axes), shape.slice(axes)];
  const wanted = [...indices.shape.slice(0, -1), ...rest];
  if (!sameShape(updates.shape, wanted)) {
    throw new ShapeError(
      `scatterNd: updates ${showShape(updates.shape)} for indices ${showShape(indices.shape)} and the shape ${showShape(shape)} must be ${showShape(wanted)}`,
    );
  }
  return tidy(() => reshape(scatterAdd(updates, linearIndex(indices, lengths), sizeOf(lengths), 0), shape));
}
