// The playground's worker without a page: what comes between training and pause, images that are read meanwhile, metrics in
// the user's own unit; and the page's questions about a sample.

import { deflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import "../../nn/names.ts";
import { Asker } from "../../site/page/asker.ts";
import { upToDate } from "../../site/runs/kept-runs.ts";
import { newLayer } from "../../site/setup/layers.ts";
import { dataSpecs, defaultSetup, type Setup, setupFor } from "../../site/setup/setup.ts";
import { readCsv } from "../../site/worker/csv.ts";
import { callbacksOf, makeModel } from "../../site/worker/make-model.ts";
import type { FromWorker, Trial, Tried } from "../../site/worker/messages.ts";
import { Session } from "../../site/worker/session.ts";

beforeAll(() => {
  vi.stubGlobal("navigator", {});
  vi.stubGlobal("isSecureContext", true);
});
afterAll(() => vi.unstubAllGlobals());

const small: Setup = {
  ...setupFor("xor", defaultSetup),
  samples: 40,
  layers: [newLayer("Dense", { units: 2 })],
};

/** A session, what it said, and waiting for what it says. */
async function opened() {
  const said: FromWorker[] = [];
  let heard = () => {};
  const session = new Session((message) => {
    said.push(message);
    heard();
  });
  const until = async <K extends FromWorker["kind"]>(kind: K, from = 0) => {
    for (;;) {
      const found = said.slice(from).find((message) => message.kind === kind);
      if (found !== undefined) return found as FromWorker & { kind: K };
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
    }
  };
  session.take({ kind: "open", device: "cpu" });
  const build = (setup: Setup, own?: ReturnType<typeof readCsv>) =>
    session.take({ kind: "setup", setup, own, number: 1, run: "", from: undefined });
  return { session, said, until, build };
}

const point: Trial = { kind: "values", x: Float32Array.of(0.5, -0.5) };

describe("a session", () => {
  it("answers what comes between the command to train and the training", async () => {
    const { session, said, until, build } = await opened();
    build(small);
    session.take({ kind: "train", epochs: 1e9 });
    session.take({ kind: "try", id: 1, sample: 1, trial: point });
    session.take({ kind: "save", id: 2 });
    expect((await until("tried")).tried?.values).toHaveLength(1);
    expect((await until("file")).bytes?.length).toBeGreaterThan(100);
    const images = ["a", "b"].flatMap((name) =>
      Array.from({ length: 6 }, (_, i) => ({
        path: `${name}/${i}.png`,
        file: new File([png(8, name === "a" ? 0 : 255)], `${i}.png`),
      })),
    );
    session.take({
      kind: "read",
      data: "images",
      id: 1,
      files: images,
      form: { side: 8, isGray: true, target: "", missing: "fill", learntAs: "auto" },
    });
    expect((await until("own")).own).toMatchObject({ classNames: ["a", "b"], shape: [8, 8, 1] });
    expect(said.filter(({ kind }) => kind === "running")).toHaveLength(1);
    session.take({ kind: "pause" });
    const at = said.length;
    session.take({ kind: "save", id: 3 });
    expect(await until("file", at)).toMatchObject({ id: 3 });
    session.take({ kind: "try", id: 4, sample: 1, trial: { kind: "text", text: "none" } });
    // It was read at the first try.
    expect((await until("tried", at)).tried?.values).toHaveLength(1);
  });

  it("calls a file that is no net by its name", async () => {
    const { session, until, build } = await opened();
    build(small);
    await until("built");
    session.take({
      kind: "load",
      bytes: new TextEncoder().encode("<b>no</b> net"),
      name: "n.safetensors",
      run: "",
    });
    expect(await until("problem")).toMatchObject({
      about: "load",
      text: expect.stringMatching(/^n\.safetensors: .*no safetensors file/),
    });
  });

  it("tells nothing of images that are not wanted any more", async () => {
    const { session, said, until } = await opened();
    const files = ["a", "b"].flatMap((name) =>
      Array.from({ length: 6 }, (_, i) => ({
        path: `${name}/${i}.png`,
        file: new File([png(8, i)], `${i}.png`),
      })),
    );
    const read = (id: number) =>
      session.take({
        kind: "read",
        data: "images",
        id,
        files,
        form: { side: 8, isGray: true, target: "", missing: "fill", learntAs: "auto" },
      });
    const broken = [{ path: "a/0.png", file: new File(["none"], "0.png") }];
    session.take({
      kind: "read",
      data: "images",
      id: 1,
      files: broken,
      form: { side: 8, isGray: true, target: "", missing: "fill", learntAs: "auto" },
    });
    read(2);
    session.take({ kind: "unread" });
    read(3);
    expect(await until("own")).toMatchObject({ id: 3 });
    expect(said.filter(({ kind }) => kind === "own" || kind === "problem")).toHaveLength(1);
  });

  it("says of what could not be saved that it was not, and of the next what it is", async () => {
    const { session, until, build, said } = await opened();
    session.take({ kind: "save", id: 1 });
    expect(await until("file")).toEqual({ kind: "file", id: 1, bytes: undefined });
    build(small);
    const at = said.length;
    session.take({ kind: "save", id: 2 });
    expect((await until("file", at)).id).toBe(2);
  });

  it("tells errors in the unit of the user's own file", async () => {
    const errors: number[] = [];
    for (const unit of [1, 1000]) {
      const text = Array.from({ length: 20 }, (_, i) => `${i};${(unit * (i * i)) / 7}`).join("\n");
      const { session, until, build } = await opened();
      const setup: Setup = { ...setupFor("csv"), loss: "meanSquaredError", metric: "mae" };
      build(setup, readCsv(text, "f.csv"));
      session.take({ kind: "train", epochs: 1 });
      await until("running");
      const { points } = await until("progress");
      errors.push(points[0].valMetric as number);
    }
    expect(errors[0]).toBeGreaterThan(2);
    expect(errors[1] / errors[0]).toBeCloseTo(1000, 0);
  });

  it("tries an image as high and wide as the net's are, turned as they are", async () => {
    const { session, until } = await opened();
    const bytes = new Uint8Array(12 * 6 * 4).fill(20);
    const y = Float32Array.from({ length: 12 }, (_, i) => i % 2);
    session.take({
      kind: "setup",
      setup: { ...setupFor("images"), layers: [newLayer("Flatten")] },
      own: {
        name: "IDX",
        task: "classes",
        classes: 2,
        classNames: ["0", "1"],
        shape: [6, 4, 1],
        x: bytes,
        y,
      },
      number: 1,
      run: "",
      from: undefined,
    });
    const file = new File([png(12, 255)], "mine.png");
    session.take({ kind: "try", id: 1, sample: 7, trial: { kind: "image", file } });
    const { tried } = await until("tried");
    expect(tried?.seen?.shape).toEqual([6, 4, 1]);
    expect([...new Set(tried?.seen?.values)]).toEqual([0]);
  });
});

describe("a schedule", () => {
  it("of a plateau counts on over pauses", async () => {
    const setup: Setup = {
      ...small,
      schedule: "plateau",
      decayEpochs: 2,
      learningRate: 1e-9,
      optimizer: "sgd",
    };
    using model = makeModel(setup, dataSpecs.xor, 2);
    const callbacks = callbacksOf(setup);
    const x = Float32Array.from({ length: 8 }, (_, i) => Math.sin(i));
    const y = Float32Array.of(0, 1, 0, 1);
    for (let i = 0; i < 4; i++)
      await model.fit(x, y, { epochs: 1, verbose: 0, validationData: [x, y], callbacks });
    expect(model.optimizer?.learningRate).toBeLessThan(1e-9);
  });

  it("of one cycle says how many steps it wants", () => {
    const setup: Setup = { ...small, schedule: "oneCycle", decayEpochs: 1 };
    expect(() => makeModel(setup, dataSpecs.xor, 3)).toThrow("One cycle takes 4 steps or more");
    makeModel(setup, dataSpecs.xor, 4).dispose();
  });
});

describe("a run that an older page kept", () => {
  const older = (setup: object, history: readonly object[]) =>
    upToDate({ setup, epoch: 1, step: 1, history } as unknown as Parameters<typeof upToDate>[0]);
  const { metric: _, ...before } = small;

  it("has its accuracy as its metric", () => {
    const { setup, task, history } = older(before, [{ epoch: 1, loss: 1, accuracy: 0.5, valAccuracy: 0.25 }]);
    expect([setup.metric, task, history[0]]).toEqual([
      "accuracy",
      "binary",
      { epoch: 1, loss: 1, metric: 0.5, valMetric: 0.25 },
    ]);
  });

  it("of a regression has one of a regression's, and no errors in another unit", () => {
    const { setup, task, history } = older({ ...before, metric: "mae", data: "csv", loss: "huber" }, [
      { epoch: 1, loss: 1, metric: 0.2, valMetric: 0.3 },
    ]);
    expect([setup.metric, task]).toEqual(["mae", "regression"]);
    // That is in deviations, which today's errors are not.
    expect(history).toEqual([{ epoch: 1, loss: 1, metric: undefined, valMetric: undefined }]);
  });
});

describe("the questions about a sample", () => {
  const saying = (values: number) => ({ values: Float32Array.of(values) }) as Tried;

  function asking() {
    const waiting: ((tried: Tried | undefined) => void)[] = [];
    const store = {
      state: { isBuilt: true, nets: 1, step: 0 },
      try: vi.fn(
        (_sample: number, _trial: Trial) => new Promise<Tried | undefined>((done) => waiting.push(done)),
      ),
    };
    const told: string[] = [];
    const asker = new Asker(store, ({ state, tried }) => told.push(tried ? `${tried.values[0]}` : state));
    const answer = async (tried: Tried | undefined) => {
      waiting.shift()?.(tried);
      await new Promise((resolve) => setTimeout(resolve));
    };
    const change = (state: Partial<typeof store.state>) => {
      store.state = { ...store.state, ...state };
      asker.look();
    };
    return { asker, store, told, answer, change };
  }

  it("are one at a time, and a late answer to the one before is not told", async () => {
    const { asker, store, told, answer, change } = asking();
    asker.give(point);
    change({ step: 1 });
    change({ step: 2 });
    expect(store.try).toHaveBeenCalledTimes(1);
    asker.give(undefined);
    await answer(saying(1));
    expect(told).toEqual(["waiting", "none"]);
  });

  it("are put again after a step and of another net, and wait for a net that does not stand", async () => {
    const { asker, store, told, answer, change } = asking();
    change({ isBuilt: false });
    asker.give(point);
    expect(store.try).not.toHaveBeenCalled();
    change({ isBuilt: true, nets: 2 });
    await answer(saying(1));
    change({ isBuilt: false });
    expect(told).toEqual(["waiting", "1", "waiting"]);
    change({ isBuilt: true, nets: 3 });
    await answer(saying(2));
    change({ step: 1 });
    expect(store.try).toHaveBeenCalledTimes(2);
    await vi.waitFor(() => expect(store.try).toHaveBeenCalledTimes(3), { timeout: 20_000 });
    await answer(saying(3));
    expect(told.slice(3)).toEqual(["2", "3"]);
    expect(new Set(store.try.mock.calls.map(([sample]) => sample)).size).toBe(1);
  });

  it("end where one failed, until there is another net or sample", async () => {
    const { asker, store, told, answer, change } = asking();
    asker.give(point);
    await answer(undefined);
    change({ step: 5 });
    expect([told, store.try.mock.calls.length]).toEqual([["waiting", "failed"], 1]);
    change({ nets: 2 });
    expect(store.try).toHaveBeenCalledTimes(2);
  });
});

/** A grey PNG of one value. */
function png(side: number, value: number): Uint8Array<ArrayBuffer> {
  const chunk = (type: string, data: Uint8Array) => {
    const bytes = new Uint8Array(12 + data.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, data.length);
    bytes.set(new TextEncoder().encode(type), 4);
    bytes.set(data, 8);
    view.setUint32(8 + data.length, crc(bytes.subarray(4, 8 + data.length)));
    return bytes;
  };
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, side);
  new DataView(header.buffer).setUint32(4, side);
  header.set([8, 0, 0, 0, 0], 8);
  const rows = new Uint8Array(side * (side + 1)).fill(value);
  for (let i = 0; i < side; i++) rows[i * (side + 1)] = 0;
  const parts = [
    Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", new Uint8Array()),
  ];
  return new Uint8Array(Buffer.concat(parts));
}

function crc(bytes: Uint8Array): number {
  let sum = -1;
  for (const byte of bytes) {
    sum ^= byte;
    for (let i = 0; i < 8; i++) sum = (sum >>> 1) ^ (0xedb88320 & -(sum & 1));
  }
  return ~sum >>> 0;
}
