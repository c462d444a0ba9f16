// How a training step's time and memory grow with width, depth and batch, to what a usual adapter's binding holds; and
// whether the cost of a step stays the same over very many.

import type { Device } from "../../engine/index.ts";
import type { BenchCase, Measurement, MeasureOptions } from "../bench-case.ts";
import { work } from "../measure.ts";
import { summarise } from "../statistics.ts";
import { flopsOf, gpt, type NetSpec, nets } from "./nets.ts";
import { prepareEpochs } from "./training.ts";

const skip = { cpu: "the reference's time grows as its operations do; train/ tells its rate" };

/** Batches of data on the device: few, for they are not what is measured; the largest fit but once. */
const batchesFor = (batchSize: number) => (batchSize > 8192 ? 1 : 4);

const perceptron = (name: string, hidden: readonly number[], batchSize: number): NetSpec => ({
  name,
  inputs: 784,
  classes: 10,
  batchSize,
  layers: [...hidden, 10].map((units) => ({ kind: "dense", units })),
});

function scaled(spec: NetSpec, at: number, isQuick: boolean): BenchCase {
  const net = { ...spec, batches: batchesFor(spec.batchSize) };
  return {
    name: net.name,
    phase: "step",
    at,
    isQuick,
    flops: flopsOf(net),
    batchSize: net.batchSize,
    ownDevice: true,
    spec: { kind: "net", net },
    budget: { minSamples: 3, minIterations: net.batches },
    prepare: (device) => prepareEpochs(net, device, net.batches),
    skip,
  };
}

/**
 * 784-width-width-10, to the widest whose parameters share a buffer of 128 MiB; as deep as a program stays quick to
 * trace; and to 32,768 rows of 784, which are 98 MiB.
 */
const widths = [64, 256, 512, 1024, 2048, 4096, 5408];
const depths = [1, 4, 16, 64, 256];
const batchSizes = [16, 128, 1024, 8192, 32768];

const width = widths.map((units) =>
  scaled(perceptron(`scale-width/${units}`, [units, units], 128), units, units === 256),
);
const depth = depths.map((count) =>
  scaled(perceptron(`scale-depth/${count}`, Array(count).fill(64), 128), count, count === 4),
);
const batch = batchSizes.map((size) =>
  scaled({ ...nets[0], name: `scale-batch/${size}`, batchSize: size }, size, size === 16),
);

/** N7's blocks, wider, over twice as many tokens. */
const gptWidths = [64, 128, 256];
const transformer = gptWidths.map((units) => scaled(gpt(`scale-gpt/${units}`, units, 128), units, false));

const windows = 20;
const stepsPerWindow = 5_000;
const quickStepsPerWindow = 100;

/** Times of windows of steps, one after the other, with nothing between them. */
async function measureSteady(device: Device, { isQuick }: MeasureOptions): Promise<Measurement> {
  const prepared = prepareEpochs(nets[2], device, 50);
  const perRun = prepared.iterations!;
  const iterations = isQuick ? quickStepsPerWindow : stepsPerWindow;
  const times: number[] = [];
  await prepared.run();
  const before = device.counters();
  for (let window = 0; window < windows; window++) {
    const started = performance.now();
    for (let done = 0; done < iterations; done += perRun) await prepared.run();
    times.push((performance.now() - started) / iterations);
  }
  const counts = work(before, device.counters(), windows * iterations);
  prepared.dispose();
  return { ...summarise(times), iterations, ...counts };
}

const steady: BenchCase = {
  name: `steady/N3-${(windows * stepsPerWindow) / 1000}k-steps`,
  phase: "step",
  ownDevice: true,
  flops: flopsOf(nets[2]),
  batchSize: nets[2].batchSize,
  prepare: (device) => prepareEpochs(nets[2], device, 1),
  measure: measureSteady,
  skip,
};

export const scalingBench: readonly BenchCase[] = [...width, ...depth, ...batch, ...transformer, steady];
