// Norms and deviations of numbers whose squares f32 can't hold, along every kind of axis, op by op and under jit, against
// Math.hypot on the same numbers.

import { beforeAll, describe, expect, it } from "vitest";
import { type Device, disposeAll, jit, norm, standardDeviation, tensor } from "../../engine/index.ts";
import { rootOfSquares } from "../../engine/internal.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";

const devices: Record<string, Device> = {};
beforeAll(async () => {
  devices.reference = await referenceDevice();
  devices.adapter = await gpuDevice();
});

const wave = (i: number) => Math.sin(i * 1.7) + 0.3;
const kinds: Readonly<Record<string, (i: number) => number>> = {
  "of size 1e-30": (i) => wave(i) * 1e-30,
  "of size 1e-18": (i) => wave(i) * 1e-18,
  "of size 1": wave,
  "of size 1e20": (i) => wave(i) * 1e20,
  "of size 1e30": (i) => wave(i) * 1e30,
  "of all sizes": (i) => wave(i) * 10 ** ((i * 7) % 61) * 1e-30,
  "small but for one": (i) => (i % 97 === 5 ? 1 : 1e-25),
  "about where one sum takes over from another": (i) => wave(i) * 2 ** ((i % 3) * 50 - 36),
};

/** Elements of [outer, length, inner] that are reduced together. */
function hypots(x: Float32Array, outer: number, length: number, inner: number): number[] {
  return Array.from({ length: outer * inner }, (_, k) => {
    const start = Math.floor(k / inner) * length * inner + (k % inner);
    return Math.hypot(...Array.from({ length }, (_, i) => x[start + i * inner]));
  });
}

/** Shapes, axes, and the same as [outer, length, inner]. */
const layouts: readonly (readonly [shape: number[], axis: number, view: [number, number, number]])[] = [
  [[3, 400], 1, [3, 400, 1]],
  [[3, 401], 1, [3, 401, 1]],
  [[400, 8], 0, [1, 400, 8]],
  [[401, 5], 0, [1, 401, 5]],
  [[2, 130, 12], 1, [2, 130, 12]],
];

describe.each(Object.entries(kinds))("numbers %s", (_, make) => {
  it.each(layouts)("%j along axis %d", async (shape, axis, view) => {
    const values = Float32Array.from({ length: view[0] * view[1] * view[2] }, (_, i) => make(i));
    await expectNorms(values, shape, axis, hypots(values, ...view));
  });

  it("over all of 10^5", async () => {
    const values = Float32Array.from({ length: 100_000 }, (_, i) => make(i));
    await expectNorms(values, [250, 400], undefined, hypots(values, 1, 100_000, 1));
  });
});

async function expectNorms(
  values: Float32Array,
  shape: readonly number[],
  axis: number | undefined,
  want: readonly number[],
): Promise<void> {
  for (const [name, device] of Object.entries(devices)) {
    const x = tensor(values, { shape, device });
    const along = (y: typeof x) => norm(y, axis);
    for (const how of [along, jit(along)]) {
      const got = await how(x).data();
      expect(got.length).toBe(want.length);
      want.forEach((value, i) => {
        expect(Math.abs(got[i] / value - 1), `${name}: ${got[i]} for ${value}`).toBeLessThanOrEqual(2e-6);
      });
    }
    x.dispose();
  }
}

it("gives NaN, infinities and zeros as they are, however many elements there are", async () => {
  const cases: readonly (readonly [place: number, value: number, norm: number])[] = [
    [0, Number.NaN, Number.NaN],
    [9_999, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
    [5_000, 0, 0],
    [77, 3e38, 3e38],
    [78, -2e-38, 2e-38],
  ];
  for (const device of Object.values(devices)) {
    for (const [place, value, want] of cases) {
      const values = new Float32Array(10_000);
      values[place] = value;
      const x = tensor(values, { device });
      const got = await norm(x).item();
      if (Number.isFinite(want)) expect(Math.abs(got - want)).toBeLessThanOrEqual(1e-6 * want);
      else expect(got).toBe(want);
      x.dispose();
    }
  }
});

it("divides before it would overflow", async () => {
  for (const device of Object.values(devices)) {
    const values = Float32Array.from({ length: 10_000 }, (_, i) => (i % 2 === 0 ? 3e38 : -3e38));
    const x = tensor(values, { device });
    expect((await rootOfSquares(x, undefined, 10_000).item()) / 3e38).toBeCloseTo(1, 6);
    const tiny = tensor(
      values.map((value) => (value / 3e38) * 1e-30),
      { device },
    );
    expect((await standardDeviation(tiny).item()) / 1e-30).toBeCloseTo(1, 6);
    disposeAll([x, tiny]);
  }
});

it("of nothing is 0, and divided by nothing NaN, however many axes there are", async () => {
  for (const device of Object.values(devices)) {
    const none = tensor(new Float32Array(0), { shape: [0, 4, 5, 2], device });
    expect([...(await norm(none, [0, 2]).data())]).toEqual(new Array(8).fill(0));
    expect([...(await standardDeviation(none, [0, 2]).data())]).toEqual(new Array(8).fill(Number.NaN));
    none.dispose();
  }
});
