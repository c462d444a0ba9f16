// CTC losses on this adapter where samples have no generic test: rows longer than a workgroup, walks of many steps, NaN, what
// cannot be reached, and traced training.

import { beforeAll, describe, expect, it } from "vitest";
import {
  ctcLoss,
  type Device,
  disposeAll,
  grad,
  jit,
  mul,
  sum,
  type Tensor,
  tensor,
} from "../../engine/index.ts";
import { expectClose } from "../support/compare.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { uniforms } from "../support/op-cases.ts";

let gpu: Device;
let reference: Device;

beforeAll(async () => {
  gpu = await gpuDevice();
  reference = await referenceDevice();
});

/** Losses and gradients, as they are and traced. */
function results(device: Device, logits: Float32Array, shape: number[], labels: number[][]): Tensor[] {
  const [x, y] = [tensor(logits, { shape, device }), tensor(labels, { dtype: "i32", device })];
  const loss = (at: Tensor) => ctcLoss(at, y, { zeroInfinity: true });
  const weights = tensor(
    labels.map((_, i) => i + 1),
    { device, dtype: "f32" },
  );
  const gradient = (at: Tensor) => grad((z: Tensor) => sum(mul(loss(z), weights)))(at)[0];
  const traced = [jit(loss, { device }), jit(gradient, { device })];
  const found = [loss(x), gradient(x), ...traced.map((fn) => fn(x))];
  disposeAll([x, y, weights, ...traced]);
  return found;
}

describe("ctcLoss against float64", () => {
  // Where ways that count lie hundreds below the likeliest at their step, gradients keep fewer digits: PyTorch's float32
  // is 6e-3 off in the like of the second.
  it.each([
    [3, 300, 7, 71, 1, 4e-6],
    [2, 1001, 5, 20, 3, 4e-5],
    [65, 6, 3, 4, 2, 4e-6],
    [1, 40, 300, 8, 1, 4e-6],
  ])(
    "of %i samples of %i steps, %i classes, up to %i labels",
    async (batch, steps, classes, most, scale, allowed) => {
      const next = uniforms(batch * steps);
      const logits = Float32Array.from({ length: batch * steps * classes }, () => (next() * 6 - 3) * scale);
      const labels = Array.from({ length: batch }, (_, i) =>
        Array.from({ length: most }, (_, k) => (k < most - i ? 1 + Math.floor(next() * (classes - 1)) : 0)),
      );
      const [got, want] = [gpu, reference].map((device) =>
        results(device, logits, [batch, steps, classes], labels),
      );
      for (const [k, what] of ["loss", "gradient", "traced loss", "traced gradient"].entries())
        await expectClose(got[k], want[k], what.includes("gradient") ? allowed * batch : 4e-6, what);
      disposeAll([...got, ...want]);
    },
  );

  it("is infinite with a gradient of 0 where no way leads, also by logits of -Infinity, and NaN of NaN", async () => {
    const low = Number.NEGATIVE_INFINITY;
    const steps = (a: number, b: number, c: number) => [
      [a, b, c],
      [c, a, b],
      [b, c, a],
    ];
    const logits = [
      steps(0, 1, 2),
      [
        [0, low, 1],
        [0, low, 1],
        [0, low, 1],
      ],
      steps(0, Number.NaN, 1),
      steps(3, 1, 2),
    ];
    const x = tensor(logits, { device: gpu });
    const y = tensor(
      [
        [2, 2, 2],
        [1, 0, 0],
        [1, 0, 0],
        [1, 2, 0],
      ],
      { dtype: "i32", device: gpu },
    );
    const loss = ctcLoss(x, y);
    const [gradient] = grad((at: Tensor) => sum(ctcLoss(at, y)))(x);
    const [values, slopes] = [await loss.data(), [...(await gradient.data())]];
    expect(values[0]).toBe(Number.POSITIVE_INFINITY);
    expect(values[1]).toBe(Number.POSITIVE_INFINITY);
    expect(values[2]).toBeNaN();
    expect(values[3]).toBeGreaterThan(0);
    expect(slopes.slice(0, 18).map(Math.abs)).toEqual(new Array(18).fill(0));
    expect(slopes.slice(18, 27).every(Number.isNaN)).toBe(true);
    expect(slopes.slice(27).every(Number.isFinite)).toBe(true);
    disposeAll([x, y, loss, gradient]);
  });
});
