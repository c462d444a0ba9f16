// The checkers on an adapter: they compare it with the float64 reference, take captured weights along, and tell a
// wrong kernel from a wrong rule.

import { beforeAll, describe, expect, it } from "vitest";
import {
  abs,
  assertCloseToReference,
  CheckError,
  checkGradients,
  type Device,
  matmul,
  mean,
  mul,
  power,
  relu,
  setDevice,
  sign,
  square,
  sub,
  sum,
  tensor,
} from "../../engine/index.ts";
import { unary } from "../../engine/ops/elementwise/elementwise.ts";
import { Dense, Dropout, Sequential } from "../../nn/index.ts";
import { gpuDevice } from "../support/devices.ts";

let device: Device;
beforeAll(async () => {
  device = await gpuDevice();
  setDevice(device);
});

/** x^2 with the factor that a mistake in the kernel would bring in, and the one a mistake in the rule would. */
const squareWith = (name: string, kernel: string, rule: number) =>
  unary({
    name,
    wgsl: `${kernel} * a * a`,
    reference: ([x]) => x * x,
    saves: { inputs: [0] },
    vjp: (c) => [mul(c.grad(), mul(c.input(0), rule))],
    samples: [],
  });

describe("checkGradients", () => {
  it("of a model's weights, with dropout", async () => {
    const model = new Sequential([
      new Dense(5, { activation: "tanh", inputShape: [3] }),
      new Dropout(0.5),
      new Dense(2),
    ]);
    const x = tensor([
      [0.1, 0.2, 0.3],
      [1, -1, 0.5],
    ]);
    const loss = () => mean(square(model.call(x, { training: true })));
    const { checked, worst } = await checkGradients(loss, model.trainableWeights);
    expect(checked).toBe(32);
    expect(worst?.error).toBeLessThan(1e-5);
    model.dispose();
    x.dispose();
  });

  it("tells a wrong rule", async () => {
    const op = squareWith("ruleOfThree", "1.0", 3);
    await expect(checkGradients((x) => sum(op(x)), [tensor([1, 2])])).rejects.toThrow(
      /input 0 .* at \[1\] is 6, differences say 4: .*the same rule in float64 gives 6, so the backward rule is wrong/,
    );
  });

  it("does not blame a rule for its choice at a kink", async () => {
    await expect(checkGradients((x) => sum(relu(x)), [tensor([0])])).rejects.toThrow(
      /0 to the left and 1 to the right: a kink; the same rule in float64 gives 0, which may well be the choice/,
    );
  });

  it("nor for what it gives at a jump", async () => {
    await expect(checkGradients((x) => sum(sign(x)), [tensor([0])])).rejects.toThrow(
      /a jump, where differences say nothing.*the same rule in float64 gives 0, which may well be the choice for a jump/,
    );
    await expect(checkGradients((x) => sum(abs(x)), [tensor([0])], { order: 2 })).rejects.toThrow(
      /the function has a kink there.*which may well be the choice for a jump/,
    );
  });

  it("allows for what rounding leaves of large values", async () => {
    const { checked } = await checkGradients((a, b) => power(a, b), [tensor([9, 0.9]), tensor([9, 8])]);
    expect(checked).toBe(4);
  });

  it("tells a wrong kernel", async () => {
    const op = squareWith("squareOnePercentOff", "1.01", 2);
    // The gradient of the square's square goes through the wrong value.
    await expect(checkGradients((x) => sum(square(op(x))), [tensor([1, 2])])).rejects.toThrow(
      /at \[1\] is 32\.32, differences say 32: .*float64 gives 32, so the rule is right and a kernel is off/,
    );
  });
});

describe("assertCloseToReference", () => {
  it("passes what agrees", async () => {
    const [a, b] = [
      tensor([
        [1, 2],
        [3, 4],
      ]),
      tensor([[0.5], [0.25]]),
    ];
    const report = await assertCloseToReference((x, y) => relu(sub(matmul(x, y), 1.5)), [a, b]);
    expect(report.checked).toBe(2);
  });

  it("names what does not", async () => {
    const op = squareWith("squareAHalfMore", "1.5", 2);
    const check = assertCloseToReference((x) => [x, op(x)], [tensor([[0, 2]])], { ulp: 4 });
    await expect(check).rejects.toThrow(CheckError);
    await expect(check).rejects.toThrow(
      /element \[0, 1\] of result 1 \(tensor f32 \[1, 2\]\) is 6 on webgpu, the reference says 4: error .* ULP, allowed 4 ULP; 1 of 4/,
    );
  });
});
