// Random shapes, broadcasts, axes and batches: the adapter against the reference. fast-check shrinks what fails to the
// smallest shapes that do; the seed is fixed, so a failure repeats.

import fc from "fast-check";
import { beforeAll, describe, it } from "vitest";
import type { Op } from "../../engine/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { compareForward, type Pair } from "../support/gpu-cases.ts";
import { allOps } from "../support/op-cases.ts";

let pair: Pair;
beforeAll(async () => {
  pair = { reference: await referenceDevice(), gpu: await gpuDevice() };
});

const ops = allOps();
const named = (name: string): Op => ops.find((op) => op.name === name)!;
const settings = { seed: 20, numRuns: 25 };

/** Mostly small and odd, now and then around a workgroup's size, rarely nothing. */
const length = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 9 }) },
  { weight: 2, arbitrary: fc.constantFrom(31, 63, 64, 65, 129) },
  { weight: 1, arbitrary: fc.constant(0) },
);
const smallLength = fc.integer({ min: 1, max: 5 });
const shape = fc
  .array(smallLength, { maxLength: 4 })
  .chain((front) => fc.tuple(fc.constant(front), length))
  .map(([front, last]) => [...front, last]);

/** Shapes that broadcast to one: leading axes left out, others of length 1. */
const broadcast = (count: number) =>
  shape.chain((full) =>
    fc.tuple(
      ...Array.from({ length: count }, () =>
        fc
          .tuple(
            fc.nat({ max: full.length }),
            fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }),
          )
          .map(([skip, ones]) => full.map((n, axis) => (ones[axis] ? 1 : n)).slice(skip)),
      ),
    ),
  );

describe("random shapes", () => {
  it.each(["sub", "maximum", "atan2", "less"])("%s, broadcast", async (name) => {
    await fc.assert(
      fc.asyncProperty(broadcast(2), fc.nat(1000), async (shapes, seed) => {
        await compareForward(named(name), { inputs: shapes.map((one) => ({ shape: one })) }, pair, seed);
      }),
      settings,
    );
  });

  it("where, three broadcast inputs", async () => {
    await fc.assert(
      fc.asyncProperty(broadcast(3), fc.nat(1000), async ([condition, a, b], seed) => {
        const inputs = [{ shape: condition, dtype: "bool" as const }, { shape: a }, { shape: b }];
        await compareForward(named("where"), { inputs }, pair, seed);
      }),
      settings,
    );
  });

  it.each(["sum", "mean", "max", "prod"])("%s over random axes", async (name) => {
    const call = shape.chain((full) =>
      fc.tuple(fc.constant(full), fc.subarray(full.map((_, axis) => axis)), fc.boolean(), fc.nat(1000)),
    );
    await fc.assert(
      fc.asyncProperty(call, async ([full, axes, keepDims, seed]) => {
        await compareForward(
          named(name),
          { inputs: [{ shape: full }], attrs: { axes, keepDims } },
          pair,
          seed,
          1e-5,
        );
      }),
      settings,
    );
  });

  it("matmul, batched, broadcast and transposed", async () => {
    const call = fc.record({
      batch: fc.array(fc.tuple(smallLength, fc.constantFrom("both", "a", "b")), { maxLength: 2 }),
      m: length,
      k: length,
      n: length,
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
      seed: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(call, async ({ batch, m, k, n, transposeA, transposeB, seed }) => {
        const batchOf = (side: "a" | "b") =>
          batch.map(([size, who]) => (who === "both" || who === side ? size : 1));
        const a = [...batchOf("a"), ...(transposeA ? [k, m] : [m, k])];
        const b = [...batchOf("b"), ...(transposeB ? [n, k] : [k, n])];
        const sample = { inputs: [{ shape: a }, { shape: b }], attrs: { transposeA, transposeB } };
        await compareForward(named("matmul"), sample, pair, seed, 1e-5);
      }),
      settings,
    );
  });
});
