// gatesTogether: a recurrent layer's weights with the gates of a unit side by side, in one dispatch; and the way back.

import source from "../../../shaders/gates-together.wgsl";
import { DTypeError, ShapeError } from "../../base/errors.ts";
import { type Shape, showShape, sizeOf } from "../../base/shape.ts";
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

const gatesShader = shader("gates-together", source);

/** By tensor: which of a unit's four columns each of its gates belongs to; several that belong to one are added up. */
export type GateColumns = readonly (readonly number[])[];

interface GatesAttrs {
  readonly units: number;
  readonly columns: GateColumns;
  /** Of the tensors as layers have them. */
  readonly shapes: readonly Shape[];
}

const rowsOf = ({ units, columns, shapes }: GatesAttrs, k: number): number =>
  sizeOf(shapes[k]) / (columns[k].length * units);

/** Matrices keep their rows; what is third, the bias, is a vector. */
const wholeSpec = (attrs: GatesAttrs, k: number): Spec => ({
  shape: k < 2 ? [rowsOf(attrs, k), 4 * attrs.units] : [4 * attrs.units],
  dtype: "f32",
});

/** Statements that move a unit of one row, either way. */
function moveCode(columns: readonly number[], k: number, joins: boolean): string {
  const part = (gate: number) => `part${k}[p + ${gate}u * sizes.units]`;
  if (!joins)
    return columns.map((column, gate) => `${part(gate)} = whole${k}[own].${"xyzw"[column]};`).join("\n    ");
  const sums = [0, 1, 2, 3].map((column) => {
    const terms = columns.flatMap((each, gate) => (each === column ? [part(gate)] : []));
    return terms.length === 0 ? "0.0" : terms.join(" + ");
  });
  return `whole${k}[own] = vec4f(${sums.join(", ")});`;
}

function moveKernels(
  attrs: GatesAttrs,
  parts: readonly Operand[],
  wholes: readonly Operand[],
  profile: AdapterProfile,
): KernelPlan {
  const { units, columns } = attrs;
  const joins = wholes[0].access === "read_write";
  const starts = [0];
  columns.forEach((_, k) => {
    starts.push(starts[k] + rowsOf(attrs, k) * units);
  });
  const count = starts[columns.length];
  const firsts = ["0u", "sizes.second", "sizes.third"];
  const branches = columns.map((own, k) => {
    const isLast = k === columns.length - 1;
    return `${isLast ? "" : `if (at < ${firsts[k + 1]}) `}{
    let own = at - ${firsts[k]};
    let p = own / sizes.units * (${own.length}u * sizes.units) + own % sizes.units;
    ${moveCode(own, k, joins)}
  }`;
  });
  const operands = [...parts, ...wholes];
  const bindings = operands.map(({ access }, k): HookBinding => {
    const isPart = k < parts.length;
    const name = isPart ? `part${k}` : `whole${k - parts.length}`;
    return { name, binding: k + 1, access, type: isPart ? "array<f32>" : "array<vec4f>" };
  });
  return {
    calls: [
      {
        shader: gatesShader,
        hooks: {
          bindings,
          functions: { move_one: `fn move_one(at: u32) {\n  ${branches.join(" else ")}\n}` },
        },
        sizes: [count, units, starts[1], starts[2] ?? count],
        operands,
        workgroups: grid(Math.ceil(count / 64), profile),
      },
    ],
  };
}

/** The same in loops: visits each number of a tensor with its place in the other form, and whether it is the first there. */
function eachNumber(
  attrs: GatesAttrs,
  k: number,
  visit: (part: number, whole: number, isFirst: boolean) => void,
): void {
  const { units, columns } = attrs;
  for (let row = 0; row < rowsOf(attrs, k); row++)
    columns[k].forEach((column, gate) => {
      for (let unit = 0; unit < units; unit++)
        visit(
          (row * columns[k].length + gate) * units + unit,
          (row * units + unit) * 4 + column,
          columns[k].indexOf(column) === gate,
        );
    });
}

function checkWhole(attrs: GatesAttrs, wholes: readonly Spec[]): void {
  wholes.forEach((spec, k) => {
    if (spec.dtype !== "f32") throw new DTypeError(`gatesApart: takes f32, got ${spec.dtype}`);
    const { shape } = wholeSpec(attrs, k);
    if (String(shape) === String(spec.shape)) return;
    throw new ShapeError(
      `gatesApart: tensor ${k} is ${showShape(spec.shape)}; it must be ${showShape(shape)}`,
    );
  });
}

