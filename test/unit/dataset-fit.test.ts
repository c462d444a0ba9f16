// fit, evaluate and predict over data sets on the reference: epochs and steps, what is warned of, what is refused.

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  type MockInstance,
  vi,
} from "vitest";
import { Dataset, type DatasetPosition, NdArray } from "../../data/index.ts";
import { ArgumentError, DataError, type Device, GradgpuError, init, ShapeError } from "../../engine/index.ts";
import { type Callback, Dense, Sequential } from "../../nn/index.ts";
import { makeModel, rows, sameBatches, slices, trained, x, y } from "../support/dataset-fit-cases.ts";

let device: Device;
let warn: MockInstance;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());
beforeEach(() => {
  warn = vi.spyOn(console, "warn").mockImplementation(() => {});
});
afterEach(() => void vi.restoreAllMocks());

const warnings = () => warn.mock.calls.map(([text]) => String(text));

/** A set of batches that notes which elements were asked for. */
function noted(count = 10) {
  const seen: string[] = [];
  const closed: number[] = [];
  const set = Dataset.fromGenerator(function* ({ epoch }) {
    try {
      for (let i = 0; i < count; i++) {
        seen.push(`${epoch}/${i}`);
        yield [Float32Array.of(i, 1, 0, epoch), i % 3] as const;
      }
    } finally {
      closed.push(epoch);
    }
  });
  return { set, seen, closed };
}

describe("epochs", () => {
  it("are the same however batches are made", async () => {
    const { sets, dispose } = sameBatches(device);
    const { arrays, weights, ...others } = sets;
    const wanted = await trained(arrays, { epochs: 2 });
    for (const [name, set] of Object.entries(others))
      expect({ name, ...(await trained(set, { epochs: 2 })) }).toEqual({ name, ...wanted });
    expect((await trained(weights, { epochs: 2 })).loss[1]).toBeCloseTo(wanted.loss[1], 6);
    dispose();
  });

  it("without stepsPerEpoch are passes, numbered from initialEpoch", async () => {
    const { set, seen } = noted(4);
    await trained(set.batch(2), { epochs: 4, initialEpoch: 2 });
    expect(seen.filter((one) => one.endsWith("/0"))).toEqual(["2/0", "3/0"]);
  });

  it("with stepsPerEpoch go on where the last ended", async () => {
    const places: (DatasetPosition | undefined)[] = [];
    const onEpochEnd: Callback["onEpochEnd"] = (_epoch, _logs, _model, context) => {
      places.push(context.walk.position);
    };
    const set = slices().shuffle({ seed: 1 }).batch(16);
    await trained(set.repeat(), { epochs: 4, stepsPerEpoch: 3, callbacks: { onEpochEnd } });
    expect(places).toEqual([3, 6, 9, 12].map((skip) => ({ epoch: 0, skip })));
    places.length = 0;
    await trained(noted(8).set.batch(2).repeat(), { epochs: 3, stepsPerEpoch: 3, callbacks: { onEpochEnd } });
    expect(places).toEqual([3, 6, 9].map((skip) => ({ epoch: 0, skip })));
    expect(warnings()).toEqual([]);
  });

  it("end early with a warning where the set does, and the next begins with a new pass", async () => {
    const steps: number[] = [];
    const onEpochEnd: Callback["onEpochEnd"] = (_epoch, _logs, _model, context) => {
      steps.push(context.steps);
    };
    for (const set of [
      slices().batch(16),
      slices()
        .map((one) => one)
        .batch(16),
      slices()
        .filter(() => true)
        .batch(16),
    ]) {
      steps.length = 0;
      warn.mockClear();
      await trained(set, { epochs: 4, stepsPerEpoch: 3, callbacks: { onEpochEnd } });
      expect(steps).toEqual([3, 2, 3, 2]);
      expect(warnings()).toEqual([
        expect.stringMatching(
          /ran out after 2 of 3 batches, and the epoch ends there.*stepsPerEpoch \* epochs batches; use repeat\(\)/,
        ),
      ]);
    }
    // A pass that ends with an epoch is none that is short.
    warn.mockClear();
    steps.length = 0;
    for (const set of [
      slices().batch(16),
      slices()
        .filter(() => true)
        .batch(16),
    ])
      await trained(set, { epochs: 2, stepsPerEpoch: 5, callbacks: { onEpochEnd } });
    expect(steps).toEqual([5, 5, 5, 5]);
    expect(warnings()).toEqual([]);
  });

  it("show steps where they are known", async () => {
    const lines: string[] = [];
    const print = (line: string) => void lines.push(line);
    await trained(slices().batch(16), { verbose: 2, print });
    await trained(
      slices()
        .filter(() => true)
        .batch(16),
      { verbose: 2, print, epochs: 2 },
    );
    expect(lines.map((line) => line.split(" - ")[1])).toEqual(["5/5", "5", "5/5"]);
  });

  it("validate on the same batches each time", async () => {
    const { set, seen } = noted(6);
    const model = await makeModel();
    const { history } = await model.fit(slices().batch(16), {
      epochs: 2,
      verbose: 0,
      validationData: set.batch(2).repeat(),
      validationSteps: 2,
    });
    expect(history.valLoss).toHaveLength(2);
    expect(new Set(seen.slice(0, 4))).toEqual(new Set(["0/0", "0/1", "0/2", "0/3"]));
    await model.fit(x, y, { verbose: 0, validationData: slices() });
    model.dispose();
  });
});

