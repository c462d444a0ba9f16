// Every elementwise op keeps the accuracy that it states: 2^16 inputs of its domain against the float64 reference.
// `Accuracy` in engine/kernel/kernel-op.ts says what is stated, test/support/ulp.ts how errors are counted.

import { beforeAll, describe, expect, it } from "vitest";
import type { Device, Op } from "../../engine/index.ts";
import { unary } from "../../engine/ops/elementwise/elementwise.ts";
import { worstError } from "../support/accuracy.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { allOps } from "../support/op-cases.ts";
import { sampledHere } from "../support/sampled.ts";

let devices: { gpu: Device; reference: Device };

beforeAll(async () => {
  devices = { reference: await referenceDevice(), gpu: await gpuDevice() };
});

/** Ops of f32 alone: bool and integer results are compared for equality everywhere. */
const ops = allOps().filter(
  (op) =>
    op.accuracy !== undefined &&
    op.pointwise !== undefined &&
    op.samples[0].inputs.every((spec) => (spec.dtype ?? "f32") === "f32"),
);

/** Attributes beyond those of the samples. */
const further: Readonly<Record<string, readonly object[]>> = {
  // As pow() hands them on: one f32 number for kernel, reference and gradient.
  pow: [0.1, 2.5, 7, -13, 33, 1 / 3, 100.3, -0.75].map((exponent) => ({ exponent: Math.fround(exponent) })),
  celu: [{ alpha: 1 }, { alpha: 0.01 }],
  clip: [{ low: 0, high: 6 }],
};

function attributesOf(op: Op): object[] {
  const all = [...op.samples.map((sample) => sample.attrs ?? {}), ...(further[op.name] ?? [])];
  return [...new Map(all.map((attrs) => [JSON.stringify(attrs), attrs])).values()];
}

describe("the measure", () => {
  it("finds what is 5 ULP off, and far off near one point", async () => {
    const poor = (wgsl: string): Op =>
      unary({
        name: "poor",
        wgsl,
        reference: ([a]) => a,
        vjp: () => [null],
        samples: [{ inputs: [{ shape: [1] }] }],
        accuracy: { ulp: 4 },
      }).op;
    expect((await worstError(poor("a"), {}, devices, 2 ** 12)).share).toBeLessThanOrEqual(1);
    expect((await worstError(poor("a * 1.0000006"), {}, devices, 2 ** 12)).share).toBeGreaterThan(1);
    const near = "select(a, vec4f(1.0), abs(a - 1.0) < vec4f(1e-5))";
    expect((await worstError(poor(near), {}, devices, 2 ** 16)).share).toBeGreaterThan(1);
  });
});

describe("stated accuracy", () => {
  const cases = ops.flatMap((op) =>
    attributesOf(op).map((attrs) => [`${op.name} ${JSON.stringify(attrs)}`, op, attrs] as const),
  );
  it.each(sampledHere(cases))("%s", async (_, op, attrs) => {
    const worst = await worstError(op, attrs, devices, 2 ** 16);
    const where = `at ${worst.inputs.join(", ")}: ${worst.got}, the reference ${worst.want} (${worst.ulp} ULP)`;
    expect(worst.share, where).toBeLessThanOrEqual(1);
  });
});
