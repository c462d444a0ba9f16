// Every shader file compiles as it stands, without any specialising, on this adapter.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampledHere } from "../support/sampled.ts";
import { shaderFiles, withPreamble } from "../support/shader-files.ts";

let device: GPUDevice;
/** Dawn frees the adapter with the instance: held as long as the device lives. */
let gpu: GPU;

beforeAll(async () => {
  const dawn = await import("webgpu");
  Object.assign(globalThis, dawn.globals);
  gpu = dawn.create([]);
  const adapter = await gpu.requestAdapter();
  if (adapter === null) throw new Error("no WebGPU adapter; run `npm run setup`");
  const features = ["subgroups", "shader-f16"].filter((name) =>
    adapter.features.has(name),
  ) as GPUFeatureName[];
  device = await adapter.requestDevice({ requiredFeatures: features });
});

afterAll(() => device?.destroy());

describe("shader files", () => {
  it.each(sampledHere(shaderFiles()).map((file) => [file.name, file] as const))("%s", async (_, file) => {
    const code = withPreamble(file);
    const enabled = [...code.matchAll(/^enable\s+([\w, ]+);/gm)].flatMap(([, list]) => list.split(/,\s*/));
    const features: Record<string, string> = { f16: "shader-f16" };
    if (enabled.some((name) => !device.features.has(features[name] ?? name))) return;
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ code, label: file.name });
    const { messages } = await module.getCompilationInfo();
    expect(messages.map(({ type, lineNum, message }) => `${type} in line ${lineNum}: ${message}`)).toEqual(
      [],
    );
    if (/@compute\b/.test(code)) {
      await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } });
    }
    expect((await device.popErrorScope())?.message).toBeUndefined();
  });
});
