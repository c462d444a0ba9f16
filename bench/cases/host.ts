// What the host pays: a chain of tiny ops, the floor of a dispatch on this adapter, and encoding a replayed step next
// to a bare loop of as many dispatches. The floors speak to WebGPU directly. Knows nothing of clocks.

import { add, type Device, jit, ones, type Tensor, tidy, zeros } from "../../engine/index.ts";
import { Batches } from "../../nn/training/batches.ts";
import type { BenchCase, Prepared } from "../bench-case.ts";
import { rotation } from "../peers/net-data.ts";
import { nets } from "./nets.ts";
import { disposeAll, makeTrainer, rowsOf } from "./training.ts";

const chainLength = 1000;
/** As many as the engine puts in a submit of eager work. */
const dispatchesPerSubmit = 128;
/** Steps whose encoding is timed together: they go in one submit. */
const replayedSteps = 8;

const skip = { cpu: "it is about dispatches, and the reference has none" };

function addChain(x: Tensor, one: Tensor): Tensor {
  let value = add(x, one);
  for (let i = 1; i < chainLength; i++) {
    const before = value;
    value = add(before, one);
    before.dispose();
  }
  return value;
}

function prepareChain(device: Device, isTraced: boolean): Prepared {
  const x = zeros([4], { device });
  const one = ones([4], { device });
  if (!isTraced) return { run: () => addChain(x, one).dispose(), dispose: () => disposeAll([x, one]) };
  const chain = jit((a: Tensor, b: Tensor) => tidy(() => addChain(a, b)));
  return { run: () => chain(x, one).dispose(), dispose: () => disposeAll([chain, x, one]) };
}

const tinyAdd = `
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> sum: array<f32>;
@compute @workgroup_size(4) fn main(@builtin(global_invocation_id) id: vec3u) {
  sum[id.x] = a[id.x] + b[id.x];
}`;

/** A device of WebGPU itself, two pipelines of a tiny kernel, and bind groups that walk between two buffers. */
async function openBare() {
  const dawn = await import("webgpu");
  Object.assign(globalThis, dawn.globals);
  // Held by the closure: Dawn frees the adapter with its instance.
  const gpu = dawn.create([]) as GPU;
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("no WebGPU adapter");
  const device = await adapter.requestDevice();
  const pipelines = [0, 1].map((i) =>
    device.createComputePipeline({
      layout: "auto",
      compute: { module: device.createShaderModule({ code: `${tinyAdd}\n// ${i}` }), entryPoint: "main" },
    }),
  );
  const [x, even, odd] = [0, 1, 2].map(() =>
    device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE }),
  );
  const makeGroup = (i: number) =>
    device.createBindGroup({
      layout: pipelines[i % 2].getBindGroupLayout(0),
      entries: [i % 2 === 0 ? even : odd, x, i % 2 === 0 ? odd : even].map((buffer, binding) => ({
        binding,
        resource: { buffer },
      })),
    });
  return {
    gpu,
    device,
    makeGroup,
    /** Encodes dispatches into one pass and submits it. */
    submit(count: number, groupAt: (i: number) => GPUBindGroup) {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      for (let i = 0; i < count; i++) {
        pass.setPipeline(pipelines[i % 2]);
        pass.setBindGroup(0, groupAt(i));
        pass.dispatchWorkgroups(1);
      }
      pass.end();
      device.queue.submit([encoder.finish()]);
    },
    done: () => device.queue.onSubmittedWorkDone(),
    dispose: () => device.destroy(),
  };
}

/** As many dispatches as the chain has, each with a bind group made for it or one made long before. */
async function prepareFloor(isNewGroup: boolean): Promise<Prepared> {
  const bare = await openBare();
  const groups = [0, 1].map(bare.makeGroup);
  return {
    run: async () => {
      for (let done = 0; done < chainLength; done += dispatchesPerSubmit) {
        const count = Math.min(dispatchesPerSubmit, chainLength - done);
        bare.submit(count, isNewGroup ? bare.makeGroup : (i) => groups[i % 2]);
      }
      await bare.done();
    },
    work: { dispatches: chainLength, submits: Math.ceil(chainLength / dispatchesPerSubmit) },
    dispose: bare.dispose,
  };
}

/** Steps of N1 as `fit` runs them, encoded and submitted together. */
function prepareReplay(device: Device): Prepared {
  const net = nets[0];
  const rows = rowsOf(net, device, rotation);
  const count = rotation * net.batchSize;
  const walk = new Batches(device, { ...rows, start: 0, count }, net.batchSize);
  const { model, trainer } = makeTrainer(net);
  const step = jit((size: number) =>
    tidy(() => {
      const { x, y } = walk.take(size);
      trainer.trainStep(x, y as Tensor);
    }),
  );
  return {
    iterations: replayedSteps,
    run: () => step.run({ steps: replayedSteps }, net.batchSize),
    rest: () => walk.begin(),
    dispose: () => disposeAll([step, trainer, model, walk, rows.x, rows.y]),
  };
}

/** As many dispatches, each with a pipeline and a bind group made before, in one submit. */
async function prepareBareLoop(device: Device): Promise<Prepared> {
  const replay = prepareReplay(device);
  await replay.run();
  const before = device.counters().dispatches;
  await replay.run();
  const count = device.counters().dispatches - before;
  await device.sync();
  replay.dispose();
  const bare = await openBare();
  const groups = Array.from({ length: count }, (_, i) => bare.makeGroup(i));
  return {
    iterations: replayedSteps,
    run: () => bare.submit(count, (i) => groups[i]),
    rest: bare.done,
    work: { dispatches: count / replayedSteps, submits: 1 / replayedSteps },
    dispose: bare.dispose,
  };
}

export const hostBench: readonly BenchCase[] = [
  { name: "chain/add-1000/eager", phase: "forward", skip, prepare: (device) => prepareChain(device, false) },
  { name: "chain/add-1000/jit", phase: "forward", skip, prepare: (device) => prepareChain(device, true) },
  { name: "floor/dispatch-new-bind-group", phase: "forward", skip, prepare: () => prepareFloor(true) },
  { name: "floor/dispatch-prebuilt-bind-group", phase: "forward", skip, prepare: () => prepareFloor(false) },
  { name: "host/replay-N1", phase: "host", ownDevice: true, skip, prepare: prepareReplay },
  { name: "host/bare-loop-N1", phase: "host", ownDevice: true, skip, prepare: prepareBareLoop },
];
