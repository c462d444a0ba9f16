// Models in files: saved, loaded, refused where they don't fit, and written so that a file that loads is always there.

import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import {
  ArgumentError,
  DataError,
  type Device,
  dispose,
  init,
  mean,
  mul,
  square,
  sub,
  type Tensor,
} from "../../engine/index.ts";
import * as nn from "../../nn/index.ts";
import { stages } from "../../nn/state/file-store.ts";
import * as optimizers from "../../optim/all.ts";
import {
  Adam,
  clipNorm,
  excludeFromWeightDecay,
  type Optimizer,
  optimizerState,
  parameterGroups,
  SGD,
  schedules,
} from "../../optim/index.ts";

const {
  Dense,
  Dropout,
  Input,
  Sequential,
  loadModel,
  loadWeights,
  modelBytes,
  saveModel,
  saveWeights,
  weightBytes,
} = nn;

let folder: string;
let device: Device;
beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-saving-"));
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => {
  dispose();
  fs.rmSync(folder, { recursive: true });
});
afterEach(() => {
  stages.at = undefined;
  vi.restoreAllMocks();
});
const place = (name: string) => path.join(folder, name);

const x = Float32Array.from({ length: 12 * 4 }, (_, i) => Math.sin(i));
const y = Float32Array.from({ length: 12 }, (_, i) => x[i * 4] - x[i * 4 + 2]);
const quiet = { batchSize: 4, verbose: 0 } as const;

const small = (units = 3) =>
  new Sequential([
    new Input([4]),
    new Dense(units, { activation: "tanh", kernelRegularizer: nn.regularizers.l2(0.001) }),
    new nn.BatchNormalization(),
    new Dropout(0.25, { seed: 3 }),
    new Dense(1, {
      kernelConstraint: nn.constraints.maxNorm(2),
      kernelInitializer: nn.initializers.randomNormal({ stddev: 0.2 }),
    }),
  ]);

async function same(a: nn.Model, b: nn.Model): Promise<void> {
  expect(await b.getWeights()).toEqual(await a.getWeights());
}

