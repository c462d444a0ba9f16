// LSTM and GRU as one kernel for all steps, in each of its variants: results, states and all gradients are those that the
// reference finds step by step.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  add,
  type Device,
  init,
  jit,
  mean,
  mul,
  scan,
  setDevice,
  square,
  Tape,
  type Tensor,
  tensor,
  variable,
} from "../../engine/index.ts";
import { gruSequence, lstmSequence, packVariables, prefersOneKernel } from "../../engine/internal.ts";
import type { SequenceFunction } from "../../engine/ops/recurrent/sequence-op.ts";
import { GRU, LSTM } from "../../nn/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { isDue, isFirstAdapter } from "../support/sampled.ts";

let reference: Device;
let usual: Device;
/** One that may be pinned. */
let device: Device;

beforeAll(async () => {
  [reference, usual] = [await referenceDevice(), await gpuDevice()];
  device = await init({ device: "webgpu" });
  setDevice(usual);
});
afterAll(() => device.dispose());

interface Case {
  readonly units: number;
  readonly batch: number;
  readonly steps: number;
  readonly isMasked?: boolean;
  readonly goBackwards?: boolean;
  /** Whether some numbers of the state are dropped. */
  readonly isDropped?: boolean;
}

const cases: readonly Case[] = [
  { units: 8, batch: 1, steps: 2 },
  { units: 24, batch: 5, steps: 7, isMasked: true },
  { units: 40, batch: 19, steps: 3, goBackwards: true },
  { units: 64, batch: 33, steps: 4, isMasked: true, goBackwards: true },
  { units: 256, batch: 1, steps: 2 },
  // The kernel is bound in two parts, in four, and whole.
  { units: 72, batch: 19, steps: 2 },
  { units: 128, batch: 1, steps: 3, goBackwards: true },
  { units: 136, batch: 1, steps: 2 },
  { units: 16, batch: 6, steps: 5, isDropped: true },
  { units: 40, batch: 9, steps: 4, goBackwards: true, isDropped: true },
];

const wave = (count: number, shift: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.37 + shift) * 0.7);

/** Outputs, states and gradients of everything that goes in, one after the other. */
async function resultsOn(
  on: Device,
  make: typeof LSTM | typeof GRU,
  { units, batch, steps, isMasked, goBackwards = false, isDropped = false }: Case,
  isJitted: boolean,
): Promise<number[]> {
  const features = 3;
  const layer = new make(units, {
    returnSequences: true,
    returnState: true,
    goBackwards,
    recurrentDropout: isDropped ? 0.25 : 0,
    seed: 7,
  });
  setDevice(on);
  try {
    layer.build([steps, features]);
    layer.weights.forEach((weight, k) => {
      weight.set(wave(weight.size, k).map((value) => value / Math.sqrt(units / 8)));
    });
    const shapes = [[batch, steps, features], ...layer.cell.stateSizes.map((size) => [batch, size])];
    const given = shapes.map((shape, k) =>
      tensor(
        wave(
          shape.reduce((a, b) => a * b),
          k + 5,
        ),
        { shape },
      ),
    );
    // One row of all does not count at all.
    const mask = isMasked
      ? tensor(
          Uint8Array.from({ length: batch * steps }, (_, i) => (i < steps || i % 3 === 1 ? 0 : 1)),
          { shape: [batch, steps], dtype: "bool" },
        )
      : undefined;
    const wanted = [...layer.trainableWeights, ...given];
    const program = (...inputs: Tensor[]): Tensor[] => {
      const tape = new Tape();
      tape.watch(...inputs);
      let outputs: Tensor[] = [];
      const loss = tape.record(() => {
        outputs = layer.call(inputs, { mask: mask && [mask], training: isDropped }) as Tensor[];
        // Each output, and each state, counts in another way.
        return outputs
          .map((output, k) => mean(mul(square(add(output, k)), k + 1)))
          .reduce((total, part) => add(total, part));
      });
      return [...outputs, ...tape.gradient(loss, [...layer.trainableWeights, ...inputs])];
    };
    const run = isJitted ? jit(program) : program;
    const results = run(...given);
    expect(results).toHaveLength(1 + layer.cell.stateSizes.length + wanted.length);
    const values: number[] = [];
    for (const result of results) for (const value of await result.data()) values.push(value);
    return values;
  } finally {
    setDevice(usual);
  }
}

