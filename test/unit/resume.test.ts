// Checkpoints of fit: what is refused, with what differs, before anything changes; and writing that fails, which ends nothing.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Dataset, NdArray } from "../../data/index.ts";
import { DataError, dispose, GradgpuError, init } from "../../engine/index.ts";
import {
  type Callback,
  checkpoint,
  Dense,
  EarlyStopping,
  type FitOptions,
  type History,
  Input,
  loadModel,
  loadWeights,
  type Model,
  ModelCheckpoint,
  Sequential,
  type Store,
  saveModel,
} from "../../nn/index.ts";
import { stepsToTake } from "../../nn/objective/sums.ts";
import { stages } from "../../nn/state/file-store.ts";
import { Xxh32 } from "../../nn/state/xxh32.ts";
import { Adam, optimizerState, SGD } from "../../optim/index.ts";

let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-checkpoints-"));
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

const x = Float32Array.from({ length: 20 * 4 }, (_, i) => Math.sin(i * 3));
const y = Float32Array.from({ length: 20 }, (_, i) => x[i * 4] * x[i * 4 + 1]);

async function made(units = 3, loss = "mse", optimizer = new Adam({ beta1: 0.8 })): Promise<Model> {
  dispose();
  await init({ device: "cpu", seed: 2 });
  const model = new Sequential([new Input([4]), new Dense(units, { activation: "tanh" }), new Dense(1)]);
  model.compile({ optimizer, loss, metrics: "mae" });
  // As fit does before it looks at a checkpoint.
  optimizer.build(model.trainableWeights);
  return model;
}
const trained = (model: Model, options: FitOptions, data = x) =>
  model.fit(data, y, { batchSize: 4, epochs: 3, verbose: 0, ...options });

/** Ends a run after so many steps of its first epoch. */
function cutAfter(steps: number): { signal: AbortSignal; callbacks: Callback } {
  const controller = new AbortController();
  const callbacks: Callback = {
    everySteps: 1,
    onBoundary: (_, context) => {
      if (context.steps === steps) controller.abort(new Error("cut"));
    },
  };
  return { signal: controller.signal, callbacks };
}

/** A file of a run that was cut amid its second epoch. */
async function cutRun(name: string): Promise<string> {
  const file = place(name);
  const { signal, callbacks } = cutAfter(3);
  await expect(
    trained(await made(), { resume: checkpoint(file, { steps: 2 }), signal, callbacks }),
  ).rejects.toThrow("cut");
  return file;
}

async function stateOf(model: Model) {
  return JSON.stringify([await model.getWeights(), await optimizerState(model.optimizer!)]);
}

