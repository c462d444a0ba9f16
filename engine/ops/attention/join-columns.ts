// joinColumns: kernels of several projections side by side, and their biases, in one dispatch; and the way back.

import joinSource from "../../../shaders/join-columns.wgsl";
import { DTypeError, ShapeError } from "../../base/errors.ts";
import { showShape } from "../../base/shape.ts";
import {
  type AdapterProfile,
  grid,
  type HookBinding,
  input,
  type KernelPlan,
  type Operand,
  output,
  type Spec,
  shader,
} from "../../kernel/kernel.ts";
import type { ReferenceTensor } from "../../kernel/kernel-op.ts";
import { defineMultiOp } from "../../tensor/define.ts";
import type { OpFunction } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";

const joinShader = shader("join-columns", joinSource);

interface SplitAttrs {
  readonly widths: readonly number[];
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** @param parts matrices, then their vectors; @param whole matrix and vector */
function moveKernels(
  widths: readonly number[],
  rows: number,
  parts: readonly Operand[],
  whole: readonly Operand[],
  profile: AdapterProfile,
): KernelPlan {
  const unit = widths.every((width) => width % 4 === 0) ? 4 : 1;
  const width = sum(widths) / unit;
  const count = (rows + 1) * width;
  const names = [
    ...widths.map((_, k) => `part${k}`),
    ...widths.map((_, k) => `vector${k}`),
    "matrix",
    "vector",
  ];
  const operands = [...parts, ...whole];
  const bindings = operands.map(
    ({ access }, k): HookBinding => ({ name: names[k], binding: k + 1, access, type: "array<Element>" }),
  );
  const joins = whole[0].access === "read_write";
  const copy = (large: string, small: string) => (joins ? `${large} = ${small};` : `${small} = ${large};`);
  let first = 0;
  const branches = widths.map((each, k) => {
    const own = each / unit;
    const column = first === 0 ? "column" : `column - ${first}u`;
    first += own;
    return `${k === widths.length - 1 ? "" : `if (column < ${first}u) `}{
    if (row < sizes.rows) {
      ${copy("matrix[at]", `part${k}[row * ${own}u + ${column}]`)}
    } else {
      ${copy("vector[column]", `vector${k}[${column}]`)}
    }
  }`;
  });
  const move_one = `fn move_one(at: u32, row: u32, column: u32) {\n  ${branches.join(" else ")}\n}`;
  return {
    calls: [
      {
        shader: joinShader,
        hooks: { ...(unit === 4 ? {} : { aliases: { Element: "f32" } }), bindings, functions: { move_one } },
        sizes: [count, width, rows],
        operands,
        workgroups: grid(Math.ceil(count / 64), profile),
      },
    ],
  };
}

/** Visits each element: in which part it is, where there, and where in the matrix; vectors in the row behind the last. */
function eachElement(
  widths: readonly number[],
  rows: number,
  visit: (part: number, at: number, row: number, whole: number) => void,
): void {
  const width = sum(widths);
  let first = 0;
  widths.forEach((own, part) => {
    for (let row = 0; row <= rows; row++)
      for (let column = 0; column < own; column++)
        visit(part, row * own + column, row, row * width + first + column);
    first += own;
  });
}

function move(
  widths: readonly number[],
  rows: number,
  parts: readonly ReferenceTensor[],
  [matrix, vector]: readonly ReferenceTensor[],
  joins: boolean,
): void {
  const count = widths.length;
  eachElement(widths, rows, (part, at, row, whole) => {
    const inVector = row === rows;
    const [large, small] = inVector ? [vector, parts[count + part]] : [matrix, parts[part]];
    const [i, j] = inVector ? [whole - rows * sum(widths), at - rows * widths[part]] : [whole, at];
    if (joins) large.data[i] = small.data[j];
    else small.data[j] = large.data[i];
  });
}

/** [rows, Σ widths] and [Σ widths] as the matrices [rows, width] of each, then the vectors. */
export const splitColumns: OpFunction<[matrix: Tensor, vector: Tensor, widths: readonly number[]], Tensor[]> =
  defineMultiOp({
    name: "splitColumns",
    accuracy: { ulp: 0 },
    traits: { writesExactly: true },
    saves: {},
    call: (matrix: Tensor, vector: Tensor, widths: readonly number[]) => ({
      inputs: [matrix, vector],
      attrs: { widths: [...widths] },
    }),
    infer: ([matrix, vector], { widths }: SplitAttrs) => {
      const width = sum(widths);
      if (matrix.dtype !== "f32" || vector.dtype !== "f32")
        throw new DTypeError(`splitColumns: takes f32, got ${matrix.dtype} and ${vector.dtype}`);
      if (matrix.shape.length !== 2 || matrix.shape[1] !== width || vector.shape[0] !== width)
        throw new ShapeError(
          `splitColumns: ${showShape(matrix.shape)} and ${showShape(vector.shape)} must have ${width} columns, as widths ${widths.join(", ")} are together`,
        );
      const [rows] = matrix.shape;
      return [
        ...widths.map((own): Spec => ({ shape: [rows, own], dtype: "f32" })),
        ...widths.map((own): Spec => ({ shape: [own], dtype: "f32" })),
      ];
    },
    kernels: ({ inputs: [matrix], attrs: { widths }, profile }) =>
      moveKernels(
        widths,
        matrix.shape[0],
        Array.from({ length: 2 * widths.length }, (_, k) => output(k)),
        [input(0), input(1)],
        profile,
      ),
    reference: (whole, { widths }, parts) => move(widths, whole[0].shape[0], parts, whole, false),
    vjp: ({ grad, attrs: { widths } }) =>
      joinColumns(
        widths.map((_, k) => grad(k)),
        widths.map((_, k) => grad(widths.length + k)),
      ),
    samples: [
      { inputs: [{ shape: [3, 12] }, { shape: [12] }], attrs: { widths: [4, 8] } },
      { inputs: [{ shape: [2, 10] }, { shape: [10] }], attrs: { widths: [3, 5, 2] } },
    ],
  });

const join = defineMultiOp({
  name: "joinColumns",
  accuracy: { ulp: 0 },
  traits: { writesExactly: true },
  saves: {},
  call: (...parts: Tensor[]) => ({ inputs: parts, attrs: {} }),
  infer: (parts) => {
    const count = parts.length / 2;
    const [rows] = parts[0].shape;
    const other = parts.find(({ dtype }) => dtype !== "f32");
    if (other !== undefined) throw new DTypeError(`joinColumns: takes f32, got ${other.dtype}`);
    parts.forEach(({ shape }, k) => {
      const isRight =
        k < count
          ? shape.length === 2 && shape[0] === rows
          : String(shape) === String([parts[k - count].shape[1]]);
      if (isRight) return;
      throw new ShapeError(
        `joinColumns: takes matrices of as many rows and a vector for each, as long as its rows, got ${parts.map((one) => showShape(one.shape)).join(", ")}`,
      );
    });
    const width = sum(parts.slice(count).map(({ shape }) => shape[0]));
    return [
      { shape: [rows, width], dtype: "f32" },
      { shape: [width], dtype: "f32" },
    ];
  },
  kernels: ({ inputs: parts, profile }) =>
    moveKernels(
      parts.slice(parts.length / 2).map(({ shape }) => shape[0]),
      parts[0].shape[0],
      parts.map((_, k) => input(k)),
      [output(0), output(1)],
      profile,
    ),
  reference: (parts, _, whole) =>
    move(
      parts.slice(parts.length / 2).map(({ shape }) => shape[0]),
      parts[0].shape[0],
      parts,
      whole,
      true,
    ),
  vjp: ({ grad, inputSpecs }) =>
    splitColumns(
      grad(0),
      grad(1),
      inputSpecs.slice(inputSpecs.length / 2).map(({ shape }) => shape[0]),
    ),
  samples: [
    { inputs: [{ shape: [3, 4] }, { shape: [3, 8] }, { shape: [4] }, { shape: [8] }] },
    { inputs: [[2, 3], [2, 5], [2, 2], [3], [5], [2]].map((shape) => ({ shape })) },
  ],
});

/** Matrices [rows, width] side by side, and a vector of each side by side: one product for several, and its bias. */
export const joinColumns: OpFunction<[matrices: readonly Tensor[], vectors: readonly Tensor[]], Tensor[]> =
  Object.assign(
    (matrices: readonly Tensor[], vectors: readonly Tensor[]): Tensor[] => join(...matrices, ...vectors),
    { op: join.op },
  );
