// Matrix products with batch axes, either side transposed: shapes, the float64 reference and the gradient. How
// the GPU computes them is matmul-kernels.ts's business.

import { checkOptions, DTypeError, type OptionNames, ShapeError } from "../../base/errors.ts";
import { broadcastShapes, broadcastStrides, showShape, sizeOf } from "../../base/shape.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import type { Spec } from "../../kernel/kernel.ts";
import type { ReferenceTensor } from "../../kernel/kernel-op.ts";
import type { Family } from "../../kernel/variants.ts";
import { withoutArrays } from "../../tensor/apply.ts";
import { shapeOf } from "../../tensor/arguments.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction, TensorLike, VjpContext } from "../../tensor/op.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { reshape } from "../layout/reshape.ts";
import { columnSums, matmulSite } from "../pointwise/epilogues.ts";
import { sum } from "../reduce/reduce.ts";
import { planMatmul, productVariants, storesFours } from "./kernels.ts";
import type { Product } from "./product.ts";
import { operandSite } from "./prologue.ts";
import { sliced } from "./sliced-matmul.ts";
import { matmulSources, rereads } from "./variants.ts";

export interface MatmulOptions {
  /** Take `a` as [..., K, M]: its last two axes swapped. */
  transposeA?: boolean;
  /** Take `b` as [..., N, K]. */
  transposeB?: boolean;
}

const matmulOptions: OptionNames<MatmulOptions> = { transposeA: true, transposeB: true };

