// fit over data sets on the images of MNIST: rows on the device beside arrays (fit/mnist-N1), and batches that a generator
// makes or waits for, each beside what making them takes alone.

import { Dataset, NdArray } from "../../data/index.ts";
import type { Device } from "../../engine/index.ts";
import type { BenchCase, Measurement } from "../bench-case.ts";
import { summarise } from "../statistics.ts";
import { measureFit, quickFit } from "./fit.ts";
import { fitRows } from "./fit-data.ts";
import { nets } from "./nets.ts";
import type { FitSpec } from "./work-spec.ts";

const n1: FitSpec = { net: nets[0], data: "mnist", rows: 60_000, epochs: 3 };

/** Milliseconds that a batch of the generators takes: about half a step of N1 on a software adapter. */
const batchMs = 1.25;

type Batch = readonly [x: NdArray, y: ArrayLike<number>];

/** Copies of the rows, batch by batch. */
async function batchesOf({ net, ...fit }: FitSpec): Promise<() => Generator<Batch>> {
  const { inputs, batchSize } = net;
  const { x, y } = await fitRows({ net, ...fit });
  return function* () {
    for (let first = 0; first < y.length; first += batchSize) {
      const count = Math.min(batchSize, y.length - first);
      const values = x.slice(first * inputs, (first + count) * inputs);
      yield [new NdArray(values, [count, inputs]), Array.prototype.slice.call(y, first, first + count)];
    }
  };
}

async function* working(batches: () => Generator<Batch>): AsyncGenerator<Batch> {
  for (const batch of batches()) {
    for (const begun = performance.now(); performance.now() - begun < batchMs; );
    yield batch;
  }
}

/** Waits for batches that come at a steady pace; timers are too coarse to wait for one at a time. */
async function* waiting(batches: () => Generator<Batch>): AsyncGenerator<Batch> {
  let due = performance.now();
  for (const batch of batches()) {
    due += batchMs;
    const left = due - performance.now();
    if (left > 1) await new Promise((resolve) => setTimeout(resolve, left));
    yield batch;
  }
}

const kinds = {
  /** Rows on the device. */
  slices: async (fit: FitSpec) => {
    const { x, y } = await fitRows(fit);
    const { inputs, batchSize } = fit.net;
    const rows = { values: x, shape: [y.length, inputs] };
    return Dataset.fromTensorSlices([rows, Uint8Array.from(y)])
      .shuffle()
      .batch(batchSize);
  },
  generator: async (fit: FitSpec) =>
    generated(fit, async function* (batches) {
      yield* batches();
    }),
  "generator-works": (fit: FitSpec) => generated(fit, working),
  "generator-waits": (fit: FitSpec) => generated(fit, waiting),
} as const;

async function generated(
  fit: FitSpec,
  made: (batches: () => Generator<Batch>) => AsyncGenerator<Batch>,
): Promise<Dataset<unknown>> {
  const batches = await batchesOf(fit);
  const length = Math.ceil(fit.rows / fit.net.batchSize);
  return Dataset.fromGenerator(() => made(batches), { batched: true, length });
}

const dataCase = (
  name: string,
  measure: (device: Device, fit: FitSpec) => Promise<Measurement>,
): BenchCase => ({
  name,
  phase: "epoch",
  ownDevice: true,
  prepare: () => {
    throw new Error("epochs of fit are timed by fit itself");
  },
  measure: (device, { isQuick }) => measure(device, isQuick ? quickFit(n1) : n1),
  skip: { cpu: "what is asked is what data costs a device" },
});

/** What an epoch's elements take where nobody trains on them. */
async function load(fit: FitSpec, kind: keyof typeof kinds): Promise<Measurement> {
  const set = await kinds[kind](fit);
  const times: number[] = [];
  for (let epoch = 0; epoch < fit.epochs; epoch++) {
    const begun = performance.now();
    for await (const batch of set as Dataset<unknown>) void batch;
    times.push(performance.now() - begun);
  }
  return { ...summarise(times), iterations: 1, dispatches: 0, submits: 0 };
}

export const fitDatasetBench: readonly BenchCase[] = [
  ...Object.entries(kinds).map(([kind, make]) =>
    dataCase(
      `fit-dataset/${kind}-N1`,
      async (device, fit) => (await measureFit(device, fit, await make(fit))).measurement,
    ),
  ),
  ...(["generator-works", "generator-waits"] as const).map((kind) =>
    dataCase(`fit-dataset/${kind}-alone`, (_device, fit) => load(fit, kind)),
  ),
];
