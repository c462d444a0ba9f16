// Training steps of the networks: an nn model, compiled with Adam at 1e-3, and stepped by the loop that `fit`
// itself runs, over batches that are already on the device.

import { type Device, jit, type Tensor, tensor } from "../../engine/index.ts";
import type { Sequential } from "../../nn/index.ts";
import { Batches } from "../../nn/training/batches.ts";
import { Loop } from "../../nn/training/loop.ts";
import type { BenchCase, Prepared } from "../bench-case.ts";
import { batchShape, dataOf, rotation } from "../peers/net-data.ts";
import { buildModel } from "./net-models.ts";
import { flopsOf, type NetSpec, nets } from "./nets.ts";

type Trainer = ReturnType<Sequential["makeTrainer"]>;

interface Disposable {
  dispose(): void;
}

/** Random rows for `batches` batches, on the device. */
export function rowsOf(net: NetSpec, device: Device, batches: number, seed = 1) {
  const { x, y } = dataOf({ ...net, batches }, seed);
  const rows = batches * net.batchSize;
  return {
    x: tensor(x, { shape: [rows, ...batchShape(net).slice(1)], device }),
    y: tensor(y, { shape: net.labelsEach ? [rows, net.inputs] : [rows], device }),
  };
}

export function makeTrainer(net: NetSpec): { model: Sequential; trainer: Trainer } {
  const model = buildModel(net);
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
  const trainer = model.makeTrainer();
  trainer.prepare();
  return { model, trainer };
}

export const disposeAll = (things: readonly (Disposable | undefined)[]) => {
  for (const thing of things) thing?.dispose();
};

/** A run is an epoch of `batches` steps. Model and loop are made in the first. */
export function prepareEpochs(net: NetSpec, device: Device, batches: number): Prepared {
  const { batchSize } = net;
  const before = device.memory().bytes;
  const rows = rowsOf(net, device, batches);
  const dataBytes = device.memory().bytes - before;
  const walk = new Batches(
    device,
    { parts: [rows.x, rows.y], start: 0, count: batches * batchSize },
    batchSize,
  );
  const made: Disposable[] = [];
  let loop: Loop | undefined;
  return {
    iterations: batches,
    dataBytes,
    run: async () => {
      if (loop === undefined) {
        const { model, trainer } = makeTrainer(net);
        loop = new Loop(device, walk, ([x, y]) => trainer.trainStep(x, y));
        made.push(loop, trainer, model);
      }
      await loop.epoch();
    },
    dispose: () => disposeAll([...made, walk, rows.x, rows.y]),
  };
}

/** What a first step costs on a device just opened. */
export interface FirstStep {
  /** Building the model, tracing, compiling, and the step itself. */
  readonly ms: number;
  /** From the first pipeline asked for until all were there. */
  readonly compileMs: number;
  readonly compiledPipelines: number;
  readonly dispatches: number;
  readonly submits: number;
}

/** Takes the first step of a net; the data is there before the clock starts. */
export async function takeFirstStep(net: NetSpec, device: Device): Promise<FirstStep> {
  const rows = rowsOf(net, device, 1);
  const walk = new Batches(
    device,
    { parts: [rows.x, rows.y], start: 0, count: net.batchSize },
    net.batchSize,
  );
  await device.sync();
  const before = device.counters();
  const started = performance.now();
  const { model, trainer } = makeTrainer(net);
  const loop = new Loop(device, walk, ([x, y]) => trainer.trainStep(x, y));
  let began: number | undefined;
  let compiled = 0;
  await loop.epoch({
    onCompile: () => {
      began ??= performance.now();
      compiled = performance.now();
    },
  });
  const ms = performance.now() - started;
  const after = device.counters();
  disposeAll([loop, trainer, model, walk, rows.x, rows.y]);
  return {
    ms,
    compileMs: compiled - (began ?? compiled),
    compiledPipelines: loop.compiledPipelines,
    dispatches: after.dispatches - before.dispatches,
    submits: after.submits - before.submits,
  };
}

/** A run is a step, and its loss read before the next: a loop of one's own around a traced step. */
function prepareReading(net: NetSpec, device: Device): Prepared {
  const batches = Array.from({ length: rotation }, (_, i) => rowsOf(net, device, 1, i + 1));
  const { model, trainer } = makeTrainer(net);
  const step = jit((x: Tensor, y: Tensor) => trainer.trainStep(x, y));
  let next = 0;
  return {
    run: async () => {
      const { x, y } = batches[next];
      next = (next + 1) % rotation;
      step(x, y);
      await trainer.read(net.batchSize);
    },
    dispose: () => disposeAll([step, trainer, model, ...batches.flatMap(({ x, y }) => [x, y])]),
  };
}

export const trainingBench: readonly BenchCase[] = nets.flatMap((net): BenchCase[] => {
  const shared = { batchSize: net.batchSize, flops: flopsOf(net), ownDevice: true };
  return [
    {
      ...shared,
      name: `train/${net.name}`,
      phase: "step",
      spec: { kind: "net", net: net },
      isQuick: net.name === "N1" || net.name === "N3",
      // A step of the reference takes up to seconds: one at a time there.
      prepare: (device) => prepareEpochs(net, device, device.kind === "cpu" ? 1 : rotation),
    },
    {
      ...shared,
      name: `train-sync/${net.name}`,
      phase: "step",
      spec: { kind: "net", net: net, readsEach: true },
      prepare: (device) => prepareReading(net, device),
      skip: { cpu: "the reference computes at once, so reading changes nothing" },
    },
  ];
});