export interface MatmulAttrs {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** @internal Checks the operands and names their sizes. */
export function productOf([a, b]: readonly Spec[], { transposeA, transposeB }: MatmulAttrs): Product {
  const shapes = `a ${showShape(a.shape)} and b ${showShape(b.shape)}`;
  if (a.dtype !== "f32" || b.dtype !== "f32") {
    throw new DTypeError(
      `matmul: a is ${a.dtype} and b is ${b.dtype}; both must be f32. Use cast(x, "f32") first`,
    );
  }
  for (const [name, { shape }] of Object.entries({ a, b })) {
    if (shape.length >= 2) continue;
    throw new ShapeError(
      `matmul: ${name} ${showShape(shape)} has ${shape.length} axes; it must be a matrix or a vector. Multiply by a scalar with mul`,
    );
  }
  const [aFirst, aLast] = a.shape.slice(-2);
  const [bFirst, bLast] = b.shape.slice(-2);
  const [m, k] = transposeA ? [aLast, aFirst] : [aFirst, aLast];
  const [n, bK] = transposeB ? [bFirst, bLast] : [bLast, bFirst];
  if (k !== bK) {
    const aAxis = transposeA ? "second to last dimension (transposeA)" : "last dimension";
    const bAxis = transposeB ? "last (transposeB)" : "second to last";
    throw new ShapeError(`matmul: ${shapes} disagree: a's ${aAxis} must equal b's ${bAxis} (${k} vs ${bK})`);
  }
  const [aBatch, bBatch] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  let batch = aBatch;
  try {
    batch = broadcastShapes("matmul", [aBatch, bBatch]) as number[];
  } catch {
    throw new ShapeError(
      `matmul: batch axes of ${shapes} do not broadcast: ${showShape(aBatch)} and ${showShape(bBatch)}; lengths must be equal or one of them 1`,
    );
  }
  return { aBatch, bBatch, batch, m, n, k, transposeA, transposeB };
}

const matmulFamily: Family = {
  name: "matmul",
  sources: matmulSources,
  isAlwaysChecked: true,
  checks: (profile) => [
    // Odd sizes of several tiles, read element by element; K long enough to be split.
    ...checkCalls([70, 600, 37], [false, false], [false, true], [true, false]),
    ...(numbersOf(profile).compilesSlowly
      ? []
      : checkCalls([68, 512, 132], [false, false], [false, true], [true, false])),
  ],
};

/**
 * Matrix product: `a` [..., M, K] times `b` [..., K, N] gives [..., M, N]. With `transposeA`, `a` is
 * [..., K, M]; with `transposeB`, `b` is [..., N, K]; neither costs a copy. Axes before the last two are batch
 * axes and broadcast by NumPy's rules. Sums are float32 on the GPU. K = 0 gives zeros. A vector counts as a row in `a`'s
 * place and as a column in `b`'s, and the result lacks that axis: two vectors give their dot product, a scalar.
 *
 * @throws ShapeError when an operand is a scalar, the Ks differ or the batch axes do not broadcast
 * @throws DTypeError unless both are f32
 */
export const matmul: OpFunction<[a: TensorLike, b: TensorLike, options?: MatmulOptions], Tensor> = defineOp({
  family: matmulFamily,
  name: "matmul",
  traits: { writesExactly: true, sums: true, readsRows: () => slicedMatmul },
  saves: { inputs: [0, 1] },
  instead: vectorProduct,
  call: (a: TensorLike, b: TensorLike, options?: MatmulOptions) => {
    const attrs = { transposeA: options?.transposeA ?? false, transposeB: options?.transposeB ?? false };
    return { inputs: [a, b], attrs };
  },
  infer: (inputs, attrs: MatmulAttrs) => {
    const { batch, m, n } = productOf(inputs, attrs);
    return [{ shape: [...batch, m, n], dtype: "f32" }];
  },
  kernels: ({ inputs, attrs, profile }) => planMatmul(productOf(inputs, attrs), profile),
  variants: ({ inputs, attrs, profile }) => productVariants(productOf(inputs, attrs), profile),
  reference: (inputs, attrs, [out]) => multiply(inputs, productOf(inputs, attrs), out),
  companion: columnSums(() => sum.op),
  prologues: ({ inputs, attrs, profile }) => {
    const [a, b] = rereads(productOf(inputs, attrs), profile);
    return [operandSite(0, a), operandSite(1, b)];
  },
  epilogue: ({ inputs, attrs, profile }) => matmulSite(storesFours(productOf(inputs, attrs), profile)),
  vjp: (context) => [gradientOfA(context), gradientOfB(context)],
  samples: samples(),
});

/** A product with a vector, which is a row or a column and has nothing to transpose; undefined where there is none. */
function vectorProduct(a: TensorLike, b: TensorLike, options: MatmulOptions = {}): Tensor | undefined {
  checkOptions("matmul", options, matmulOptions);
  const isRow = shapeOf("matmul", a).length === 1;
  const isColumn = shapeOf("matmul", b, 2).length === 1;
  if (!isRow && !isColumn) return undefined;
  return tidy(() => {
    const [left, right] = withoutArrays(matmul.op, [a, b]);
    const product = matmul(
      isRow ? reshape(left, [1, -1]) : left,
      isColumn ? reshape(right, [-1, 1]) : right,
      {
        transposeA: !isRow && options.transposeA,
        transposeB: !isColumn && options.transposeB,
      },
    );
    const { length } = product.shape;
    const isKept = (axis: number) => !(isRow && axis === length - 2) && !(isColumn && axis === length - 1);
    return reshape(
      product,
      product.shape.filter((_, axis) => isKept(axis)),
    );
  });
}

const slicedMatmul = sliced("slicedMatmul", matmul.op);

function checkCalls(
  [m, k, n]: readonly number[],
  ...transposed: readonly (readonly [a: boolean, b: boolean])[]
) {
  return transposed.map(([transposeA, transposeB]) => ({
    op: matmul.op,
    inputs: [{ shape: transposeA ? [k, m] : [m, k] }, { shape: transposeB ? [n, k] : [k, n] }],
    attrs: { transposeA, transposeB },
  }));
}

/** For C = op(A) op(B) and G its gradient: dA = G op(B)^T, transposed where A was. */
function gradientOfA({ attrs, grad, input, needs }: VjpContext<MatmulAttrs>): Tensor | null {
  if (!needs(0)) return null;
  const { transposeA, transposeB } = attrs;
  if (transposeA) return matmul(input(1), grad(), { transposeA: transposeB, transposeB: true });
  return matmul(grad(), input(1), { transposeB: !transposeB });
}

/** dB = op(A)^T G, transposed where B was. */
function gradientOfB({ attrs, grad, input, needs }: VjpContext<MatmulAttrs>): Tensor | null {
  if (!needs(1)) return null;
  const { transposeA, transposeB } = attrs;
  let [a, g] = [input(0), grad()];
  if (!transposeA && input(1).shape.length === 2 && a.shape.length > 2) {
    // One B for the whole batch: its gradient is one product over all rows, not a sum over a batch of products.
    [a, g] = [asMatrix(a), asMatrix(g)];
  }
  if (transposeB) return matmul(g, a, { transposeA: true, transposeB: transposeA });
  return matmul(a, g, { transposeA: !transposeA });
}

const asMatrix = (x: Tensor): Tensor =>
  reshape(x, [sizeOf(x.shape.slice(0, -1)), x.shape[x.shape.length - 1]]);

/** Row by row of C, adding up rows of B: the order in which plain loops run fastest. */
function multiply([a, b]: readonly ReferenceTensor[], product: Product, out: ReferenceTensor): void {
  const { aBatch, bBatch, batch, m, n, k, transposeA, transposeB } = product;
  const [aRow, aK] = transposeA ? [1, m] : [k, 1];
  const [bK, bColumn] = transposeB ? [1, k] : [n, 1];
  const aStrides = broadcastStrides(aBatch, batch);
  const bStrides = broadcastStrides(bBatch, batch);
  const row = new Float64Array(n);
  for (let matrix = 0; matrix < sizeOf(batch); matrix++) {
    const aStart = startOf(matrix, batch, aStrides) * m * k;
    const bStart = startOf(matrix, batch, bStrides) * k * n;
    for (let i = 0; i < m; i++) {
      row.fill(0);
      for (let l = 0; l < k; l++) {
        const factor = a.data[aStart + i * aRow + l * aK];
        let at = bStart + l * bK;
        for (let j = 0; j < n; j++, at += bColumn) row[j] += factor * b.data[at];
      }
      out.data.set(row, (matrix * m + i) * n);
    }
  }
}

/** Which matrix of an operand the `matrix`-th of the batch is. */
function startOf(matrix: number, batch: readonly number[], strides: readonly number[]): number {
  let start = 0;
  for (let axis = batch.length - 1; axis >= 0; axis--) {
    start += (matrix % batch[axis]) * strides[axis];
    matrix = Math.floor(matrix / batch[axis]);
  }
  return start;
}

function samples() {
  const flags = [false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) => ({ transposeA, transposeB })),
  );
  const sample = (
    aBatch: readonly number[],
    bBatch: readonly number[],
    [m, k, n]: readonly number[],
    attrs = flags[0],
  ) => ({
    inputs: [
      { shape: [...aBatch, ...(attrs.transposeA ? [k, m] : [m, k])] },
      { shape: [...bBatch, ...(attrs.transposeB ? [n, k] : [k, n])] },
    ],
    attrs,
  });
  return [
    // Odd sizes, then sizes that vec2 and vec4 reads take.
    ...flags.map((attrs) => sample([], [], [5, 7, 3], attrs)),
    ...flags.map((attrs) => sample([], [], [4, 6, 8], attrs)),
    sample([], [], [1, 1, 1]),
    sample([3], [3], [2, 3, 4]),
    sample([2, 3], [], [3, 2, 5]),
    ...flags.map((attrs) => sample([2, 1], [3], [3, 2, 4], attrs)),
    sample([], [2], [2, 5, 3], flags[3]),
    sample([], [], [2, 0, 3]),
  ];
}
