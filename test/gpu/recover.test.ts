// A lost device that is opened again: what goes on as it was, what has lost its value, and what the errors say.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { WebgpuBackend } from "../../engine/backend/webgpu/webgpu.ts";
import {
  add,
  type Device,
  DeviceError,
  DeviceLostError,
  exp,
  init,
  jit,
  matmul,
  mul,
  RandomGenerator,
  reshape,
  setDevice,
  square,
  sub,
  sum,
  tensor,
  variable,
  variableGrads,
} from "../../engine/index.ts";
import { packVariables } from "../../engine/internal.ts";
import { Adam, optimizerState, setOptimizerState } from "../../optim/index.ts";
import { gpuDevice } from "../support/devices.ts";

let shared: Device;
let device: Device;

beforeEach(async () => {
  shared = await gpuDevice();
  device = await init({ device: "webgpu", seed: 1 });
});
afterEach(() => {
  device.dispose();
  setDevice(shared);
});

/** Loses the device as a driver reset would, and waits for the news. */
async function lose(): Promise<void> {
  const { backend } = device;
  (backend as WebgpuBackend).loseDevice();
  await backend.lost;
}

const rejection = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ resolvedTo: value }),
    (error: Error) => error,
  );

describe("recover", () => {
  it("opens the same adapter again; the device stays the default one and forgets the loss", async () => {
    const { info } = device;
    await lose();
    expect(device.lostReason).toBeTypeOf("string");
    expect(() => tensor([1])).toThrow(/was lost \(.+\).*await device\.recover\(\)/);
    await Promise.all([device.recover(), device.recover()]);
    expect(device.lostReason).toBeUndefined();
    expect(device.info).toEqual(info);
    expect([...(await mul(tensor([1, 2]), 3).data())]).toEqual([3, 6]);
    // Scalars are kept by the device: those of the backend before are made anew.
    expect([...(await mul(tensor([1, 2]), 3).data())]).toEqual([3, 6]);
    expect(device.memory().tensors).toBe(5);
    await device.recover();
    expect(device.generation).toBe(1);
  });

  it("can be lost and opened several times", async () => {
    const w = variable(new Float32Array(20), { name: "w" });
    const few = variable([0, 0], { name: "few" });
    for (let time = 0; time < 3; time++) {
      await lose();
      await device.recover();
      expect(() => exp(w)).toThrow(DeviceLostError);
      w.set(new Float32Array(20).fill(time));
      expect((await add(w, 1).data())[7]).toBe(time + 1);
      // A few numbers are remembered where they were set; what the device computed is not.
      if (time === 1) expect([...(await few.data())]).toEqual([0, 5]);
      else expect(() => exp(few)).toThrow(DeviceLostError);
      few.set([time, 5]);
      if (time === 1) few.assign(add(few, 1));
    }
  });

  it("says so where no device comes back in time, and can be asked again", async () => {
    const backend = device.backend as { reopen?: WebgpuBackend["reopen"] };
    const { reopen } = backend;
    await lose();
    backend.reopen = () => Promise.reject(new DeviceError("the system gives no adapter"));
    const error = (await rejection(device.recover({ timeout: 0.2 }))) as Error;
    expect(error).toBeInstanceOf(DeviceError);
    expect(error.message).toMatch(
      /was lost \(.+\) and no device came back within 0\.2 s: the system gives no adapter/,
    );
    backend.reopen = reopen;
    await device.recover();
    expect(await sum(tensor([1, 2])).item()).toBe(3);
  });

  it("refuses a device that was closed, and wrong options", async () => {
    await lose();
    expect(await rejection(device.recover({ timeout: 0 }))).toBeInstanceOf(Error);
    device.dispose();
    expect(String(await rejection(device.recover()))).toMatch(/closed/);
  });
});

