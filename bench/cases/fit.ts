// fit by the epoch: on the images of MNIST as a user calls it, and on growing data, up to what no longer fits the
// device and streams. Knows what nn shows everybody.

import { mnist } from "../../data/index.ts";
import type { Device } from "../../engine/index.ts";
import { Input, Sequential } from "../../nn/index.ts";
import type { BenchCase, Measurement, Prepared } from "../bench-case.ts";
import { work } from "../measure.ts";
import { summarise } from "../statistics.ts";
import { labels } from "../values.ts";
import { layersOf, type NetSpec, nets } from "./nets.ts";

const n1 = nets[0];
const n3 = nets[2];
const pixels = 784;
const quickRows = 12_800;

interface Rows {
  /** Bytes, row by row. */
  readonly x: Uint8Array;
  readonly y: ArrayLike<number>;
}

/** Epochs of `fit`, the first of which compiles and is left out; an iteration is an epoch, or a step of it. */
async function measureFit(
  device: Device,
  net: NetSpec,
  { x, y }: Rows,
  epochs: number,
  isByStep = false,
): Promise<Measurement> {
  const model = new Sequential([new Input([pixels], { byteScale: 1 / 255 }), ...layersOf(net)]);
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  try {
    let before = device.counters();
    const { epochSeconds } = await model.fit(x, y, {
      batchSize: net.batchSize,
      epochs: epochs + 1,
      verbose: 0,
      onEpochEnd: (epoch) => {
        if (epoch === 0) before = device.counters();
      },
    });
    const iterations = isByStep ? Math.ceil(y.length / net.batchSize) : 1;
    return {
      ...summarise(epochSeconds.slice(1).map((seconds) => (seconds * 1000) / iterations)),
      iterations,
      ...work(before, device.counters(), epochs * iterations),
    };
  } finally {
    model.dispose();
  }
}

const prepare = (): Prepared => {
  throw new Error("epochs of fit are timed by fit itself");
};

const onMnist = (net: NetSpec): BenchCase => ({
  name: `fit/mnist-${net.name}`,
  phase: "epoch",
  ownDevice: true,
  isQuick: net === n1,
  prepare,
  async measure(device, { isQuick }) {
    const { train } = await mnist.load();
    const count = isQuick ? quickRows : train.shape[0];
    const rows = { x: train.images.subarray(0, count * pixels), y: train.labels.subarray(0, count) };
    return measureFit(device, net, rows, isQuick ? 1 : 3);
  },
  skip: { cpu: "an epoch takes the reference minutes; train/ tells what a step takes" },
});

/** The last is more than one binding holds on most adapters, and streams. */
const rowCounts = [1_000, 10_000, 100_000, 400_000];

const onRows = (count: number): BenchCase => ({
  name: `scale-rows/${count}`,
  phase: "step",
  at: count,
  ownDevice: true,
  prepare,
  measure: (device) => {
    // Fewer numbers than pixels, over and over: making them must not take longer than training on them.
    const few = labels(2 ** 20, 256);
    const x = Uint8Array.from({ length: count * pixels }, (_, i) => few[i & (2 ** 20 - 1)]);
    const epochs = Math.max(2, Math.min(20, Math.round(100_000 / count)));
    return measureFit(device, { ...n3, batchSize: 128 }, { x, y: labels(count, 10) }, epochs, true);
  },
  skip: { cpu: "what is asked is what data costs a device" },
});

export const fitBench: readonly BenchCase[] = [onMnist(n1), onMnist(n3), ...rowCounts.map(onRows)];
