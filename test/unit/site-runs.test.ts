// The playground's runs without a browser: its store and its worker's session over files and locks in memory. What is kept, what
// a reload goes on with, and what must not be lost.

import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import "../../nn/names.ts";
import { removeRuns } from "../../site/page/remove-runs.ts";
import type { State } from "../../site/page/state.ts";
import { Store } from "../../site/page/store.ts";
import { holdOnly } from "../../site/runs/claims.ts";
import { keepRun, listFiles, listRuns, noteOf, ownOf, sweepOwn } from "../../site/runs/kept-runs.ts";
import { newLayer } from "../../site/setup/layers.ts";
import { defaultSetup, type Setup, setupFor, toHash } from "../../site/setup/setup.ts";
import { readCsv } from "../../site/worker/csv.ts";
import type { Told, ToWorker } from "../../site/worker/messages.ts";
import { Session } from "../../site/worker/session.ts";
import { MemoryFolder, MemoryLocks } from "../support/browser-files.ts";

/** A session as a worker: messages arrive later, as copies. */
class SessionWorker {
  #heard: (event: { data: Told }) => void = () => {};
  readonly #session = new Session((message, _transfer, number) => {
    const data = structuredClone({ message, number });
    setImmediate(() => this.#heard({ data }));
  });

  addEventListener(kind: string, heard: (event: { data: Told }) => void): void {
    if (kind === "message") this.#heard = heard;
  }

  postMessage(message: ToWorker): void {
    const copy = structuredClone(message);
    setImmediate(() => this.#session.take(copy));
  }
}

let files: MemoryFolder;
let disk: MemoryFolder;
const remembered = new Map<string, string>();

beforeEach(async () => {
  holdOnly("");
  remembered.clear();
  disk = new MemoryFolder();
  files = await disk.getDirectoryHandle("gradgpu-playground");
  vi.stubGlobal("navigator", { storage: { getDirectory: async () => disk }, locks: new MemoryLocks() });
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal("Worker", SessionWorker);
  vi.stubGlobal("document", { addEventListener() {}, visibilityState: "visible" });
  vi.stubGlobal("location", { search: "?device=cpu", pathname: "/" });
  vi.stubGlobal("history", { replaceState() {} });
  vi.stubGlobal("requestAnimationFrame", () => 1);
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => remembered.get(key) ?? null,
    setItem: (key: string, value: string) => remembered.set(key, value),
  });
});
afterAll(() => vi.unstubAllGlobals());

const small: Setup = {
  ...setupFor("xor", defaultSetup),
  samples: 40,
  layers: [newLayer("Dense", { units: 2 })],
};
const rows = (scale = 1) =>
  readCsv(
    Array.from({ length: 20 }, (_, i) => `${i},${scale * i * i},${i % 2 ? "a" : "b"}`).join("\n"),
    "f.csv",
  );

/** The page opens at a set-up: anew, or, with what the tab remembers, again. */
async function opened(setup = small): Promise<Store> {
  holdOnly("");
  const store = new Store(`#${toHash(setup)}`);
  await store.start();
  return store;
}

const until = (store: Store, isSo: (state: State) => boolean): Promise<void> =>
  vi.waitFor(() => expect(isSo(store.state)).toBe(true), { timeout: 20_000, interval: 5 });
const built = (store: Store) => until(store, ({ isBuilt }) => isBuilt);
const problem = (store: Store, text: string) =>
  until(store, ({ problems }) => problems.some((one) => one.text.includes(text)));

/** A step, until it is kept. */
async function stepped(store: Store): Promise<void> {
  await built(store);
  const { runsVersion, step } = store.state;
  store.oneStep();
  await until(store, (state) => state.runsVersion > runsVersion && state.step === step + 1);
}

const named = (ending: string) => [...files.files.keys()].filter((name) => name.endsWith(ending));
const csvSetup: Setup = { ...setupFor("csv"), layers: [newLayer("Dense", { units: 2 })] };