describe("a checkpoint", () => {
  it("is of a model, of data, of what compile was told", async () => {
    const file = await cutRun("kept");
    const refusals: [Promise<Model> | Model, FitOptions, RegExp, Float32Array<ArrayBuffer>?][] = [
      [made(5), {}, /the model: config\.layers\[0\]\.config\.units is 3 in the file and 5 here/],
      [made(3, "mae"), {}, /compile: loss is "mse" in the file and "mae" here/],
      [
        made(3, "mse", new Adam()),
        {},
        /compile: optimizer\.options\.beta1 is 0\.8 in the file and not there here/,
      ],
      [made(), {}, /the data: parts\[0\]\.checksum is/, x.map((value) => value + 1)],
      [made(), { batchSize: 5 }, /the data: batchSize is 4 in the file and 5 here/],
      [made(), { shuffle: false }, /the data: shuffle is true in the file and false here/],
      [
        made(),
        { callbacks: new EarlyStopping({ monitor: "loss" }) },
        /with 0 callbacks that remember something, and there are 1/,
      ],
    ];
    for (const [pending, options, message, data] of refusals) {
      const model = await pending;
      const before = await stateOf(model);
      await expect(
        trained(model, { ...options, resume: checkpoint(file) }, data),
        String(message),
      ).rejects.toThrow(message);
      expect(await stateOf(model)).toBe(before);
    }
    const bytes = fs.readFileSync(file);
    await trained(await made(), { resume: checkpoint(file) });
    expect(fs.readFileSync(file).equals(bytes)).toBe(false);
  });

  it("is a run's, and whole", async () => {
    const model = await made();
    await saveModel(model, place("model"));
    await expect(trained(model, { resume: checkpoint(place("model")) })).rejects.toThrow(
      /holds a model, not a run/,
    );
    const file = await cutRun("damaged");
    const bytes = fs.readFileSync(file);
    bytes[bytes.length - 5] ^= 1;
    fs.writeFileSync(file, bytes);
    await expect(trained(await made(), { resume: checkpoint(file) })).rejects.toThrow(
      /is damaged or cut off: its checksum/,
    );
    await expect(trained(await made(), { resume: "run" as never })).rejects.toThrow(
      /resume takes checkpoint\("run.safetensors"\)/,
    );
  });

  it("is a model's file, too", async () => {
    const file = await cutRun("both");
    const model = await loadModel(file);
    expect(await optimizerState(model.optimizer!)).toMatchObject({ iterations: 2 });
    const other = await made();
    await loadWeights(other, file);
    const run = await loadModel(file);
    expect(await run.getWeights()).toEqual(await other.getWeights());
  });

  it("is written by one run at a time", async () => {
    const file = place("one");
    const model = await made();
    let second: Promise<unknown> = Promise.resolve();
    const other = new Sequential([new Input([4]), new Dense(1)]).compile({ optimizer: "sgd", loss: "mse" });
    const callbacks: Callback = {
      onEpochBegin(epoch) {
        if (epoch === 0)
          second = expect(trained(other, { resume: checkpoint(file) })).rejects.toThrow(
            /another run of this program writes there/,
          );
      },
    };
    await trained(model, { resume: checkpoint(file), callbacks });
    await second;
    expect(fs.existsSync(`${file}.lock`)).toBe(false);
    await expect(
      trained(model, { resume: checkpoint(file), callbacks: checkpoint(place("two")) }),
    ).rejects.toThrow(/leave one of them out/);
  });

  it("that can't be written is warned of, and training goes on", async () => {
    const whole = (await trained(await made(), {})).history;
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    stages.at = (stage) => {
      if (stage === "write") throw full;
    };
    const resume = checkpoint(place("full"), { steps: 1 });
    const saver = new ModelCheckpoint({ path: place("full-{epoch}"), keep: 1 });
    expect((await trained(await made(), { resume, callbacks: saver })).history).toEqual(whole);
    expect(
      warn.mock.calls.filter(([text]) => /no checkpoint was written: .*ENOSPC.*Training goes on/.test(text)),
    ).toHaveLength(1);
    expect(warn.mock.calls.filter(([text]) => /ModelCheckpoint: .*ENOSPC/.test(text))).toHaveLength(3);
    expect(fs.readdirSync(folder).filter((name) => name.startsWith("full"))).toEqual([]);
  });

  it("is written a last time at the end, and by time where steps are not given", async () => {
    const file = place("times");
    const writes: string[] = [];
    stages.at = (stage) => void (stage === "rename" && writes.push(stage));
    await trained(await made(), { resume: checkpoint(file) });
    expect(writes).toHaveLength(1);
    await trained(await made(), { resume: checkpoint(place("times-2"), { seconds: 1e-9 }) });
    expect(writes.length).toBeGreaterThan(2);
  });
});