describe("saveModel and loadModel", () => {
  it("give a model that trains on as the saved one does", async () => {
    const model = small().compile({
      optimizer: new Adam({
        learningRate: schedules.cosineDecay({ initialLearningRate: 0.1, decaySteps: 20 }),
      }),
      loss: nn.losses.huber({ delta: 0.5 }),
      metrics: ["meanAbsoluteError", nn.metrics.r2Score({ name: "fit" })],
    });
    await model.fit(x, y, { ...quiet, epochs: 2 });
    await saveModel(model, place("whole"));
    const again = await loadModel(place("whole"));
    await same(model, again);
    const [first, second] = [await model.fit(x, y, quiet), await again.fit(x, y, quiet)];
    // The CPU reference keeps float64, files what reading gives: f32.
    for (const [name, values] of Object.entries(first.history)) {
      expect(second.history[name][0]).toBeCloseTo(values[0], 5);
    }
    expect(Object.keys(second.history)).toEqual(["loss", "meanAbsoluteError", "fit"]);
    expect(await again.optimizer?.iterations?.item()).toBe(9);
    expect(fs.readdirSync(folder)).toEqual(["whole"]);
    for (const one of [model, again]) one.dispose();
  });

  it.each(Object.keys(optimizers))("keep what %s was made of and remembers", async (name) => {
    const Own = (optimizers as never as Record<string, new (options: object) => Optimizer>)[name];
    const model = small();
    const optimizer = new Own({
      learningRate: 0.01,
      groups: parameterGroups([{ filter: /kernel$/, clipping: clipNorm(1) }]),
      useEma: name === "SGD",
    });
    excludeFromWeightDecay(optimizer, function isBias({ name }) {
      return name.endsWith("bias");
    });
    model.compile({ optimizer, loss: "mse" });
    await model.fit(x, y, quiet);
    optimizer.learningRate = 0.0125;
    const bytes = await modelBytes(model);
    await expect(loadModel(bytes)).rejects.toThrow(
      /"isBias", which is none of ours; give it by custom: \{ isBias \}/,
    );
    const again = await loadModel(bytes, { custom: { isBias: () => false } });
    expect(again.optimizer).toBeInstanceOf(Own);
    expect(again.optimizer?.config()).toEqual(optimizer.config());
    again.optimizer?.build(again.trainableWeights);
    expect(await optimizerState(again.optimizer!)).toEqual(await optimizerState(optimizer));
    for (const one of [model, again]) one.dispose();
  });

  it.each(
    Object.entries({
      constantOnes: schedules.piecewiseConstant({ boundaries: [3], values: [0.1, 0.01] }),
      cosineDecay: schedules.cosineDecay({
        initialLearningRate: 0.1,
        decaySteps: 9,
        warmupSteps: 3,
        warmupTarget: 0.2,
      }),
      cosineDecayRestarts: schedules.cosineDecayRestarts({ initialLearningRate: 0.1, firstDecaySteps: 4 }),
      cyclic: schedules.cyclic({ baseLearningRate: 0.1, maxLearningRate: 0.5, stepSizeUp: 4 }),
      exponentialDecay: schedules.exponentialDecay({
        initialLearningRate: 0.1,
        decaySteps: 4,
        decayRate: 0.5,
      }),
      inverseTimeDecay: schedules.inverseTimeDecay({
        initialLearningRate: 0.1,
        decaySteps: 4,
        decayRate: 0.5,
      }),
      linearWarmup: schedules.linearWarmup({ warmupSteps: 4, learningRate: 0.1 }),
      oneCycle: schedules.oneCycle({ maxLearningRate: 0.1, totalSteps: 9 }),
      polynomialDecay: schedules.polynomialDecay({ initialLearningRate: 0.1, decaySteps: 4 }),
      polynomialWarmup: schedules.polynomialWarmup({
        warmupSteps: 2,
        power: 2,
        learningRate: schedules.exponentialDecay({ initialLearningRate: 0.1, decaySteps: 4, decayRate: 0.5 }),
      }),
      byEpoch: schedules.byEpoch(schedules.piecewiseConstant({ boundaries: [1], values: [0.1, 0.01] })),
      stepDecay: schedules.stepDecay({ every: 1, factor: 0.5 }),
    }),
  )("keep the schedule %s", async (_, learningRate) => {
    const model = small().compile({ optimizer: new SGD({ learningRate }), loss: "mse" });
    await model.fit(x, y, { ...quiet, epochs: 2 });
    const again = await loadModel(await modelBytes(model));
    expect(again.optimizer?.config()).toEqual(model.optimizer?.config());
    again.optimizer?.build(again.trainableWeights);
    expect(await again.optimizer?.currentLearningRate()).toBeCloseTo(
      (await model.optimizer?.currentLearningRate()) ?? NaN,
      7,
    );
    for (const one of [model, again]) one.dispose();
  });

  it("keep losses and metrics with their options, by output too", async () => {
    const start = nn.input([4]);
    const ends = { a: new Dense(1, { name: "a" }).call(start), b: new Dense(3, { name: "b" }).call(start) };
    const model = new nn.Model(start, ends).compile({
      optimizer: "adam",
      loss: { a: "mae", b: nn.losses.sparseCategoricalCrossentropy({ fromLogits: true, ignoreClass: 2 }) },
      lossWeights: { b: 0.5 },
      metrics: {
        b: [
          nn.metrics.topKCategoricalAccuracy === undefined
            ? "acc"
            : nn.metrics.sparseTopKCategoricalAccuracy({ k: 2 }),
        ],
      },
      weightedMetrics: { a: nn.metrics.sensitivityAtSpecificity(0.75, { name: "sense" }) },
    });
    const again = await loadModel(await modelBytes(model));
    const own = again.compileOptions as never as Record<string, never>;
    expect((own.loss as { b: { ignoreClass: number; logitsOf: string } }).b).toMatchObject({
      ignoreClass: 2,
      logitsOf: "softmax",
    });
    expect(own).toMatchObject({
      optimizer: "adam",
      loss: { a: "mae" },
      lossWeights: { b: 0.5 },
      weightedMetrics: { a: { name: "sense" } },
    });
    for (const one of [model, again]) one.dispose();
  });

  it("take what is one's own by name, and read no code", async () => {
    class Twice extends nn.Layer<Tensor, Tensor> {
      constructor(options: nn.LayerOptions = {}) {
        super("Twice", options, {});
      }
      protected forward(x: Tensor): Tensor {
        return mul(x, 2);
      }
    }
    const squares = (targets: Tensor, outputs: Tensor) => mean(square(sub(outputs, targets)), -1);
    const model = new Sequential([new Input([4]), new Twice(), new Dense(1)]);
    model.compile({ optimizer: "sgd", loss: squares, metrics: [{ name: "mine", values: squares }] });
    const bytes = await modelBytes(model);
    await expect(loadModel(bytes)).rejects.toThrow(/Give a class of your own by custom: \{ Twice \}/);
    await expect(loadModel(bytes, { custom: { Twice } })).rejects.toThrow(/"squares"/);
    const before = device.memory().tensors;
    const plain = await loadModel(bytes, { custom: { Twice }, compile: false });
    expect(plain.optimizer).toBeUndefined();
    plain.dispose();
    expect(device.memory().tensors).toBe(before);
    const again = await loadModel(bytes, {
      custom: { Twice, squares, mine: { name: "mine", values: squares } },
    });
    await again.fit(x, y, quiet);
    model.compile({
      optimizer: "sgd",
      loss: (targets: Tensor, outputs: Tensor) => squares(targets, outputs),
    });
    model.compileOptions!.loss = (
      () => (targets: Tensor, outputs: Tensor) =>
        squares(targets, outputs)
    )();
    await expect(modelBytes(model)).rejects.toThrow(/compile: loss has a function without a name/);
    for (const one of [model, again]) one.dispose();
  });

  it("refuse what is no model's file", async () => {
    const model = small();
    await expect(loadModel(place("nowhere"))).rejects.toThrow(/there is nothing at/);
    await expect(loadModel(await weightBytes(model))).rejects.toThrow(
      /holds no model's structure; make the model and use loadWeights/,
    );
    await expect(loadModel(new Uint8Array(3))).rejects.toThrow(DataError);
    await expect(saveModel(model, "")).rejects.toThrow(ArgumentError);
    await expect(saveModel(model, "ftp://x")).rejects.toThrow(/no place that is known/);
    await expect(saveModel(small as never, place("x"))).rejects.toThrow(/must be a model/);
    await expect(saveModel(new Sequential([new Dense(1)]), place("x"))).rejects.toThrow(/no weights yet/);
    model.dispose();
  });
});

