// Programs in which fusing, folding or caching once went wrong: what jit gives must be what the ops give one by one, and
// what the reference gives.

import { beforeAll, describe, expect, it } from "vitest";
import {
  add,
  batchNorm,
  cast,
  concat,
  type Device,
  defineElementwise,
  div,
  dynamicSlice,
  gather,
  grad,
  greater,
  jit,
  layerNorm,
  matmul,
  max,
  mean,
  mul,
  notDifferentiable,
  ones,
  randomUniform,
  relu,
  reshape,
  setDevice,
  sigmoid,
  slice,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  variable,
  where,
} from "../../engine/index.ts";
import { Dense, Input, Sequential } from "../../nn/index.ts";
import { Adam, SGD } from "../../optim/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";

let reference: Device;
let gpu: Device;
beforeAll(async () => {
  reference = await referenceDevice();
  gpu = await gpuDevice();
});

type Make = (device: Device) => Tensor;
type Program = (...inputs: Tensor[]) => Tensor;

/** Numbers that are all different. */
const seq =
  (...shape: number[]): Make =>
  (device) =>
    tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) =>
        Math.sin(i * 1.3 + shape.length),
      ),
      { shape, device },
    );
const whole =
  (...values: number[]): Make =>
  (device) =>
    tensor(Int32Array.from(values), { device });
const floats =
  (...values: number[]): Make =>
  (device) =>
    tensor(Float32Array.from(values), { device });

async function valuesOn(device: Device, program: Program, inputs: readonly Make[]): Promise<number[]> {
  const usual = gpu;
  setDevice(device);
  try {
    return Array.from(await program(...inputs.map((make) => make(device))).data());
  } finally {
    setDevice(usual);
  }
}

const nine = Array.from({ length: 8 }, () => seq(8));
const total: Program = (...all) => all.reduce((a, b) => add(a, b));

