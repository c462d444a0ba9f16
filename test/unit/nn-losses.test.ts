// The losses of numbers on the CPU reference: values and gradients against their formulas in float64, at the kinks too.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArgumentError } from "../../engine/base/errors.ts";
import { checkGradients, type Device, grad, init, sum, type Tensor, tensor } from "../../engine/index.ts";
import { Dense, Input, losses, Sequential } from "../../nn/index.ts";
import { SGD } from "../../optim/index.ts";
import { errors, regressionLosses } from "../support/regression-losses.ts";
import "../../nn/names.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

const [rows, columns] = [5, 3];
const targets = () => tensor(new Float32Array(errors.length).fill(2), [rows, columns]);
const outputs = () =>
  tensor(
    errors.map((e) => 2 + e),
    [rows, columns],
  );

describe.each(regressionLosses)("$name", ({ loss, value, slope }) => {
  it("is the mean over the last axis of its formula", async () => {
    const got = await loss.call(targets(), outputs()).dataFloat64();
    const want = Array.from({ length: rows }, (_, row) =>
      errors
        .slice(row * columns, row * columns + columns)
        .reduce((total, e) => total + value(e) / columns, 0),
    );
    got.forEach((one, row) => {
      expect(one).toBeCloseTo(want[row], 12);
    });
  });

  it("has its slope as gradient, at the kinks too, and the opposite one for targets", async () => {
    const [forTargets, forOutputs] = grad((t: Tensor, o: Tensor) => sum(loss.call(t, o)))(
      targets(),
      outputs(),
    );
    const [ofTargets, ofOutputs] = [await forTargets.dataFloat64(), await forOutputs.dataFloat64()];
    errors.forEach((e, i) => {
      expect(ofOutputs[i], `error ${e}`).toBeCloseTo(slope(e) / columns, 12);
      expect(ofTargets[i], `error ${e}`).toBeCloseTo(-slope(e) / columns, 12);
    });
  });

  it("has the gradients that differences say, away from the kinks", async () => {
    const smooth = errors.map((e, i) => 2 + e * 1.0625 + 0.03125 * (i + 1));
    await checkGradients(
      (t: Tensor, o: Tensor) => loss.call(t, o),
      [targets(), tensor(smooth, [rows, columns])],
    );
  });
});

describe("losses of numbers by name", () => {
  it.each([
    ["mae", "meanAbsoluteError"],
    ["mean_absolute_error", "meanAbsoluteError"],
    ["huber", "huber"],
    ["Huber", "huber"],
  ])("%s is %s", (name, want) => {
    expect(losses.get(name).name).toBe(want);
    expect(losses.names).toContain(want);
  });

  it("huber takes a delta above 0 and no other options", () => {
    for (const delta of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => losses.huber({ delta })).toThrow(/losses.huber: delta must be a finite number above 0/);
    expect(() => losses.huber({ delta: "1" as never })).toThrow('got the string "1"');
    expect(() => losses.huber({ Delta: 1 } as never)).toThrow('Did you mean "delta"?');
    expect(() => losses.huber({ delta: 0 })).toThrow(ArgumentError);
  });

  it.each([
    ["mae", 1.5],
    ["meanAbsoluteError", 1.5],
    ["mse", 3.5],
    ["meanSquaredError", 3.5],
    ["huber", 1.125],
  ])("%s is a metric, reported by that name", async (name, want) => {
    const model = new Sequential([new Input([1]), new Dense(1, { kernelInitializer: "ones" })]);
    model.compile({ optimizer: "sgd", loss: "mse", metrics: [name] });
    // Errors 0, -1, -2, -3.
    const logs = await model.evaluate([[0], [1], [2], [3]], [0, 2, 4, 6], { returnDict: true, batchSize: 3 });
    expect(logs).toEqual({ loss: 3.5, [name]: want });
  });

  it("cross-entropies refuse an option that would be ignored", () => {
    const { binaryCrossentropy, categoricalCrossentropy, sparseCategoricalCrossentropy } = losses;
    for (const make of [binaryCrossentropy, categoricalCrossentropy, sparseCategoricalCrossentropy])
      expect(() => make({ from_logits: true } as never)).toThrow('Did you mean "fromLogits"?');
  });

  it("fit takes them, and refuses targets of another shape", async () => {
    const x = [[0], [1], [2], [3]];
    const y = [1, 3, 5, 100];
    for (const loss of ["mae", losses.huber({ delta: 0.5 })]) {
      const model = new Sequential([new Input([1]), new Dense(1)]);
      model.compile({ optimizer: new SGD({ learningRate: 0.05 }), loss });
      const { history } = await model.fit(x, y, { epochs: 30, verbose: 0 });
      expect(history.loss[29]).toBeLessThan(history.loss[0]);
      const three = [1, 2, 3, 4].map((value) => [value, 0, 0]);
      await expect(model.fit(x, three, { verbose: 0 })).rejects.toThrow(
        /takes targets of shape \[batch, 1\]/,
      );
      model.dispose();
    }
  });
});
