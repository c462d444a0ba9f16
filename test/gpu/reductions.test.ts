// Reductions along rows on the adapter against the float64 reference: lengths around vec4s, workgroups and chunks, in all
// variants of the kernels.

import { beforeAll, describe, expect, it } from "vitest";
import { all, any, argMax, argMin, max, mean, min, type Op, prod, sum, tensor } from "../../engine/index.ts";
import { apply } from "../../engine/tensor/apply.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { compareForward, type Pair, rowKernels } from "../support/gpu-cases.ts";
import { isDue, sampledHere } from "../support/sampled.ts";

let pair: Pair;
beforeAll(async () => {
  pair = { reference: await referenceDevice(), gpu: await gpuDevice() };
});

const rows = [
  ...[1, 2, 3, 5, 127, 128, 129, 130, 131, 255, 256, 257, 1000].map((length) => [3, length]),
  [70, 516],
  [1, 4096],
  [1, 5003],
  [2, 70_001],
];

/** Along the last axis, everything, and two axes apart: the last leaves a middle axis, whose kernel is another. */
const samples = (shape: readonly number[]) => [
  { shape, axes: [1] },
  { shape, axes: [0, 1] },
  { shape: [2, shape[0], shape[1]], axes: [0, 2] },
];

/** One in so many a day, and of each variant others: real GPUs' kernels take a software adapter long to compile. */
const dueOf = (place: number) => {
  const cases = rows.flatMap(samples);
  return cases.filter((_, i) => isDue(i + place));
};

const kernels = rowKernels.map(([name, variant], place) => [name, variant, place] as const);

describe.each(sampledHere(kernels, 2))("%s", (_, variant, place) => {
  it.each(["f32", "i32"] as const)("sum, and find extremes of %s", async (dtype) => {
    for (const { shape, axes } of dueOf(place)) {
      const inputs = [{ shape, dtype }];
      for (const { op } of [sum, max, min])
        await compareForward(variant(op), { inputs, attrs: { axes, keepDims: false } }, pair);
    }
  });

  it("take means, products and truths", async () => {
    for (const { shape, axes } of dueOf(place)) {
      const attrs = { axes, keepDims: true };
      await compareForward(variant(mean.op), { inputs: [{ shape }], attrs }, pair);
      const rare = { shape, dtype: "bool" as const, low: 0, high: 1.001 };
      await compareForward(variant(any.op), { inputs: [rare], attrs }, pair);
      const often = { ...rare, low: 0.999, high: 2 };
      await compareForward(variant(all.op), { inputs: [often], attrs }, pair);
      if (shape.at(-1)! > 1000) continue;
      await compareForward(
        variant(prod.op),
        { inputs: [{ shape, low: 0.99, high: 1.01 }], attrs },
        pair,
        1,
        1e-4,
      );
    }
  });

  it("find the first of the largest and smallest", async () => {
    for (const [outer, length] of rows) {
      // Few different numbers, so that there are ties among all threads.
      for (const input of [{ dtype: "i32" as const }, { low: -1, high: 1 }])
        for (const { op } of [argMax, argMin])
          await compareForward(
            variant(op),
            { inputs: [{ ...input, shape: [outer, length] }], attrs: { axis: 1 } },
            pair,
          );
    }
  });

  it("carry NaN and infinities wherever they stand", async () => {
    const length = 1030;
    for (const at of [0, 63, 64, 255, 512, 1027, 1028, 1029]) {
      for (const special of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const values = Float32Array.from({ length }, (_, i) => (i === at ? special : (i % 7) - 3));
        const x = tensor(values, { shape: [1, length], device: pair.gpu });
        const attrs = { axes: [1], keepDims: false };
        const of = async (op: Op, given: object) => {
          const [result] = apply(variant(op), [x], given);
          const value = await result.item();
          result.dispose();
          return value;
        };
        expect(await of(sum.op, attrs)).toBe(special);
        expect(await of(max.op, attrs)).toBe(special === Number.NEGATIVE_INFINITY ? 3 : special);
        expect(await of(min.op, attrs)).toBe(special === Number.POSITIVE_INFINITY ? -3 : special);
        const isLargest = special !== Number.NEGATIVE_INFINITY;
        expect(await of(argMax.op, { axis: 1 })).toBe(isLargest ? at : values.indexOf(3));
        const isSmallest = special !== Number.POSITIVE_INFINITY;
        expect(await of(argMin.op, { axis: 1 })).toBe(isSmallest ? at : values.indexOf(-3));
        x.dispose();
      }
    }
  });
});