describe("a program gives what its ops give", () => {
  it.each<[string, Program, Make[]]>([
    [
      "a row behind a reshape of a product",
      (a, b, c) => add(reshape(matmul(a, b), [4, 6]), c),
      [seq(6, 3), seq(3, 4), seq(6)],
    ],
    [
      "a bias for each of a product's heads",
      (a, b, c) => add(reshape(matmul(a, b), [6, 2, 4]), c),
      [seq(6, 4), seq(4, 8), seq(4)],
    ],
    [
      "a factor for each of a product's heads",
      (a, b, c) => mul(reshape(matmul(a, b), [6, 4, 2]), c),
      [seq(6, 4), seq(4, 8), seq(6, 4, 1)],
    ],
    [
      "a column behind a reshape that keeps rows",
      (a, b, c) => mul(reshape(matmul(a, b), [2, 3, 4]), c),
      [seq(6, 3), seq(3, 4), seq(2, 3, 1)],
    ],
    [
      "a bias behind a reshape that keeps rows",
      (a, b, c) => add(reshape(matmul(a, b), [2, 3, 4]), c),
      [seq(6, 3), seq(3, 4), seq(4)],
    ],
    [
      "a row behind a reshape of batchNorm",
      (a, b, c) => add(reshape(batchNorm(a, b, b)[0], [4, 6]), c),
      [seq(6, 4), seq(4), seq(6)],
    ],
    ["a reshape in a small chain", (a, c) => add(tanh(reshape(relu(a), [4])), c), [seq(4, 1), seq(4, 4)]],
    [
      "a flattened square in a larger one",
      (a, c) => add(tanh(reshape(relu(a), [4])), c),
      [seq(2, 2), seq(3, 4)],
    ],
    ["a vector made a column", (a, c) => add(tanh(reshape(relu(a), [4, 1])), c), [seq(4), seq(4, 4)]],
    ...[
      [7, 8],
      [5, 64],
      [1, 4],
      [33, 32],
      [101, 300],
    ].map(([k, n]): [string, Program, Make[]] => [
      `a product of K ${k} and N ${n} that is needed itself too`,
      (a, b) => {
        const z = matmul(a, b);
        return concat([z, relu(z)]);
      },
      [seq(5, k), seq(k, n)],
    ]),
    [
      "a product that several read",
      (a, b) => {
        const z = matmul(a, b);
        return add(mean(sigmoid(z)), mean(sum(softmax(z), 0)));
      },
      [seq(5, 7), seq(7, 8)],
    ],
    [
      "a row that is taken, and broadcast",
      (c, i, b) => add(gather(c, i), b),
      [seq(4, 100), whole(1), seq(4, 100)],
    ],
    [
      "random numbers that are broadcast",
      (x, state) => add(randomUniform(state, [8]), x),
      [seq(4, 8), (device) => tensor(Uint32Array.of(1, 2, 3, 4), { device })],
    ],
    ["nine inputs, eight of them rows", total, [seq(5, 8), ...nine]],
    ["nine inputs, eight of them strided", total, [seq(5, 7), ...Array.from({ length: 8 }, () => seq(7))]],
    [
      "more ways to read than an adapter binds",
      (x, i, ...rest) => {
        const shapes = [
          [24],
          [2, 12],
          [12, 2],
          [3, 8],
          [8, 3],
          [4, 6],
          [6, 4],
          [1, 24],
          [24, 1],
          [2, 3, 4],
          [4, 3, 2],
          [2, 2, 6],
        ];
        const parts = shapes.map((shape, k) => {
          const row = reshape(rest[k % rest.length], [24]);
          return reshape(add(reshape(x, shape), slice(row, [0], [shape[shape.length - 1]])), [24]);
        });
        return add(
          gather(x, i),
          parts.reduce((a, b) => add(tanh(a), b)),
        );
      },
      [
        seq(24),
        (device) =>
          tensor(
            Int32Array.from({ length: 24 }, (_, k) => 23 - k),
            { device },
          ),
        seq(24),
        seq(24),
      ],
    ],
    [
      "a value read under many shapes",
      (x, y) => {
        const shapes = [
          [24, 1],
          [12, 2, 1],
          [8, 3, 1],
          [6, 4, 1],
          [4, 6, 1],
          [3, 8, 1],
          [2, 12, 1],
          [1, 24, 1],
          [2, 3, 4],
          [4, 3, 2],
          [2, 2, 6],
          [3, 2, 4],
          [6, 2, 2],
          [2, 6, 2],
        ];
        return shapes.map((shape) => reshape(mul(reshape(x, shape), y), [24])).reduce((a, b) => add(a, b));
      },
      [seq(24), seq(1)],
    ],
    [
      "a row read under many shapes",
      (x, y) => {
        const shapes = [
          [12, 2],
          [6, 2, 2],
          [3, 4, 2],
          [2, 6, 2],
          [4, 3, 2],
          [3, 2, 2, 2],
          [2, 3, 2, 2],
          [2, 2, 3, 2],
          [1, 12, 2],
          [12, 1, 2],
          [6, 1, 2, 2],
          [1, 6, 2, 2],
          [1, 3, 4, 2],
          [3, 1, 4, 2],
        ];
        return shapes.map((shape) => reshape(mul(reshape(x, shape), y), [24])).reduce((a, b) => add(a, b));
      },
      [seq(24), seq(2)],
    ],
    [
      "twenty inputs",
      total,
      [seq(5, 7), ...Array.from({ length: 19 }, (_, i) => (i % 2 ? seq(7) : seq(5, 1)))],
    ],
    [
      "a bias, and behind a reshape that keeps rows an activation and a shortcut",
      (a, b, bias, x) => add(tanh(reshape(add(matmul(a, b), bias), [2, 3, 4])), x),
      [seq(6, 4), seq(4, 4), seq(4), seq(2, 3, 4)],
    ],
    [
      "the same where the shortcut is broadcast along other axes, or rows are cut",
      (a, b, bias, x) => {
        const y = add(matmul(a, b), bias);
        const cut = mul(reshape(y, [6, 2, 2]), reshape(bias, [2, 2]));
        return add(tanh(mul(reshape(y, [2, 3, 4]), x)), reshape(tanh(cut), [2, 3, 4]));
      },
      [seq(6, 4), seq(4, 4), seq(4), seq(3, 1)],
    ],
    [
      "rows taken of a product",
      (a, b, i) => gather(matmul(a, b), i),
      [seq(6, 4), seq(4, 8), whole(5, 4, 3, 2, 1, 0)],
    ],
    [
      "rows taken of a chain, beside it",
      (a, i) => {
        const y = relu(a);
        return add(gather(y, i), y);
      },
      [seq(6, 8), whole(5, 4, 3, 2, 1, 0)],
    ],
    [
      "a chain beside rows taken of it",
      (a, i) => {
        const y = relu(a);
        return add(y, gather(y, i));
      },
      [seq(6, 8), whole(5, 4, 3, 2, 1, 0)],
    ],
    [
      "rows taken of a normalization",
      (a, i) => gather(layerNorm(a), i),
      [seq(6, 4), whole(5, 4, 3, 2, 1, 0)],
    ],
    [
      "a slice as long as a product",
      (a, b, i) => dynamicSlice(reshape(matmul(a, b), [48]), i, 48),
      [seq(6, 4), seq(4, 8), (device) => tensor(0, { dtype: "i32", device })],
    ],
    [
      "a gradient through rows of a product",
      (a, b, i) => grad((x) => sum(square(gather(matmul(x, b), i))))(a)[0],
      [seq(6, 4), seq(4, 8), whole(5, 4, 3, 2, 1, 0)],
    ],
    ["bytes of a product", (a, b) => cast(mul(square(matmul(a, b)), 9), "u8"), [seq(6, 4), seq(4, 5)]],
    ["bytes of sums", (a) => cast(mul(square(sum(a, 1)), 9), "u8"), [seq(6, 4)]],
    ["bytes on the way", (a) => cast(cast(a, "u8"), "f32"), [whole(-1, 300, 7)]],
    ["integers of integers", (a) => cast(cast(a, "u32"), "f32"), [whole(-1, 300, 7)]],
    ["no rows", (a, b, c) => relu(add(matmul(a, b), c)), [seq(0, 3), seq(3, 4), seq(4)]],
    ...[
      [5, 0, 3],
      [0, 5, 3],
      [2, 5, 0],
    ].map(([m, k, n]): [string, Program, Make[]] => [
      `gradients of a layer ${m}x${k}x${n}`,
      (x, w, b) => {
        const [dw, db] = grad((w, b) => sum(square(add(matmul(x, w), b))))(w, b);
        return concat([reshape(dw, [-1]), db]);
      },
      [seq(m, k), seq(k, n), seq(n)],
    ]),
    ["0 times what is not finite", (x) => mul(x, 0), [floats(Number.NaN, Number.POSITIVE_INFINITY, 1)]],
    ["what is not finite times -0", (x) => mul(-0, x), [floats(Number.NaN, Number.POSITIVE_INFINITY, 1)]],
    ["the sum of 0 times what is not finite", (x) => sum(mul(x, 0)), [floats(Number.NaN, 1, 2, 3)]],
    [
      "0 times a product",
      (a, b) => mul(matmul(reshape(a, [1, 2]), b), 0),
      [floats(Number.POSITIVE_INFINITY, 1), seq(2, 8)],
    ],
    ["0 by what is not a number", (x) => div(0, x), [floats(Number.NaN, 0, 1)]],
    ["a masked maximum", (x) => max(where(greater(x, 0), x, Number.NEGATIVE_INFINITY), 1), [seq(6, 4)]],
  ])("%s", async (_, program, inputs) => {
    const want = await valuesOn(reference, program, inputs);
    const eager = await valuesOn(gpu, program, inputs);
    const jitted = jit(program as (...inputs: Tensor[]) => Tensor);
    const got = await valuesOn(gpu, jitted, inputs);
    jitted.dispose();
    expect(got.length).toBe(want.length);
    want.forEach((value, i) => {
      for (const result of [eager, got]) {
        if (Number.isFinite(value)) expect(Math.abs(result[i] - value)).toBeLessThan(1e-4);
        else expect(result[i]).toBe(value);
      }
    });
  });
});

