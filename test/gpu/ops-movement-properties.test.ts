// Random calls of the movement ops on the adapter against plain JavaScript, bit for bit.

import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { dtypes } from "../../engine/base/dtype.ts";
import { type Device, tensor, tidy } from "../../engine/index.ts";
import { gpuDevice } from "../support/devices.ts";
import { movementCases } from "../support/movement-model.ts";
import { drawValues } from "../support/op-cases.ts";

let device: Device;

beforeAll(async () => {
  device = await gpuDevice();
});

describe.each(Object.entries(movementCases))("%s", (_, cases) => {
  it("moves what it should", async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.constantFrom(...dtypes), async ({ shape, what, call, model }, dtype) => {
        const data = [...drawValues({ shape, dtype }, 5)];
        const want = model({ shape, data });
        const got = tidy(() => call(tensor(data, { shape, dtype, device })));
        expect(got.shape, what).toEqual(want.shape);
        expect([...(await got.dataFloat64())], what).toEqual(want.data);
        got.dispose();
      }),
      { numRuns: 40, seed: 9 },
    );
  });
});
