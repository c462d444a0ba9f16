// Optimizers and schedules against numbers of other sources, on the CPU reference.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, init } from "../../engine/index.ts";
import { cases, expectCase, ratesOf, schedules, titleOf } from "../support/optim-sources.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

describe("24 steps equal those of another source", () => {
  it.each(cases.map((one) => [titleOf(one), one] as const))("%s", (_, one) =>
    expectCase(one, device, "op by op", one.optimizer === "Muon" ? 2e-5 : 2e-6),
  );
});

describe("rates equal those of another source", () => {
  it.each(schedules.map((one) => [one.schedule, JSON.stringify(one.options), one] as const))(
    "%s %s",
    async (_, _options, one) => {
      const rates = await ratesOf(one, one.rates.length);
      rates.forEach((rate, step) => {
        expect(
          Math.abs(rate - one.rates[step]),
          `step ${step}: ${rate}, not ${one.rates[step]}`,
        ).toBeLessThan(2e-7);
      });
    },
  );
});
