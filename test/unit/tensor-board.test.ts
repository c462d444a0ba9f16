// The callback TensorBoard on the CPU reference: what stands in its files, as an independent reader finds it.

import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { dispose, init, noLeaks, setSeed } from "../../engine/index.ts";
import {
  BatchNormalization,
  type Callback,
  checkpoint,
  Dense,
  Dropout,
  Input,
  readEvents,
  Sequential,
  TensorBoard,
  type TensorBoardOptions,
} from "../../nn/index.ts";
import { Adam, schedules } from "../../optim/index.ts";
import { bundle } from "../../scripts/run.mjs";
import { decoded, eventFilesIn, eventsIn, summariesIn } from "../support/event-reader.ts";

const root = path.resolve(import.meta.dirname, "../..");
const x = Array.from({ length: 24 }, (_, i) => [Math.sin(i), Math.cos(3 * i), i / 24]);
const y = x.map(([a, b, c]) => [a + b > c ? 1 : 0]);
const makeModel = (
  learningRate: Adam["learningRate"] | ReturnType<typeof schedules.exponentialDecay> = 0.01,
) =>
  new Sequential(
    [
      new Input([3]),
      new Dense(4, { activation: "relu" }),
      new BatchNormalization(),
      new Dropout(0.25),
      new Dense(1, { activation: "sigmoid" }),
    ],
    { name: "net" },
  ).compile({
    optimizer: new Adam({ learningRate }),
    loss: "binaryCrossentropy",
    metrics: ["accuracy", "meanSquaredError"],
  });

let folder: string;
beforeAll(() => init({ device: "cpu", seed: 1 }));
afterAll(dispose);
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-board-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const silent = { print: () => {} };
const fit = { batchSize: 6, epochs: 3, validationSplit: 0.25, verbose: 0, shuffle: false } as const;

/** The summaries of a folder below the log's. */
const summaries = (run: string) =>
  (eventFilesIn(folder).get(run) ?? []).flatMap((file) => summariesIn(eventsIn(fs.readFileSync(file))));

/** Steps and values of the scalars there, by tag. */
function scalars(run: string): Record<string, [step: number, value: number][]> {
  const found: Record<string, [number, number][]> = {};
  for (const { tag, plugin, step, tensor: value } of summaries(run)) {
    if (plugin === "scalars") found[tag] = [...(found[tag] ?? []), [step, value.float_val[0]]];
  }
  return found;
}

const rounded = (values: readonly number[]) => values.map((value, i) => [i, Math.fround(value)]);

it("has readers forget what a run that was cut logged after its last checkpoint", async () => {
  const place = path.join(folder, "run.safetensors");
  const logDir = path.join(folder, "logs");
  const train = async (updateFreq: "epoch" | 2, more: Callback[] = []) => {
    setSeed(3);
    const callbacks = [new TensorBoard({ logDir, updateFreq, ...silent }), ...more];
    await makeModel().fit(x, y, { ...fit, callbacks, resume: checkpoint(place, { steps: 100 }) });
    const files = [...eventFilesIn(logDir)].map(([run, paths]) => {
      const read = paths.map((file) => fs.readFileSync(file));
      return [run, read] as const;
    });
    fs.rmSync(place);
    return new Map(files);
  };
  for (const updateFreq of ["epoch", 2] as const) {
    // What a run leaves that is cut in its last epoch, its last checkpoint being that of the first epoch's end.
    const early: Callback = {
      onEpochBegin(epoch) {
        if (epoch === 2) fs.copyFileSync(place, `${place}.early`);
      },
    };
    const once = await train(updateFreq, [early]);
    fs.renameSync(`${place}.early`, place);
    const twice = await train(updateFreq);
    const inTrain = twice.get("train")!;
    expect(inTrain).toHaveLength(once.get("train")!.length + 1);
    const restarts = eventsIn(inTrain[1]).filter(({ session_log }) => session_log?.status === "START");
    // Files are written while training goes on: it is that of the first epoch's end, or of the second's.
    const stepsAnEpoch = updateFreq === "epoch" ? 1 : 3;
    expect([stepsAnEpoch, 2 * stepsAnEpoch]).toContain(restarts[0].step);
    expect(restarts).toHaveLength(1);
    // Tags by step and by epoch alike, in folders that have both.
    const stepsOf = (files: readonly Buffer[]) => {
      const log = files.reduce((found, file) => readEvents(file, found), readEvents(files[0].subarray(0, 0)));
      return [...log.scalars].map(([tag, list]) => [tag, list.map(({ step }) => step)]);
    };
    for (const run of ["train", "validation"])
      expect(stepsOf(twice.get(run)!)).toEqual(stepsOf(once.get(run)!));
    fs.rmSync(logDir, { recursive: true });
  }
});

