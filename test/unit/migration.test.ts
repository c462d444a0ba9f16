// Every row of docs/migration.md runs on the CPU reference, and in tfjs where it says how one writes it there; both give
// the same.

import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as engine from "../../engine/index.ts";
import { type Device, init, Tensor, tensor, variable } from "../../engine/index.ts";
import * as nn from "../../nn/index.ts";
import { Dense, Input, Layer, Model, Sequential } from "../../nn/index.ts";
import * as optim from "../../optim/index.ts";
import { Optimizer } from "../../optim/index.ts";
import { expectClose, flat, type Names, runRow, waves } from "../support/doc-rows.ts";
import { loadTfjsLayers, type TfjsLayers } from "../support/tfjs.ts";

const page = fs.readFileSync(path.resolve(import.meta.dirname, "../../docs/migration.md"), "utf8");

interface Row {
  readonly ours: string;
  /** Undefined where tfjs has nothing like it. */
  readonly tfjs: string | undefined;
}
const rows: readonly Row[] = page
  .split("\n")
  .filter((line) => /^\| (?!Keras)/.test(line))
  .map((line) => {
    const cells = line.split("|").map((cell) => cell.trim());
    if (cells.length !== 6)
      throw new Error(`a row of docs/migration.md has ${cells.length - 2} cells, not 4: ${line}`);
    const [, , tfjs, ours] = cells.map((cell) => /^`(.+)`$/.exec(cell)?.[1]);
    if (ours === undefined) throw new Error(`a row of docs/migration.md has no code of ours: ${line}`);
    return { tfjs, ours };
  });

// biome-ignore lint/suspicious/noExplicitAny: what snippets make is of any type
type Anything = any;

const x = waves(8, 4, 0);
const y = waves(8, 2, 2);
const [a, b] = [waves(3, 4, 1), waves(3, 4, 3)];
const imagesShape = [2, 6, 6, 3];

let device: Device;
let tf: TfjsLayers & Anything;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
  const loaded = await loadTfjsLayers();
  tf = { ...loaded.tfl, ...loaded };
}, 120_000);
afterAll(() => {
  engine.dispose();
});

/** What a row takes for given, with us. */
function ourNames() {
  const model = new Sequential([
    new Input([4]),
    new Dense(3, { activation: "tanh", name: "hidden" }),
    new Dense(2, { name: "out" }),
  ]);
  model.compile({ optimizer: "sgd", loss: "mse" });
  const images = tensor(flat(imagesShape), { shape: imagesShape });
  return { ...engine, ...nn, ...optim, model, x, y, a: tensor(a), b: tensor(b), images };
}

/** And in tfjs; the model has the same weights. */
async function theirNames(ours: Model) {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [4], units: 3, activation: "tanh", name: "hidden" }),
      tf.layers.dense({ units: 2, name: "out" }),
    ],
  });
  await copyWeights(ours, model);
  model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
  const images = tf.tensor(flat(imagesShape), imagesShape);
  return { tf, model, x, y, a: tf.tensor(a), b: tf.tensor(b), images };
}

async function copyWeights(from: Layer, to: Anything): Promise<void> {
  const values = await Promise.all(
    [...from.variables()]
      .filter(({ role }) => role === "trained" || role === "moved")
      .map(async ({ variable: { shape, data }, variable }) =>
        tf.tensor(await data.call(variable), [...shape]),
      ),
  );
  to.setWeights(values);
}

/** A layer's input: by what its name says that it takes. */
function shapesFor(layer: Layer): number[][] {
  if (/^(Add|Concatenate|Dot)$/.test(layer.type))
    return [
      [2, 4],
      [2, 4],
    ];
  if (layer.type.includes("2D")) return [imagesShape];
  if (layer.type.includes("1D") || /^(Permute|Flatten)$/.test(layer.type)) return [[2, 6, 3]];
  return [[2, 4]];
}

/** Both as plain numbers: tensors by value, layers and models by what they compute, optimizers by how they train. */
async function both(ours: Anything, theirs: Anything): Promise<[unknown, unknown]> {
  if (ours instanceof Model) {
    await copyWeights(ours, theirs);
    return [await plain(ours.call(tensor(x))), await plain(theirs.predict(tf.tensor(x)))];
  }
  if (ours instanceof Layer) {
    const values = shapesFor(ours).map((shape) =>
      ours.type === "Embedding"
        ? ([shape, flat(shape).map((_, i) => i % 10)] as const)
        : ([shape, flat(shape)] as const),
    );
    const dtype = ours.type === "Embedding" ? "i32" : "f32";
    const given = values.map(([shape, list]) => tensor(list, { shape, dtype }));
    const toGive = values.map(([shape, list]) => tf.tensor(list, shape));
    const one = <T>(list: T[]): T | T[] => (list.length === 1 ? list[0] : list);
    const output = ours.call(one(given));
    // It gets its weights at its first call.
    theirs.apply(one(toGive));
    await copyWeights(ours, theirs);
    return [await plain(output), await plain(theirs.apply(one(toGive)))];
  }
  if (ours instanceof Optimizer) {
    const start = [4, -3, 0.5];
    const [v, w] = [variable(start), tf.variable(tf.tensor(start))];
    for (let step = 0; step < 5; step++) {
      ours.minimize(() => engine.sum(engine.square(v)), [v]);
      theirs.minimize(() => tf.sum(tf.square(w)), false, [w]);
    }
    return [await plain(v), await plain(w)];
  }
  return [await plain(ours), await plain(theirs)];
}

async function plain(value: Anything): Promise<unknown> {
  if (value === null || value === undefined || typeof value === "string") return value;
  if (typeof value === "boolean" || typeof value === "number") return Number(value);
  if (value instanceof Tensor)
    return { shape: [...value.shape], values: Array.from(await value.data(), Number) };
  if (tf !== undefined && value instanceof tf.Tensor)
    return { shape: [...value.shape], values: Array.from(await value.data(), Number) };
  if (Array.isArray(value)) return Promise.all(value.map(plain));
  if (ArrayBuffer.isView(value)) {
    const list = Array.from(value as Float32Array, Number);
    return list.length === 1 ? list[0] : list;
  }
  const entries = Object.entries(value).map(async ([key, part]) => [key, await plain(part)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

describe("docs/migration.md", () => {
  it("has its rows, most of them with tfjs to compare with", () => {
    expect(rows.length).toBeGreaterThanOrEqual(100);
    expect(rows.filter(({ tfjs }) => tfjs !== undefined).length).toBeGreaterThanOrEqual(80);
  });

  it.each(rows.map(({ ours, tfjs }) => [ours, tfjs] as const))("%s", async (code, tfjs) => {
    const given = ourNames();
    const before = device;
    const theirs = tfjs === undefined ? undefined : await theirNames(given.model);
    const ours = await runRow(code, given);
    if (engine.device() !== before) {
      // The row opened a device; the next rows go on with the one that was there.
      engine.device().dispose();
      engine.setDevice(before);
      return;
    }
    expect(ours).toBeDefined();
    expect(ours).not.toBe(false);
    if (tfjs === undefined) {
      if (typeof ours === "number") expect(ours).toBeGreaterThan(0);
      return;
    }
    const found = await both(ours, await runRow(tfjs, theirs as Names));
    expectClose(...found);
  });
});
