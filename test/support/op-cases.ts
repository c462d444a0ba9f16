// What the op tests iterate over: every op that engine/ops exports, and inputs for its samples. Draws are fixed:
// a failure repeats.

import type { DType } from "../../engine/base/dtype.ts";
import { sizeOf } from "../../engine/base/shape.ts";
import { uniforms } from "../../engine/checks/compare.ts";
import { type Device, type Op, type Tensor, type TensorLike, tensor } from "../../engine/index.ts";
import type { Sample, SampleInput } from "../../engine/kernel/kernel-op.ts";
import * as publicOps from "../../engine/ops/index.ts";
import * as internalOps from "../../engine/ops/internal.ts";
import { apply } from "../../engine/tensor/apply.ts";

export { uniforms };

/** Every op that is reachable from a function exported by engine/ops, by name. */
export function allOps(): Op[] {
  const found = new Map<string, Op>();
  for (const value of [...Object.values(publicOps), ...Object.values(internalOps)]) {
    const op = (value as { op?: Op }).op;
    if (typeof value !== "function" || op === undefined) continue;
    const other = found.get(op.name);
    if (other !== undefined && other !== op) throw new Error(`two ops are called "${op.name}"`);
    found.set(op.name, op);
  }
  return [...found.values()];
}

export const isDifferentiable = (op: Op): boolean => !("notDifferentiable" in op.vjp);

const defaultRange: Record<DType, readonly [number, number]> = {
  f32: [-1, 1],
  i32: [-5, 6],
  u32: [0, 11],
  u8: [0, 256],
  bool: [0, 2],
};

/**
 * Values of a sample's input. Floats are multiples of 2^-12, so that adding or taking away 2^-10 is exact in f32.
 */
export function drawValues(spec: SampleInput, seed: number): Float64Array {
  const size = sizeOf(spec.shape);
  if (spec.values !== undefined) return Float64Array.from(spec.values);
  const dtype = spec.dtype ?? "f32";
  const [low, high] = [spec.low ?? defaultRange[dtype][0], spec.high ?? defaultRange[dtype][1]];
  const next = uniforms(seed);
  return Float64Array.from({ length: size }, () => {
    const value = low + next() * (high - low);
    if (dtype !== "f32") return Math.floor(value);
    // Narrow ranges keep their resolution.
    const grid = high - low < 0.5 ? 2 ** 20 : 4096;
    return Math.round(value * grid) / grid;
  });
}

export const drawAll = (sample: Sample, seed = 1): Float64Array[] =>
  sample.inputs.map((spec, i) => drawValues(spec, seed * 7919 + i * 104729 + sizeOf(spec.shape)));

export function makeInputs(sample: Sample, values: readonly Float64Array[], device: Device): Tensor[] {
  return sample.inputs.map(({ shape, dtype }, i) =>
    tensor(values[i], { shape, dtype: dtype ?? "f32", device }),
  );
}

/** Runs a sample's op on tensors; attributes default to none, as in op definitions. */
export const applySample = (op: Op, sample: Sample, inputs: readonly TensorLike[]): Tensor[] =>
  apply(op, inputs, sample.attrs ?? {});

export const showSample = (sample: Sample): string =>
  sample.inputs.map(({ shape, dtype }) => `${dtype ?? "f32"}[${shape}]`).join(" ") +
  (sample.attrs === undefined ? "" : ` ${JSON.stringify(sample.attrs)}`);
