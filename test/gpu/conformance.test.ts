// A sample of the conformance page, measured anew: ops of every kind, on this adapter. The page itself takes minutes.

import { beforeAll, describe, expect, it } from "vitest";
import { measureOp } from "../conformance/measure.ts";
import { hasFailed } from "../conformance/page.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import type { Pair } from "../support/gpu-cases.ts";
import { allOps } from "../support/op-cases.ts";

let pair: Pair;
beforeAll(async () => {
  pair = { reference: await referenceDevice(), gpu: await gpuDevice() };
});

const sampled = [
  "exp",
  "div",
  "tanh",
  "where",
  "sum",
  "max",
  "matmul",
  "transpose",
  "concat",
  "layerNorm",
  "cumsum",
];
const ops = allOps().filter((op) => sampled.includes(op.name));

describe("measured anew", () => {
  it("finds the sampled ops", () => expect(ops).toHaveLength(sampled.length));

  it.each(ops.map((op) => [op.name, op] as const))("%s", async (_, op) => {
    const row = await measureOp(op, pair);
    expect(hasFailed(row), JSON.stringify(row)).toBe(false);
  });

  it("finds a wrong kernel, a wrong rule and a broken promise", async () => {
    const exp = ops.find((op) => op.name === "exp")!;
    const off = await measureOp(
      {
        ...exp,
        name: "expSlightlyOff",
        pointwise: { ...exp.pointwise, expression: () => "exp(a) * 1.0001" },
        kernels: (context) => allOps().find((op) => op.name === "abs")!.kernels!(context),
      },
      pair,
    );
    expect(off.forward).toMatch(/^FAIL: f32.* is /);
    expect(off.accuracy).toMatch(/^FAIL: .* against 4$/);
    const wrong = await measureOp({ ...exp, name: "expWrongRule", vjp: ({ grad }) => [grad()] }, pair);
    expect(wrong.gradient).toMatch(/^FAIL: .*the rule gives/);
    expect(wrong.forward).toBe("pass");
  });
});