describe("a variable that is packed after a program was made", () => {
  const loss = (w: Tensor) => sum(square(w));

  it("is read where it lies now", async () => {
    const w = variable([1, 2]);
    const twice = jit(() => mul(w, 2));
    twice();
    const optimizer = new SGD({ learningRate: 0.1 }).build([w]);
    optimizer.minimize(() => loss(w), [w]);
    expect(await twice().data()).toEqual(new Float32Array([1.6, 3.2]));
    await twice.warmUp();
    expect(await twice().data()).toEqual(new Float32Array([1.6, 3.2]));
  });

  it("is what predictions are made with", async () => {
    const model = new Sequential([new Input([1]), new Dense(1)]);
    const predict = jit((x: Tensor) => model.call(x));
    const x = tensor([[1], [2]]);
    predict(x);
    for (const epochs of [2, 3]) {
      model.compile({ optimizer: new Adam({ learningRate: 0.1 }), loss: "mse" });
      await model.fit([[1], [2]], [3, 5], { epochs, verbose: 0 });
      expect(await predict(x).data()).toEqual(await (await model.predict(x)).data());
    }
  });

  it("is trained on by an optimizer whose pack lost it", async () => {
    const [w, b] = [variable([1, 2]), variable([1, 1])];
    const first = new SGD({ learningRate: 0.1 }).build([w]);
    const step = jit(() => first.minimize(() => loss(w), [w]));
    step();
    new SGD().build([w, b]);
    step();
    await expect(w.data()).resolves.toEqual(new Float32Array([0.64, 1.28]));
  });
});

