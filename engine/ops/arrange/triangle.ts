// Triangles and diagonals of matrices: tril, triu, diag, trace. All but the last take every dtype and move bits as they are.

import triangleSource from "../../../shaders/triangle.wgsl";
import { ArgumentError, ShapeError } from "../../base/errors.ts";
import { showGiven } from "../../base/number-checks.ts";
import { showShape, sizeOf } from "../../base/shape.ts";
import { type AdapterProfile, input, output, type Spec, type Variants } from "../../kernel/kernel.ts";
import type { Family } from "../../kernel/variants.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction } from "../../tensor/op.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { copyShaders, copySources, copyVariants, unitOf, variedCopy } from "../layout/copying.ts";
import { reshape } from "../layout/reshape.ts";
import { padZeros, slice } from "../layout/slice.ts";
import { sum } from "../reduce/reduce.ts";

const triangleShaders = copyShaders("triangle", triangleSource);

const variantsOf = (x: Spec, profile: AdapterProfile): Variants | undefined =>
  copyVariants("triangle", unitOf(x.dtype, [1]), x.shape[x.shape.length - 1], profile);

interface TriangleAttrs {
  readonly offset: number;
}

function checkOffset(op: string, offset: number): void {
  if (!Number.isInteger(offset) || Math.abs(offset) >= 2 ** 31) {
    throw new ArgumentError(
      `${op}: the offset must be a whole number of diagonals right of the main one, got ${showGiven(offset)}`,
    );
  }
}

const triangleFamily: Family = {
  name: "triangle",
  sources: copySources(triangleShaders),
  // Rows that do and do not end with a vec4; every second matrix begins anew.
  checks: () => [
    { op: tril.op, inputs: [{ shape: [2, 41, 37] }], attrs: { offset: 1 } },
    { op: triu.op, inputs: [{ shape: [3, 9, 64] }], attrs: { offset: -2 } },
  ],
};

function triangle(name: string, comparison: string, isKept: (distance: number, offset: number) => boolean) {
  const op: OpFunction<[x: Tensor, offset?: number], Tensor> = defineOp({
    family: triangleFamily,
    name,
    accuracy: { ulp: 0 },
    saves: {},
    call: (x: Tensor, offset = 0) => ({ inputs: [x], attrs: { offset } }),
    infer: ([x], { offset }: TriangleAttrs) => {
      checkOffset(name, offset);
      if (x.shape.length < 2) {
        throw new ShapeError(
          `${name}: takes matrices, got shape ${showShape(x.shape)}; it must have at least 2 axes`,
        );
      }
      return [{ shape: x.shape, dtype: x.dtype }];
    },
    kernels: ({ inputs: [x], attrs: { offset }, profile }) => {
      const length = sizeOf(x.shape);
      if (length === 0) return { calls: [] };
      const [rows, columns] = x.shape.slice(-2);
      return {
        calls: [
          variedCopy({
            shaders: triangleShaders,
            variants: variantsOf(x, profile),
            single: { Places: "u32", Signed: "i32", Flags: "bool" },
            profile,
            unit: unitOf(x.dtype, [1]),
            length,
            words: [rows, columns, offset],
            operands: [input(0), output(0)],
            hasNone: true,
            functions: {
              is_kept: `fn is_kept(distance: Signed) -> Flags {\n  return distance ${comparison} Signed(sizes.diagonal);\n}`,
            },
          }),
        ],
      };
    },
    variants: ({ inputs: [x], profile }) => variantsOf(x, profile),
    reference: ([x], { offset }, [out]) => {
      const [rows, columns] = x.shape.slice(-2);
      for (let i = 0; i < x.data.length; i++) {
        const distance = (i % columns) - (Math.floor(i / columns) % rows);
        out.data[i] = isKept(distance, offset) ? x.data[i] : 0;
      }
    },
    vjp: ({ grad, attrs: { offset } }) => [op(grad(), offset)],
    samples: [
      { inputs: [{ shape: [5, 7] }], attrs: { offset: 0 } },
      { inputs: [{ shape: [2, 4, 3] }], attrs: { offset: -1 } },
      { inputs: [{ shape: [4, 4] }], attrs: { offset: 2 } },
    ],
  });
  return op;
}

/**
 * The lower triangle of matrices (the last two axes), zeros above it: elements at most `offset` diagonals to the right of
 * the main one stay.
 */
export const tril = triangle("tril", "<=", (distance, offset) => distance <= offset);

/** The upper triangle: elements at least `offset` diagonals to the right of the main one stay. See {@link tril}. */
export const triu = triangle("triu", ">=", (distance, offset) => distance >= offset);

/**
 * Of a vector the square matrix with it on a diagonal, zeros elsewhere; of a matrix the vector on its diagonal, of more
 * axes that of each matrix in the last two. `offset` counts diagonals to the right of the main one.
 *
 * @throws ShapeError for a scalar, or an offset beyond the matrix
 */
export function diag(x: Tensor, offset = 0): Tensor {
  checkTensor("diag", x);
  checkOffset("diag", offset);
  const [right, down] = [Math.max(offset, 0), Math.max(-offset, 0)];
  if (x.shape.length === 0)
    throw new ShapeError("diag: takes a vector or matrices, got a scalar; use reshape(x, [1])");
  if (x.shape.length === 1) {
    const [length] = x.shape;
    const size = length + right + down;
    const first = length === 0 ? 0 : down * size + right;
    const end = length === 0 ? 0 : first + (length - 1) * (size + 1) + 1;
    return tidy(() =>
      reshape(padZeros(x, [first], [size * size - end], { steps: [size + 1] }), [size, size]),
    );
  }
  const batch = x.shape.slice(0, -2);
  const [rows, columns] = x.shape.slice(-2);
  const length = Math.min(rows - down, columns - right);
  if (length < 0) {
    throw new ShapeError(
      `diag: diagonal ${offset} lies outside of ${showShape([rows, columns])}; the offset must be from ${-rows} to ${columns}`,
    );
  }
  const first = length === 0 ? 0 : down * columns + right;
  const end = length === 0 ? 0 : first + (length - 1) * (columns + 1) + 1;
  return tidy(() =>
    slice(
      reshape(x, [...batch, rows * columns]),
      [...batch.map(() => 0), first],
      [...batch.map(() => undefined), end],
      { steps: [...batch.map(() => 1), columns + 1] },
    ),
  );
}

/**
 * The sum of the diagonal of a matrix, of more axes that of each matrix in the last two. `offset` counts diagonals to the
 * right of the main one.
 *
 * @throws ShapeError unless there are matrices, or for an offset beyond them
 */
export function trace(x: Tensor, offset = 0): Tensor {
  checkTensor("trace", x);
  checkOffset("trace", offset);
  if (x.shape.length < 2)
    throw new ShapeError(
      `trace: takes matrices, got shape ${showShape(x.shape)}; it must have at least 2 axes`,
    );
  return tidy(() => sum(diag(x, offset), -1));
}
