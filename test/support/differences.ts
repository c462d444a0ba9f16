// Gradients by central differences in float64, on the CPU reference.

import { sizeOf } from "../../engine/base/shape.ts";
import { chosen } from "../../engine/checks/compare.ts";
import { type Device, grad, mul, type Op, sum, type Tensor, tidy } from "../../engine/index.ts";
import type { Sample } from "../../engine/kernel/kernel-op.ts";
import { add } from "../../engine/ops/elementwise/arithmetic.ts";
import { tensor } from "../../engine/tensor/create.ts";
import { applySample, makeInputs, uniforms } from "./op-cases.ts";

export { chosen };

/** Which inputs of a sample have gradients to check. */
export const gradientInputs = (sample: Sample): readonly number[] =>
  sample.differentiable ??
  sample.inputs.map((_, i) => i).filter((i) => (sample.inputs[i].dtype ?? "f32") === "f32");

/** A fixed random tensor of a shape: what turns outputs into one number with nothing cancelling. */
export function weights(shape: readonly number[], seed: number, device: Device): Tensor {
  const next = uniforms(seed);
  const values = Float64Array.from(
    { length: sizeOf(shape) },
    () => Math.round((next() * 2 - 1) * 1024) / 1024,
  );
  return tensor(values, { shape, device });
}

/** The scalar under test: all float outputs, weighted and summed. */
export function weightedSum(op: Op, sample: Sample, inputs: readonly Tensor[]): Tensor {
  return weigh(applySample(op, sample, inputs), 11, inputs[0].device);
}

function weigh(tensors: readonly Tensor[], seed: number, device: Device): Tensor {
  const parts = tensors
    .filter((out) => out.dtype === "f32")
    .map((out, k) => sum(mul(out, weights(out.shape, seed + k, device))));
  return parts.reduce((total, part) => add(total, part));
}

/** Gradients of {@link weightedSum} for the inputs `wanted`, by the op's own rule. */
export function ruleGradients(
  op: Op,
  sample: Sample,
  inputs: readonly Tensor[],
  wanted: readonly number[],
): Tensor[] {
  const rest = [...inputs];
  return grad((...targets) => {
    wanted.forEach((k, i) => {
      rest[k] = targets[i];
    });
    return weightedSum(op, sample, rest);
  })(...wanted.map((k) => inputs[k]));
}

/** A scalar of the gradients, to differentiate a second time. */
export function weightedGradients(
  op: Op,
  sample: Sample,
  inputs: readonly Tensor[],
  wanted: readonly number[],
): Tensor {
  return weigh(ruleGradients(op, sample, inputs, wanted), 31, inputs[0].device);
}

/**
 * d value / d input k at the elements `at`, by central differences with steps 2^-10 and 2^-11, extrapolated.
 */
export async function differences(
  value: (inputs: readonly Tensor[]) => Tensor,
  sample: Sample,
  values: readonly Float64Array[],
  k: number,
  at: readonly number[],
  device: Device,
): Promise<Float64Array> {
  const step = 2 ** -10;
  const evaluate = async (i: number, by: number): Promise<number> => {
    const moved = values.map((array) => array.slice());
    moved[k][i] += by;
    const result = tidy(() => value(makeInputs(sample, moved, device)));
    const [number] = await result.dataFloat64();
    result.dispose();
    return number;
  };
  const out = new Float64Array(at.length);
  for (let n = 0; n < at.length; n++) {
    const coarse = ((await evaluate(at[n], step)) - (await evaluate(at[n], -step))) / (2 * step);
    const fine = ((await evaluate(at[n], step / 2)) - (await evaluate(at[n], -step / 2))) / step;
    out[n] = (4 * fine - coarse) / 3;
  }
  return out;
}
