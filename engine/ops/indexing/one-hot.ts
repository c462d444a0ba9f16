// Rows of zeros and a one, by labels held on the device.

import oneHotSource from "../../../shaders/one-hot.wgsl";
import { ArgumentError } from "../../base/errors.ts";
import { showGiven } from "../../base/number-checks.ts";
import { sizeOf } from "../../base/shape.ts";
import { grid, input, output, shader } from "../../kernel/kernel.ts";
import { defineOp } from "../../tensor/define.ts";
import { notDifferentiable, type OpFunction, type TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkIndices } from "./check-indices.ts";

const oneHotShader = shader("one-hot", oneHotSource);

/**
 * A row of `depth` numbers for each label: 1 at the label's place, 0 elsewhere; f32, of shape
 * `labels.shape + [depth]`. Labels are i32, u32 or u8; one that is out of range gives a row of zeros, as in TensorFlow and
 * JAX, on every device; under `debug({ numerics: true })` it is an error.
 */
export const oneHot: OpFunction<[labels: TensorLike, depth: number], Tensor> = defineOp({
  name: "oneHot",
  wholeInputs: [0],
  accuracy: { ulp: 0 },
  saves: {},
  call: (labels: TensorLike, depth: number) => ({ inputs: [labels], attrs: { depth } }),
  infer: ([labels], { depth }: { depth: number }) => {
    checkIndices("oneHot", "labels", labels, ["i32", "u32", "u8"]);
    if (!Number.isInteger(depth) || depth < 1) {
      throw new ArgumentError(
        `oneHot: depth ${showGiven(depth)} must be a whole number of at least 1, the number of classes`,
      );
    }
    return [{ shape: [...labels.shape, depth], dtype: "f32" }];
  },
  places: (_, { depth }) => ({ input: 0, count: depth, outside: "gives a row of zeros" }),
  kernels: ({ inputs: [labels], outputs: [out], attrs: { depth }, profile }) => {
    const count = Math.ceil(sizeOf(out.shape) / 4);
    if (count === 0) return { calls: [] };
    const workgroups = Math.min(Math.ceil(count / 64), profile.workgroupTarget);
    const segment = Math.ceil(count / workgroups / 64) * 64;
    const byByte = "fn label_at(i: u32) -> u32 {\n  return (in0[i >> 2u] >> ((i & 3u) * 8u)) & 255u;\n}";
    return {
      calls: [
        {
          shader: oneHotShader,
          hooks: labels.dtype === "u8" ? { functions: { label_at: byByte } } : undefined,
          sizes: [count, segment, depth],
          operands: [input(0), output(0)],
          workgroups: grid(Math.ceil(count / segment), profile),
        },
      ],
    };
  },
  reference: ([labels], { depth }, [out]) => {
    out.data.fill(0);
    labels.data.forEach((label: number, i: number) => {
      if (label >= 0 && label < depth) out.data[i * depth + label] = 1;
    });
  },
  vjp: notDifferentiable("labels are whole numbers and do not change smoothly"),
  samples: [
    { inputs: [{ shape: [5], dtype: "i32", values: [2, 0, -1, 3, 6] }], attrs: { depth: 4 } },
    { inputs: [{ shape: [3, 3], dtype: "u32", values: [0, 1, 2, 3, 4, 5, 6, 7, 8] }], attrs: { depth: 7 } },
    { inputs: [{ shape: [6], dtype: "u8", values: [9, 0, 255, 3, 4, 1] }], attrs: { depth: 10 } },
  ],
});
