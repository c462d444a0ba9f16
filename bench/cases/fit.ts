// fit by the epoch: on the images of MNIST as a user calls it, and on growing data, up to what no longer fits the
// device and streams. Knows what nn shows everybody.

import type { Dataset } from "../../data/index.ts";
import type { Device } from "../../engine/index.ts";
import { type FitOptions, Input, Sequential } from "../../nn/index.ts";
import type { BenchCase, Measurement } from "../bench-case.ts";
import { work } from "../measure.ts";
import { summarise } from "../statistics.ts";
import { byteScale, fitRows } from "./fit-data.ts";
import { layersOf } from "./net-models.ts";
import { type NetSpec, nets } from "./nets.ts";
import type { FitSpec } from "./work-spec.ts";

const n1 = nets[0];
const n3 = nets[2];
const mnistRows = 60_000;
const quickRows = 12_800;

export interface FitResult {
  readonly measurement: Measurement;
  /** Of the last epoch. */
  readonly loss: number;
}

/** Iterations that an epoch counts as. */
export const iterationsOf = ({ rows, net: { batchSize }, isByStep }: FitSpec): number =>
  isByStep ? Math.ceil(rows / batchSize) : 1;

/** The same in little time, for `--quick`. */
export const quickFit = (fit: FitSpec): FitSpec => ({
  ...fit,
  rows: Math.min(fit.rows, quickRows),
  epochs: Math.min(fit.epochs, 2),
});

/** Epochs of `fit` over arrays, or over a data set of batches; the first of them compiles and is left out. */
export async function measureFit(
  device: Device,
  fit: FitSpec,
  set?: Dataset<unknown>,
  more: FitOptions = {},
): Promise<FitResult> {
  const { net, epochs } = fit;
  const { x, y } = await fitRows(fit);
  const model = new Sequential([new Input([net.inputs], { byteScale }), ...layersOf(net)]);
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  try {
    let before = device.counters();
    const options: FitOptions = {
      ...more,
      epochs: epochs + 1,
      verbose: 0,
      onEpochEnd: (epoch) => {
        if (epoch === 0) before = device.counters();
      },
    };
    const { epochSeconds, history } = await (set === undefined
      ? model.fit(x, y, { ...options, batchSize: net.batchSize })
      : model.fit(set, options));
    const iterations = iterationsOf(fit);
    return {
      measurement: {
        ...summarise(epochSeconds.slice(1).map((seconds) => (seconds * 1000) / iterations)),
        iterations,
        ...work(before, device.counters(), epochs * iterations),
      },
      loss: history.loss.at(-1)!,
    };
  } finally {
    model.dispose();
  }
}

const fitCase = (
  fit: FitSpec,
  {
    name,
    phase,
    at,
    isQuick,
    reason,
    more,
  }: Pick<BenchCase, "name" | "phase" | "at" | "isQuick"> & { reason: string; more?: FitOptions },
): BenchCase => ({
  name,
  phase,
  at,
  isQuick,
  ownDevice: true,
  spec: { kind: "fit", fit },
  prepare: () => {
    throw new Error("epochs of fit are timed by fit itself");
  },
  measure: async (device, options) =>
    (await measureFit(device, options.isQuick ? quickFit(fit) : fit, undefined, more)).measurement,
  skip: { cpu: reason },
});

const onMnist = (net: NetSpec): BenchCase =>
  fitCase(
    { net: net, data: "mnist", rows: mnistRows, epochs: 3 },
    {
      name: `fit/mnist-${net.name}`,
      phase: "epoch",
      isQuick: net === n1,
      reason: "an epoch takes the reference minutes; train/ tells what a step takes",
    },
  );

/** The last is more than one binding holds on most adapters, and streams. */
const rowCounts = [1_000, 10_000, 100_000, 400_000];

const onRows = (rows: number): BenchCase =>
  fitCase(
    {
      net: { ...n3, batchSize: 128 },
      data: "random",
      rows,
      epochs: Math.max(2, Math.min(20, Math.round(100_000 / rows))),
      isByStep: true,
    },
    {
      name: `scale-rows/${rows}`,
      phase: "step",
      at: rows,
      reason: "what is asked is what data costs a device",
    },
  );

/** What it costs that a lost device costs nothing: the same epochs with fit's snapshots, as they are by default, and without. */
const onSnapshots = (name: string, more: FitOptions): BenchCase =>
  fitCase(
    { net: n1, data: "random", rows: mnistRows, epochs: 5 },
    { name, phase: "epoch", reason: "the reference is never lost, and takes no snapshots", more },
  );

export const fitBench: readonly BenchCase[] = [
  onMnist(n1),
  onMnist(n3),
  ...rowCounts.map(onRows),
  onSnapshots("snapshot/N1", {}),
  onSnapshots("snapshot/N1-off", { snapshotEvery: false }),
];