/** Takes apart what {@link gatesTogether} put together; a column that got several gates is given to each of them. */
export const gatesApart: OpFunction<[wholes: readonly Tensor[], attrs: GatesAttrs], Tensor[]> = defineMultiOp(
  {
    name: "gatesApart",
    accuracy: { ulp: 0 },
    traits: { writesExactly: true },
    saves: {},
    call: (wholes: readonly Tensor[], attrs: GatesAttrs) => ({ inputs: wholes, attrs }),
    infer: (wholes, attrs: GatesAttrs) => {
      checkWhole(attrs, wholes);
      return attrs.shapes.map((shape): Spec => ({ shape, dtype: "f32" }));
    },
    kernels: ({ inputs, attrs, profile }) =>
      moveKernels(
        attrs,
        inputs.map((_, k) => output(k)),
        inputs.map((_, k) => input(k)),
        profile,
      ),
    reference: (wholes, attrs, parts) => {
      wholes.forEach(({ data }, k) => {
        eachNumber(attrs, k, (part, whole) => {
          parts[k].data[part] = data[whole];
        });
      });
    },
    vjp: ({ grad, attrs: { units, columns, shapes } }) =>
      gatesTogether(
        shapes.map((_, k) => grad(k)),
        units,
        columns,
      ),
    samples: [
      {
        inputs: [{ shape: [3, 8] }, { shape: [2, 8] }, { shape: [8] }],
        attrs: {
          units: 2,
          columns: [
            [0, 1, 2, 3],
            [0, 1, 2],
            [0, 1, 2, 0, 1, 3],
          ],
          shapes: [
            [3, 8],
            [2, 6],
            [2, 6],
          ],
        },
      },
    ],
  },
);

/**
 * A recurrent layer's kernel [features, gates · units], its recurrent kernel [units, gates · units] and, where there is one,
 * its bias, each with the four columns of a unit side by side: [features, 4 · units], [units, 4 · units], [4 · units]. A
 * column that no gate belongs to is 0.
 */
export const gatesTogether: OpFunction<
  [parts: readonly Tensor[], units: number, columns: GateColumns],
  Tensor[]
> = defineMultiOp({
  name: "gatesTogether",
  accuracy: { ulp: 0 },
  saves: {},
  call: (parts: readonly Tensor[], units: number, columns: GateColumns) => ({
    inputs: parts,
    attrs: { units, columns, shapes: parts.map(({ shape }) => shape) },
  }),
  infer: (parts, attrs: GatesAttrs) =>
    parts.map(({ dtype, shape }, k) => {
      const { units, columns } = attrs;
      if (dtype !== "f32") throw new DTypeError(`gatesTogether: takes f32, got ${dtype}`);
      const width = columns[k].length * units;
      const isRight = k < 2 ? shape.length === 2 && shape[1] === width : sizeOf(shape) === width;
      if (!isRight)
        throw new ShapeError(
          `gatesTogether: tensor ${k} is ${showShape(shape)}; ${columns[k].length} gates of ${units} units are ${k < 2 ? "rows of " : ""}${width} numbers`,
        );
      return wholeSpec(attrs, k);
    }),
  kernels: ({ inputs, attrs, profile }) =>
    moveKernels(
      attrs,
      inputs.map((_, k) => input(k)),
      inputs.map((_, k) => output(k)),
      profile,
    ),
  reference: (parts: readonly ReferenceTensor[], attrs, wholes) => {
    parts.forEach(({ data }, k) => {
      wholes[k].data.fill(0);
      eachNumber(attrs, k, (part, whole, isFirst) => {
        wholes[k].data[whole] = isFirst ? data[part] : wholes[k].data[whole] + data[part];
      });
    });
  },
  vjp: ({ grad, attrs }) =>
    gatesApart(
      attrs.shapes.map((_, k) => grad(k)),
      attrs,
    ),
  samples: [
    {
      inputs: [{ shape: [3, 8] }, { shape: [2, 8] }, { shape: [8] }],
      attrs: {
        units: 2,
        columns: [
          [0, 1, 2, 3],
          [0, 1, 2, 3],
          [0, 1, 2, 3],
        ],
        shapes: [[3, 8], [2, 8], [8]],
      },
    },
    {
      inputs: [{ shape: [5, 9] }, { shape: [3, 9] }, { shape: [2, 9] }],
      attrs: {
        units: 3,
        columns: [
          [0, 1, 2],
          [0, 1, 2],
          [0, 1, 2, 0, 1, 3],
        ],
        shapes: [
          [5, 9],
          [3, 9],
          [2, 9],
        ],
      },
    },
    {
      inputs: [{ shape: [1, 4] }, { shape: [1, 4] }],
      attrs: {
        units: 1,
        columns: [
          [0, 1, 2, 3],
          [0, 1, 2, 3],
        ],
        shapes: [
          [1, 4],
          [1, 4],
        ],
      },
    },
  ],
});
