// Joining tensors: concat along an axis, stack along a new one. Takes every dtype, u8 included, and any number of
// inputs: a dispatch has room for seven, so more of them take several.

import concatSource from "../../../shaders/concat.wgsl";
import { ArgumentError, DTypeError, ShapeError } from "../../base/errors.ts";
import { normalizeAxis, showShape, sizeOf } from "../../base/shape.ts";
import { grid, input, type KernelCall, output } from "../../kernel/kernel.ts";
import { checkTensors } from "../../tensor/arguments.ts";
import { defineOp } from "../../tensor/define.ts";
import type { Op } from "../../tensor/op.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { elementsPerUnit, elementsShader, type UnitBytes, unitOf } from "./copying.ts";
import { unsqueeze } from "./movement.ts";
import { slice } from "./slice.ts";

const concatShader = elementsShader("concat", concatSource);

interface ConcatAttrs {
  /** Normalized: from 0. */
  readonly axis: number;
}

/** Storage bindings of a dispatch, less the output's. */
const inputsPerDispatch = 7;

const kernels: Op<ConcatAttrs>["kernels"] = ({ inputs, outputs: [out], attrs: { axis }, profile }) => {
  const total = sizeOf(out.shape);
  if (total === 0) return { calls: [] };
  const widths = inputs.map((spec) => sizeOf(spec.shape.slice(axis)));
  const unit = unitOf(out.dtype, widths);
  const per = elementsPerUnit(out.dtype, unit);
  const length = total / per;
  const width = sizeOf(out.shape.slice(axis)) / per;
  const filled = inputs.map((_, k) => k).filter((k) => widths[k] > 0);
  const calls: KernelCall[] = [];
  let first = 0;
  for (let from = 0; from < filled.length; from += inputsPerDispatch) {
    const members = filled.slice(from, from + inputsPerDispatch);
    const ends = new Array<number>(8).fill(0);
    let end = first;
    members.forEach((k, i) => {
      end += widths[k] / per;
      ends[i] = end;
    });
    const count = unit === 1 ? Math.ceil(length / 4) : length;
    const workgroups = Math.min(Math.ceil(count / 64), profile.workgroupTarget);
    const segment = Math.ceil(count / workgroups / 64) * 64;
    calls.push({
      shader: concatShader,
      hooks: hooksFor(members.length, unit),
      sizes: [count, segment, length, width, ...ends, first],
      operands: [...members.map(input), output(0)],
      workgroups: grid(Math.ceil(count / segment), profile),
    });
    first = end;
  }
  return { calls };
};

function hooksFor(count: number, unit: UnitBytes): KernelCall["hooks"] {
  const type = unit === 16 ? "vec4u" : "u32";
  const indices = Array.from({ length: count }, (_, k) => k);
  const load = (k: number) => (unit === 1 ? `(in${k}[i >> 2u] >> ((i & 3u) * 8u)) & 255u` : `in${k}[i]`);
  const cases = indices.map(
    (k) => `    ${k === count - 1 ? "default" : `case ${k}u`}: {\n      return ${load(k)};\n    }`,
  );
  const functions: Record<string, string> = {
    piece: `fn piece(k: u32, i: u32) -> Unit {\n  switch (k) {\n${cases.join("\n")}\n  }\n}`,
  };
  // A word of the output may hold bytes of inputs of another dispatch: those stay as they are.
  if (unit === 1) {
    functions.element =
      "fn element(i: u32) {\n  var word = out0[i];\n  for (var k = 0u; k < 4u; k++) {\n    if (is_mine(i * 4u + k)) {\n" +
      "      word = (word & ~(255u << (k * 8u))) | (joined(i * 4u + k) << (k * 8u));\n    }\n  }\n  out0[i] = word;\n}";
  }
  const bindings = indices.map((k) => ({
    name: `in${k}`,
    binding: k + 1,
    access: "read" as const,
    type: "array<Unit>",
  }));
  return {
    aliases: { Unit: type },
    consts: { inputs: `${count}u` },
    functions,
    bindings: [
      ...bindings,
      // With one input the file's second one moves out of the way of the output.
      ...(count === 1 ? [{ name: "in1", binding: 3, access: "read" as const, type: "array<Unit>" }] : []),
      { name: "out0", binding: count + 1, access: "read_write" as const, type: "array<Unit>" },
    ],
  };
}

