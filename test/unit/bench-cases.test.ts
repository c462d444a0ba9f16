// The bench's table of cases.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allCases } from "../../bench/cases/all.ts";
import { layerTable } from "../../bench/cases/layers.ts";
import { buildModel } from "../../bench/cases/net-models.ts";
import { nets } from "../../bench/cases/nets.ts";
import { trainingBench } from "../../bench/cases/training.ts";
import { type Device, type DeviceInfo, init } from "../../engine/index.ts";
import * as nn from "../../nn/index.ts";
import { collectGarbage } from "../support/garbage.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

describe("bench cases", () => {
  it("have one name and phase each", () => {
    const keys = allCases.map(({ name, phase }) => `${name} ${phase}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("hold one training step a net, on every backend", () => {
    for (const { name: net } of nets) {
      const steps = allCases.filter(({ name, phase }) => name === `train/${net}` && phase === "step");
      expect(steps).toHaveLength(1);
      expect(steps[0].skip).toBeUndefined();
    }
  });

  it("time every layer of nn, forward and backward", () => {
    const layers = Object.values<unknown>({ ...nn }).filter(
      (each): each is typeof nn.Layer => typeof each === "function" && each.prototype instanceof nn.Layer,
    );
    expect(layers.length).toBeGreaterThan(5);
    const isModel = (each: typeof nn.Layer) => each === nn.Model || each.prototype instanceof nn.Model;
    // Cells run in the recurrent layers that have them.
    const isCell = (each: unknown) =>
      each === nn.RecurrentCell || (each as typeof nn.Layer).prototype instanceof nn.RecurrentCell;
    const timed = new Set<unknown>(layerTable.map(({ make }) => make().constructor));
    const missing = layers
      .filter((layer) => !timed.has(layer) && !isModel(layer) && !isCell(layer))
      .map(({ name }) => name);
    expect(missing, "each wants samples in its class, or a line in bench/cases/layers.ts").toEqual([]);
    for (const phase of ["forward", "backward"])
      expect(allCases.filter((c) => c.name.startsWith("layer/") && c.phase === phase)).toHaveLength(
        layerTable.length,
      );
  });

  it("hold one cold start a net, and those few that --quick runs", () => {
    for (const { name: net } of nets)
      expect(allCases.filter(({ name, phase }) => name === `train/${net}` && phase === "cold")).toHaveLength(
        1,
      );
    const quick = allCases.filter(({ isQuick }) => isQuick);
    expect(quick.length).toBeGreaterThan(20);
    expect(quick.length).toBeLessThan(60);
    for (const part of ["matmul", "elementwise", "layer", "train", "fit", "scale-width"])
      expect(
        quick.some(({ name }) => name.startsWith(`${part}/`)),
        part,
      ).toBe(true);
  });

  it("leave those of a GPU's size, and those by matrix units, to adapters that have what they need", () => {
    const reasons = (change: Partial<DeviceInfo>) => {
      const info = { ...device.info, backend: "webgpu" as const, isSoftware: true, ...change };
      return allCases.filter((c) => c.skipOn?.(info) !== undefined).map(({ name }) => name);
    };
    expect(reasons({})).toContain("matmul/nn/4096");
    expect(reasons({})).toContain("elementwise/neg/32M");
    expect(reasons({ isSoftware: false })).toEqual(
      ["nn", "tn", "nt"].map((form) => `matmul-f16/${form}/4096`),
    );
    expect(reasons({ isSoftware: false, matrixUnit: { m: 16, n: 16, k: 16 } })).toEqual([]);
  });

  it("time forward, backward and both of every kernel asked for", () => {
    for (const start of ["dense/", "activation/", "batch-norm/", "dropout/", "softmax-cross-entropy/"]) {
      for (const phase of ["forward", "backward", "gradient"]) {
        const found = allCases.filter((c) => c.name.startsWith(start) && c.phase === phase);
        expect(found.length, `${start} ${phase}`).toBeGreaterThanOrEqual(3);
      }
    }
  });

  it.each([
    ["N1", 59_978],
    ["N2", 912_226],
    ["N3", 79_510],
    ["N4", 2_599_086],
    // By hand: 320 + 18,496 + 16,010; 2,048 + 82,432 + 8,256; 32,000 + 18,816 + 130.
    ["N5", 34_826],
    ["N6", 92_736],
    // 4,096 and 4,096; four times 16,640 + 33,088 + 256; 128 + 4,160.
    ["N7", 212_416],
    ["N8", 50_946],
  ])("%s has the parameters of its note", (name, parameters) => {
    const model = buildModel(nets.find((net) => net.name === name)!);
    expect(model.countParams()).toBe(parameters);
    model.dispose();
  });

  it("leave nothing on the device behind", async () => {
    await collectGarbage();
    const before = device.memory();
    const step = trainingBench.find(({ name, phase }) => name === "train/N3" && phase === "step")!;
    const prepared = await step.prepare(device);
    for (let i = 0; i < 2; i++) await prepared.run();
    prepared.dispose();
    const kernel = allCases.filter(({ name }) =>
      /^(activation\/relu|dropout|batch-norm)\/128x64$/.test(name),
    );
    expect(kernel).toHaveLength(9);
    for (const { prepare } of kernel) {
      const work = await prepare(device);
      for (let i = 0; i < 3; i++) await work.run();
      work.dispose();
    }
    // Scalars that ops use are kept as long as the device lives.
    expect(device.memory().bytes - before.bytes).toBeLessThan(1000);
  });
});
