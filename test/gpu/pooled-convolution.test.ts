// Convolutions with bias, relu and max-pooling behind them: what jit makes of them is what single ops give, to the bit, and
// close to the float64 reference; ties, NaN, rows that pooling leaves out, windows that overlap.

import { beforeAll, describe, expect, it } from "vitest";
import {
  add,
  conv1d,
  conv2d,
  type Device,
  grad,
  jit,
  maxPool1d,
  maxPool2d,
  mul,
  relu,
  reshape,
  sum,
  type Tensor,
  tanh,
  tensor,
} from "../../engine/index.ts";
import { explain } from "../../engine/inspect/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";

let gpu: Device;
let cpu: Device;
beforeAll(async () => {
  cpu = await referenceDevice();
  gpu = await gpuDevice();
});

interface Case {
  readonly image: readonly number[];
  readonly weights: readonly number[];
  readonly convolution?: Parameters<typeof conv2d>[2];
  readonly pool?: number | [number, number];
  readonly pooling?: Parameters<typeof maxPool2d>[2];
  readonly bias?: boolean;
  readonly activation?: boolean | "others";
  /** Whether a kernel pools as it stores, where subgroups are 8 or 4 lanes. */
  readonly isOne: boolean;
  /** Whole numbers from a few, so that maxima tie. */
  readonly coarse?: boolean;
}

const cases: Record<string, Case> = {
  "N5's second": { image: [3, 13, 13, 8], weights: [3, 3, 8, 64], isOne: true },
  "one channel, many images": { image: [33, 7, 9, 1], weights: [3, 3, 1, 12], isOne: true },
  "ties, padding, stride": {
    ...{ image: [2, 9, 8, 3], weights: [3, 2, 3, 8], coarse: true, isOne: true },
    convolution: { padding: "same", stride: [1, 2] },
  },
  "no bias, no activation": {
    ...{ image: [1, 6, 6, 8], weights: [2, 2, 8, 20], bias: false, activation: false, isOne: true },
  },
  "a row of four": { image: [2, 5, 11, 8], weights: [2, 3, 8, 8], pool: [1, 4], isOne: true },
  "time alone": { image: [2, 15, 3], weights: [4, 3, 8], pool: 4, isOne: true },
  "overlapping windows, which leave out a row": {
    ...{ image: [2, 9, 8, 8], weights: [3, 3, 8, 8], pool: 3, pooling: { stride: 2 }, isOne: false },
  },
  "odd channels, padded pooling": {
    ...{ image: [2, 6, 7, 3], weights: [2, 2, 3, 5], pooling: { padding: "same" }, isOne: false },
  },
  groups: {
    ...{ image: [2, 7, 7, 8], weights: [2, 2, 4, 16], convolution: { groups: 2 }, isOne: false },
  },
};

const drawn = (shape: readonly number[], phase: number, coarse = false): Float32Array =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => {
    const value = Math.sin(i * 12.9898 + phase) * 43758.5453;
    const fraction = value - Math.floor(value) - 0.5;
    return coarse ? Math.round(3 * fraction) : fraction;
  });

function netOf({ weights, convolution, pool = 2, pooling, bias = true, activation = true }: Case) {
  const isTime = weights.length === 3;
  return (x: Tensor, kernel: Tensor, offset: Tensor): Tensor => {
    const product = isTime ? conv1d(x, kernel) : conv2d(x, kernel, convolution);
    const biased = bias ? add(product, offset) : product;
    const others = () => add(mul(tanh(mul(biased, offset)), 0.5), mul(offset, 2));
    const active = activation === "others" ? others() : activation ? relu(biased) : biased;
    return isTime ? maxPool1d(active, pool as number) : maxPool2d(active, pool, pooling);
  };
}

/** The result, and the gradients of images, weights and bias for a weighted sum of it. */
async function results(one: Case, device: Device, isTraced: boolean, x?: Float32Array) {
  const net = netOf(one);
  const arguments_ = [
    tensor(x ?? drawn(one.image, 1, one.coarse), { shape: one.image, device }),
    tensor(drawn(one.weights, 2, one.coarse), { shape: one.weights, device }),
    tensor(drawn([one.weights.at(-1)!], 3, one.coarse), { shape: [one.weights.at(-1)!], device }),
  ] as const;
  const loss = (...[a, b, c]: typeof arguments_): Tensor => {
    const out = net(a, b, c);
    const factors = tensor(drawn(out.shape, 4), { shape: out.shape, device });
    return sum(mul(out, factors));
  };
  const all = (...args: [Tensor, Tensor, Tensor]) => [
    net(...args),
    ...grad(loss, { argnums: [0, 1, 2] })(...args),
  ];
  const traced = isTraced ? jit(all) : undefined;
  const made = (traced ?? all)(...arguments_);
  const values = await Promise.all(made.map((each) => each.data() as Promise<Float32Array>));
  const plan = traced === undefined ? "" : explain(traced);
  for (const each of [...made, ...arguments_]) each.dispose();
  traced?.dispose();
  return { values: values.map((each) => Float32Array.from(each)), plan };
}

