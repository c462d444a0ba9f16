// What ops do where libraries differ, on the adapter; how a tensor is shown; and that bytes are computed where they are used.

import { inspect } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import {
  type Device,
  div,
  dynamicSlice,
  gather,
  jit,
  matmul,
  ones,
  setDevice,
  sum,
  type Tensor,
  tensor,
} from "../../engine/index.ts";
import { conventionsCases } from "../support/conventions-cases.ts";
import { gpuDevice } from "../support/devices.ts";

conventionsCases(gpuDevice);

let device: Device;
beforeAll(async () => {
  device = await gpuDevice();
  setDevice(device);
});

it("Node's console says how to see values that are on the GPU", () => {
  const x = tensor([[1, 2]]);
  const title = `Tensor(f32 [1, 2] on ${device.name})`;
  expect(inspect(x)).toBe(`${title}: await print(tensor) shows its values`);
  jit((y) => {
    expect(inspect(y)).toBe(`${title}: being traced, it has no values`);
    return y;
  })(x);
  x.dispose();
  expect(inspect(x)).toBe(`Tensor(f32 [1, 2] on ${device.name}, disposed)`);
});

describe("bytes under jit", () => {
  const [rows, columns] = [512, 64];
  const set = () =>
    tensor(
      Uint8Array.from({ length: rows * columns }, (_, i) => i % 251),
      [rows, columns],
    );
  /** Bytes that a program has for values of its own. */
  const ownBytes = (f: { programs: ReadonlyMap<string, { prepared: { bytes: number } }> }) =>
    [...f.programs.values()][0].prepared.bytes;

  it("are scaled where they are summed", async () => {
    const f = jit((x) => sum(div(x, 255)));
    let want = 0;
    for (let i = 0; i < rows * columns; i++) want += (i % 251) / 255;
    expect((await f(set()).item()) / want).toBeCloseTo(1, 5);
    expect(ownBytes(f)).toBeLessThan(rows * columns);
    f.dispose();
  });

  it.each<[string, (x: Tensor, i: Tensor) => Tensor]>([
    ["gathered", (x, i) => gather(x, i)],
    ["windowed", (x, i) => dynamicSlice(x, gather(i, tensor(Int32Array.of(0))), 4)],
  ])("are scaled where a batch of them is %s", async (_, take) => {
    const batch = tensor(Int32Array.of(3, 4, 5, 6));
    const f = jit((x, i, w) => matmul(div(take(x, i), 255), w));
    const [first] = await f(set(), batch, ones([columns, 1])).data();
    let want = 0;
    for (let i = 0; i < columns; i++) want += ((3 * columns + i) % 251) / 255;
    expect(first / want).toBeCloseTo(1, 5);
    expect(ownBytes(f)).toBeLessThan(rows * columns);
    f.dispose();
  });
});
