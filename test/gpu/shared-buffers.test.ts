// Values from memory that threads share, that WebAssembly owns or that can be resized: Dawn's binding dies of the first
// and WebGPU refuses the last, so all are copied on their way to the device.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, jit, mul, setDevice, tensor, variable } from "../../engine/index.ts";
import { Dense, Input, Sequential } from "../../nn/index.ts";
import { SGD } from "../../optim/index.ts";
import { gpuDevice } from "../support/devices.ts";

let device: Device;
beforeAll(async () => {
  device = await gpuDevice();
  setDevice(device);
});
afterAll(() => setDevice(device));

const values = [1.5, -2, 3.25, 4, 5, 6, 7, 8];
/** Memory of 1 KiB of each kind; WebAssembly's is a page or two. */
const kinds: [string, () => ArrayBufferLike][] = [
  ["a SharedArrayBuffer", () => new SharedArrayBuffer(1024)],
  [
    "shared WebAssembly memory",
    () => new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true }).buffer,
  ],
  ["WebAssembly memory", () => new WebAssembly.Memory({ initial: 1 }).buffer],
  [
    "a resizable ArrayBuffer",
    () =>
      new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer)(1024, {
        maxByteLength: 2048,
      }),
  ],
];

describe.each(kinds)("values in %s", (_, make) => {
  const f32 = (of: readonly number[] = values) => {
    const array = new Float32Array(make(), 16, of.length);
    array.set(of);
    return array;
  };

  it("become tensors of every dtype, whole and in part", async () => {
    const whole = new Float32Array(make());
    whole[255] = 3;
    expect((await tensor(whole).data())[255]).toBe(3);
    expect([...(await tensor(f32()).data())]).toEqual(values);
    const i32 = new Int32Array(make(), 4, 3);
    i32.set([1, -2, 3]);
    expect([...(await tensor(i32).data())]).toEqual([1, -2, 3]);
    const u8 = new Uint8Array(make(), 1, 5);
    u8.set([1, 2, 3, 254, 255]);
    expect([...(await tensor(u8).data())]).toEqual([1, 2, 3, 254, 255]);
    const u32 = new Uint32Array(make(), 4, 3);
    u32.set([1, 2, 2 ** 32 - 1]);
    expect([...(await tensor(u32).data())]).toEqual([1, 2, 2 ** 32 - 1]);
  });

  it("are taken as they are at the call, whoever changes them later", async () => {
    const array = f32();
    const x = tensor(array);
    array.fill(0);
    expect([...(await x.data())]).toEqual(values);
    x.dispose();
  });

  it("become variables, replace their values, and are constants of traced functions", async () => {
    const w = variable(f32());
    expect([...(await w.data())]).toEqual(values);
    w.set(f32(values.map((v) => v * 2)));
    expect([...(await w.data())]).toEqual(values.map((v) => v * 2));
    const f = jit(() => mul(w, tensor(f32())));
    expect([...(await f().data())]).toEqual(values.map((v) => v * v * 2));
    f.dispose();
    w.dispose();
  });

  it("train, evaluate and predict, and become weights", async () => {
    const model = new Sequential([new Input([2]), new Dense(1)]).compile({
      optimizer: new SGD({ learningRate: 0.01 }),
      loss: "meanSquaredError",
    });
    model.setWeights([f32([0.5, -0.25]), f32([0.125])]);
    const [x, y] = [f32(), f32([1, 2, 3, 4])];
    const predicted = await model.predict(x);
    const wanted = [0, 2, 4, 6].map((i) => values[i] * 0.5 - values[i + 1] * 0.25 + 0.125);
    (await predicted.data()).forEach((value, i) => {
      expect(value).toBeCloseTo(wanted[i], 5);
    });
    const loss = wanted.reduce((sum, value, i) => sum + (value - (i + 1)) ** 2 / 4, 0);
    expect((await model.evaluate(x, y)) as unknown as number).toBeCloseTo(loss, 4);
    const streamed = await model.fit(x, y, { epochs: 2, batchSize: 2, verbose: 0, memoryBudget: 40 });
    expect(streamed.history.loss[1]).toBeLessThan(streamed.history.loss[0]);
    const resident = await model.fit(x, y, { epochs: 1, batchSize: 4, verbose: 0 });
    expect(resident.history.loss[0]).toBeGreaterThan(0);
    predicted.dispose();
    model.dispose();
  });
});
