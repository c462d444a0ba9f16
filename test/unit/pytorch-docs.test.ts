// Every row of docs/pytorch.md runs on the CPU reference and gives what PyTorch gave for its first column
// (test/fixtures/pytorch.py).

import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as engine from "../../engine/index.ts";
import { type Device, Tensor, tensor, Variable, variable } from "../../engine/index.ts";
import * as nn from "../../nn/index.ts";
import { Layer } from "../../nn/index.ts";
import * as optim from "../../optim/index.ts";
import { Optimizer } from "../../optim/index.ts";
import { expectClose, flat, type Names, runRow, waves } from "../support/doc-rows.ts";

const here = import.meta.dirname;
const page = fs.readFileSync(path.resolve(here, "../../docs/pytorch.md"), "utf8");
const rows = [...page.matchAll(/^\| `([^|]+)` \| `([^|]+)` \|[^|]*\|$/gm)].map(([, theirs, ours]) => ({
  theirs,
  ours,
}));

interface Fixture {
  readonly code: string;
  readonly input?: string;
  readonly result: unknown;
}
const fixtures = (
  JSON.parse(fs.readFileSync(path.resolve(here, "../fixtures/pytorch.json"), "utf8")) as {
    readonly rows: readonly Fixture[];
  }
).rows;

let device: Device;
beforeAll(async () => {
  device = await engine.init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

function given(): Names {
  return {
    ...engine,
    ...nn,
    ...optim,
    a: tensor(waves(3, 4, 1)),
    b: tensor(waves(3, 4, 3)),
    images: tensor(flat([2, 6, 6, 3]), { shape: [2, 6, 6, 3] }),
    sequence: tensor(flat([2, 6, 4]), { shape: [2, 6, 4] }),
    ids: tensor(
      [
        [1, 5, 0],
        [2, 2, 9],
      ],
      { dtype: "i32" },
    ),
    labels: tensor([2, 0, 3], { dtype: "i32" }),
    v: variable([4, -3, 0.5]),
  };
}

/** A layer with weights that follow from their shapes alone, on the input that PyTorch's was given. */
function through(layer: Layer, input: Tensor): Tensor {
  const call = () => layer.call(input) as Tensor;
  call();
  for (const { variable, role } of layer.variables())
    if (role === "trained") variable.assign(tensor(flat(variable.shape), { shape: [...variable.shape] }));
  return call();
}

/** Five steps down the square of `v`. */
function steps(optimizer: Optimizer, v: Variable): Variable {
  for (let i = 0; i < 5; i++) optimizer.minimize(() => engine.sum(engine.square(v)), [v]);
  return v;
}

async function plain(value: unknown): Promise<unknown> {
  if (!(value instanceof Tensor || value instanceof Variable)) return value;
  return { shape: [...value.shape], values: Array.from(await value.data(), Number) };
}

describe("docs/pytorch.md", () => {
  it("has a row for each of PyTorch's results; test/fixtures/pytorch.py writes them anew", () => {
    expect(rows.length).toBeGreaterThan(90);
    expect(fixtures.map(({ code }) => code)).toEqual(rows.map(({ theirs }) => theirs));
  });

  it.each(rows.map(({ theirs, ours }, i) => [theirs, ours, i] as const))("%s", async (_, code, i) => {
    const names = given();
    const { input, result } = fixtures[i];
    const found = await runRow(code, names);
    const ours =
      found instanceof Layer
        ? through(found, names[input as string] as Tensor)
        : found instanceof Optimizer
          ? steps(found, names.v as Variable)
          : found;
    expectClose(await plain(ours), result);
  });
});
