// The losses of numbers on this adapter: values and gradients against their formulas, at the kinks too.

import { beforeAll, describe, expect, it } from "vitest";
import {
  assertCloseToReference,
  type Device,
  disposeAll,
  grad,
  noLeaks,
  sum,
  type Tensor,
  tensor,
} from "../../engine/index.ts";
import { gpuDevice } from "../support/devices.ts";
import { errors, regressionLosses } from "../support/regression-losses.ts";

let gpu: Device;
let targets: Tensor;
let outputs: Tensor;
const [rows, columns] = [5, 3];

beforeAll(async () => {
  gpu = await gpuDevice();
  const options = { shape: [rows, columns], device: gpu };
  targets = tensor(new Float32Array(errors.length).fill(2), options);
  outputs = tensor(
    errors.map((e) => 2 + e),
    options,
  );
});

describe.each(regressionLosses)("$name", ({ loss, slope }) => {
  it("is the reference's", async () => {
    await assertCloseToReference((t: Tensor, o: Tensor) => loss.call(t, o), [targets, outputs]);
  });

  it("has its slope as gradient", async () => {
    const gradients = grad((t: Tensor, o: Tensor) => sum(loss.call(t, o)))(targets, outputs);
    const got = await gradients[1].data();
    errors.forEach((e, i) => {
      expect(Math.abs(got[i] - slope(e) / columns), `error ${e}`).toBeLessThan(1e-5);
    });
    disposeAll(gradients);
  });

  it("frees what it makes", async () => {
    await noLeaks(() => loss.call(targets, outputs), { device: gpu });
  });
});
