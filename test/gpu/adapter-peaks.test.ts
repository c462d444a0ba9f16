// measurePeaks: what it counts is really computed, it leaves nothing behind, and it measures a device once.

import { beforeAll, describe, expect, it } from "vitest";
import { ArgumentError, type Device, jit, measurePeaks, TraceError, tensor } from "../../engine/index.ts";
import { fmaRounds } from "../../engine/profile/adapter-peaks.ts";
import { expectClose } from "../support/compare.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { collectGarbage } from "../support/garbage.ts";

let gpu: Device;
beforeAll(async () => {
  gpu = await gpuDevice();
});

describe("measurePeaks", () => {
  it.each([4, 252, 256, 260])("its multiply-adds are done, on %i elements", async (length) => {
    const reference = await referenceDevice();
    // Far from 1, where they all lead: after two rounds a single one left out would show.
    const values = Float32Array.from({ length }, (_, i) => (i - 100) * 1e6);
    const [got, want] = [gpu, reference].map((device) => {
      const start = tensor(values, { device });
      const result = fmaRounds(start, 2);
      start.dispose();
      return result;
    });
    await expectClose(got, want, 1e-5, "fmaRounds");
    got.dispose();
    want.dispose();
  });

  it("gives rates above zero, the same ones again, and leaves no tensor behind", async () => {
    await collectGarbage();
    const before = gpu.memory();
    const peaks = await measurePeaks(gpu);
    for (const value of Object.values(peaks)) {
      expect(value).toBeGreaterThan(0);
      expect(value).toBeLessThan(Number.POSITIVE_INFINITY);
    }
    const { dispatches } = gpu.counters();
    expect(await measurePeaks(gpu)).toBe(peaks);
    expect(gpu.counters().dispatches).toBe(dispatches);
    expect(gpu.memory().tensors).toBe(before.tensors);
  });

  it("refuses the reference, which has no adapter, and a trace", async () => {
    const reference = await referenceDevice();
    expect(() => measurePeaks(reference)).toThrow(ArgumentError);
    const traced = jit((x: ReturnType<typeof tensor>) => {
      void measurePeaks(x.device);
    });
    const x = tensor([1], { device: gpu });
    expect(() => traced(x)).toThrow(TraceError);
    x.dispose();
  });
});