describe("after a loss", () => {
  it("tensors say that their values are gone, and can be disposed", async () => {
    const x = tensor([1, 2, 3]);
    const y = exp(x);
    await lose();
    await device.recover();
    expect(() => exp(x)).toThrow(
      /tensor f32 \[3\] lost its value when .* was lost; the device is open again: make it anew/,
    );
    expect(await rejection(y.data())).toBeInstanceOf(DeviceLostError);
    expect(String(x)).toContain("[3]");
    const { tensors } = device.memory();
    x.dispose();
    y.dispose();
    expect(device.memory().tensors).toBe(tensors - 2);
  });

  it("variables stay, with views on them, and take a value by set() or assign()", async () => {
    const w = variable([1, 2, 3, 4], { name: "w" });
    const v = variable([5, 6], { name: "v" });
    const view = reshape(w, [2, 2]);
    await lose();
    await device.recover();
    expect(() => exp(w)).toThrow(/variable "w" .*set\(\) it, assign\(\) to it, or restore\(\)/);
    expect(() => matmul(view, view)).toThrow(DeviceLostError);
    expect(() => w.assign(v as never)).toThrow();
    expect(() => v.assign(v)).not.toThrow();
    w.set([4, 3, 2, 1]);
    v.assign(tensor([7, 8]));
    expect([...(await view.data())]).toEqual([4, 3, 2, 1]);
    expect([...(await matmul(view, reshape(v, [2, 1])).data())]).toEqual([52, 22]);
  });

  it("packed variables come back part by part, or all by their vector", async () => {
    const [a, b, c] = [[1, 2, 3], [4], [5, 6]].map((values, i) => variable(values, { name: `p${i}` }));
    const pack = packVariables([a, b, c]);
    const part = pack.view(1, 2);
    await lose();
    await device.recover();
    for (const lost of [a, b, pack.values, part.values]) expect(() => exp(lost)).toThrow(DeviceLostError);
    a.set([1, 2, 3]);
    expect([...(await a.data())]).toEqual([1, 2, 3]);
    // The vector has no value before all of its parts have.
    expect(() => exp(pack.values)).toThrow(DeviceLostError);
    b.set([4]);
    c.set([5, 6]);
    const whole = Array.from(await pack.values.data());
    expect(whole.filter((value) => value !== 0)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(Array.from(await part.values.data()).filter((value) => value !== 0)).toEqual([4, 5, 6]);
    part.assign(mul(part.values, 2));
    expect([...(await b.data()), ...(await c.data())]).toEqual([8, 10, 12]);
    await lose();
    await device.recover();
    pack.values.set(whole);
    expect([...(await a.data()), ...(await b.data()), ...(await c.data())]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(Array.from(await part.values.data()).filter((value) => value !== 0)).toEqual([4, 5, 6]);
  });

  it("jitted functions go on, with constants and states of their own", async () => {
    const w = variable([1, 2, 3], { name: "w" });
    const random = new RandomGenerator({ seed: 3 });
    const step = jit((x) => {
      const noise = random.normal([3]);
      w.assign(add(mul(w, tensor([2, 3, 4])), add(x, noise)));
      return sum(w);
    });
    const run = () => step(tensor([0.5, 0.25, 1])).item();
    const start = await random.state.data();
    await run();
    const middle = [await w.data(), await random.state.data()];
    const wanted = [await run(), await run()];
    await lose();
    await device.recover();
    expect(() => step(tensor([0.5, 0.25, 1]))).toThrow(DeviceLostError);
    w.set(middle[0]);
    random.state.set(middle[1]);
    expect([await run(), await run()]).toEqual(wanted);
    expect(await random.state.data()).not.toEqual(start);
    // A function that sets a lost variable before it reads it needs no value of it.
    await lose();
    await device.recover();
    const reset = jit((x) => {
      w.assign(x);
    });
    reset(tensor([7, 8, 9]));
    expect([...(await w.data())]).toEqual([7, 8, 9]);
    for (const made of [step, reset]) made.dispose();
  });

  it("a loop of one's own with an optimizer goes on bit for bit", async () => {
    const x = tensor(
      Float32Array.from({ length: 32 }, (_, i) => Math.sin(i)),
      [8, 4],
    );
    const y = tensor(
      Float32Array.from({ length: 8 }, (_, i) => Math.cos(i)),
      [8, 1],
    );
    const values = { x: await x.data(), y: await y.data() };
    const run = async (losesAt: number | undefined) => {
      const data = { x: tensor(values.x, [8, 4]), y: tensor(values.y, [8, 1]) };
      const w = variable(new Float32Array(4).fill(0.1), { shape: [4, 1], name: "w" });
      const b = variable([0], { name: "b" });
      const optimizer = new Adam({ learningRate: 0.05 }).build([w, b]);
      const step = jit((x, y) => optimizer.minimize(() => sum(square(sub(add(matmul(x, w), b), y))), [w, b]));
      const losses: number[] = [];
      for (let i = 0; i < 8; i++) {
        if (i === losesAt) {
          const kept = [await w.data(), await b.data()];
          const state = await optimizerState(optimizer);
          await lose();
          await device.recover();
          w.set(kept[0]);
          b.set(kept[1]);
          setOptimizerState(optimizer, state);
          data.x = tensor(values.x, [8, 4]);
          data.y = tensor(values.y, [8, 1]);
        }
        losses.push(await step(data.x, data.y).item());
      }
      step.dispose();
      optimizer.dispose();
      return losses;
    };
    const undisturbed = await run(undefined);
    expect(await run(3)).toEqual(undisturbed);
    expect(undisturbed[7]).toBeLessThan(undisturbed[0]);
  });

  it("gradients that a variable had are gone with its value", async () => {
    const w = variable([2], { name: "w" });
    const { grads } = variableGrads(() => sum(square(w)), [w]);
    expect(await grads[0].item()).toBe(4);
    await lose();
    await device.recover();
    w.set([3]);
    const again = variableGrads(() => sum(square(w)), [w]);
    expect(await again.grads[0].item()).toBe(6);
  });
});
