// The public checkers find what is wrong, name it, and pass what is right.

import { beforeAll, describe, expect, it } from "vitest";
import { indexAt, ulpError, ulpOf } from "../../engine/checks/compare.ts";
import { changeOf, derivative, isKinked, oneSided } from "../../engine/checks/differences.ts";
import {
  abs,
  add,
  assertCloseToReference,
  CheckError,
  checkGradients,
  type Device,
  exp,
  type GradientReport,
  log,
  matmul,
  mean,
  mul,
  noGrad,
  norm,
  power,
  relu,
  setDevice,
  sign,
  softmax,
  square,
  sum,
  type Tensor,
  type TensorLike,
  tensor,
  variable,
} from "../../engine/index.ts";
import { unary } from "../../engine/ops/elementwise/elementwise.ts";
import { defineOp } from "../../engine/tensor/define.ts";
import { Dense, Sequential } from "../../nn/index.ts";
import { referenceDevice } from "../support/devices.ts";
import { collectGarbage } from "../support/garbage.ts";

let device: Device;
beforeAll(async () => {
  device = await referenceDevice();
  setDevice(device);
});

const message = async (promise: Promise<unknown>): Promise<string> => {
  const error = await promise.then(
    () => undefined,
    (found) => found,
  );
  expect(error).toBeInstanceOf(CheckError);
  return (error as Error).message;
};

/** x^3 whose rule forgets the factor 3 at negative x. */
const wrongCube = unary({
  name: "wrongCube",
  wgsl: "a * a * a",
  reference: ([x]) => x ** 3,
  saves: { inputs: [0] },
  vjp: (c) => [mul(c.grad(), mul(mul(c.input(0), relu(c.input(0))), 3))],
  samples: [],
});

describe("derivative", () => {
  it.each([
    ["sin", Math.sin, Math.cos, [0, 0.3, -2, 10, 1000]],
    ["log near 0", Math.log, (x: number) => 1 / x, [1e-3, 1e-2, 1, 1e6]],
    ["exp", Math.exp, Math.exp, [-20, 0, 1, 20]],
    ["sqrt", Math.sqrt, (x: number) => 0.5 / Math.sqrt(x), [1e-4, 0.5, 3e8]],
    [
      "relu next to its kink",
      (x: number) => Math.max(x, 0),
      (x: number) => (x > 0 ? 1 : 0),
      [1e-3, -1e-3, 5],
    ],
  ] as const)("of %s", (_, f, df, points) => {
    for (const x of points) {
      const { value } = derivative(changeOf(f), x);
      expect(Math.abs(value - df(x)) / (1e-3 + Math.abs(df(x)))).toBeLessThan(1e-7);
    }
  });

  it("tells the slopes at a kink apart", () => {
    const side = { jump: 0 };
    expect(oneSided(changeOf(Math.abs), 0)).toEqual({
      left: { slope: -1, ...side },
      right: { slope: 1, ...side },
    });
    expect(isKinked(0, oneSided(changeOf(Math.abs), 0))).toBe(true);
    expect(isKinked(0, oneSided(changeOf(Math.sin), 0))).toBe(false);
  });

  it("tells jumps from steep slopes", () => {
    const jumpsOf = (f: (x: number) => number, x: number) => {
      const { left, right } = oneSided(changeOf(f), x);
      return [left.jump, right.jump];
    };
    expect(jumpsOf(Math.sign, 0)).toEqual([-1, 1]);
    expect(jumpsOf(Math.floor, 1)).toEqual([-1, 0]);
    expect(jumpsOf(Math.sqrt, 0)[1]).toBe(0);
    expect(jumpsOf(Math.cbrt, 0)).toEqual([0, 0]);
    expect(jumpsOf(Math.exp, 3)).toEqual([0, 0]);
  });
});

