// gpuTime, and explain with a GPU: bounds from peaks, on a device that plans as a GPU's and computes nothing.

import { afterEach, expect, it } from "vitest";
import { gpuProfile, planningDevice } from "../../bench/gpu-report/planning.ts";
import {
  ArgumentError,
  type Device,
  jit,
  matmul,
  ones,
  relu,
  setDevice,
  sub,
  sum,
  type Tensor,
} from "../../engine/index.ts";
import { explain, gpuTime } from "../../engine/inspect/index.ts";
import { LSTM } from "../../nn/index.ts";

let device: Device | undefined;
const usual = () => {
  device = planningDevice(gpuProfile, () => {});
  setDevice(device);
};
afterEach(() => {
  device?.dispose();
  device = undefined;
});

const traced = <A extends Tensor[]>(fn: (...inputs: A) => unknown, ...inputs: A) => {
  const program = jit(fn as (...inputs: Tensor[]) => Tensor);
  program(...inputs);
  return program;
};

it("bounds a large product by arithmetic and a sum by memory, as published for a Radeon RX 7900 XTX", () => {
  usual();
  const square = ones([2048, 2048]);
  const [{ dispatches, ...all }] = gpuTime(traced(matmul, square, square), "navi31");
  expect(dispatches).toMatchObject([
    { name: "matmul", multiplyAdds: 2 ** 33, bytes: 3 * 2 ** 24, boundBy: "arithmetic", waits: false },
  ]);
  // 96 compute units of 2 x 64 multiply-adds a clock at 2.5 GHz
  expect(dispatches[0].microseconds).toBeCloseTo(2 ** 33 / (96 * 128 * 2500), 6);
  expect(all).toMatchObject({ barriers: 0, dispatchMicroseconds: 5, barrierMicroseconds: 0 });
  const rows = ones([1 << 14, 960]);
  const [ofSum] = gpuTime(
    traced((x) => sum(x, 1), rows),
    "navi31",
  );
  expect(ofSum.dispatches).toMatchObject([{ name: "sum", multiplyAdds: 0, boundBy: "memory" }]);
  expect(ofSum.dispatches[0].microseconds).toBeCloseTo((4 * (960 + 1) * 2 ** 14) / 960e3, 6);
});

it("counts a barrier where a dispatch reads what one wrote, and none between others", () => {
  usual();
  const x = ones([256, 256]);
  const apart = gpuTime(
    traced((a, b) => [sum(a, 1), sum(b, 0)], x, ones([256, 256])),
    "vega10",
  )[0];
  expect(apart.dispatches.length).toBeGreaterThan(1);
  const chained = gpuTime(
    traced((a) => matmul(relu(matmul(a, a)), a), x),
    "vega10",
  )[0];
  const inRow = gpuTime(
    traced((a) => sub(matmul(a, a), sum(a)), x),
    "vega10",
  )[0];
  for (const { barriers, dispatches, ...rest } of [apart, chained, inRow]) {
    expect(barriers).toBe(dispatches.filter(({ waits }) => waits).length);
    expect(rest.microseconds).toBeCloseTo(
      5 * dispatches.length + 2 * barriers + dispatches.reduce((total, each) => total + each.microseconds, 0),
      9,
    );
  }
  expect(chained.barriers).toBeGreaterThan(0);
  expect(chained.dispatches[0].waits).toBe(false);
  expect(apart.dispatches[1].waits).toBe(false);
});

it("takes other peaks, is told by explain, and refuses what is none", () => {
  usual();
  const step = traced((x) => sum(x, 1), ones([1000, 1000]));
  const mine = { name: "mine", teraflops: 1, memoryGBs: 4.004 };
  const [{ workMicroseconds }] = gpuTime(step, mine);
  expect(workMicroseconds).toBeCloseTo(1000, 6);
  const text = explain(step, { gpu: mine });
  expect(text).toMatch(
    /At least on mine\n {2}1005 us: 1 dispatches 5, 0 barriers 0 \(assumed\), work 1000 by 4 GB\/s/,
  );
  expect(text).toMatch(/1\. sum {2}1000 us by memory: 4 MB$/);
  expect(explain(step)).not.toContain("At least");
  expect(() => explain(step, { gpu: "navi32" })).toThrow(/unknown GPU "navi32".*navi31/);
  expect(() => gpuTime(step, { ...mine, memoryGBs: 0 })).toThrow(ArgumentError);
  expect(() => gpuTime({} as never, "navi31")).toThrow(/made by jit\(\)/);
});

it("counts the products of all steps of a recurrent layer", () => {
  usual();
  const layer = new LSTM(64).build([10, 8], device as Device);
  const [{ dispatches }] = gpuTime(
    traced((x) => layer.call(x), ones([32, 10, 8])),
    "navi31",
  );
  expect(dispatches.find(({ name }) => name === "lstmSequence")?.multiplyAdds).toBe(10 * 32 * 64 * 4 * 64);
});
