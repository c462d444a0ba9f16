// Softmax, its logarithm and its cross-entropies where rows are hard: far apart, masked by -infinity, with a NaN.
// What is not defined must come out as NaN: a clamp that loses it would make a diverged network look healthy.

import { beforeAll, describe, expect, it } from "vitest";
import {
  type Device,
  grad,
  logSoftmax,
  softmax,
  softmaxCrossEntropy,
  sparseSoftmaxCrossEntropy,
  sum,
  type Tensor,
  tensor,
} from "../../engine/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { uniforms } from "../support/op-cases.ts";

let gpu: Device;
let reference: Device;

beforeAll(async () => {
  [gpu, reference] = [await gpuDevice(), await referenceDevice()];
});

const inf = Number.POSITIVE_INFINITY;

describe.each([1, 3, 4, 7, 64, 129])("rows of %i", (length) => {
  it("are within 1e-6 of the larger of |y| and |x y'|, at any distance from each other", async () => {
    const next = uniforms(length);
    const x = Float32Array.from({ length: 40 * length }, (_, i) => {
      const spread = [1, 30, 200, 1e5][Math.floor(i / length) % 4];
      return (next() * 2 - 1) * spread;
    });
    const run = async (device: Device, fn: (x: Tensor) => Tensor) =>
      fn(tensor(x, { shape: [40, length], device })).dataFloat64();
    const want = await run(reference, softmax);
    const got = await run(gpu, softmax);
    const gotLog = await run(gpu, logSoftmax);
    const wantLog = await run(reference, logSoftmax);
    for (let i = 0; i < x.length; i++) {
      const y = want[i];
      // Subnormal results may be flushed.
      const bound = 1e-6 * Math.max(y, Math.abs(x[i]) * y * (1 - y)) + 2 ** -126;
      expect(Math.abs(got[i] - y), `softmax ${x[i]}`).toBeLessThanOrEqual(bound);
      const log = wantLog[i];
      // Near 0 the total is 1 and a little: what 1 has no digits for is lost, here as everywhere.
      const logBound = 1e-6 * Math.max(Math.abs(log), Math.abs(x[i]) * (1 - y), 0.1);
      expect(Math.abs(gotLog[i] - log), `logSoftmax ${x[i]}`).toBeLessThanOrEqual(logBound);
    }
  });
});

describe("what is not finite", () => {
  const rows = [
    [1, 2, 3, 4, 5],
    [1, Number.NaN, 3, 4, 5],
    [1, -inf, 3, -inf, 5],
    [-inf, -inf, -inf, -inf, -inf],
    [1, 2, inf, 4, 5],
    [5, 4, 3, 2, 1],
  ];
  const isDefined = [true, false, true, false, false, true];
  const x = (device: Device) => tensor(rows.flat(), { shape: [6, 5], device });

  it("gives NaN in its own row only, and masked elements are exactly 0", async () => {
    for (const fn of [softmax, logSoftmax]) {
      const got = await fn(x(gpu)).data();
      const want = await fn(x(reference)).data();
      rows.flat().forEach((value, i) => {
        if (!isDefined[Math.floor(i / 5)]) expect(got[i], `${i}`).toBeNaN();
        else if (value === -inf) expect(got[i]).toBe(fn === softmax ? 0 : -inf);
        else expect(got[i]).toBeCloseTo(want[i], 5);
      });
    }
  });

  it("gives losses and gradients that say so", async () => {
    const labels = tensor(new Int32Array([0, 0, 0, 0, 0, 0]), { device: gpu });
    const targets = tensor([1, 0, 0, 0, 0].concat(...Array.from({ length: 5 }, () => [1, 0, 0, 0, 0])), {
      shape: [6, 5],
      device: gpu,
    });
    const losses = [
      (logits: Tensor) => sparseSoftmaxCrossEntropy(logits, labels),
      (logits: Tensor) => softmaxCrossEntropy(logits, targets),
    ];
    for (const [k, loss] of losses.entries()) {
      const values = await loss(x(gpu)).data();
      const [gradient] = grad((logits) => sum(loss(logits)))(x(gpu));
      const slopes = await gradient.data();
      for (let row = 0; row < 6; row++) {
        // With targets as probabilities a masked class adds 0 times infinity, on the reference too.
        if (row === 2 && k === 1) continue;
        expect(Number.isNaN(values[row]), `loss ${k} of row ${row}`).toBe(!isDefined[row]);
        for (let i = 0; i < 5; i++)
          expect(Number.isNaN(slopes[row * 5 + i]), `gradient ${k} of row ${row}`).toBe(!isDefined[row]);
      }
    }
  });
});
