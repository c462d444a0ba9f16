// One seed, one run: initial weights, dropout masks and shuffles are the same bits on the CPU reference and on this
// adapter, and other bits under another seed.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, init, setDevice, setSeed, type Tensor, tensor } from "../../engine/index.ts";
import { Dense, Dropout, Input, Sequential } from "../../nn/index.ts";
import "../../nn/names.ts";
import { SGD } from "../../optim/index.ts";
import { gpuDevice } from "../support/devices.ts";
import { sampledHere } from "../support/sampled.ts";

let shared: Device;
beforeAll(async () => {
  shared = await gpuDevice();
});
afterAll(() => setDevice(shared));

/** Opens a device under `seed`, runs `fn` on it and closes it. */
async function under<T>(device: "cpu" | "webgpu", seed: number, fn: () => Promise<T>): Promise<T> {
  const opened = await init({ device, seed });
  try {
    return await fn();
  } finally {
    opened.dispose();
    setDevice(shared);
  }
}

const bitsOf = (values: ArrayLike<number>) => [...new Uint32Array(Float32Array.from(values).buffer)];

const bitsOfTensor = async (x: Tensor) => {
  const bits = bitsOf(await x.data());
  x.dispose();
  return bits;
};

const initializers = [
  "glorotUniform",
  "glorotNormal",
  "heUniform",
  "heNormal",
  "randomNormal",
  "randomUniform",
];

/** The bits of all initial weights of a model that uses every initializer. */
async function weights(): Promise<number[][]> {
  const model = new Sequential([
    new Input([13]),
    ...initializers.map(
      (name) => new Dense(7, { kernelInitializer: name, biasInitializer: "randomUniform" }),
    ),
  ]);
  const values = (await model.getWeights()).map((weight) => bitsOf(weight.values));
  model.dispose();
  return values;
}

/** What two dropout layers make of ones in three calls each: 0 or the scale, by the mask. */
async function masks(): Promise<number[][]> {
  const model = new Sequential([new Input([131]), new Dropout(0.3), new Dropout(0.5)]);
  model.build();
  const x = tensor(new Float32Array(5 * 131).fill(1), [5, 131]);
  const found: number[][] = [];
  for (let i = 0; i < 3; i++) found.push(await bitsOfTensor(model.call(x, { training: true })));
  x.dispose();
  model.dispose();
  return found;
}

/**
 * The order in which fit takes its samples, told by one weight: each step moves it half the way to the sample, which
 * float32 does exactly for these few. It starts each epoch at 0.
 */
async function order(): Promise<number[]> {
  const rows = 12;
  const x = Float32Array.from({ length: rows }, (_, i) => i + 1);
  const model = new Sequential([
    new Input([1]),
    new Dense(1, { useBias: false, kernelInitializer: "zeros" }),
  ]);
  // The loss (w - x)² has the gradient 2 (w - x): a rate of 1/4 goes half the way.
  const ones = new Float32Array(rows).fill(1);
  model.compile({ optimizer: new SGD({ learningRate: 0.25 }), loss: "meanSquaredError" });
  const trail: number[] = [];
  for (let epoch = 0; epoch < 3; epoch++) {
    model.setWeights([[0]]);
    await model.fit(ones, x, { batchSize: 1, epochs: 1, verbose: 0 });
    trail.push(...bitsOf((await model.getWeights())[0].values));
  }
  model.dispose();
  return trail;
}

const draws: Record<string, () => Promise<unknown>> = { weights, masks, order };

describe.each(sampledHere(Object.keys(draws)))("%s", (name) => {
  it("are the same bits on the CPU reference and on this adapter, for several seeds", async () => {
    for (const seed of [0, 1, 2 ** 40 + 3]) {
      const [onGpu, onCpu] = [
        await under("webgpu", seed, draws[name]),
        await under("cpu", seed, draws[name]),
      ];
      expect(onGpu).toEqual(onCpu);
    }
  });

  it("repeat under the same seed and differ under another, in its high word too", async () => {
    const first = await under("webgpu", 7, draws[name]);
    expect(await under("webgpu", 7, draws[name])).toEqual(first);
    expect(await under("webgpu", 8, draws[name])).not.toEqual(first);
    expect(await under("webgpu", 7 + 2 ** 32, draws[name])).not.toEqual(first);
  });
});

describe("one run", () => {
  it("draws something else for each weight, each call and each layer", async () => {
    const all = await under("webgpu", 3, weights);
    expect(new Set(all.map(String)).size).toBe(all.length);
    const [a, b, c] = await under("webgpu", 3, masks);
    expect(new Set([a, b, c].map(String)).size).toBe(3);
    const trail = await under("webgpu", 3, order);
    expect(new Set(trail).size).toBe(trail.length);
  });
});

describe("setSeed", () => {
  it("draws on the open device as init with that seed does, and refuses what is no seed", async () => {
    const weightsOf = async () => {
      const model = new Sequential([new Input([3]), new Dense(4), new Dropout(0.5)]);
      const [kernel] = await model.getWeights();
      const dropped = model.call(tensor([[1, 2, 3]]), { training: true });
      const bits = [...bitsOf(kernel.values), ...(await bitsOfTensor(dropped))];
      model.dispose();
      return bits;
    };
    const want = await under("webgpu", 7, weightsOf);
    const got = await under("webgpu", 3, async () => {
      await weightsOf();
      setSeed(7);
      return weightsOf();
    });
    expect(got).toEqual(want);
    expect(() => setSeed(-1)).toThrow("the seed must be a whole number");
    expect(() => setSeed(0.5)).toThrow("the seed must be a whole number");
  });
});
