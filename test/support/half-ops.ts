// Ops that show what kernels make of halves: floats packed to words by a rewritten kernel, and words unpacked.

import { HalfBindings } from "../../engine/kernel/half-bindings.ts";
import { input, type KernelCall, output, shader } from "../../engine/kernel/kernel.ts";
import { elementwiseShader } from "../../engine/ops/pointwise/pointwise-code.ts";
import { apply } from "../../engine/tensor/apply.ts";
import { notDifferentiable, type Op } from "../../engine/tensor/op.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";

/** The copy of elementwise.wgsl with its input, or its output, in halves. */
function copyCall(binding: number, count: number, overflows = true): KernelCall {
  const text = new HalfBindings(elementwiseShader.source);
  if (!text.halve(binding, overflows)) throw new Error("the copy can't be rewritten");
  return {
    shader: shader(`halves${binding}${overflows}`, text.text),
    sizes: [count, count, count * 4, 0, ...new Array<number>(16 + 8 + 8 * 16).fill(0)],
    operands: [input(0), output(0)],
    workgroups: [1, 1, 1],
  };
}

const packed = {
  name: "packed",
  saves: { inputs: [], outputs: [] },
  vjp: notDifferentiable("words of bits"),
  infer: ([x]) => [{ shape: [x.shape[0] / 2], dtype: "u32" }],
  kernels: ({ inputs: [x], attrs }) => ({ calls: [copyCall(2, x.shape[0] / 4, attrs.overflows)] }),
  samples: [],
} satisfies Op<{ readonly overflows: boolean }>;

const unpacked = {
  name: "unpacked",
  saves: { inputs: [], outputs: [] },
  vjp: notDifferentiable("words of bits"),
  infer: ([x]) => [{ shape: [x.shape[0] * 2], dtype: "f32" }],
  kernels: ({ inputs: [x] }) => ({ calls: [copyCall(1, x.shape[0] / 2)] }),
  samples: [],
} satisfies Op<undefined>;

/** Floats, a multiple of four of them, as words of two halves each: large ones infinite, or the largest half. */
export const pack = (x: Tensor, overflows = true): Tensor =>
  apply(packed as never, [x], { overflows } as never)[0];
/** The same back. */
export const unpack = (words: Tensor): Tensor => apply(unpacked as never, [words], undefined)[0];