describe("data of one's own", () => {
  it("are written with a run's first step, once for all runs that learn them, and go with the last", async () => {
    files.files.set("run-left.data", { bytes: new Uint8Array(5), at: 0 });
    const store = await opened(csvSetup);
    store.useOwn("csv", rows());
    for (const heldBack of [0.3, 0.4]) {
      store.change({ heldBack });
      await built(store);
    }
    // That of no run is swept; none is written before something was learnt.
    await vi.waitFor(() => expect([...files.files.keys()]).toEqual([]), { timeout: 20_000 });
    await stepped(store);
    store.change({ heldBack: 0.5 });
    await stepped(store);
    expect([named(".run").length, named(".data").length]).toEqual([2, 1]);
    const [latest, earlier] = await listRuns();
    await removeRuns(store, [earlier]);
    expect([named(".run").length, named(".data").length]).toEqual([1, 1]);
    store.reset();
    await built(store);
    await removeRuns(store, [latest]);
    expect([...files.files.keys()]).toEqual([]);
  });

  it("that the browser lost are asked for, and the run goes on with those chosen again", async () => {
    const first = await opened(csvSetup);
    first.useOwn("csv", rows());
    await stepped(first);
    const { run, setup } = first.state;
    for (const name of named(".data")) files.files.delete(name);
    const store = await opened(setup);
    await problem(store, "(f.csv) are not in the browser");
    store.useOwn("csv", rows());
    await until(store, (state) => state.isBuilt && state.run === run && state.step === 1);
    // They are kept again; another run of them goes on with what is here even without.
    await stepped(store);
    expect(named(".data")).toHaveLength(1);
    store.reset();
    await built(store);
    for (const name of named(".data")) files.files.delete(name);
    await store.goOn((await listRuns())[0]);
    await until(store, (state) => state.isBuilt && state.run === run && state.step === 2);
  });

  it("are swept where no run has them, and stay where one does, in each form that a page kept them in", async () => {
    const store = await opened(csvSetup);
    store.useOwn("csv", rows());
    await stepped(store);
    const [data] = named(".data");
    const [today] = await listRuns();
    // An older page kept them under the run's name, and no note of them.
    const { own: _, name: __, at: ___, bytes: ____, ...older } = today;
    await keepRun("older", { ...older, model: new Uint8Array(8) });
    const kept = files.files.get(data)!;
    for (const name of ["older", "gone"]) files.files.set(`${name}.data`, kept);
    files.files.set(`${(await noteOf(rows(2))).file}.data`, kept);
    await sweepOwn();
    expect(named(".data").sort()).toEqual([data, "older.data"].sort());
    expect((await ownOf({ name: "older" }))?.x).toEqual((await ownOf(today))?.x);
    // A file whose name only begins so is nobody's data.
    files.files.set("notes.txt", kept);
    await removeRuns(store, [{ name: "older" }]);
    expect([named(".data"), named(".txt")]).toEqual([[data], ["notes.txt"]]);
  });

  it("are not swept while another tab writes them and the run that learns them", async () => {
    const store = await opened(csvSetup);
    store.useOwn("csv", rows());
    await stepped(store);
    const [data] = named(".data");
    let close = () => {};
    void navigator.locks.request("gradgpu-playground:data", () => new Promise<void>((end) => (close = end)));
    const [run] = named(".run");
    const bytes = files.files.get(run)!;
    files.files.delete(run);
    const swept = sweepOwn();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(named(".data")).toEqual([data]);
    files.files.set(run, bytes);
    close();
    await swept;
    expect(named(".data")).toEqual([data]);
  });

  it("that have no room do not keep the run itself from being kept, and are tried anew with the next", async () => {
    const store = await opened(csvSetup);
    store.useOwn("csv", rows());
    await built(store);
    const { getFileHandle } = files;
    files.getFileHandle = (name: string, options) =>
      name.endsWith(".data")
        ? Promise.reject(new DOMException("there is no room left.", "QuotaExceededError"))
        : getFileHandle.call(files, name, options);
    await stepped(store);
    await problem(store, "Your data are not kept in the browser (there is no room left)");
    files.getFileHandle = getFileHandle;
    store.reset();
    await stepped(store);
    expect(store.state.problems).toEqual([]);
    expect([named(".run").length, named(".data").length]).toEqual([2, 1]);
  });
});