describe("saveWeights and loadWeights", () => {
  it("move weights between models of one structure", async () => {
    const [model, other] = [small(), small()];
    await saveWeights(model, place("weights"));
    const { loaded, missing } = await loadWeights(other, place("weights"));
    expect(loaded).toContain("dense/kernel");
    expect(missing).toEqual([]);
    await same(model, other);
    for (const one of [model, other]) one.dispose();
  });

  it("say what differs, and change nothing", async () => {
    const [model, wider] = [small(), small(5)];
    const before = await wider.getWeights();
    await expect(loadWeights(wider, await weightBytes(model))).rejects.toThrow(
      /model\/dense\/kernel is \[4, 3\] in the file and \[4, 5\] here/,
    );
    expect(await wider.getWeights()).toEqual(before);
    const found = await loadWeights(wider, await weightBytes(model), { strict: false });
    expect(found.loaded).toEqual(["dense_1/bias"]);
    expect(found.misshapen).toHaveLength(7);
    for (const one of [model, wider]) one.dispose();
  });
});

describe("a file", () => {
  it("stays what it was where writing fails at any stage", async () => {
    const [model, other] = [small(), small()];
    await saveModel(model, place("kept"));
    const before = fs.readFileSync(place("kept"));
    for (const stage of ["open", "write", "flush", "read", "rename"]) {
      stages.at = (now) => {
        if (now === stage)
          throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
      };
      await expect(saveModel(other, place("kept"))).rejects.toThrow(
        /ENOSPC.*what was there before is still there/,
      );
      expect(fs.readFileSync(place("kept"))).toEqual(before);
      expect(fs.existsSync(place("kept.new"))).toBe(false);
    }
    for (const one of [model, other]) one.dispose();
  });

  it("stays what it was where what was written reads back otherwise", async () => {
    const model = small();
    await saveModel(model, place("disk"));
    stages.at = (stage, file) => {
      if (stage !== "read") return;
      const handle = fs.openSync(file, "r+");
      fs.writeSync(handle, Uint8Array.of(7), 0, 1, fs.fstatSync(handle).size - 1);
      fs.closeSync(handle);
    };
    await expect(saveModel(model, place("disk"))).rejects.toThrow(/reads back otherwise/);
    stages.at = undefined;
    (await loadModel(place("disk"))).dispose();
    model.dispose();
  });

  it("is the last one of two that are written at a time", async () => {
    const [model, other] = [small(), small()];
    await Promise.all([saveWeights(model, place("two")), saveWeights(other, place("two"))]);
    await loadWeights(model, place("two"));
    await same(model, other);
    for (const one of [model, other]) one.dispose();
  });

  it("is kept wherever one likes", async () => {
    const model = small();
    const kept = new Map<string, Uint8Array>();
    const store: nn.Store = {
      name: "my server",
      read: async () => kept.get("a"),
      async write(parts) {
        kept.set("a", Buffer.concat(parts));
      },
      async remove() {
        kept.delete("a");
      },
    };
    await expect(loadModel(store)).rejects.toThrow(/nothing at my server/);
    await saveModel(model, store);
    const again = await loadModel(store);
    await same(model, again);
    for (const one of [model, again]) one.dispose();
  });
});