describe("ulpError", () => {
  it("counts in units of the result's last place", () => {
    expect(ulpError(1 + 2 ** -23, 1)).toBe(1);
    expect(ulpError(1 - 2 ** -24, 1)).toBe(0.5);
    expect(ulpError(3 * 2 ** -149, 2 ** -149)).toBe(2);
    expect(ulpOf(2 ** 10)).toBe(2 ** -13);
    expect(ulpOf(Math.fround(2 ** 10 * (1 - 2 ** -24)))).toBe(2 ** -14);
    expect(ulpOf(3e38)).toBe(2 ** 104);
  });

  it("lets subnormals flush, and nothing else", () => {
    expect(ulpError(0, 1e-39)).toBe(0);
    expect(ulpError(0, 2e-38)).toBeGreaterThan(1e6);
  });

  it("knows NaN, infinities and overflow", () => {
    expect(ulpError(Number.NaN, Number.NaN)).toBe(0);
    expect(ulpError(1, Number.NaN)).toBe(Infinity);
    expect(ulpError(Number.NaN, 1)).toBe(Infinity);
    expect(ulpError(Infinity, 1e300)).toBe(0);
    expect(ulpError(Infinity, 1)).toBeGreaterThan(1e6);
    expect(ulpError(-Infinity, Infinity)).toBeGreaterThan(1e6);
    expect(ulpError(Infinity, (2 - 2 ** -23) * 2 ** 127)).toBe(1);
  });
});

it("indexAt undoes row-major order", () => {
  expect(indexAt(23, [2, 3, 4])).toEqual([1, 2, 3]);
  expect(indexAt(0, [])).toEqual([]);
});