describe("resuming", () => {
  const cases: Record<string, () => Dataset<unknown>> = {
    device: () => slices().shuffle({ seed: 2 }).batch(8).repeat(),
    host: () =>
      slices()
        .shuffle({ seed: 2 })
        .map((one) => one)
        .batch(8)
        .repeat(),
    generator: () => noted(30).set.batch(4).repeat(),
  };
  it.each(Object.entries(cases))("%s: goes on with the batches that come next", async (name, make) => {
    // Stopped after 5 steps of the second epoch of 7.
    const whole = await trained(make(), { epochs: 3, stepsPerEpoch: 7 });
    let position: DatasetPosition | undefined;
    const model = await makeModel();
    const stop: Callback = {
      everySteps: 1,
      onBoundary: () => {},
      onStepsEnd(steps, _logs, model, context) {
        if (context.epoch !== 1 || steps !== 5) return;
        position = structuredClone(context.walk.position);
        model.stopTraining = true;
      },
    };
    await model.fit(make(), { epochs: 3, stepsPerEpoch: 7, verbose: 0, callbacks: stop });
    expect(position).toMatchObject({ epoch: 0, skip: 12 });
    const goOn: Callback = {
      onTrainBegin(_model, context) {
        context.resume = async () => {
          await context.walk.resumeAt?.(position as DatasetPosition, 5, 1);
          context.moveTo(1, 5, 5 * (name === "generator" ? 4 : 8));
        };
      },
    };
    await model.fit(make(), { epochs: 3, stepsPerEpoch: 7, verbose: 0, callbacks: goOn });
    expect((await model.getWeights()).map(({ values }) => Array.from(values))).toEqual(whole.weights);
    expect(warnings()).toEqual(
      name === "generator"
        ? [expect.stringMatching(/can't be opened at a batch, so 12 batches were made again/)]
        : [],
    );
    model.dispose();
  });
});

describe("what is refused", () => {
  const refused = async (
    set: Dataset<unknown>,
    options: object,
    error: new (text: string) => Error,
    text: RegExp,
  ) => {
    const model = await makeModel();
    const before = (await model.getWeights()).map(({ values }) => values);
    const thrown = await model.fit(set, { verbose: 0, ...options }).catch((caught: unknown) => caught);
    expect(String(thrown)).toMatch(text);
    expect(thrown).toBeInstanceOf(error);
    expect((await model.getWeights()).map(({ values }) => values)).toEqual(before);
    model.dispose();
  };

  it("an endless set without steps", async () => {
    await refused(
      slices().batch(2).repeat(),
      {},
      ArgumentError,
      /is endless; say how many batches an epoch has with stepsPerEpoch, or leave out repeat/,
    );
    await refused(slices(), { validationData: slices().repeat() }, ArgumentError, /endless.*validationSteps/);
    const model = await makeModel();
    await expect(model.evaluate(slices().repeat())).rejects.toThrow(/endless.* with steps/);
    model.dispose();
  });

  it("a batched set with a batchSize, options of arrays, steps beside arrays", async () => {
    await refused(
      slices().batch(2),
      { batchSize: 2 },
      ArgumentError,
      /has batches already; leave batchSize out/,
    );
    await refused(
      slices(),
      { validationData: slices().batch(3), validationBatchSize: 3 },
      ArgumentError,
      /validationData: .*has batches already/,
    );
    await refused(
      slices(),
      { sampleWeight: y },
      ArgumentError,
      /sampleWeight is for arrays; of a data set, give elements/,
    );
    await refused(slices(), { validationSplit: 0.2 }, ArgumentError, /validationSplit is for arrays/);
    await refused(
      slices(),
      { shuffle: true },
      ArgumentError,
      /shuffle is for arrays.*call shuffle\(\) of the set/,
    );
    await refused(slices(), { stepsPerEpoch: 0 }, ArgumentError, /stepsPerEpoch/);
    await refused(slices(), { steps_per_epoch: 1 }, ArgumentError, /Did you mean "stepsPerEpoch"/);
    const model = await makeModel();
    await expect(model.fit(x, y, { stepsPerEpoch: 2 })).rejects.toThrow(/stepsPerEpoch is for data sets/);
    await expect(model.fit(x, y, { validationData: [x, y], validationSteps: 2 })).rejects.toThrow(
      /validationSteps is for data sets/,
    );
    await expect(model.evaluate(x, y, { steps: 2 })).rejects.toThrow(/steps is for data sets/);
    await expect(model.predict(x, { steps: 2 })).rejects.toThrow(/steps is for data sets/);
    model.dispose();
  });

  it("sets without batches", async () => {
    await refused(
      slices().batch(rows + 1, { dropRemainder: true }),
      {},
      DataError,
      /has no batches: its 70 elements don't fill a batch of 71, and dropRemainder/,
    );
    await refused(slices().take(0), {}, DataError, /has no batches/);
    await refused(noted(0).set, {}, DataError, /fromGenerator\(\)\.batch\(32\) has no batches/);
    await refused(
      slices().filter(() => false),
      {},
      DataError,
      /has no batches/,
    );
  });

  it("elements of another form or shape", async () => {
    await refused(
      slices().map(([x]) => x),
      {},
      DataError,
      /elements of a data set must be \[x, y\].*got one array/,
    );
    await refused(
      slices().map(([x, y]) => ({ a: x, b: y })),
      {},
      DataError,
      /got an object with a, b/,
    );
    await refused(
      Dataset.fromTensorSlices([y, y]),
      {},
      ShapeError,
      /takes inputs of shape \[batch, 4\], got \[70\]/,
    );
    await refused(
      slices().map(() => [new Float32Array(5), 1]),
      {},
      ShapeError,
      /got \[32, 5\].*batch 0 of fromTensorSlices\(\)\.map\(\)\.batch\(32\)/,
    );
    await refused(
      slices().map(([x]) => [x, 7]),
      {},
      ArgumentError,
      /label 7 at position 0 is out of range/,
    );
    await refused(
      slices().map(([x]) => [x, "a"]),
      {},
      GradgpuError,
      /y/,
    );
  });

  it("what turns up on the way, with its batch", async () => {
    const set = Dataset.range(40).map((i) => [new Float32Array(i < 20 ? 4 : 3), 0]);
    const model = await makeModel();
    await expect(model.fit(set.batch(10), { verbose: 0 })).rejects.toThrow(
      /got \[10, 3\].*\(batch 2 of range/s,
    );
    const weighted = Dataset.range(40).map((i) =>
      i < 20 ? [new Float32Array(4), 0] : [new Float32Array(4), 0, 1],
    );
    await expect(model.fit(weighted.batch(10), { verbose: 0 })).rejects.toThrow(
      /all must have sample weights, or none/,
    );
    const negative = Dataset.range(40).map((i) => [new Float32Array(4), 0, i < 20 ? 1 : -1]);
    await expect(model.fit(negative.batch(10), { verbose: 0 })).rejects.toThrow(
      /sample weight -1 at position 0.*batch 2 of/,
    );
    const thrower = Dataset.fromGenerator(function* () {
      yield* Array.from({ length: 50 }, () => [new Float32Array(4), 0] as const);
      throw new Error("no more disk");
    });
    await expect(model.fit(thrower, { verbose: 0 })).rejects.toThrow(
      "fromGenerator(): element 50: it threw no more disk",
    );
    const many = Dataset.range(40).map((i) => [
      new NdArray(new Float32Array(4 * (i + 1)), [i + 1, 4]),
      new Uint8Array(i + 1),
    ]);
    const batches = Dataset.fromGenerator(
      async function* () {
        yield* await many.toArray();
      },
      { batched: true },
    );
    await expect(model.fit(batches, { verbose: 0 })).rejects.toThrow(/more than 32 shapes.*bucketByLength/);
    model.dispose();
  });
});

describe("what is open", () => {
  it("is closed when training ends, however", async () => {
    const { set, closed } = noted(100);
    await trained(set.batch(2).repeat(), { epochs: 2, stepsPerEpoch: 3 });
    await vi.waitFor(() => expect(closed).toHaveLength(1), { timeout: 20_000 });
    const controller = new AbortController();
    const model = await makeModel();
    const run = model.fit(set.batch(2), {
      verbose: 0,
      signal: controller.signal,
      callbacks: { everySteps: 2, onStepsEnd: () => controller.abort(new Error("enough")) },
    });
    await expect(run).rejects.toThrow("enough");
    await vi.waitFor(() => expect(closed).toHaveLength(2), { timeout: 20_000 });
    model.dispose();
  });

  it("a source that hangs ends with the signal", async () => {
    const set = Dataset.fromGenerator(async function* () {
      for (let i = 0; i < 40; i++) yield [new Float32Array(4), 0] as const;
      await new Promise(() => {});
    });
    const controller = new AbortController();
    const model = await makeModel();
    setTimeout(() => controller.abort(new Error("waited")), 50);
    await expect(model.fit(set, { verbose: 0, signal: controller.signal })).rejects.toThrow("waited");
    model.dispose();
  });

  it("leaves nothing on the device", async () => {
    const before = device.memory().tensors;
    for (const set of [
      slices().shuffle().batch(16),
      slices()
        .filter(() => true)
        .batch(16),
    ])
      await trained(set, { epochs: 2, validationData: set });
    expect(device.memory().tensors).toBe(before);
  });
});

it("a model that knows no shape yet takes that of a set", async () => {
  for (const set of [
    slices(),
    slices()
      .map((one) => one)
      .batch(8),
  ]) {
    const model = new Sequential([new Dense(3, { activation: "softmax" })]);
    model.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
    await model.fit(set, { verbose: 0 });
    expect(model.inputShape).toEqual([4]);
    model.dispose();
  }
});
