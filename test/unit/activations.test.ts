// Activation functions in figures, from their definitions in higher precision, by every name that layers know; and
// what their gradients are where they have a kink, or two values tie.

import { beforeAll, describe, expect, it } from "vitest";
import {
  abs,
  acos,
  celu,
  clip,
  type Device,
  elu,
  floor,
  gelu,
  grad,
  hardSigmoid,
  hardSwish,
  hardTanh,
  leakyRelu,
  maximum,
  minimum,
  mul,
  power,
  prelu,
  relu,
  remainder,
  round,
  ShapeError,
  selu,
  setDevice,
  sign,
  sqrt,
  step,
  sum,
  type Tensor,
  tensor,
  tidy,
  where,
} from "../../engine/index.ts";
import { activations } from "../../nn/index.ts";
import { referenceDevice } from "../support/devices.ts";
import "../../nn/names.ts";

let device: Device;

beforeAll(async () => {
  device = await referenceDevice();
  setDevice(device);
});

const points = [-2.5, -0.75, 0.5, 2];

describe("values", () => {
  const expected: Readonly<Record<string, readonly number[]>> = {
    linear: points,
    relu: [0, 0, 0.5, 2],
    leakyRelu: [-0.5, -0.15, 0.5, 2],
    step: [0, 0, 1, 1],
    elu: [-0.917915001376, -0.527633447259, 0.5, 2],
    selu: [-1.61378575887, -0.927632015835, 0.525350493678, 2.10140197471],
    celu: [-0.917915001376, -0.527633447259, 0.5, 2],
    gelu: [-0.0155241633144, -0.169970514283, 0.345731230637, 1.9544997361],
    silu: [-0.189645450053, -0.240615975618, 0.311229665601, 1.76159415596],
    mish: [-0.196816203907, -0.276494714505, 0.375245211305, 1.94395895953],
    softplus: [0.0788897342925, 0.386871006115, 0.97407698418, 2.12692801104],
    softsign: [-0.714285714286, -0.428571428571, 0.333333333333, 0.666666666667],
    sigmoid: [0.0758581800212, 0.320821300825, 0.622459331202, 0.880797077978],
    logSigmoid: [-2.57888973429, -1.13687100611, -0.47407698418, -0.126928011043],
    hardSigmoid: [0.0833333333333, 0.375, 0.583333333333, 0.833333333333],
    hardSwish: [-0.208333333333, -0.28125, 0.291666666667, 1.66666666667],
    hardTanh: [-1, -0.75, 0.5, 1],
    tanh: [-0.986614298151, -0.635148952387, 0.46211715726, 0.964027580076],
    exponential: [0.0820849986239, 0.472366552741, 1.6487212707, 7.38905609893],
    softmax: [0.00851405586, 0.04899484, 0.17100912, 0.77148198],
    logSoftmax: [-4.7594, -3.0094, -1.7594, -0.2594],
  };

  it("are listed for every name", () => {
    expect(Object.keys(expected).sort()).toEqual([...activations.names].sort());
  });

  it.each(Object.entries(expected).filter(([name]) => !name.toLowerCase().includes("softmax")))(
    "%s",
    async (name, want) => {
      const got = await activations.get(name).call(tensor(points, { device })).dataFloat64();
      // leakyRelu's slope is an f32.
      want.forEach((value, i) => {
        expect(got[i]).toBeCloseTo(value, name === "leakyRelu" ? 7 : 10);
      });
    },
  );

  it("softmax and logSoftmax agree with their definition", async () => {
    const total = points.reduce((sum, x) => sum + Math.exp(x), 0);
    const [soft, log] = [activations.get("softmax"), activations.get("log_softmax")].map(({ call }) => call);
    const got = await soft(tensor([points], { device })).dataFloat64();
    const logs = await log(tensor([points], { device })).dataFloat64();
    points.forEach((x, i) => {
      expect(got[i]).toBeCloseTo(Math.exp(x) / total, 12);
      expect(logs[i]).toBeCloseTo(x - Math.log(total), 12);
    });
  });

  it("gelu in its tanh form", async () => {
    const got = await gelu(tensor(points, { device }), { approximate: true }).dataFloat64();
    [-0.01508426609, -0.170039444834, 0.345714009825, 1.95459769409].forEach((value, i) => {
      expect(got[i]).toBeCloseTo(value, 10);
    });
  });

  it("elu and celu scale by alpha, prelu by slopes of the last axes", async () => {
    const x = tensor([-1, -2, 3], { device });
    expect((await elu(x, 2).dataFloat64())[1]).toBeCloseTo(2 * Math.expm1(-2), 12);
    expect((await celu(x, 2).dataFloat64())[1]).toBeCloseTo(2 * Math.expm1(-1), 12);
    const y = prelu(tensor([-1, -2, -3, 4], { shape: [2, 2], device }), tensor([0.5, 0.25], { device }));
    expect([...(await y.dataFloat64())]).toEqual([-0.5, -0.5, -1.5, 4]);
    expect(() => prelu(x, tensor([0.5, 0.25], { shape: [2, 1], device }))).toThrow(ShapeError);
    expect(() => celu(x, 0)).toThrow(/alpha must be above 0, got 0/);
  });
});