/**
 * The tensors one after the other along `axis` (negative counts from the end). They must have one dtype and equal
 * lengths along all other axes.
 *
 * @throws ShapeError, DTypeError or ArgumentError when they do not fit, or there is none
 */
export const concat = defineOp({
  name: "concat",
  accuracy: { ulp: 0 },
  saves: {},
  call: (tensors: readonly Tensor[], axis: number = 0) => {
    checkTensors("concat", tensors);
    if (tensors.length === 0)
      throw new ArgumentError("concat: takes an array of at least one tensor, got none");
    return { inputs: tensors, attrs: { axis: normalizeAxis("concat", axis, tensors[0].shape.length) } };
  },
  infer: (inputs, { axis }: ConcatAttrs) => {
    const [first] = inputs;
    let length = 0;
    inputs.forEach((spec, k) => {
      if (spec.dtype !== first.dtype) {
        throw new DTypeError(
          `concat: tensor ${k} is ${spec.dtype} and tensor 0 is ${first.dtype}; use cast(x, "${first.dtype}")`,
        );
      }
      const fits =
        spec.shape.length === first.shape.length &&
        spec.shape.every((n, i) => i === axis || n === first.shape[i]);
      if (!fits) {
        throw new ShapeError(
          `concat: tensor ${k} has shape ${showShape(spec.shape)} and tensor 0 ${showShape(first.shape)}; they may differ along axis ${axis} only`,
        );
      }
      length += spec.shape[axis];
    });
    return [{ shape: first.shape.map((n, i) => (i === axis ? length : n)), dtype: first.dtype }];
  },
  kernels,
  reference: (inputs, { axis }, [out]) => {
    const width = sizeOf(out.shape.slice(axis));
    const rows = sizeOf(out.shape.slice(0, axis));
    let first = 0;
    for (const { shape, data } of inputs) {
      const own = sizeOf(shape.slice(axis));
      for (let row = 0; row < rows; row++)
        out.data.set(data.subarray(row * own, (row + 1) * own), row * width + first);
      first += own;
    }
  },
  vjp: ({ grad, needs, attrs: { axis }, inputSpecs }): (Tensor | null)[] => {
    let end = 0;
    return inputSpecs.map(({ shape }, k) => {
      const start = end;
      end += shape[axis];
      const before = shape.slice(0, axis);
      return needs(k) ? slice(grad(), [...before.map(() => 0), start], [...before, end]) : null;
    });
  },
  samples: [
    { inputs: [{ shape: [3, 4] }, { shape: [2, 4] }], attrs: { axis: 0 } },
    { inputs: [{ shape: [3, 5] }, { shape: [3, 1] }, { shape: [3, 2] }], attrs: { axis: 1 } },
    { inputs: [{ shape: [2, 3, 4] }, { shape: [2, 5, 4] }], attrs: { axis: 1 } },
    { inputs: Array.from({ length: 9 }, (_, k) => ({ shape: [2, k % 3] })), attrs: { axis: 1 } },
    { inputs: [{ shape: [4] }], attrs: { axis: 0 } },
  ],
});

/**
 * Tensors of one shape along a new axis, which comes to stand at place `axis` of the result.
 *
 * @throws ShapeError, DTypeError or ArgumentError as {@link concat} does
 */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  checkTensors("stack", tensors);
  return tidy(() => {
    const apart = tensors.map((tensor) => unsqueeze(tensor, axis));
    return apart.length === 1 ? apart[0] : concat(apart, axis);
  });
}
