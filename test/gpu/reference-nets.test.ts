// The bench's reference nets beyond dense layers: how many dispatches a training step takes, and that it learns.

import fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { netNamed } from "../../bench/cases/nets.ts";
import { disposeAll, makeTrainer, rowsOf } from "../../bench/cases/training.ts";
import { type Device, jit, setDevice, type Tensor } from "../../engine/index.ts";
import { explain } from "../../engine/inspect/index.ts";
import { prefersOneKernel } from "../../engine/internal.ts";
import { gpuDevice } from "../support/devices.ts";
import { sampledHere } from "../support/sampled.ts";

let gpu: Device;
beforeAll(async () => {
  gpu = await gpuDevice();
  setDevice(gpu);
});
afterAll(() => setDevice(gpu));

describe("dispatches a training step", () => {
  // Those of sequences: so many, and so many a time step where one kernel does not take them all.
  it.each(
    sampledHere([
      ["N5", 17, 0],
      ["N6", 20, 3],
      // A layer of four takes 23, of which 8 are the forward pass's.
      ["N7", 107, 0],
      ["N8", 20, 3],
    ] as const),
  )("%s: at most %i and %i a time step", async (name, most, aTimeStep) => {
    const net = netNamed(name);
    const units = { N6: 128, N8: 64 }[name as string] ?? 0;
    const extent = { steps: net.inputs, batch: net.batchSize, units };
    const aStep = prefersOneKernel(
      { N8: "gruSequence" }[name as string] ?? "lstmSequence",
      extent,
      gpu.backend.profile,
    )
      ? 0
      : aTimeStep;
    const { x, y } = rowsOf(net, gpu, 1);
    const { model, trainer } = makeTrainer(net);
    const step = jit((rows: Tensor, labels: Tensor) => trainer.trainStep(rows, labels));
    const losses: number[] = [];
    const take = async () => {
      trainer.reset();
      step(x, y);
      losses.push((await trainer.read(net.batchSize))[0]);
    };
    await take();
    const before = gpu.counters();
    step(x, y);
    const after = gpu.counters();
    // Of one step dropout alone may tell the loss.
    for (let more = 0; more < 4; more++) await take();
    const counts = explain(step).split("\n")[1];
    disposeAll([step, trainer, model, x, y]);
    const dispatches = after.dispatches - before.dispatches + after.copies - before.copies;
    expect(dispatches).toBeGreaterThan(10 + aStep * net.inputs * 0.9);
    // The software profile's numbers; on a GPU sums over rows and the like take more kernels. Where four buffers of a kernel
    // may move from step to step, some are copied.
    const copies = (gpu.backend.profile?.maxMovingBuffers ?? 4) < 8 && aStep > 0 ? 2 : 0;
    // Of a sequence that goes step by step the mask, too, is turned so that its steps come first.
    const turned = aStep > 0 ? 1 : 0;
    if (gpu.info.isSoftware)
      expect(dispatches).toBeLessThanOrEqual(most + turned + (aStep + copies) * net.inputs);
    expect(Math.min(...losses.slice(1))).toBeLessThan(losses[0]);
    const page = fs.readFileSync("docs/plans.md", "utf8");
    if (page.includes(`## ${name}:`) && page.includes(gpu.info.adapter))
      expect(page, "npm run plans writes it").toContain(counts);
  });
});