describe("a lock", () => {
  const lock = (name: string) => `${place(name)}.lock`;
  it("keeps a second run of this process and of another away, and outlives none", async () => {
    const { fileStore } = await import("../../nn/state/file-store.ts");
    const release = await fileStore(place("l")).lock!();
    await expect(fileStore(place("l")).lock!()).rejects.toThrow(/another run of this program/);
    await release();
    expect(fs.existsSync(lock("l"))).toBe(false);
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
    const started = fs.existsSync("/proc/self/stat")
      ? fs.readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1].split(" ")[19]
      : "";
    const text = JSON.stringify({ pid: child.pid, host: os.hostname(), started });
    fs.writeFileSync(lock("l"), text);
    await expect(fileStore(place("l")).lock!()).rejects.toThrow(`process ${child.pid} writes there`);
    expect(fs.readFileSync(lock("l"), "utf8")).toBe(text);
    child.kill("SIGKILL");
    await new Promise((resolve) => child.on("exit", resolve));
    await (await fileStore(place("l")).lock!())();
    // A process of that id that began at another time, what was cut off, and another machine's.
    fs.writeFileSync(lock("l"), JSON.stringify({ pid: process.pid, host: os.hostname(), started: "1" }));
    if (started !== "") await (await fileStore(place("l")).lock!())();
    fs.writeFileSync(lock("l"), '{"pid":');
    await (await fileStore(place("l")).lock!())();
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    fs.writeFileSync(lock("l"), JSON.stringify({ pid: 1, host: "elsewhere", started: "1" }));
    await (await fileStore(place("l")).lock!())();
    expect(warn).toHaveBeenCalledWith(expect.stringMatching(/on "elsewhere"/));
  });
});