describe("names", () => {
  it.each([
    ["hard_silu", "hardSwish"],
    ["swish", "silu"],
    ["log_sigmoid", "logSigmoid"],
    ["hard_tanh", "hardTanh"],
  ])("%s is %s", (name, known) => {
    expect(activations.get(name).name).toBe(known);
  });

  it("a function of the engine keeps its name", () => {
    expect(activations.get(gelu).name).toBe("gelu");
    expect(activations.get((x: Tensor) => mul(x, 2)).name).toBe("custom");
  });
});

describe("gradients at kinks and ties", () => {
  const at = async (fn: (x: Tensor) => Tensor, ...values: number[]): Promise<number[]> => {
    const [result] = tidy(() => grad((x: Tensor) => sum(fn(x)))(tensor(values, { device })));
    return [...(await result.dataFloat64())];
  };

  it("relu and abs: 0 at 0", async () => {
    expect(await at(relu, 0)).toEqual([0]);
    expect(await at(abs, 0)).toEqual([0]);
  });

  it("leakyRelu, elu and selu: that of the side below 0", async () => {
    expect((await at((x) => leakyRelu(x, 0.25), 0))[0]).toBe(0.25);
    expect((await at((x) => elu(x, 0.5), 0))[0]).toBe(0.5);
    expect((await at(selu, 0))[0]).toBeCloseTo(1.7580993408, 6);
  });

  it("prelu: the slope for x, 0 for the slope", async () => {
    expect(await at((x) => prelu(x, tensor([0.25], { device })), 0)).toEqual([0.25]);
    expect(await at((slope) => prelu(tensor([0], { device }), slope), 0.25)).toEqual([0]);
  });

  it("hard forms: the flat side's, and the identity's for hardSwish at 3", async () => {
    expect(await at(hardTanh, -1, 1)).toEqual([0, 0]);
    expect(await at(hardSigmoid, -3, 3)).toEqual([0, 0]);
    expect(await at(hardSwish, -3, 3)).toEqual([0, 1]);
  });

  it("clip passes at its bounds", async () => {
    expect(await at((x) => clip(x, -1, 1), -1, 1, 1.5)).toEqual([1, 1, 0]);
  });

  it("equal maxima and minima share", async () => {
    const two = tensor([2, 2], { device });
    expect(await at((x) => maximum(x, two), 2, 3)).toEqual([0.5, 1]);
    expect(await at((x) => minimum(x, two), 2, 3)).toEqual([0.5, 0]);
  });

  it("steps and roundings: 0 everywhere", async () => {
    const weighted = (fn: (x: Tensor) => Tensor) => (x: Tensor) => mul(fn(x), x);
    // d (f(x) x) = f(x), with nothing from f.
    expect(await at(weighted(sign), 0, 2)).toEqual([0, 1]);
    expect(await at(weighted(step), 0, 2)).toEqual([0, 1]);
    expect(await at(weighted(floor), 1.5, 2)).toEqual([1, 2]);
    expect(await at(weighted(round), 2.5)).toEqual([2]);
  });

  it("remainder: 1 for a, minus the quotient for b, also at a jump", async () => {
    expect(await at((x) => remainder(x, 2), 4, 5)).toEqual([1, 1]);
    expect(await at((b) => remainder(tensor([7, 6], { device }), b), 2, 2)).toEqual([-3, -3]);
  });

  it("power at 0: no NaN where it is flat", async () => {
    expect(await at((a) => power(a, tensor([0, 1, 2], { device })), 0, 0, 0)).toEqual([0, 1, 0]);
    expect(await at((b) => power(tensor([0], { device }), b), 2)).toEqual([0]);
  });

  it("sqrt and acos: infinite where the curve is vertical", async () => {
    expect(await at(sqrt, 0)).toEqual([Number.POSITIVE_INFINITY]);
    expect(await at(acos, 1)).toEqual([Number.NEGATIVE_INFINITY]);
  });

  it("where keeps what was not taken out, even NaN", async () => {
    const safe = (x: Tensor) => where(tensor([true, false], { device }), sqrt(x), 0);
    expect(await at(safe, 4, 1)).toEqual([0.25, 0]);
  });
});

describe("far from 0", () => {
  const gradientOf = async (name: string, ...values: number[]): Promise<number[]> => {
    const { call } = activations.get(name);
    const [result] = tidy(() => grad((x: Tensor) => sum(call(x)))(tensor(values, { device })));
    return [...(await result.dataFloat64())];
  };

  it.each([
    ["sigmoid", 0, 0],
    ["tanh", 0, 0],
    ["softplus", 0, 1],
    ["logSigmoid", 1, 0],
    ["softsign", 0, 0],
    ["silu", 0, 1],
    ["mish", 0, 1],
    ["gelu", 0, 1],
    ["elu", 0, 1],
    ["selu", 0, 1.0507009873554805],
    ["celu", 0, 1],
    ["hardSwish", 0, 1],
  ])("%s has the gradient %f on the left, %f on the right", async (name, left, right) => {
    for (const far of [100, 1000, 1e10]) {
      const got = await gradientOf(name, -far, far);
      expect(Math.abs(got[0] - left)).toBeLessThan(1e-3);
      expect(Math.abs(got[1] - right)).toBeLessThan(1e-3);
    }
  });
});
