// Packs tensors into one vector with aligned places, as gradients are for the optimizer.

import packSource from "../../../shaders/pack.wgsl";
import { DTypeError, ShapeError } from "../../base/errors.ts";
import { sizeOf } from "../../base/shape.ts";
import { grid, input, type KernelCall, output, shader } from "../../kernel/kernel.ts";
import { checkTensors } from "../../tensor/arguments.ts";
import { defineOp } from "../../tensor/define.ts";
import { notDifferentiable } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";

const packShader = shader("pack", packSource);

export interface PackAttrs {
  /** Where each tensor begins, in elements; multiples of 4, ascending. */
  readonly offsets: readonly number[];
  /** Elements of the result, a multiple of 4. */
  readonly total: number;
}

/** Tensors bound in one dispatch, besides the result. */
const tensorsPerCall = 7;

/** The tensors' elements, each from its offset on, in one vector [total]; zeros between them. f32. */
export const pack = defineOp({
  name: "pack",
  traits: { packs: true },
  saves: {},
  samples: [
    {
      inputs: [{ shape: [3, 3] }, { shape: [7] }, { shape: [] }],
      attrs: { offsets: [0, 12, 24], total: 28 },
    },
    {
      inputs: Array.from({ length: 9 }, (_, i) => ({ shape: [i + 1] })),
      attrs: { offsets: Array.from({ length: 9 }, (_, i) => i * 16), total: 160 },
    },
  ],
  call: (tensors: readonly Tensor[], offsets: readonly number[], total: number) => {
    checkTensors("pack", tensors);
    return { inputs: tensors, attrs: { offsets: [...offsets], total } };
  },
  infer: (inputs, { offsets, total }: PackAttrs) => {
    inputs.forEach((spec, i) => {
      const end = offsets[i + 1] ?? total;
      if (spec.dtype !== "f32")
        throw new DTypeError(`pack: tensor ${i} is ${spec.dtype}; only f32 can be packed`);
      if (offsets[i] % 4 !== 0 || offsets[i] + sizeOf(spec.shape) > end) {
        throw new ShapeError(
          `pack: tensor ${i} with ${sizeOf(spec.shape)} elements does not fit from ${offsets[i]} to ${end}`,
        );
      }
    });
    return [{ shape: [total], dtype: "f32" }];
  },
  kernels: ({ inputs, attrs: { offsets, total }, profile }) => {
    const calls: KernelCall[] = [];
    for (let from = 0; from < inputs.length; from += tensorsPerCall) {
      const group = inputs.slice(from, from + tensorsPerCall);
      const first = (from === 0 ? 0 : offsets[from]) / 4;
      const count = (offsets[from + tensorsPerCall] ?? total) / 4 - first;
      const starts = new Array<number>(8).fill(0);
      const lengths = new Array<number>(8).fill(0);
      group.forEach((spec, k) => {
        starts[k] = offsets[from + k] / 4;
        lengths[k] = sizeOf(spec.shape);
      });
      const workgroups = Math.min(Math.ceil(count / 64), profile.workgroupTarget);
      const segment = Math.ceil(count / workgroups / 64) * 64;
      calls.push({
        shader: packShader,
        hooks: {
          bindings: [
            ...group.map((_, k) => ({
              name: `in${k}`,
              binding: k + 1,
              access: "read" as const,
              type: "array<vec4f>",
            })),
            { name: "out0", binding: group.length + 1, access: "read_write" as const, type: "array<vec4f>" },
          ],
          functions: { source: sourceFunction(group.length) },
        },
        sizes: [count, first, segment, 0, ...starts, ...lengths],
        operands: [...group.map((_, k) => input(from + k)), output(0)],
        workgroups: grid(Math.ceil(count / segment), profile),
      });
    }
    return { calls };
  },
  reference: (inputs, { offsets }, [out]) => {
    out.data.fill(0);
    inputs.forEach((tensor, i) => {
      out.data.set(tensor.data.subarray(0, sizeOf(tensor.shape)), offsets[i]);
    });
  },
  // What is packed is handed to optimizers, which no tape watches: a rule would bring slice and pad into every program.
  vjp: notDifferentiable("it moves gradients and weights for optimizers"),
});

/** Finds the tensor that vec4 `i` of the result belongs to: the last one that begins at or before it. */
function sourceFunction(tensors: number): string {
  const branches = Array.from({ length: tensors }, (_, back) => {
    const k = tensors - 1 - back;
    const [row, lane] = [k >> 2, "xyzw"[k & 3]];
    const start = `sizes.starts[${row}].${lane}`;
    const value = `masked(in${k}[i - ${start}], i - ${start}, sizes.lengths[${row}].${lane})`;
    return k === 0 ? `  return ${value};` : `  if (i >= ${start}) {\n    return ${value};\n  }`;
  });
  return `fn source(i: u32) -> vec4f {\n${branches.join("\n")}\n}`;
}