/** Results of the op that runs all steps, and the gradients of what goes in, by a tape. */
async function opResultsOn(
  on: Device,
  op: SequenceFunction,
  states: number,
  { units, batch, steps, isMasked, goBackwards = false, isDropped = false }: Case,
  isJitted: boolean,
): Promise<number[]> {
  const shapes = [
    [batch, steps, 4 * units],
    [units, 4 * units],
    [states, batch, units],
  ];
  const given = shapes.map((shape, k) => {
    const values = wave(
      shape.reduce((a, b) => a * b),
      k,
    );
    const scale = k === 1 ? 1 / Math.sqrt(units) : 1;
    return tensor(
      values.map((value) => value * scale),
      { shape, device: on },
    );
  });
  const mask = isMasked
    ? tensor(
        Float32Array.from({ length: batch * steps }, (_, i) => (i < steps || i % 3 === 1 ? 0 : 1)),
        { shape: [batch, steps, 1], device: on },
      )
    : undefined;
  const drop = isDropped
    ? tensor(
        Float32Array.from({ length: batch * units }, (_, i) => (i % 5 === 2 ? 0 : 1.25)),
        { shape: [batch, units], device: on },
      )
    : undefined;
  const program = (...inputs: Tensor[]): Tensor[] => {
    const tape = new Tape();
    tape.watch(...inputs);
    let shown: Tensor[] = [];
    const loss = tape.record(() => {
      const [, , ...rest] = op(inputs[0], inputs[1], inputs[2], mask, goBackwards, drop);
      shown = rest;
      return shown
        .map((output, k) => mean(mul(square(add(output, 0.3)), k + 1)))
        .reduce((total, part) => add(total, part));
    });
    return [...shown, ...tape.gradient(loss, inputs)];
  };
  const values: number[] = [];
  for (const result of (isJitted ? jit(program) : program)(...given))
    for (const value of await result.data()) values.push(value);
  return values;
}

describe.each([
  ["LSTM", LSTM, lstmSequence, 2, 0],
  ["GRU", GRU, gruSequence, 1, 1],
] as const)("%s", (_, make, op, states, place) => {
  const family = op.op.name;
  // Each number of units is compiled by itself. A day's half of the LSTM is the other half of the GRU.
  const due = cases.filter((_one, k) => isDue(k + place, isFirstAdapter ? 2 : 3));

  it.each(due.map((one) => [JSON.stringify(one), one] as const))(
    "by each variant, %s",
    async (_text, one) => {
      const want = await opResultsOn(reference, op, states, one, false);
      const names = device.variants!.names.get(family)!;
      expect(names.length).toBeGreaterThan(0);
      for (const [k, name] of names.entries()) {
        device.variants!.pin(family, name);
        expectCloseArrays(
          await opResultsOn(device, op, states, one, k % 2 === 0),
          want,
          2e-5,
          `${family}/${name}`,
        );
      }
      device.variants!.pin(family, undefined);
    },
  );

  // The reference goes step by step.
  it.each(due.map((one) => [JSON.stringify(one), one] as const))("as a layer, %s", async (_text, one) => {
    if (!prefersOneKernel(family, one, usual.backend.profile)) return;
    const want = await resultsOn(reference, make, one, false);
    expectCloseArrays(await resultsOn(usual, make, one, true), want, 2e-5, family);
  });

  it("in a loop each of whose steps has another kernel", async () => {
    const [units, batch, steps] = [72, 2, 3];
    const shapes = [
      [batch, steps, 4 * units],
      [4, units, 4 * units],
      [states, batch, units],
    ];
    const given = (on: Device) =>
      shapes.map((shape, k) => {
        const values = wave(
          shape.reduce((a, b) => a * b),
          k,
        );
        return tensor(
          values.map((value) => value / 3),
          { shape, device: on },
        );
      });
    const program = (zx: Tensor, kernels: Tensor, start: Tensor): Tensor => {
      const [last] = scan((z: Tensor, u: Tensor) => [op(z, u, start, undefined, false)[0]], zx, kernels);
      return last as Tensor;
    };
    const [zx, kernels, start] = given(reference);
    const want = await program(zx, kernels, start).data();
    const [own, others, first] = given(usual);
    const got = await (jit(program)(own, others, first) as Tensor).data();
    expectCloseArrays(got, want, 2e-5, family);
  });

  it("with a kernel that lies in a pack behind a short value", async () => {
    const [units, batch, steps] = [8, 2, 3];
    const results: number[][] = [];
    for (const on of [reference, usual]) {
      const [first, u] = [1, 4 * units].map((width, k) =>
        variable(wave(units * width, k), { shape: [units, width], device: on }),
      );
      const pack = packVariables([first, u]);
      const zx = tensor(wave(batch * steps * 4 * units, 2), { shape: [batch, steps, 4 * units], device: on });
      const start = tensor(wave(states * batch * units, 3), { shape: [states, batch, units], device: on });
      results.push([...(await op(zx, u, start, undefined, false)[0].data())]);
      for (const variable of [first, u]) variable.dispose();
      pack.dispose();
    }
    expectCloseArrays(results[1], results[0], 2e-5, family);
  });

  it("dispatches one kernel whatever the steps", async () => {
    const device = usual;
    if (!prefersOneKernel(family, { steps: 9, batch: 4, units: 16 }, device.backend.profile)) return;
    const layer = new make(16).build([null, 2], device);
    const program = jit((x: Tensor) => layer.call(x));
    const dispatches: number[] = [];
    for (const steps of [3, 9]) {
      const x = tensor(wave(4 * steps * 2, 1), { shape: [4, steps, 2] });
      program(x);
      const before = device.counters().dispatches;
      await (program(x) as Tensor).data();
      dispatches.push(device.counters().dispatches - before);
    }
    expect(dispatches[1]).toBe(dispatches[0]);
  });
});