describe("a run that was cut goes on", () => {
  /** The same numbers to the digits of f32: files hold those, the CPU reference keeps float64. */
  function sameNumbers(found: History, whole: History): void {
    expect(found.epoch).toEqual(whole.epoch);
    for (const [name, values] of Object.entries(whole.history)) {
      expect(found.history[name]).toHaveLength(values.length);
      values.forEach((value, epoch) => {
        expect(Math.abs(found.history[name][epoch] / value - 1), `${name} of epoch ${epoch}`).toBeLessThan(
          1e-5,
        );
      });
    }
  }

  it("with what callbacks remember, and with the rate that one set", async () => {
    const seen: string[] = [];
    /** Sets the rate once, and counts epochs. */
    const counter = (): Callback => {
      let count = 0;
      return {
        onEpochEnd(epoch, _, model) {
          count++;
          seen.push(`${epoch} is number ${count}`);
          if (epoch === 0) model.optimizer!.learningRate = 0.02;
        },
        state: () => ({ count }),
        restore(state) {
          ({ count } = state as { count: number });
        },
      };
    };
    const whole = await trained(await made(), { callbacks: counter() });
    expect(seen).toEqual(["0 is number 1", "1 is number 2", "2 is number 3"]);
    seen.length = 0;
    const resume = () => checkpoint(place("remembered"), { steps: 1 });
    let epoch = 0;
    const controller = new AbortController();
    const cut: Callback = {
      everySteps: 1,
      onEpochBegin: (now) => void (epoch = now),
      onBoundary: (_, { steps }) => {
        if (epoch === 1 && steps === 2) controller.abort(new Error("cut"));
      },
    };
    const { signal } = controller;
    await expect(
      trained(await made(), { resume: resume(), callbacks: [counter(), cut], signal }),
    ).rejects.toThrow("cut");
    sameNumbers(await trained(await made(), { resume: resume(), callbacks: counter() }), whole);
    expect(seen).toEqual(["0 is number 1", "1 is number 2", "2 is number 3"]);
  });

  // As after the loss of a device: the file is of the last snapshot, and callbacks may have set another rate since.
  it("with the rate of the place that is kept, be it written later", async () => {
    const file = place("kept-rate");
    const resume = checkpoint(file);
    const rates: (number | undefined)[] = [];
    const keeper: Callback = {
      async onBoundary(model, context) {
        if (context.epoch !== 1 || rates.length > 0) return;
        model.optimizer!.learningRate = 0.25;
        const write = await resume.keepRun!(model, context);
        model.optimizer!.learningRate = 0.5;
        expect(await write()).toMatch(/by epoch 2, step 0, is in/);
        const kept = await loadModel(file);
        rates.push(kept.optimizer?.learningRate);
        kept.dispose();
      },
    };
    await trained(await made(), { resume, callbacks: keeper });
    expect(rates).toEqual([0.25]);
  });

  it("no further where training was stopped", async () => {
    const stop: Callback = {
      onEpochEnd: (epoch, _, model) => {
        if (epoch === 1) model.stopTraining = true;
      },
    };
    const whole = await trained(await made(), { resume: checkpoint(place("stopped")), callbacks: stop });
    expect(whole.epoch).toEqual([0, 1]);
    sameNumbers(await trained(await made(), { resume: checkpoint(place("stopped")) }), whole);
  });

  it("with the sums that the host has taken over in a long epoch", async () => {
    const count = stepsToTake + 6;
    const inputs = Float32Array.from({ length: count }, (_, i) => Math.sin(i));
    const targets = inputs.map((value) => 2 * value);
    const run = async (options: FitOptions) => {
      dispose();
      await init({ device: "cpu", seed: 2 });
      const model = new Sequential([new Input([1]), new Dense(1)]);
      model.compile({ optimizer: new SGD({ learningRate: 1e-4 }), loss: "mse", metrics: "mae" });
      return model.fit(inputs, targets, { batchSize: 1, epochs: 1, verbose: 0, ...options });
    };
    const whole = await run({});
    const resume = () => checkpoint(place("long"), { steps: stepsToTake + 2 });
    const { signal, callbacks } = cutAfter(stepsToTake + 2);
    await expect(run({ resume: resume(), signal, callbacks })).rejects.toThrow("cut");
    sameNumbers(await run({ resume: resume() }), whole);
  });

  it("with metrics of batches that differ in length, each sample counting as much", async () => {
    const lengths = [3, 5, 4, 6];
    const batches = Dataset.fromGenerator(
      () =>
        lengths.map((length, k) => {
          const values = Float32Array.from({ length: 2 * length * 2 }, (_, i) => Math.sin(i + k));
          return [
            new NdArray(values, [2, length, 2]),
            new NdArray(values.slice(2 * length), [2, length, 1]),
          ] as const;
        }),
      { length: lengths.length, batched: true },
    );
    const run = async (options: FitOptions) => {
      dispose();
      await init({ device: "cpu", seed: 2 });
      const model = new Sequential([new Input([null, 2]), new Dense(1)]);
      model.compile({ optimizer: new SGD({ learningRate: 0.01 }), loss: "mse", metrics: "mae" });
      return model.fit(batches as never, { epochs: 2, verbose: 0, ...options });
    };
    const whole = await run({});
    // That a batch is made again, for the data begin anew.
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const resume = () => checkpoint(place("lengths"), { steps: 1 });
    const { signal, callbacks } = cutAfter(1);
    await expect(run({ resume: resume(), signal, callbacks })).rejects.toThrow("cut");
    sameNumbers(await run({ resume: resume() }), whole);
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/1 batch was made again/));
  });
});

/** A file's header, data behind it. */
const headerOf = (bytes: Uint8Array): string => {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  return new TextDecoder().decode(bytes.subarray(8, 8 + length));
};

/** With a header in the place of its own, and the checksum of that. */
function withHeader(bytes: Uint8Array, header: string): Uint8Array {
  const data = bytes.subarray(8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)));
  const json = new TextEncoder().encode(header.replace(/"checksum":"[0-9a-f]{8}"/, '"checksum":"00000000"'));
  const made = new Uint8Array(8 + json.length + data.length);
  new DataView(made.buffer).setBigUint64(0, BigInt(json.length), true);
  made.set(json, 8);
  made.set(data, 8 + json.length);
  const digest = new Xxh32().update(made).digest();
  const at = new TextDecoder("latin1").decode(made).indexOf('"checksum":"') + '"checksum":"'.length;
  made.set(new TextEncoder().encode(digest), at);
  return made;
}

