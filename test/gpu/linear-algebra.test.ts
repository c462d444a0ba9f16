// The accuracy that matmul promises, element by element, for sums of up to 4,096 products; einsum, dot and outer on
// the adapter.

import { beforeAll, describe, expect, it } from "vitest";
import { type Device, dot, einsum, matmul, outer, type Tensor, tensor } from "../../engine/index.ts";
import { expectClose } from "../support/compare.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { uniforms } from "../support/op-cases.ts";

let gpu: Device;
let reference: Device;
beforeAll(async () => {
  reference = await referenceDevice();
  gpu = await gpuDevice();
});

const draw = (size: number, seed: number, low = -1, high = 1): Float32Array => {
  const next = uniforms(seed);
  return Float32Array.from({ length: size }, () => low + next() * (high - low));
};

describe("matmul's accuracy: 1e-6 √K times the norms of row and column", () => {
  const cases = [1, 2, 65, 1024, 4095, 4096].flatMap((k) =>
    [
      [k, "mixed signs", -1, 1],
      // All of one sign: nothing cancels, so errors of the sum grow with it.
      [k, "one sign", 0.5, 1],
    ].map((entry) => entry as [number, string, number, number]),
  );
  it.each(cases)("K = %i, %s", async (k, _, low, high) => {
    const [m, n] = [37, 29];
    const [x, y] = [draw(m * k, 3, low, high), draw(k * n, 5, low, high)];
    for (const [transposeA, transposeB] of [
      [false, false],
      [true, false],
      [false, true],
    ]) {
      using a = tensor(x, { shape: transposeA ? [k, m] : [m, k], device: gpu });
      using b = tensor(y, { shape: transposeB ? [n, k] : [k, n], device: gpu });
      using c = matmul(a, b, { transposeA, transposeB });
      const got = await c.data();
      const at = (i: number, l: number) => x[transposeA ? l * m + i : i * k + l];
      const bt = (l: number, j: number) => y[transposeB ? j * k + l : l * n + j];
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let [want, row, column] = [0, 0, 0];
          for (let l = 0; l < k; l++) {
            want += at(i, l) * bt(l, j);
            row += at(i, l) ** 2;
            column += bt(l, j) ** 2;
          }
          const bound = 1e-6 * Math.sqrt(k) * Math.sqrt(row * column);
          expect(Math.abs(got[i * n + j] - want)).toBeLessThanOrEqual(bound);
        }
      }
    }
  });
});

describe("einsum, dot and outer", () => {
  const filled = (shape: readonly number[], seed: number, device: Device) =>
    tensor(
      draw(
        shape.reduce((a, b) => a * b, 1),
        seed,
      ),
      { shape, device },
    );

  it.each([
    ["bij,bjk->bik", [3, 7, 5], [3, 5, 9]],
    ["bqhd,bkhd->bhqk", [2, 9, 3, 8], [2, 7, 3, 8]],
    ["bhqk,bkhd->bqhd", [2, 3, 9, 7], [2, 7, 3, 8]],
    ["ii->i", [65, 65], undefined],
    ["ij,ij->i", [7, 129], [7, 129]],
    ["ij,j->i", [63, 65], [65]],
  ] as const)("%s", async (equation, first, second) => {
    const run = (device: Device): Tensor => {
      const operands = [first, second].flatMap((shape, k) => (shape ? [filled(shape, k + 1, device)] : []));
      return einsum(equation, ...operands);
    };
    await expectClose(run(gpu), run(reference), 5e-6, equation);
  });

  it("dot and outer", async () => {
    const run = (of: (a: Tensor, b: Tensor) => Tensor) =>
      [gpu, reference].map((device) => of(filled([1027], 1, device), filled([1027], 2, device)));
    const [gotDot, wantDot] = run(dot);
    await expectClose(gotDot, wantDot, 2e-5, "dot");
    const [gotOuter, wantOuter] = run(outer);
    await expectClose(gotOuter, wantOuter, 1e-6, "outer");
  });
});
