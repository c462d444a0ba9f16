// Shuffles on the host: every order is one, and orders come evenly.

import { describe, expect, it } from "vitest";
import { ArgumentError } from "../../engine/base/errors.ts";
import { fillPermutation, highProduct, permutation } from "../../engine/base/random/permutation.ts";

const state = (counter: number, stream = 4) => [1, 2, counter, stream];

/** Standard deviations by which chi-square lies off its expected value. */
const deviation = (chiSquare: number, degrees: number) => (chiSquare - degrees) / Math.sqrt(2 * degrees);

describe("permutation", () => {
  it.each([0, 1, 2, 3, 7, 8, 63, 64, 65, 127, 129, 1000, 60000, 65536, 65537])(
    "of %i elements has each once",
    (n) => {
      const order = permutation(state(3), n);
      expect(order).toHaveLength(n);
      const seen = new Uint8Array(n);
      for (const place of order) seen[place]++;
      expect(seen.every((count) => count === 1)).toBe(true);
    },
  );

  it("is another one for every counter, stream and key, and the same for the same", () => {
    const orders = [
      permutation(state(0), 1000),
      permutation(state(1), 1000),
      permutation(state(0, 5), 1000),
      permutation([2, 2, 0, 4], 1000),
      permutation([1, 3, 0, 4], 1000),
    ];
    expect(new Set(orders.map((order) => order.join())).size).toBe(orders.length);
    expect(permutation(state(0), 1000)).toEqual(orders[0]);
    // Two unrelated orders agree in about one place.
    const equal = orders[0].filter((place, i) => place === orders[1][i]).length;
    expect(equal).toBeLessThan(10);
  });

  it("has pinned values: checkpoints and other machines rely on them", () => {
    expect([...permutation([1, 2, 3, 4], 10)]).toEqual([7, 1, 5, 3, 0, 8, 9, 2, 6, 4]);
    // A power of two fills its network's domain.
    expect([...permutation([1, 2, 3, 4], 128).subarray(0, 8)]).toEqual([37, 54, 70, 74, 9, 72, 71, 119]);
    const big = permutation([0xffffffff, 0x1fffff, 0xffffffff, 7], 60000);
    expect([...big.subarray(0, 5), ...big.subarray(59995)]).toEqual([
      24834, 51022, 50692, 52446, 58433, 46460, 49351, 24784, 56734, 9531,
    ]);
  });

  it("puts each of 8 elements at each of 8 places equally often", () => {
    const n = 8;
    const keys = 40_000;
    const counts = new Float64Array(n * n);
    const order = new Uint32Array(n);
    for (let key = 0; key < keys; key++) {
      fillPermutation(order, [key, 99, 0, 0]);
      for (let i = 0; i < n; i++) counts[i * n + order[i]]++;
    }
    let chiSquare = 0;
    for (const count of counts) chiSquare += (count - keys / n) ** 2 / (keys / n);
    // For permutation matrices, chi-square times (n - 1) / n has (n - 1)^2 degrees of freedom.
    expect(Math.abs(deviation((chiSquare * (n - 1)) / n, (n - 1) ** 2))).toBeLessThan(4);
  });

  it.each([2, 3, 4, 5, 6])("gives every order of %i elements equally often", (n) => {
    const keys = 60_000;
    const counts = new Map<string, number>();
    const order = new Uint32Array(n);
    for (let key = 0; key < keys; key++) {
      fillPermutation(order, [7, 9, key, 1]);
      const name = order.join();
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    let orders = 1;
    for (let i = 2; i <= n; i++) orders *= i;
    expect(counts.size).toBe(orders);
    let chiSquare = 0;
    for (const count of counts.values()) chiSquare += (count - keys / orders) ** 2 / (keys / orders);
    expect(Math.abs(deviation(chiSquare, orders - 1))).toBeLessThan(4);
  });

  it("leaves no trace of the old order among neighbours", () => {
    const n = 60_000;
    const order = permutation(state(17), n);
    let correlation = 0;
    let adjacent = 0;
    for (let i = 1; i < n; i++) {
      correlation += (order[i] / n - 0.5) * (order[i - 1] / n - 0.5) * 12;
      if (Math.abs(order[i] - order[i - 1]) === 1) adjacent++;
    }
    expect(Math.abs(correlation / Math.sqrt(n))).toBeLessThan(4);
    expect(adjacent).toBeLessThan(12); // 2 are expected
  });

  it("rotates by the high half of a product, rounded down at every edge of a word", () => {
    const edges = [
      0, 1, 0xffff, 0x10000, 0x10001, 0x7fffffff, 0x80000000, 0xffff0000, 0xfffffffe, 0xffffffff,
    ];
    const sizes = [1, 2, 3, 5, 0xffff, 0x10000, 0x10001, 60_000, 2 ** 31 - 1];
    for (const word of edges) {
      for (const n of [...sizes, ...edges.slice(1)])
        expect(highProduct(word, n)).toBe(Number((BigInt(word) * BigInt(n)) >> 32n));
    }
    // Where the product crosses a multiple of 2^32.
    for (const n of sizes.slice(1)) {
      const word = Math.ceil(2 ** 32 / n);
      expect([highProduct(word - 1, n), highProduct(word, n)]).toEqual([0, 1]);
    }
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 31])("refuses n = %d", (n) => {
    expect(() => permutation(state(0), n)).toThrow(ArgumentError);
  });
});