describe("a kept run", () => {
  it("is kept when there is room again, and what was wrong is not told any more", async () => {
    const store = await opened();
    await built(store);
    files.room = 10;
    store.oneStep();
    await problem(store, "This run is not kept in the browser (there is no room left)");
    files.room = 1e9;
    await stepped(store);
    await until(store, ({ problems }) => problems.length === 0);
  });

  it("is not needed: where the browser refuses storage and locks, the page trains and says what to do", async () => {
    const refuse = () => Promise.reject(new DOMException("The request was denied.", "SecurityError"));
    vi.stubGlobal("navigator", { storage: { getDirectory: refuse }, locks: { request: refuse } });
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const store = await opened();
    await built(store);
    store.oneStep();
    await problem(
      store,
      "This run is not kept in the browser (this browser refuses to keep data of this page; its",
    );
    await expect(listFiles()).rejects.toThrow("settings for site data can allow it");
    store.reset();
    await built(store);
    store.useOwn("csv", rows());
    await built(store);
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it("has the learning rate that it was given last, after a reload too", async () => {
    const first = await opened();
    await stepped(first);
    const { run, runsVersion } = first.state;
    first.change({ learningRate: 0.003 });
    await until(first, (state) => state.runsVersion > runsVersion);
    const store = await opened(first.state.setup);
    await until(store, (state) => state.isBuilt && state.step === 1);
    expect([store.state.run, store.state.setup.learningRate]).toEqual([run, 0.003]);
    expect((await listRuns())[0].setup.learningRate).toBe(0.003);
    // A tab that was closed before it could keep the rate.
    const late = await opened({ ...first.state.setup, learningRate: 0.007 });
    await until(late, (state) => state.isBuilt && state.step === 1);
    expect([late.state.run, late.state.setup.learningRate]).toEqual([run, 0.007]);
    await vi.waitFor(async () => expect((await listRuns())[0].setup.learningRate).toBe(0.007), {
      timeout: 20_000,
    });
  });

  it("is the tab's own after a reload, not another one's of the same set-up that is newer", async () => {
    const first = await opened();
    await stepped(first);
    const mine = first.state.run;
    const tab = new Map(remembered);
    first.reset();
    await stepped(first);
    await stepped(first);
    expect((await listRuns())[0].name).not.toBe(mine);
    for (const [key, value] of tab) remembered.set(key, value);
    const store = await opened();
    await until(store, (state) => state.isBuilt && state.step === 1);
    expect(store.state.run).toBe(mine);
  });

  it("is never written over with another set-up that was asked for meanwhile", async () => {
    const store = await opened();
    await stepped(store);
    const [run] = await listRuns();
    store.change({ seed: 2 });
    await built(store);
    const going = store.goOn(run);
    store.change({ layers: [newLayer("Dense", { units: 5 })] });
    await going;
    await stepped(store);
    expect(store.state.setup.layers[0].options.units).toBe(5);
    // While it waits for another tab to give the run back, too.
    let close = () => {};
    void navigator.locks.request(
      `gradgpu-playground:${run.name}`,
      () => new Promise<void>((end) => (close = end)),
    );
    const waiting = store.goOn(run);
    await new Promise((resolve) => setTimeout(resolve, 20));
    store.change({ layers: [newLayer("Dense", { units: 7 })] });
    close();
    await waiting;
    await stepped(store);
    expect(store.state.setup.layers[0].options.units).toBe(7);
    expect(store.state.run).not.toBe(run.name);
    const kept = (await listRuns()).find(({ name }) => name === run.name);
    expect(kept?.setup).toEqual(small);
    // It was given back.
    expect(await isFree(run.name)).toBe(true);
  });

  it("that is gone is not called continued", async () => {
    const store = await opened();
    await stepped(store);
    const [run] = await listRuns();
    store.change({ seed: 2 });
    await built(store);
    files.files.delete(`${run.name}.run`);
    await store.goOn(run);
    await problem(store, "The kept run is gone");
    const { isBuilt, notice, step, history } = store.state;
    expect({ isBuilt, notice, step, history }).toEqual({ isBuilt: false, notice: "", step: 0, history: [] });
    store.reset();
    await stepped(store);
  });

  it("that can't be read is listed as damaged, goes on for nobody, and can be removed", async () => {
    const store = await opened();
    await stepped(store);
    const { run } = store.state;
    const broken = {
      text: new TextEncoder().encode("\0\0\0\u0004none"),
      cut: files.files.get(`${run}.run`)!.bytes.slice(0, 40),
      strange: new TextEncoder().encode(`\0\0\0\u0023{"setup":{"data":"none"},"history":[]}`.padEnd(60)),
      empty: new Uint8Array(),
    };
    for (const [name, bytes] of Object.entries(broken)) files.files.set(`${name}.run`, { bytes, at: 1 });
    // One that a tab begins to write just now.
    files.files.set("begun.run", { bytes: new Uint8Array(), at: Date.now() });
    const damaged = (await listFiles()).filter(({ setup }) => setup === undefined);
    expect(damaged.map(({ name, bytes }) => [name, bytes]).sort()).toEqual(
      Object.entries(broken)
        .map(([name, bytes]) => [name, bytes.length])
        .sort(),
    );
    expect((await listRuns()).map(({ name }) => name)).toEqual([run]);
    const again = await opened();
    await until(again, (state) => state.isBuilt && state.run === run);
    await removeRuns(again, damaged);
    expect(named(".run").sort()).toEqual([`${run}.run`, "begun.run"].sort());
    expect(again.state.problems).toEqual([]);
  });

  it("is not removed while a tab is at it", async () => {
    const store = await opened();
    await stepped(store);
    const { run } = store.state;
    await removeRuns(store, await listRuns());
    await problem(store, "it is open in a tab");
    expect(named(".run")).toEqual([`${run}.run`]);
    store.reset();
    await built(store);
    let close = () => {};
    void navigator.locks.request(
      `gradgpu-playground:${run}`,
      () => new Promise<void>((end) => (close = end)),
    );
    await removeRuns(store, await listRuns());
    await problem(store, "it is open in a tab");
    close();
    const { runsVersion } = store.state;
    await removeRuns(store, await listRuns());
    expect([named(".run"), store.state.problems]).toEqual([[], []]);
    expect(store.state.runsVersion).toBeGreaterThan(runsVersion);
  });
});

const isFree = (run: string): Promise<boolean> =>
  navigator.locks.request(`gradgpu-playground:${run}`, { ifAvailable: true }, (lock) => lock !== null);

describe("a net out of a file", () => {
  async function savedOf(setup: Setup) {
    const store = await opened(setup);
    await stepped(store);
    const bytes = (await store.save()) as Uint8Array<ArrayBuffer>;
    return { store, bytes };
  }

  it("is kept at once, and comes back", async () => {
    const { store, bytes } = await savedOf({ ...small, layers: [newLayer("Dense", { units: 3 })] });
    const before = await opened();
    await built(before);
    const { runsVersion } = before.state;
    before.load(bytes, "net.safetensors");
    await until(before, (state) => state.runsVersion > runsVersion && state.file === "net.safetensors");
    const { run, setup, rows: layers } = before.state;
    expect(run).not.toBe(store.state.run);
    const again = await opened(setup);
    await until(again, ({ isBuilt, file }) => isBuilt && file === "net.safetensors");
    expect([again.state.run, again.state.rows]).toEqual([run, layers]);
    expect(layers[0].shape).toEqual([3]);
    again.reset();
    await built(again);
    expect(again.state.file).toBe(undefined);
  });

  it.each([
    ["of another task", { ...setupFor("hills", small), samples: 40 }, "ends with sigmoid"],
    ["of other samples", csvSetup, "takes samples of shape [2]"],
  ])("%s is refused, and the net stays", async (_, setup, message) => {
    const { bytes } = await savedOf(small);
    const store = await opened(setup);
    if (setup.data === "csv") {
      const text = Array.from({ length: 20 }, (_, i) => `${i},${i},${i % 3},${i % 2 ? "a" : "b"}`).join("\n");
      store.useOwn("csv", readCsv(text, "three.csv"));
    }
    await built(store);
    const { run } = store.state;
    store.load(bytes, "net.safetensors");
    await problem(store, message);
    await stepped(store);
    expect([store.state.run, store.state.file]).toEqual([run, undefined]);
  });

  it("is not the one that trains where Reset came after it", async () => {
    const { store, bytes } = await savedOf(small);
    store.load(bytes, "net.safetensors");
    store.reset();
    const { run } = store.state;
    await built(store);
    await stepped(store);
    expect([store.state.run, store.state.file]).toEqual([run, undefined]);
    expect((await listRuns())[0].name).toBe(run);
  });
});

describe("what comes late", () => {
  it("of a net that was lost is not told of the next", async () => {
    const wild: Setup = { ...setupFor("hills", small), samples: 40, optimizer: "sgd", learningRate: 100 };
    const store = await opened(wild);
    await built(store);
    store.oneEpoch();
    for (let i = 0; i < 30; i++) store.oneStep();
    store.reset();
    await built(store);
    await stepped(store);
    expect(store.state.problems).toEqual([]);
    expect(store.state.step).toBe(1);
  });

  it("of a net that is no longer wanted does not let it be trained until the next one stands", async () => {
    const store = await opened();
    await built(store);
    // The first net is being built when the set-up changes; the next is asked for a moment later.
    store.reset();
    const { nets } = store.state;
    store.change({ samples: 60 });
    await built(store);
    store.oneStep();
    await until(store, ({ step }) => step === 1);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect([store.state.isBuilt, store.state.step, store.state.nets]).toEqual([true, 1, nets + 1]);
  });
});
