// Softmax, its logarithm and its cross-entropies where rows are hard: far apart, masked by -infinity, with a NaN.
// What is not defined must come out as NaN: a clamp that loses it would make a diverged network look healthy.

import { beforeAll, describe, expect, it } from "vitest";
import {
  type Device,
  grad,
  logSoftmax,
  type Op,
  softmax,
  softmaxCrossEntropy,
  sparseSoftmaxCrossEntropy,
  sum,
  type Tensor,
  tensor,
} from "../../engine/index.ts";
import { softmaxCrossEntropyGradient, softmaxCrossEntropySummary } from "../../engine/internal.ts";
import { apply } from "../../engine/tensor/apply.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { compareForward, type Pair, rowKernels } from "../support/gpu-cases.ts";
import { uniforms } from "../support/op-cases.ts";
import { isDue, sampledHere } from "../support/sampled.ts";

let gpu: Device;
let reference: Device;
let pair: Pair;

beforeAll(async () => {
  [gpu, reference] = [await gpuDevice(), await referenceDevice()];
  pair = { gpu, reference };
});

const inf = Number.POSITIVE_INFINITY;

const lengths = [1, 2, 3, 4, 5, 7, 16, 19, 64, 127, 128, 129, 1003, 1024];

describe.each(sampledHere(rowKernels, 2))("%s", (_, variant) => {
  const callOf = (op: Op) => (x: Tensor) => apply(variant(op), [x], {})[0];
  const [softmaxOf, logSoftmaxOf] = [callOf(softmax.op), callOf(logSoftmax.op)];

  it.each(lengths)(
    "give rows of %i within 1e-6 of the larger of |y| and |x y'|, at any distance",
    async (length) => {
      const next = uniforms(length);
      const x = Float32Array.from({ length: 40 * length }, (_, i) => {
        const spread = [1, 30, 200, 1e5][Math.floor(i / length) % 4];
        return (next() * 2 - 1) * spread;
      });
      const run = async (device: Device, fn: (x: Tensor) => Tensor) =>
        fn(tensor(x, { shape: [40, length], device })).dataFloat64();
      const want = await run(reference, softmax);
      const got = await run(gpu, softmaxOf);
      const gotLog = await run(gpu, logSoftmaxOf);
      const wantLog = await run(reference, logSoftmax);
      const largest = Array.from({ length: 40 }, (_, row) =>
        Math.max(...x.subarray(row * length, (row + 1) * length)),
      );
      const wrong: string[] = [];
      for (let i = 0; i < x.length; i++) {
        const y = want[i];
        const below = largest[Math.floor(i / length)] - x[i];
        // The distance from the maximum is rounded, by half a unit in its last place. Subnormal results may be flushed.
        const rounded = 2 ** -24 * below * y;
        const bound = 1e-6 * Math.max(y, Math.abs(x[i]) * y * (1 - y)) + rounded + 2 ** -126;
        if (!(Math.abs(got[i] - y) <= bound)) wrong.push(`softmax ${x[i]}: ${got[i]}, not ${y}`);
        const log = wantLog[i];
        // Near 0 the total is 1 and a little: what 1 has no digits for is lost, here as everywhere.
        const logBound = 1e-6 * Math.max(Math.abs(log), Math.abs(x[i]) * (1 - y), 0.2);
        if (!(Math.abs(gotLog[i] - log) <= logBound))
          wrong.push(`logSoftmax ${x[i]}: ${gotLog[i]}, not ${log}`);
      }
      expect(wrong).toEqual([]);
    },
  );

  it.each([5, 131, 512])(
    "give NaN in its own row only, and exactly 0 for -infinity, rows of %i",
    async (length) => {
      const oddities = [[], [Number.NaN], [-inf], [inf], [-inf, inf], [-inf, Number.NaN]];
      // At each row's end, where a last thread or a rest meets them, and at its begin.
      const rows = oddities.flatMap((odd) => {
        const usual = Array.from({ length: length - odd.length }, (_, i) => Math.sin(i));
        return [
          [...odd, ...usual],
          [...usual, ...odd],
        ];
      });
      rows.push(
        new Array(length).fill(-inf),
        [...new Array(length - 1).fill(-inf), 3],
        [3, ...new Array(length - 1).fill(-inf)],
      );
      const shape = [rows.length, length];
      for (const [fn, wanted] of [
        [softmaxOf, softmax],
        [logSoftmaxOf, logSoftmax],
      ] as const) {
        const got = await fn(tensor(rows.flat(), { shape, device: gpu })).data();
        const want = await wanted(tensor(rows.flat(), { shape, device: reference })).data();
        rows.forEach((row, r) => {
          const isDefined = row.some((x) => x > -inf) && !row.some((x) => Number.isNaN(x) || x === inf);
          row.forEach((x, i) => {
            const [value, at] = [got[r * length + i], `${i} of row ${r}`];
            if (!isDefined) expect(value, at).toBeNaN();
            else if (x === -inf) expect(value, at).toBe(fn === softmaxOf ? 0 : -inf);
            else expect(value, at).toBeCloseTo(want[r * length + i], 5);
          });
        });
      }
    },
  );
});

// A third of the numbers of classes a day, and of each variant others: real GPUs' kernels take a software adapter long to compile.
const kernels = rowKernels.map(([name, variant], place) => [name, variant, place] as const);

describe.each(sampledHere(kernels, 2))("cross-entropies, %s", (_, variant, place) => {
  // Around workgroups of 8 and 64 threads, which GPUs have share rows from 32 classes on, and in the summary from 128 on.
  it.each([1, 2, 3, 5, 31, 32, 63, 64, 65, 127, 128, 1000].filter((_, i) => isDue(i + place)))(
    "are those of the reference, %i classes",
    async (classes) => {
      const logits = { shape: [7, classes], low: -3, high: 3 };
      const labels = { shape: [7], dtype: "i32", low: 0, high: classes } as const;
      for (const targets of [{ shape: [7, classes], low: 0, high: 1 }, labels]) {
        const loss: Op = targets === labels ? sparseSoftmaxCrossEntropy.op : softmaxCrossEntropy.op;
        await compareForward(variant(loss), { inputs: [logits, targets] }, pair);
        const gradient = { inputs: [logits, targets, { shape: [7] }] };
        await compareForward(variant(softmaxCrossEntropyGradient.op), gradient, pair);
        await compareForward(variant(softmaxCrossEntropySummary.op), { inputs: [logits, targets] }, pair);
      }
    },
  );

  it("count the first of equal logits, and the first of equal targets", async () => {
    const [a, b, c] = [0, 140, 280];
    const rows = Array.from({ length: 420 }, (_, i) => ([a + 5, a + 69, c, c + 139].includes(i) ? 2 : 0));
    const targets = Array.from({ length: 420 }, (_, i) =>
      [a + 5, a + 69, b + 10, c, c + 64].includes(i) ? 1 : 0,
    );
    const hits = [pair.gpu, pair.reference].map((device) => {
      const inputs = [rows, targets].map((values) => tensor(values, { shape: [3, 140], device }));
      return apply(variant(softmaxCrossEntropySummary.op), inputs, {})[1].item();
    });
    // Logits at 5, 0 (all equal) and 0, targets at 5, 10 and 0.
    expect(await Promise.all(hits)).toEqual([2, 2]);
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
