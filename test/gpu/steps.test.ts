// Stepping on this adapter: values read in the loop, or begun there and awaited when their buffers have been given
// up, are those of the CPU reference.

import { expect, it } from "vitest";
import {
  type Device,
  matmul,
  mean,
  type NestedArray,
  relu,
  square,
  Tape,
  tensor,
  variable,
} from "../../engine/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";

const tolerance = 1e-5;

function record(device: Device) {
  const values = (count: number, phase: number) =>
    Array.from({ length: count }, (_, i) => Math.sin(3 * i + phase));
  const x = tensor(values(7 * 65, 1), { shape: [7, 65], device });
  const v = variable(values(65 * 3, 2), { shape: [65, 3], device, name: "v" });
  const w = variable(values(3, 3), { shape: [3, 1], device, name: "w" });
  const tape = new Tape({ retain: true });
  return { tape, loss: tape.record(() => mean(square(matmul(relu(matmul(x, v)), w)))) };
}

const flat = (value: unknown): number[] =>
  Array.isArray(value)
    ? (value as NestedArray[]).flatMap(flat)
    : [value === undefined || value === null ? -1 : Number(value)];

async function walk(device: Device, isAwaited: boolean): Promise<number[][]> {
  const { tape, loss } = record(device);
  const reads = [];
  for (const step of tape.steps(loss)) {
    const read = step.read();
    if (isAwaited) await read;
    reads.push(read);
  }
  tape.dispose();
  return (await Promise.all(reads)).map((values) => flat(Object.values(values)));
}

it.each([true, false])("reads what the reference reads, awaited in the loop: %s", async (isAwaited) => {
  const want = await walk(await referenceDevice(), true);
  const got = await walk(await gpuDevice(), isAwaited);
  expect(got.map(({ length }) => length)).toEqual(want.map(({ length }) => length));
  expect(want).toHaveLength(5);
  got.forEach((values, step) => {
    const worst = values.reduce((most, value, i) => Math.max(most, Math.abs(value - want[step][i])), 0);
    expect(worst, `step ${step}`).toBeLessThan(tolerance);
  });
});
