// Random ops on this adapter against the float64 reference: words, masks, orders and uniforms bit for bit,
// normals to a tolerance; and what dropout promises.

import { beforeAll, describe, expect, it } from "vitest";
import { ArgumentError, DTypeError, ShapeError } from "../../engine/base/errors.ts";
import { permutation as hostPermutation } from "../../engine/base/random/permutation.ts";
import { philox } from "../../engine/base/random/philox.ts";
import { add, type Device, grad, jit, mul, sum, type Tensor, tensor } from "../../engine/index.ts";
import { randomBits, randomNormal, randomUniform } from "../../engine/ops/random/distributions.ts";
import { advance, dropout, permutation } from "../../engine/ops/random/random.ts";
import { expectClose } from "../support/compare.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";

const sizes = [0, 1, 3, 7, 63, 64, 65, 127, 129, 100_003];
const words = [0x89abcdef, 0x1fffff, 5, 0xfffffffe];

let gpu: Device;
let cpu: Device;

beforeAll(async () => {
  cpu = await referenceDevice();
  gpu = await gpuDevice();
});

const stateOn = (device: Device, values: readonly number[] = words) =>
  tensor(Uint32Array.from(values), { shape: [4], device });

/** The bits of a 32-bit tensor. */
async function bitsOf(x: Tensor): Promise<Uint32Array> {
  const values = await x.data();
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

/** Some values, none of them zero, as f32. */
const filled = (size: number) => Float32Array.from({ length: size }, (_, i) => ((i * 37) % 101) / 64 + 0.25);

describe("the same bits on this adapter and the reference", () => {
  const ops: Record<string, (state: Tensor, size: number) => Tensor> = {
    randomBits: (state, size) => randomBits(state, [size]),
    randomUniform: (state, size) => randomUniform(state, [size]),
    permutation: (state, size) => permutation(state, size),
    "dropout at 0.3": (state, size) => dropout(tensor(filled(size), { device: state.device }), 0.3, state),
    "dropout at 0.5": (state, size) => dropout(tensor(filled(size), { device: state.device }), 0.5, state),
  };
  const cases = Object.entries(ops).flatMap(([name, run]) => sizes.map((size) => [name, size, run] as const));
  it.each(cases)("%s, %i elements", async (_, size, run) => {
    const [got, want] = await Promise.all([gpu, cpu].map((device) => bitsOf(run(stateOn(device), size))));
    expect(got).toHaveLength(size);
    // Comparing as one, for toEqual on typed arrays is slow.
    expect(got.findIndex((word, i) => word !== want[i])).toBe(-1);
  });

  it("Philox gives the published words", async () => {
    const bits = await bitsOf(randomBits(stateOn(gpu, [0, 0, 0, 0]), [4]));
    expect([...bits]).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
    const far = await bitsOf(randomBits(stateOn(gpu, [7, 8, 9, 10]), [8]));
    expect([...far.subarray(4)]).toEqual([...philox([1, 9, 10, 0], [7, 8])]);
  });

  it("advance adds one to the counter, around 2^32 too", async () => {
    expect([...(await advance(stateOn(gpu)).data())]).toEqual([words[0], words[1], 6, words[3]]);
    for (const device of [gpu, cpu]) {
      expect([...(await advance(stateOn(device, [1, 2, 0xffffffff, 4])).data())]).toEqual([1, 2, 0, 4]);
    }
  });

  it.each([2, 33, 64, 1000, 60_000, 65_536])("permutation of %i is a shuffle of the host's", async (n) => {
    const order = (await permutation(stateOn(gpu), n).data()) as Uint32Array;
    const want = hostPermutation(words, n);
    expect(order.findIndex((place, i) => place !== want[i])).toBe(-1);
    expect(new Set(order).size).toBe(n);
  });
});

describe("randomNormal", () => {
  it.each(sizes)("of %i elements agrees to a tolerance", async (size) => {
    const [got, want] = [gpu, cpu].map((device) => randomNormal(stateOn(device), [size]));
    await expectClose(got, want, 2e-6, `randomNormal of ${size}`);
  });

  it("has mean 0 and standard deviation 1", async () => {
    const n = 100_003;
    const values = await randomNormal(stateOn(gpu), [n]).data();
    let total = 0;
    let squares = 0;
    for (const value of values) {
      total += value;
      squares += value * value;
    }
    expect(Math.abs(total / n)).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(squares / n - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
  });
});

describe("dropout", () => {
  const n = 100_003;

  it.each([0.1, 0.5, 0.9])("at rate %d keeps its share and scales the rest", async (rate) => {
    const x = filled(n);
    const out = await dropout(tensor(x, { device: gpu }), rate, stateOn(gpu)).data();
    const scale = Math.fround(1 / (1 - rate));
    let kept = 0;
    for (let i = 0; i < n; i++) {
      if (out[i] === 0) continue;
      kept++;
      if (out[i] !== Math.fround(x[i] * scale))
        throw new Error(`element ${i} is ${out[i]}, not ${x[i]} * ${scale}`);
    }
    expect(Math.abs(kept / n - (1 - rate))).toBeLessThan(4 * Math.sqrt((rate * (1 - rate)) / n));
  });

  it("draws a fresh mask when the counter advances, and the same one for the same state", async () => {
    const x = tensor(filled(1000), { device: gpu });
    const state = stateOn(gpu);
    const first = await dropout(x, 0.5, state).data();
    const again = await dropout(x, 0.5, state).data();
    const second = await dropout(x, 0.5, advance(state)).data();
    expect(again).toEqual(first);
    const equal = first.filter((value, i) => (value === 0) === (second[i] === 0)).length;
    expect(Math.abs(equal - 500)).toBeLessThan(70);
  });

  it("at rate 0 gives x, at rate 1 zeros, whatever x holds", async () => {
    const x = Float32Array.of(1, -2, 1e30, Number.POSITIVE_INFINITY, Number.NaN);
    for (const device of [gpu, cpu]) {
      const zeros = await dropout(tensor(x, { device }), 1, stateOn(device)).data();
      expect([...zeros].map(Math.abs)).toEqual([0, 0, 0, 0, 0]);
      const fused = jit((v: Tensor) => add(dropout(v, 1, stateOn(device)), 1));
      expect([...(await fused(tensor(x, { device })).data())]).toEqual([1, 1, 1, 1, 1]);
      fused.dispose();
      const same = await dropout(tensor(x.subarray(0, 3), { device }), 0, stateOn(device)).data();
      expect([...same]).toEqual([...x.subarray(0, 3)]);
    }
  });

  it("gives backward the mask of forward, and a second derivative", async () => {
    const size = 129;
    const state = stateOn(gpu);
    const x = tensor(filled(size), { device: gpu });
    const ones = tensor(new Float32Array(size).fill(1), { device: gpu });
    const mask = await dropout(ones, 0.3, state).data();
    const [gradient] = grad((v: Tensor) => sum(dropout(v, 0.3, state)))(x);
    expect(await gradient.data()).toEqual(mask);
    // d/dx of d/dx sum(dropout(x * x)) = 2 * mask.
    const first = grad((v: Tensor) => sum(dropout(mul(v, v), 0.3, state)));
    const [second] = grad((v: Tensor) => sum(first(v)[0]))(x);
    expect(await second.data()).toEqual(mask.map((value) => 2 * value));
  });

  it.each([-0.1, 1.1, Number.NaN])("refuses the rate %d", (rate) => {
    const x = tensor(filled(4), { device: gpu });
    expect(() => dropout(x, rate, stateOn(gpu))).toThrow(ArgumentError);
    expect(() => dropout(x, rate, stateOn(gpu))).toThrow(String(rate));
  });
});

describe("misuse", () => {
  it("is told at the call", () => {
    const state = stateOn(gpu);
    expect(() => randomBits(tensor([1, 2, 3, 4], { device: gpu }), [3])).toThrow(DTypeError);
    for (const words of [[1, 2], [1, 2, 3, 4, 5], []])
      expect(() => randomBits(tensor(Uint32Array.from(words), { device: gpu }), [3])).toThrow(ShapeError);
    expect(() => randomUniform(state, [-1])).toThrow(ShapeError);
    expect(() => permutation(state, 2.5)).toThrow(ArgumentError);
    expect(() => dropout(state, 0.5, state)).toThrow(DTypeError);
  });
});
