// snapshot and restore, in a loop of one's own: what was is again, on a device that was lost too.

import { afterAll, beforeAll, expect, it } from "vitest";
import type { WebgpuBackend } from "../../engine/backend/webgpu/webgpu.ts";
import {
  ArgumentError,
  add,
  type Device,
  DisposedError,
  init,
  jit,
  matmul,
  mean,
  mul,
  RandomGenerator,
  setDevice,
  square,
  sub,
  type Tensor,
  tensor,
  variable,
} from "../../engine/index.ts";
import { Dense, Dropout, Input, restore, Sequential, snapshot } from "../../nn/index.ts";
import { Adam, clipNorm, parameterGroups } from "../../optim/index.ts";
import { gpuDevice } from "../support/devices.ts";

let shared: Device;
let device: Device;

beforeAll(async () => {
  shared = await gpuDevice();
  device = await init({ device: "webgpu", seed: 3 });
});
afterAll(() => {
  device.dispose();
  setDevice(shared);
});

const xs = Float32Array.from({ length: 32 }, (_, i) => Math.sin(i));
const ys = Float32Array.from({ length: 8 }, (_, i) => Math.cos(i));

it("a loop goes on bit for bit where it was, with dropout, noise and groups of weights", async () => {
  const model = new Sequential([
    new Input([4]),
    new Dense(6, { activation: "tanh" }),
    new Dropout(0.3),
    new Dense(1),
  ]);
  const noise = new RandomGenerator({ seed: 9 });
  const gain = variable([1], { name: "gain" });
  const weights = [...model.trainableWeights, gain];
  // Norms by variable and groups take indices and tables on the device, which no state names.
  const optimizer = new Adam({
    learningRate: 0.05,
    clipping: clipNorm(1),
    groups: parameterGroups([{ filter: "bias", learningRateFactor: 2 }]),
  }).build(weights);
  const step = jit((x: Tensor, y: Tensor) =>
    optimizer.minimize(() => {
      const seen = add(x, noise.normal([8, 4], { stddev: 0.01 }));
      return mean(square(sub(mul(model.call(seen, { training: true }), gain), y)));
    }, weights),
  );
  const take = async (count: number) => {
    const losses: number[] = [];
    const [x, y] = [tensor(xs, [8, 4]), tensor(ys, [8, 1])];
    for (let i = 0; i < count; i++) losses.push(await step(x, y).item());
    x.dispose();
    y.dispose();
    return losses;
  };
  await take(3);
  const saved = await snapshot([model, noise, gain], optimizer);
  const wanted = await take(4);
  restore(saved);
  expect(await take(4)).toEqual(wanted);
  (device.backend as WebgpuBackend).loseDevice();
  await device.backend.lost;
  await device.recover();
  restore(saved);
  expect(await take(4)).toEqual(wanted);
  expect(new Set(wanted).size).toBe(4);
  gain.dispose();
  expect(() => restore(saved)).toThrow(DisposedError);
  step.dispose();
});

it("a compiled model's optimizer and order of samples are in it", async () => {
  const model = new Sequential([new Input([4]), new Dense(1)]);
  model.compile({ optimizer: new Adam({ learningRate: 0.1 }), loss: "meanSquaredError" });
  const train = async () => (await model.fit(xs, ys, { epochs: 2, batchSize: 3, verbose: 0 })).history.loss;
  await train();
  const saved = await snapshot(model);
  const wanted = await train();
  restore(saved);
  expect(await train()).toEqual(wanted);
  model.dispose();
});

it("says what it takes", async () => {
  await expect(snapshot([matmul] as never)).rejects.toThrow(ArgumentError);
  await expect(snapshot([], [{}] as never)).rejects.toThrow(/takes optimizers as its second argument/);
  expect(() => restore(snapshot([]) as never)).toThrow("await it first");
});