describe("TensorBoard", () => {
  it("logs each epoch under train/ and validation/, by Keras's names", async () => {
    const { history } = await makeModel().fit(x, y, { ...fit, callbacks: [new TensorBoard(folder, silent)] });
    expect([...eventFilesIn(folder).keys()].sort()).toEqual(["train", "validation"]);
    expect(scalars("train")).toEqual({
      epoch_loss: rounded(history.loss),
      epoch_accuracy: rounded(history.accuracy),
      epoch_mean_squared_error: rounded(history.meanSquaredError),
      epoch_learning_rate: rounded([0.01, 0.01, 0.01]),
    });
    // Three steps an epoch: 18 samples in batches of 6.
    const at = (values: readonly number[]) => values.map((value, i) => [3 * (i + 1), Math.fround(value)]);
    expect(scalars("validation")).toEqual({
      epoch_loss: rounded(history.valLoss),
      epoch_accuracy: rounded(history.valAccuracy),
      epoch_mean_squared_error: rounded(history.valMeanSquaredError),
      evaluation_loss_vs_iterations: at(history.valLoss),
      evaluation_accuracy_vs_iterations: at(history.valAccuracy),
      evaluation_mean_squared_error_vs_iterations: at(history.valMeanSquaredError),
    });
  });

  it("logs by step where asked, and changes no number by it", async () => {
    setSeed(7);
    const reference = await makeModel().fit(x, y, fit);
    setSeed(7);
    const board = new TensorBoard({
      logDir: folder,
      updateFreq: 2,
      histogramFreq: 1,
      writeGradients: true,
      writeActivations: true,
      writeImages: true,
      writeStepsPerSecond: true,
      samples: [x, y],
      ...silent,
    });
    const { history } = await makeModel().fit(x, y, { ...fit, callbacks: board });
    expect(history).toEqual(reference.history);
    const found = scalars("train");
    // After the second step and the last of each epoch.
    expect(found.batch_loss.map(([step]) => step)).toEqual([1, 2, 4, 5, 7, 8]);
    expect(found.batch_loss[1][1]).toBe(Math.fround(history.loss[0]));
    expect(found.epoch_steps_per_second.every(([, value]) => value > 0)).toBe(true);
  });

  it("writes histograms of weights, gradients and activations, and weights as images", async () => {
    const model = makeModel();
    const samples = [x.slice(0, 6), y.slice(0, 6)] as const;
    const options: TensorBoardOptions = {
      histogramFreq: 2,
      writeGradients: true,
      writeActivations: true,
      writeImages: true,
      samples,
      ...silent,
    };
    await model.fit(x, y, { ...fit, epochs: 1, callbacks: new TensorBoard(folder, options) });
    const found = summaries("train").filter(({ plugin }) => plugin === "histograms");
    const counts = new Map(
      found.map(({ tag, step, tensor: { tensor_content } }) => {
        expect(step).toBe(0);
        const numbers = new Float64Array(Uint8Array.from(tensor_content).buffer);
        const rows = Array.from({ length: 30 }, (_, i) => numbers.subarray(3 * i, 3 * i + 3));
        return [
          tag,
          { low: rows[0][0], high: rows[29][1], count: rows.reduce((sum, row) => sum + row[2], 0) },
        ];
      }),
    );
    const weights = new Map([...model.variables()].map(({ path: name, variable }) => [name, variable]));
    const kernel = weights.get("dense/kernel")!;
    const values = await kernel.data();
    expect(counts.get("dense/kernel")).toEqual({
      low: Math.min(...values),
      high: Math.max(...values),
      count: 12,
    });
    expect([...counts].map(([tag, { count }]) => [tag, count])).toEqual([
      ["dense/kernel", 12],
      ["dense/bias", 4],
      ["batch_normalization/gamma", 4],
      ["batch_normalization/beta", 4],
      ["batch_normalization/movingMean", 4],
      ["batch_normalization/movingVariance", 4],
      ["dense_1/kernel", 4],
      ["dense_1/bias", 1],
      ["dense/kernel/gradients", 12],
      ["dense/bias/gradients", 4],
      ["batch_normalization/gamma/gradients", 4],
      ["batch_normalization/beta/gradients", 4],
      ["dense_1/kernel/gradients", 4],
      ["dense_1/bias/gradients", 1],
      ["dense/activations", 24],
      ["batch_normalization/activations", 24],
      ["dropout/activations", 24],
      ["dense_1/activations", 6],
    ]);
    // The first layer's outputs by hand.
    const [w, b] = [values, await weights.get("dense/bias")!.data()];
    const outputs = samples[0].flatMap((row) =>
      [0, 1, 2, 3].map((j) =>
        Math.max(
          0,
          row.reduce((sum, value, i) => sum + value * w[4 * i + j], b[j]),
        ),
      ),
    );
    expect(counts.get("dense/activations")?.low).toBeCloseTo(Math.min(...outputs), 6);
    expect(counts.get("dense/activations")?.high).toBeCloseTo(Math.max(...outputs), 6);
    const images = summaries("train").filter(({ plugin }) => plugin === "images");
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
    expect(
      images
        .find(({ tag }) => tag === "dense/kernel")
        .tensor.string_val.slice(0, 2)
        .map(text),
    ).toEqual(["4", "3"]);
  });

  it("takes gradients of the loss that is trained, and leaves the weights alone", async () => {
    const model = new Sequential([new Input([3]), new Dense(1)], { name: "line" });
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    const options = { histogramFreq: 1, writeGradients: true, samples: [x, y] as const, ...silent };
    await model.fit(x, y, { ...fit, epochs: 1, callbacks: new TensorBoard(folder, options) });
    const [w, b] = (await model.getWeights()).map(({ values }) => Array.from(values));
    const gradient = [0, 1, 2].map((i) => {
      const terms = x.map(
        (row, k) => 2 * (row.reduce((sum, value, j) => sum + value * w[j], b[0]) - y[k][0]) * row[i],
      );
      return terms.reduce((sum, term) => sum + term) / x.length;
    });
    const [file] = eventFilesIn(folder).get("train")!;
    const [{ buckets }] = readEvents(fs.readFileSync(file)).histograms.get("dense/kernel/gradients")!;
    expect(buckets[0][0]).toBeCloseTo(Math.min(...gradient), 5);
    expect(buckets[29][1]).toBeCloseTo(Math.max(...gradient), 5);
  });

  it("writes the graph, hyper-parameters where scalars are looked for, and the rate of a schedule", async () => {
    const model = makeModel(
      schedules.exponentialDecay({ initialLearningRate: 0.1, decaySteps: 3, decayRate: 0.5 }),
    );
    const hparams = { optimizer: "adam", units: 4, batchNorm: true };
    await model.fit(x, y, { ...fit, callbacks: new TensorBoard(folder, { hparams, ...silent }) });
    const [file] = eventFilesIn(folder).get("train")!;
    const { graph_def } = eventsIn(fs.readFileSync(file)).find((event) => event.what === "graph_def")!;
    expect(decoded("GraphDef", graph_def).node.map(({ name }: { name: string }) => name)).toEqual([
      "net/input",
      "net/dense",
      "net/batch_normalization",
      "net/dropout",
      "net/dense_1",
    ]);
    const tags = summaries(".").map(({ tag, plugin }) => `${plugin} ${tag}`);
    expect(tags).toEqual([
      "hparams _hparams_/experiment",
      "hparams _hparams_/session_start_info",
      "hparams _hparams_/session_end_info",
    ]);
    expect(decoded("HParamsPluginData", summaries(".")[0].content).experiment.metric_infos).toEqual([
      { name: { group: "train", tag: "epoch_loss" } },
      { name: { group: "validation", tag: "epoch_loss" } },
    ]);
    const rates = scalars("train").epoch_learning_rate.map(([, value]) => value);
    [0.05, 0.025, 0.0125].forEach((rate, i) => {
      expect(rates[i]).toBeCloseTo(rate, 6);
    });
  });

  it("says once how the log is opened", async () => {
    const lines: string[] = [];
    const board = new TensorBoard(folder, { print: (line) => lines.push(line) });
    const model = makeModel();
    for (let i = 0; i < 2; i++) await model.fit(x, y, { ...fit, epochs: 1, callbacks: board });
    expect(lines).toEqual([`The log: npx gradgpu log ${folder}, or tensorboard --logdir ${folder}`]);
    expect(eventFilesIn(folder).get("train")).toHaveLength(2);
  });

  it("warns where nothing can be written, and training goes on", async () => {
    const file = path.join(folder, "file");
    fs.writeFileSync(file, "");
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    const { history } = await makeModel().fit(x, y, { ...fit, callbacks: new TensorBoard(file, silent) });
    expect(history.loss).toHaveLength(3);
    expect(warned.mock.calls.map(([text]) => text)).toEqual([
      expect.stringMatching(
        /^gradgpu: TensorBoard: EventWriter: can't write .*Training goes on, without a log from here on$/,
      ),
    ]);
    warned.mockRestore();
  });

  it("refuses what it could not do", () => {
    expect(() => new TensorBoard({ writeGradients: true, histogramFreq: 1 })).toThrow(/needs samples/);
    expect(() => new TensorBoard({ writeActivations: true, samples: [x, y] })).toThrow(/histogramFreq is 0/);
    expect(() => new TensorBoard({ updateFreq: "step" as never })).toThrow(
      /updateFreq must be "epoch", "batch" or a number/,
    );
    expect(() => new TensorBoard({ updateFreq: 0 })).toThrow(
      /updateFreq must be a whole number of at least 1/,
    );
    expect(() => new TensorBoard({ histogram_freq: 1 } as never)).toThrow('Did you mean "histogramFreq"?');
  });

  it("leaves nothing behind on the device", async () => {
    const model = makeModel();
    const board = new TensorBoard(folder, {
      histogramFreq: 1,
      writeGradients: true,
      writeActivations: true,
      writeImages: true,
      samples: [x, y],
      ...silent,
    });
    const train = () => model.fit(x, y, { ...fit, callbacks: board });
    await train();
    await noLeaks(train);
  });

  it("leaves a file that reads to its last whole event when the process is killed", async () => {
    const program = await bundle(path.join(root, "test/fixtures/killed-log.ts"));
    const child = spawn(process.execPath, [program, folder], { cwd: root, stdio: "inherit" });
    const lastEpoch = () => {
      const [file] = eventFilesIn(folder).get("train") ?? [];
      if (file === undefined) return -1;
      // While it is written.
      return readEvents(fs.readFileSync(file)).scalars.get("epoch_loss")?.at(-1)?.step ?? -1;
    };
    await vi.waitFor(() => expect(lastEpoch()).toBeGreaterThan(20), { timeout: 100_000, interval: 20 });
    const done = new Promise((resolve) => child.on("exit", resolve));
    child.kill("SIGKILL");
    await done;
    const last = lastEpoch();
    expect(last).toBeGreaterThan(20);
    const [file] = eventFilesIn(folder).get("train")!;
    const log = readEvents(fs.readFileSync(file));
    expect(log.scalars.get("epoch_loss")?.map(({ step }) => step)).toEqual(
      Array.from({ length: last + 1 }, (_, i) => i),
    );
    expect(log.ending).not.toBe("damaged");
  });
});