/** Nets whose pooling sees what the convolution made under another shape. */
const reshaped: Record<
  string,
  { image: number[]; weights: number[]; net(x: Tensor, kernel: Tensor, b: Tensor): Tensor }
> = {
  "places in a row": {
    image: [2, 5, 5, 8],
    weights: [2, 2, 8, 8],
    net: (x, kernel, b) => maxPool1d(reshape(relu(add(conv2d(x, kernel), b)), [2, 16, 8]), 4),
  },
  "an odd number of them": {
    image: [2, 6, 6, 8],
    weights: [2, 2, 8, 8],
    net: (x, kernel, b) => maxPool1d(reshape(relu(add(conv2d(x, kernel), b)), [2, 25, 8]), 2),
  },
  "time as places": {
    image: [2, 31, 8],
    weights: [2, 8, 8],
    net: (x, kernel, b) => maxPool2d(reshape(relu(add(conv1d(x, kernel), b)), [2, 5, 6, 8]), 2),
  },
  "a bias of rows": {
    image: [2, 6, 6, 8],
    weights: [2, 2, 8, 8],
    net: (x, kernel, b) => maxPool2d(reshape(add(reshape(conv2d(x, kernel), [50, 8]), b), [2, 5, 5, 8]), 2),
  },
};

/** To the bit, but for the sign of zeros. */
const expectSame = (got: Float32Array, wanted: Float32Array) =>
  expect(got.map((value) => value + 0)).toEqual(wanted.map((value) => value + 0));

describe("what jit makes of a convolution and max-pooling", () => {
  it.each(Object.entries(cases))("%s", async (_, one) => {
    const traced = await results(one, gpu, true);
    const single = await results(one, gpu, false);
    const wanted = await results(one, cpu, false);
    traced.values.forEach((values, i) => {
      expect(values.length).toBe(wanted.values[i].length);
      // Sums over places come in other parts where some are left out, and round otherwise.
      if (i < 2) expectSame(values, single.values[i]);
      expectCloseArrays(values, wanted.values[i], 4e-6, `result ${i}`);
    });
    if (/[48]/.test(String(gpu.backend.profile!.subgroupSize)))
      expect(traced.plan.includes("pooledProduct"), traced.plan).toBe(one.isOne);
  });

  it.each(Object.entries(reshaped))(
    "of what is reshaped between them: %s",
    async (_, { image, weights, net }) => {
      const found: Float32Array[][] = [];
      for (const [device, isTraced] of [
        [cpu, false],
        [gpu, true],
      ] as const) {
        const inputs = [image, weights, [8]].map((shape, k) =>
          tensor(drawn(shape, k + 1), { shape, device }),
        );
        const loss = (...[x, kernel, b]: Tensor[]) => {
          const out = net(x, kernel, b);
          return sum(mul(out, tensor(drawn(out.shape, 4), { shape: out.shape, device })));
        };
        const all = (...args: Tensor[]) => [
          net(args[0], args[1], args[2]),
          ...grad(loss, { argnums: [0, 1, 2] })(...args),
        ];
        const made = (isTraced ? jit(all) : all)(...inputs);
        const values: Float32Array[] = [];
        for (const each of made) values.push(Float32Array.from(await each.data()));
        found.push(values);
      }
      found[1].forEach((values, i) => {
        expectCloseArrays(values, found[0][i], 4e-6, `result ${i}`);
      });
    },
  );

  // In training the gradient of tanh asks for all results.
  it("what is computed with several rows, numbers and helpers of ops rides along in inference", async () => {
    const one: Case = { image: [2, 6, 7, 8], weights: [2, 2, 8, 12], activation: "others", isOne: true };
    const net = netOf(one);
    const inputs = [
      tensor(drawn(one.image, 1), { shape: one.image, device: gpu }),
      tensor(drawn(one.weights, 2), { shape: one.weights, device: gpu }),
      tensor(drawn([12], 3), { shape: [12], device: gpu }),
    ] as const;
    const traced = jit(net);
    const [got, wanted] = [traced(...inputs), net(...inputs)];
    expectSame((await got.data()) as Float32Array, (await wanted.data()) as Float32Array);
    if (/[48]/.test(String(gpu.backend.profile!.subgroupSize)))
      expect(explain(traced)).toMatch(/1\. mul\n +2\. pooledProduct\n\n/);
    for (const each of [got, wanted, ...inputs]) each.dispose();
    traced.dispose();
  });

  it("NaN wins, and one image's stays there", async () => {
    const one = cases["N5's second"];
    const x = drawn(one.image, 1);
    x[13 * 13 * 8 + 5] = Number.NaN;
    const traced = await results(one, gpu, true, x);
    const single = await results(one, gpu, false, x);
    for (const i of [0, 1]) expectSame(traced.values[i], single.values[i]);
    expect(traced.values[0].some(Number.isNaN)).toBe(true);
    expect(traced.values[0].slice(0, 5 * 5 * 64).some(Number.isNaN)).toBe(false);
  });
});
