// What the host pays: a chain of tiny ops, the floor of a dispatch on this adapter, and encoding a replayed step next
// to a bare loop of the same commands. The floors speak to WebGPU directly.

import { add, type Device, jit, type Tensor, tensor, tidy, variable } from "../../engine/index.ts";
import { Batches } from "../../nn/training/batches.ts";
import type { BenchCase, Measurement, Prepared } from "../bench-case.ts";
import { rotation } from "../peers/net-data.ts";
import { median, summarise } from "../statistics.ts";
import { nets } from "./nets.ts";
import { valuesIn } from "./op-case.ts";
import { type OpSpec, valuesOf } from "./op-spec.ts";
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

const chainOf = (op: "chain" | "tracedChain"): OpSpec => ({
  op,
  inputs: [{ shape: [4] }, { shape: [4] }],
  attributes: { count: chainLength },
});

function prepareChain(device: Device, isTraced: boolean): Prepared {
  const [x, one] = valuesOf(chainOf("chain")).map((values) => tensor(values, { device }));
  const traced = isTraced ? jit((a: Tensor, b: Tensor) => tidy(() => addChain(a, b))) : undefined;
  const chain = traced ?? addChain;
  return {
    run: () => chain(x, one).dispose(),
    result: () => valuesIn([chain(x, one)]),
    dispose: () => disposeAll([traced, x, one]),
  };
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
  const order = variable(device.random.state(), { dtype: "u32", trainable: false, device });
  const walk = new Batches(device, { parts: [rows.x, rows.y], start: 0, count }, net.batchSize, order);
  const { model, trainer } = makeTrainer(net);
  const step = jit((size: number) =>
    tidy(() => {
      const [x, y] = walk.take(size);
      trainer.trainStep(x, y);
    }),
  );
  return {
    iterations: replayedSteps,
    run: () => step.run({ steps: replayedSteps }, net.batchSize),
    rest: () => walk.begin(),
    dispose: () => disposeAll([step, trainer, model, walk, order, rows.x, rows.y]),
  };
}

/** What a replayed step tells WebGPU, and whom. */
interface Recorded {
  readonly device: GPUDevice;
  readonly dispatches: readonly {
    readonly pipeline: GPUComputePipeline;
    readonly group: GPUBindGroup;
    readonly workgroups: readonly [number, number, number];
  }[];
}

/** Listens to WebGPU while `run` encodes and submits. */
function record(run: () => void): Recorded {
  const found: { device?: GPUDevice; dispatches: Recorded["dispatches"][number][] } = { dispatches: [] };
  let pipeline: GPUComputePipeline;
  let group: GPUBindGroup;
  const restore = [
    listen(GPUDevice.prototype, "createCommandEncoder", function () {
      found.device = this;
    }),
    listen(GPUComputePassEncoder.prototype, "setPipeline", (set) => {
      pipeline = set;
    }),
    listen(GPUComputePassEncoder.prototype, "setBindGroup", (_, set) => {
      group = set as GPUBindGroup;
    }),
    listen(GPUComputePassEncoder.prototype, "dispatchWorkgroups", (x, y = 1, z = 1) => {
      found.dispatches.push({ pipeline, group, workgroups: [x, y, z] });
    }),
  ];
  try {
    run();
  } finally {
    for (const each of restore) each();
  }
  if (found.device === undefined) throw new Error("the replayed step encoded nothing");
  return { device: found.device, dispatches: found.dispatches };
}

/** Has `hear` told every call of a method before it is made; gives what ends it. */
function listen<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  hear: T[K] extends (...args: infer P) => unknown ? (this: T, ...args: P) => void : never,
): () => void {
  const method = prototype[name] as (...args: unknown[]) => unknown;
  prototype[name] = function (this: T, ...args: unknown[]) {
    (hear as (...args: unknown[]) => void).apply(this, args);
    return method.apply(this, args);
  } as T[K];
  return () => {
    prototype[name] = method as T[K];
  };
}

interface HostMeasurement extends Measurement {
  /** CPU time of the process in the same span, all its threads: the driver may begin before the span ends. */
  readonly cpuMs: number;
}

/** A replayed step and a bare loop of the very same commands, turn by turn on one device. */
async function race(device: Device): Promise<{ replay: HostMeasurement; bare: HostMeasurement }> {
  const prepared = prepareReplay(device);
  try {
    // Traces and compiles; the second one encodes what all others do.
    await prepared.run();
    await device.sync();
    const recorded = record(() => void prepared.run());
    await device.sync();
    const { queue } = recorded.device;
    const bareRun = () => {
      const encoder = recorded.device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      for (const { pipeline, group, workgroups } of recorded.dispatches) {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
      }
      pass.end();
      queue.submit([encoder.finish()]);
    };
    const ours = { run: (): void => void prepared.run(), times: [] as number[], cpu: [] as number[] };
    const bare: typeof ours = { run: bareRun, times: [] as number[], cpu: [] as number[] };
    const contenders = [ours, bare];
    for (let round = -raceWarmUps; round < raceRounds; round++) {
      // Who goes second finds warmer caches.
      contenders.reverse();
      for (const { run, times, cpu } of contenders) {
        const before = process.cpuUsage();
        const started = performance.now();
        run();
        const ms = performance.now() - started;
        const { user, system } = process.cpuUsage(before);
        await device.sync();
        await prepared.rest?.();
        await device.sync();
        if (round < 0) continue;
        times.push(ms / replayedSteps);
        cpu.push((user + system) / 1000 / replayedSteps);
      }
    }
    const result = ({ times, cpu }: typeof ours): HostMeasurement => ({
      ...summarise(times),
      cpuMs: median(cpu),
      iterations: replayedSteps,
      dispatches: recorded.dispatches.length / replayedSteps,
      submits: 1 / replayedSteps,
    });
    return { replay: result(ours), bare: result(bare) };
  } finally {
    prepared.dispose();
  }
}

/** V8 compiles what is hot only after some runs. */
const raceWarmUps = 20;
const raceRounds = 81;

let raced: Promise<{ replay: HostMeasurement; bare: HostMeasurement }> | undefined;

/** One of a race's two results; the case that comes first runs it for both. */
async function measureRace(device: Device, which: "replay" | "bare"): Promise<HostMeasurement> {
  const running = (raced ??= race(device));
  try {
    return (await running)[which];
  } finally {
    if (which === "bare") raced = undefined;
  }
}

export const hostBench: readonly BenchCase[] = [
  {
    name: "chain/add-1000/eager",
    phase: "forward",
    spec: { kind: "op", op: chainOf("chain") },
    skip,
    prepare: (device) => prepareChain(device, false),
  },
  {
    name: "chain/add-1000/jit",
    phase: "forward",
    spec: { kind: "op", op: chainOf("tracedChain") },
    skip,
    prepare: (device) => prepareChain(device, true),
  },
  { name: "floor/dispatch-new-bind-group", phase: "forward", skip, prepare: () => prepareFloor(true) },
  { name: "floor/dispatch-prebuilt-bind-group", phase: "forward", skip, prepare: () => prepareFloor(false) },
  {
    name: "host/replay-N1",
    phase: "host",
    ownDevice: true,
    skip,
    prepare: prepareReplay,
    measure: (device) => measureRace(device, "replay"),
  },
  {
    name: "host/bare-loop-N1",
    phase: "host",
    ownDevice: true,
    skip,
    prepare: prepareReplay,
    measure: (device) => measureRace(device, "bare"),
  },
];
