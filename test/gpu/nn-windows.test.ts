// Layers over windows on this adapter, op by op and traced, against the CPU reference, which nn-windows of test/unit compares
// with tfjs: outputs and the gradients of inputs and weights.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Device,
  device as defaultDevice,
  jit,
  mul,
  setDevice,
  sum,
  type Tensor,
  tensor,
  variable,
  variableGrads,
} from "../../engine/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { windowCases } from "../support/window-layers.ts";

let gpu: Device;
let cpu: Device;
let before: Device | undefined;
beforeAll(async () => {
  cpu = await referenceDevice();
  gpu = await gpuDevice();
  before = defaultDevice();
});
// Files of an adapter share the process: leave the default device as it was.
afterAll(() => {
  if (before !== undefined) setDevice(before);
});

const filled = (shape: readonly number[], phase = 0): Float32Array =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 1.7 + phase));

describe("outputs and gradients are the reference's", () => {
  it.each(windowCases.map((one) => [one.name, one] as const))("%s", async (_, { make, shape }) => {
    const on = async (device: Device, isTraced: boolean) => {
      setDevice(device);
      using layer = make().build(shape.slice(1), device);
      layer.weights.forEach((weight, i) => {
        weight.set(filled(weight.shape, i + 1));
      });
      using x = variable(filled(shape), { shape, device });
      const factors = layer.call(x);
      using each = tensor(filled(factors.shape, 3), { shape: factors.shape, device });
      factors.dispose();
      const step = () => {
        const loss = () => sum(mul(layer.call(x), each));
        return [layer.call(x), ...variableGrads(loss, [x, ...layer.weights]).grads];
      };
      const traced = isTraced ? jit(step) : undefined;
      const results = traced === undefined ? step() : (traced() as Tensor[]);
      const values = await Promise.all(results.map((each) => each.data()));
      traced?.dispose();
      for (const result of results) result.dispose();
      return values;
    };
    const want = await on(cpu, false);
    for (const isTraced of [false, true]) {
      const got = await on(gpu, isTraced);
      expect(got.length).toBe(want.length);
      got.forEach((values, i) => {
        expectCloseArrays(values, want[i], 1e-5, `${isTraced ? "traced" : "eager"}, result ${i}`);
      });
    }
  });
});