/** Whole numbers below n, the same each time. */
function drawer(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

function damaged(bytes: Uint8Array, draw: (n: number) => number): Uint8Array {
  const copy = bytes.slice();
  const [from, to, length] = [draw(bytes.length), draw(bytes.length), 1 + draw(64)];
  switch (draw(5)) {
    case 0:
      for (let i = draw(4); i >= 0; i--) copy[draw(copy.length)] ^= 1 << draw(8);
      return copy;
    case 1:
      return copy.subarray(0, from);
    case 2:
      return copy.fill(draw(256), from, from + length);
    case 3:
      return copy.copyWithin(to, from, from + length);
    default:
      return Uint8Array.from([
        ...bytes.subarray(0, from),
        ...bytes.subarray(Math.min(bytes.length, from + length)),
      ]);
  }
}

/** Another character, number, name or piece in the header, with the checksum made right. */
function hostile(bytes: Uint8Array, draw: (n: number) => number): Uint8Array {
  const header = headerOf(bytes);
  const at = draw(header.length);
  const pieces = [
    "0",
    "-1",
    "1e999",
    "null",
    "[]",
    "{}",
    '"',
    '\\"',
    "9007199254740993",
    "model/",
    "__proto__",
    "F64",
    "\u0000",
  ];
  const piece = pieces[draw(pieces.length)];
  switch (draw(4)) {
    case 0:
      return withHeader(bytes, header.slice(0, at) + piece + header.slice(at + piece.length));
    case 1:
      return withHeader(bytes, header.slice(0, at) + header.slice(at + 1 + draw(20)));
    case 2: {
      // A number for another.
      const numbers = [...header.matchAll(/\d+/g)];
      const { index, 0: text } = numbers[draw(numbers.length)];
      return withHeader(
        bytes,
        header.slice(0, index) + String(draw(1000)) + header.slice(index + text.length),
      );
    }
    default: {
      const words = [...header.matchAll(/[a-zA-Z]{3,}/g)];
      const [{ index, 0: text }, { 0: other }] = [words[draw(words.length)], words[draw(words.length)]];
      return withHeader(bytes, header.slice(0, index) + other + header.slice(index + text.length));
    }
  }
}

/** GRADGPU_MUTATIONS=10000 for all. */
const mutations = Number(process.env.GRADGPU_MUTATIONS ?? 300);

describe("files that were changed", () => {
  it(`are refused or read right, ${mutations} of them`, async () => {
    const bytes = new Uint8Array(fs.readFileSync(await cutRun("mutated")));
    const reference = await stateOf(await loadModel(bytes));
    const draw = drawer(7);
    const found = { damaged: 0, refused: 0, read: 0 };
    for (let i = 0; i < mutations; i++) {
      const isHostile = i % 2 === 1;
      const changed = isHostile ? hostile(bytes, draw) : damaged(bytes, draw);
      const isSame = Buffer.from(changed).equals(bytes);
      const store: Store = {
        name: "mutated",
        read: async () => changed,
        write: async () => {},
        remove: async () => {},
      };
      const model = await made();
      const before = await stateOf(model);
      let begun = "";
      const callbacks: Callback = {
        onEpochBegin: () => {},
        onBoundary: async () => void (begun ||= "trained"),
      };
      const seen = await trained(model, { resume: checkpoint(store), callbacks }).then(
        () => "read",
        (error: unknown) => error,
      );
      if (seen === "read") {
        found.read++;
        if (!isHostile) expect(isSame).toBe(true);
      } else {
        expect(seen, `mutation ${i}: ${String((seen as Error).stack)}`).toBeInstanceOf(GradgpuError);
        if (!isHostile) expect(seen).toBeInstanceOf(DataError);
        // Nothing has changed.
        if (begun === "")
          expect(await stateOf(model), `mutation ${i}: ${(seen as Error).message}`).toBe(before);
        found[isHostile ? "refused" : "damaged"]++;
      }
      const loaded = await loadModel(changed).then(
        async (model) => ({ model, state: await stateOf(model) }),
        (error: unknown) => error,
      );
      if (loaded instanceof Error)
        expect(loaded, `mutation ${i}: ${loaded.stack}`).toBeInstanceOf(GradgpuError);
      else if (!isHostile) expect((loaded as { state: string }).state).toBe(reference);
    }
    expect(found.damaged).toBeGreaterThan(mutations / 3);
    expect(found.refused).toBeGreaterThan(mutations / 8);
  }, 3_600_000);
});
