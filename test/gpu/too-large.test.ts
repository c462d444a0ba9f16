// Tensors beyond the adapter's limits: refused before the host makes their values, whatever makes them.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  arange,
  type Device,
  device as defaultDevice,
  full,
  jit,
  LimitError,
  mul,
  ones,
  RandomGenerator,
  ShapeError,
  setDevice,
  sum,
  tensor,
  variable,
  zeros,
} from "../../engine/index.ts";
import { packVariables } from "../../engine/internal.ts";
import { Dense, Embedding, Input, initializers, Sequential } from "../../nn/index.ts";
import "../../nn/names.ts";
import { cpuMs } from "../support/cpu-time.ts";
import { gpuDevice } from "../support/devices.ts";

let device: Device;
let before: Device;
beforeAll(async () => {
  device = await gpuDevice();
  before = defaultDevice();
});
beforeEach(() => setDevice(device));
afterAll(() => setDevice(before));

/** One element more than a buffer may hold, and two axes of at least so many together. */
const sizes = () => {
  const { maxStorageBufferBindingSize, maxBufferSize } = device.info.limits;
  const count = Math.floor(Math.min(maxStorageBufferBindingSize, maxBufferSize, 2 ** 33 - 16) / 4) + 4;
  return { count, rows: 2048, columns: Math.ceil(count / 2048) };
};

/** Rows that share one array: few bytes here, many on the device. */
const shared = () => {
  const { rows, columns } = sizes();
  return Array.from(
    { length: rows },
    (
      (row) => () =>
        row
    )(new Array<number>(columns).fill(0)),
  );
};

type Make = () => unknown;
const makers: [string, Make][] = [
  ["zeros", () => zeros([sizes().count])],
  ["ones", () => ones([sizes().rows, sizes().columns])],
  ["full of i32", () => full([sizes().count], 7, { dtype: "i32" })],
  ["full of bool", () => full([sizes().count], 1, { dtype: "bool" })],
  ["arange", () => arange(sizes().count)],
  ["nested arrays", () => tensor(shared())],
  ["a sparse array", () => tensor(new Array<number>(sizes().count))],
  ["a variable", () => variable(shared())],
  ["random numbers", () => new RandomGenerator({ seed: 1 }).uniform([sizes().count])],
  ["a permutation", () => new RandomGenerator({ seed: 1 }).permutation(sizes().count)],
  ...(["glorotUniform", "heNormal", "zeros", "ones"] as const).map((name): [string, Make] => [
    `a layer's weights by ${name}`,
    () => new Dense(sizes().columns, { kernelInitializer: initializers[name]() }).build([sizes().rows]),
  ]),
  ["a model's first layer", () => new Sequential([new Input([sizes().rows]), new Dense(sizes().columns)])],
  ["a table of an embedding", () => new Embedding(sizes().columns, sizes().rows).build([4])],
];

describe("what is too large for the adapter", () => {
  for (const [name, make] of makers)
    it(`is refused at once: ${name}`, () => {
      const { tensors, bytes } = device.memory();
      const [host, started] = [process.memoryUsage().rss, cpuMs()];
      // More than 2^31 elements are no shape at all.
      const wanted = sizes().count < 2 ** 31 - 2 ** 20 ? LimitError : ShapeError;
      expect(make).toThrow(wanted);
      expect(make).toThrow(/\[\d.*(more than the adapter binds|elements)/s);
      expect(cpuMs() - started).toBeLessThan(2000);
      // The arrays of one test take 4 MB here; what is asked for takes at least 128.
      expect(process.memoryUsage().rss - host).toBeLessThan(64e6);
      // A generator's state of four words.
      expect(device.memory().tensors - tensors).toBeLessThanOrEqual(2);
      expect(device.memory().bytes - bytes).toBeLessThanOrEqual(1024);
    });

  it("is refused with the ways to train on a set of that size", () => {
    const { count } = sizes();
    if (count * 4 > 300e6) return;
    // A set of images such as MNIST's 60,000, which takes 188 MB as f32.
    const images = new Float32Array(Math.ceil(count / 784) * 784);
    expect(() => tensor(images, { shape: [images.length / 784, 784] })).toThrow(
      /needs \d+ bytes, more than the adapter binds.* fit, evaluate and predict stream a data set from a typed array.*Uint8Array.*byteScale.*a quarter/,
    );
    // As bytes it fits.
    tensor(new Uint8Array(images.length), { shape: [images.length / 784, 784] }).dispose();
  });

  it("is refused as a pack of variables that fit one by one, before anything moves", () => {
    const { count } = sizes();
    if (count * 4 > 300e6) return;
    const halves = [0, 1].map(() => zeros([Math.ceil(count / 2)])).map((value) => variable(value));
    const made = device.memory().bytes;
    expect(() => packVariables(halves)).toThrow(LimitError);
    expect(device.memory().bytes).toBe(made);
    for (const half of halves) half.dispose();
  });

  it("is refused at once inside jit, and computed where no kernel reads it from memory", async () => {
    const { count } = sizes();
    if (count >= 2 ** 29) return;
    const [host, started] = [process.memoryUsage().rss, cpuMs()];
    const total = jit(() => sum(ones([4, count])));
    expect(() => total()).toThrow(LimitError);
    expect(cpuMs() - started).toBeLessThan(2000);
    expect(process.memoryUsage().rss - host).toBeLessThan(64e6);
    const part = jit((x) => sum(mul(x, sum(full([2, 2], 3)))));
    expect(await part(tensor([1, 2])).item()).toBe(36);
    for (const program of [total, part]) program.dispose();
  });
});
