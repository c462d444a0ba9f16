// Optimizers and schedules against numbers of other sources on the adapter, op by op and as one traced step.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, device as defaultDevice, setDevice } from "../../engine/index.ts";
import { gpuDevice } from "../support/devices.ts";
import { cases, expectCase, ratesOf, schedules, titleOf } from "../support/optim-sources.ts";
import { sampledHere } from "../support/sampled.ts";

let gpu: Device;
let before: Device;
beforeAll(async () => {
  gpu = await gpuDevice();
  before = defaultDevice();
  setDevice(gpu);
});
afterAll(() => setDevice(before));

describe("24 steps equal those of another source", () => {
  // The iteration by which Muon makes matrices orthogonal multiplies what rounding leaves by up to 1,000.
  const toleranceOf = (optimizer: string) => (optimizer === "Muon" ? 2e-4 : 1e-5);

  it.each(sampledHere(cases).map((one) => [titleOf(one), one] as const))("%s", async (_, one) => {
    for (const how of ["op by op", "jit"] as const)
      await expectCase(one, gpu, how, toleranceOf(one.optimizer));
  });
});

describe("rates equal those of another source", () => {
  it.each(schedules.map((one) => [one.schedule, JSON.stringify(one.options), one] as const))(
    "%s %s",
    async (_, _options, one) => {
      const count = Math.min(one.rates.length, 45);
      const rates = await ratesOf(one, count);
      rates.forEach((rate, step) => {
        expect(
          Math.abs(rate - one.rates[step]),
          `step ${step}: ${rate}, not ${one.rates[step]}`,
        ).toBeLessThan(1e-6);
      });
    },
  );
});