describe("what is handed over", () => {
  it("may be a variable that the program assigns, warmed up for", async () => {
    const v = variable([1, 2]);
    const step = jit((x: Tensor, y: Tensor) => {
      v.assign(add(v, x));
      return mul(y, 2);
    });
    const x = tensor([1, 1]);
    await step.warmUp(x, v);
    expect(await step(x, v).data()).toEqual(new Float32Array([2, 4]));
    expect(await v.data()).toEqual(new Float32Array([2, 3]));
    step.dispose();
  });

  it("comes back as a copy where an op says so", async () => {
    const v = variable([1, 2]);
    const results = [jit(() => mul(v, 1))(), jit(() => add(v, 0))(), jit((x: Tensor) => mul(x, 1))(v)];
    v.set([5, 6]);
    for (const result of results) expect(await result.data()).toEqual(new Float32Array([1, 2]));
  });

  it("may be constants for an op that has no reference", async () => {
    const twice = defineElementwise({
      name: "twiceWithoutReference",
      arity: 1,
      wgsl: "a + a",
      vjp: notDifferentiable("it is a test"),
    } as never) as unknown as (x: Tensor) => Tensor;
    const program = jit((x: Tensor) => add(x, twice(ones([2]))));
    expect(await program(tensor([1, 2])).data()).toEqual(new Float32Array([3, 4]));
  });

  it("may be helpers of one name that differ", async () => {
    const scaled = (name: string, factor: string) =>
      defineElementwise({
        name,
        arity: 1,
        wgsl: "scaled_by(a)",
        helpers: { scaled_by: `fn scaled_by(a: vec4f) -> vec4f {\n  return a * ${factor};\n}` },
        vjp: notDifferentiable("it is a test"),
      } as never) as unknown as (x: Tensor) => Tensor;
    const [two, three] = [scaled("scaledByTwo", "2.0"), scaled("scaledByThree", "3.0")];
    expect(await jit((x: Tensor) => add(two(x), three(x)))(tensor([1, 2])).data()).toEqual(
      new Float32Array([5, 10]),
    );
    expect(await jit((x: Tensor) => sub(two(x), three(x)))(tensor([1, 2])).data()).toEqual(
      new Float32Array([-1, -2]),
    );
    // And where nothing but what they read has them side by side.
    for (const others of [[1, 2], [1, 2, 3], new Float32Array(5000)]) {
      const f = jit((x: Tensor, y: Tensor) => [two(x), three(x), three(y)] as const);
      const results = f(tensor([1, 2]), tensor(others));
      expect(await Promise.all(results.slice(0, 2).map(async (t) => [...(await t.data())]))).toEqual([
        [2, 4],
        [3, 6],
      ]);
      expect([...(await results[2].data())]).toEqual(Array.from(others, (x) => 3 * x));
      f.dispose();
    }
  });
});