describe("checkGradients", () => {
  it("passes right gradients and reports what it compared", async () => {
    const x = tensor([[0.1, -0.7, 1.3]]);
    const w = tensor([[0.5], [-0.25], [2]]);
    const report = await checkGradients((a, b) => mean(square(matmul(a, b))), [x, w]);
    expect(report.checked).toBe(6);
    expect(report.worst?.error).toBeLessThan(1e-9);
  });

  it("checks results of any shape, several of them, and second gradients", async () => {
    const x = tensor([0.1, -0.7, 1.3, 100]);
    await checkGradients((a) => ({ y: softmax(mul(a, 0.1)), z: [exp(mul(a, 0.01))] }), [x], { order: 2 });
    // Linear and piecewise linear functions have second gradients of zero.
    await checkGradients((a) => relu(mul(a, 3)), [x], { order: 2 });
  });

  it("names the worst element, its input, and what it should be", async () => {
    const x = tensor([
      [1, 2, 0.5],
      [1, -2, 3],
    ]);
    const promise = checkGradients((a, b) => add(b, wrongCube(a)), [x, tensor(1)]);
    expect(await message(promise)).toMatch(
      /^checkGradients: the gradient of input 0 \(tensor f32 \[2, 3\]\) at \[1, 1\] is 0, differences say .*; 1 of 7 elements checked are off$/,
    );
    const { report } = (await promise.catch((error) => error)) as { report: GradientReport };
    expect(report.worst?.index).toEqual([1, 1]);
    expect(report.worst?.got).toBeCloseTo(0, 12);
  });

  it("finds a rule that is right the first time and wrong the second", async () => {
    // The value of the gradient is right, but it hides that it depends on x.
    const half = unary({
      name: "halfSquare",
      wgsl: "0.5 * a * a",
      reference: ([x]) => 0.5 * x * x,
      saves: { inputs: [0] },
      vjp: (c) => [
        mul(
          c.grad(),
          noGrad(() => mul(c.input(0), 1)),
        ),
      ],
      samples: [],
    });
    const x = tensor([0.5, 2]);
    await checkGradients((a) => sum(half(a)), [x]);
    expect(await message(checkGradients((a) => sum(half(a)), [x], { order: 2 }))).toContain(
      "the second gradient of input 0",
    );
  });

  it("says that a point is a kink", async () => {
    expect(await message(checkGradients((a) => sum(relu(a)), [tensor([0, 1])]))).toContain(
      "the slope is 0 to the left and 1 to the right: a kink",
    );
  });

  it("says that a point is a jump, of the function or of its gradient", async () => {
    const at0 = [tensor([0, 1])];
    expect(await message(checkGradients((a) => sign(a), at0))).toMatch(
      /the value jumps by .* to the left and jumps by .* to the right: a jump, where differences say nothing; check on either/,
    );
    for (const f of [(a: Tensor) => abs(a), (a: Tensor) => norm(a, undefined, { order: 1 })]) {
      expect((await checkGradients(f, at0)).checked).toBe(2);
      const told = await message(checkGradients(f, at0, { order: 2 }));
      expect(told).toContain("the gradient jumps by");
      expect(told).toContain("(the function has a kink there)");
      expect(told).not.toContain("rule is wrong");
    }
  });

  it("allows for what rounding leaves of large values", async () => {
    // 9^9 = 387,420,489 beside 0.9^8 = 0.43: the sum has no digits for the small one's differences.
    const inputs = [tensor([9, 0.9]), tensor([9, 8])];
    expect((await checkGradients((a, b) => power(a, b), inputs)).checked).toBe(4);
    expect((await checkGradients((a, b) => sum(power(a, b)), inputs)).checked).toBe(4);
    // A wrong rule is seen there all the same.
    expect(await message(checkGradients((a) => sum(wrongCube(mul(a, 100))), [tensor([-9, 0.9])]))).toContain(
      "checkGradients: the gradient of input 0",
    );
  });

  it("checks a model's weights, which the function captures", async () => {
    const model = new Sequential([new Dense(5, { activation: "tanh", inputShape: [3] }), new Dense(2)]);
    const x = tensor([
      [0.1, 0.2, 0.3],
      [1, -1, 0.5],
    ]);
    const report = await checkGradients(() => mean(square(model.call(x))), model.trainableWeights, {
      order: 2,
    });
    expect(report.checked).toBe(2 * (15 + 5 + 10 + 2));
    // Nothing was changed on the way.
    expect(model.trainableWeights.every((weight) => weight.version === 0)).toBe(true);
    model.dispose();
  });

  it("leaves integer inputs alone and refuses what has no gradient", async () => {
    const labels = tensor(Int32Array.of(1, 2));
    await expect(checkGradients((a) => a, [labels])).rejects.toThrow("no input is f32");
    await expect(checkGradients(() => 3 as unknown as Tensor, [tensor(1)])).rejects.toThrow(
      "must return a Tensor",
    );
    await expect(checkGradients((async () => tensor(1)) as never, [tensor(1)])).rejects.toThrow("promise");
  });

  it("keeps no tensors", async () => {
    const w = variable([1, 2, 3]);
    const run = () => checkGradients((a) => sum(log(add(a, w))), [w], { order: 2 });
    await run();
    await collectGarbage();
    const before = device.memory();
    await run();
    expect(device.memory().tensors).toBe(before.tensors);
    expect(device.memory().bytes).toBe(before.bytes);
    w.dispose();
  });
});

describe("assertCloseToReference", () => {
  it("passes what agrees, with infinities and NaN", async () => {
    const x = tensor([-1, 0, 2]);
    const report = await assertCloseToReference((a) => [log(a), exp(a)], [x], { ulp: 0 });
    expect(report).toEqual({ checked: 6, worst: undefined });
  });

  it("names what disagrees", async () => {
    // Two calls of the function differ: the one that is recorded and the one that runs.
    let calls = 0;
    const drifting = (a: TensorLike) => mul(a, ++calls === 1 ? 1 : 1.5);
    expect(await message(assertCloseToReference(drifting, [tensor([[0, 2]])]))).toBe(
      "assertCloseToReference: element [0, 1] (tensor f32 [1, 2]) is 3 on cpu, the reference says 2: error 0.333, allowed 0.00001; 1 of 2 elements are off",
    );
  });
});

it("custom ops are checked like any other", async () => {
  const op = defineOp({ ...wrongCube.op, call: (x: TensorLike) => ({ inputs: [x], attrs: {} }) });
  await checkGradients((x) => sum(op(x)), [tensor([1, 2, 3])], { order: 2 });
});
