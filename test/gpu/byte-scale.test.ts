// Images stored as bytes and as floats of 0 to 1 are the same numbers to a model: `byteScale: 1 / 255` gives v / 255.

import { beforeAll, describe, expect, it } from "vitest";
import { cast, type Device, setDevice, tensor, tidy } from "../../engine/index.ts";
import { Flatten, Input, Sequential } from "../../nn/index.ts";
import { scaleBytes } from "../../nn/layers/input.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";

const devices: Record<string, Device> = {};

beforeAll(async () => {
  devices.reference = await referenceDevice();
  devices.adapter = await gpuDevice();
  // Which was opened last, and so is the default one, hangs on what else this process ran.
  setDevice(devices.adapter);
});

describe.each(["reference", "adapter"])("bytes on the %s", (name) => {
  it.each([255, 256, 127.5, 10, 3])("divided by %d", async (divisor) => {
    const device = devices[name];
    const bytes = Uint8Array.from({ length: 256 }, (_, v) => v);
    const input = new Input([256], { byteScale: 1 / divisor });
    const x = tensor(bytes, { shape: [1, 256], device });
    // A model is on the default device, the adapter's.
    const model = new Sequential([input, new Flatten()]);
    const called =
      name === "adapter" ? model.call(x) : tidy(() => scaleBytes(cast(x, "f32"), input.byteScale));
    const want = Float32Array.from(bytes, (v) => v / divisor);
    const scaled = Float32Array.from(bytes, (v) => v * Math.fround(1 / divisor));
    expect([...(await called.data())]).toEqual([...(Number.isInteger(divisor) ? want : scaled)]);
    called.dispose();
    x.dispose();
    model.dispose();
  });
});
