// Splits: the same rows of each array, the same ones for the same seed, each row once; and shares of classes.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kFold, NdArray, takeRows, trainTestSplit } from "../../data/index.ts";
import { ArgumentError, init, ShapeError, tensor } from "../../engine/index.ts";

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

describe("trainTestSplit", () => {
  it("takes the same rows of each array, each once", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 60 }),
        fc.nat(100),
        fc.integer({ min: 1, max: 90 }),
        (n, seed, percent) => {
          const count = Math.ceil((n * percent) / 100);
          if (count === n) return;
          const testSize = percent / 100;
          const x = new NdArray(
            Float32Array.from({ length: 2 * n }, (_, i) => i >> 1),
            [n, 2],
          );
          const [xTrain, xTest, yTrain, yTest] = trainTestSplit(x, numbers(n), { testSize, seed });
          const rowsOf = ({ values }: NdArray) => Array.from(values).filter((_, i) => i % 2 === 0);
          expect(rowsOf(xTrain)).toEqual(yTrain);
          expect(rowsOf(xTest)).toEqual(yTest);
          expect(xTest.shape).toEqual([count, 2]);
          expect([...yTrain, ...yTest].sort((a, b) => a - b)).toEqual(numbers(n));
        },
      ),
    );
  });

  it("is the same for the same seed, everywhere", () => {
    const split = (seed: number) => trainTestSplit(numbers(20), { testSize: 5, seed })[1];
    expect(split(42)).toEqual(split(42));
    expect(split(42)).not.toEqual(split(43));
    expect(split(42)).toMatchInlineSnapshot(`
      [
        13,
        10,
        7,
        4,
        17,
      ]
    `);
    expect(trainTestSplit(Uint8Array.from(numbers(8)), { shuffle: false })).toEqual([
      Uint8Array.of(0, 1, 2, 3, 4, 5),
      Uint8Array.of(6, 7),
    ]);
    // Note 004: 48,000 and 12,000 of 60,000; and shares as decimals.
    const [train, test] = trainTestSplit(new Uint8Array(60_000), { testSize: 0.2, seed: 42 });
    expect([train.length, test.length]).toEqual([48_000, 12_000]);
    expect(trainTestSplit(numbers(15), { testSize: 0.2 })[1]).toHaveLength(3);
    // 100 * 0.07 is 7.000000000000001 in binary fractions.
    expect(trainTestSplit(numbers(100), { testSize: 0.07 })[1]).toHaveLength(7);
    expect(trainTestSplit(numbers(50), { testSize: 0.14 })[1]).toHaveLength(7);
    expect(trainTestSplit(numbers(100), { testSize: 0.071 })[1]).toHaveLength(8);
  });

  it("keeps the share of each class", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 2, max: 20 }), { minLength: 2, maxLength: 4 }),
        fc.nat(50),
        (counts, seed) => {
          const classes = counts.flatMap((count, i) => new Array<string>(count).fill(`c${i}`));
          const testSize = Math.max(counts.length, Math.round(classes.length / 3));
          if (classes.length - testSize < counts.length) return;
          const [, test] = trainTestSplit(classes, { testSize, seed, stratify: classes });
          expect(test).toHaveLength(testSize);
          counts.forEach((count, i) => {
            const found = test.filter((name) => name === `c${i}`).length;
            expect(Math.abs(found - (count * testSize) / classes.length)).toBeLessThan(1);
          });
        },
      ),
    );
  });

  it("splits tensors on their device", async () => {
    const device = await init({ device: "cpu" });
    const x = tensor([
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    const [train, test, , labels] = trainTestSplit(x, [0, 1, 2, 3], { testSize: 1, seed: 3 });
    expect(train.shape).toEqual([3, 2]);
    expect(await test.array()).toEqual([[labels[0], labels[0]]]);
    device.dispose();
  });

  it("refuses what leaves a part or a class without rows", () => {
    expect(() => trainTestSplit([1, 2], [1])).toThrow(ShapeError);
    expect(() => trainTestSplit(new Float32Array(4), [1, 2])).toThrow(/pass \{ values, shape \}/);
    expect(() => trainTestSplit([1])).toThrow(/leave each part at least one/);
    expect(() => trainTestSplit([1, 2], { testSize: 2 })).toThrow(ArgumentError);
    expect(() => trainTestSplit([1, 2], { test_size: 1 } as never)).toThrow(/Did you mean "testSize"/);
    expect(() => trainTestSplit(3 as never)).toThrow(/argument 1 must be/);
    expect(() => trainTestSplit([1, 2, 3], { stratify: [0, 0, 1] })).toThrow(
      /at least one of each class|has one row/,
    );
    expect(() => trainTestSplit([1, 2, 3, 4], { stratify: [0, 0, 0, 1], testSize: 2 })).toThrow(
      /class 1 has one row/,
    );
    expect(() => trainTestSplit([1, 2], { stratify: [0] })).toThrow(/a class for each of the 2 rows, got 1/);
    expect(() => trainTestSplit([1, 2], { stratify: [0, 1], shuffle: false })).toThrow(
      /leave shuffle: false out/,
    );
    expect(() => takeRows([1, 2], [2])).toThrow(/row 2 at place 0 is none of the 2 rows/);
  });
});

describe("kFold", () => {
  it("has each row in one fold's validation part, as scikit-learn cuts them", () => {
    // KFold(3).split(range(8)): folds of 3, 3 and 2.
    expect(kFold(8, { folds: 3 }).map(({ validation }) => [...validation])).toEqual([
      [0, 1, 2],
      [3, 4, 5],
      [6, 7],
    ]);
    fc.assert(
      fc.property(
        fc.integer({ min: 12, max: 40 }),
        fc.integer({ min: 2, max: 6 }),
        fc.boolean(),
        (count, folds, isStratified) => {
          const stratify = isStratified ? numbers(count).map((i) => i % 2) : undefined;
          const found = kFold(count, { folds, shuffle: true, seed: count, ...(stratify && { stratify }) });
          expect(found.flatMap(({ validation }) => [...validation]).sort((a, b) => a - b)).toEqual(
            numbers(count),
          );
          for (const { train, validation } of found) {
            expect([...train, ...validation].sort((a, b) => a - b)).toEqual(numbers(count));
            expect(Math.abs(validation.length - count / folds)).toBeLessThan(1);
          }
        },
      ),
    );
  });

  it("keeps the share of each class, and refuses classes of fewer rows than folds", () => {
    const stratify = numbers(20).map((i) => (i < 15 ? 0 : 1));
    for (const { validation } of kFold(20, { folds: 5, stratify }))
      expect([...validation].map((row) => stratify[row]).sort()).toEqual([0, 0, 0, 1]);
    expect(() => kFold(20, { folds: 6, stratify })).toThrow(/class 1 has 5 rows for 6 folds/);
    expect(() => kFold(3, { folds: 5 })).toThrow(ArgumentError);
    expect(() => kFold(3, { folds: 1 })).toThrow(ArgumentError);
  });
});
