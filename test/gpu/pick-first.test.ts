// Rows gathered or sliced out of a scaled data set under jit: only these rows are scaled, and they are what gathering from
// the scaled set gives.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  add,
  checkpoint,
  clip,
  type Device,
  device as defaultDevice,
  defineElementwise,
  disposeAll,
  div,
  dynamicSlice,
  exp,
  gather,
  grad,
  greater,
  jit,
  matmul,
  mul,
  neg,
  notDifferentiable,
  reshape,
  setDevice,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  variable,
} from "../../engine/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice } from "../support/devices.ts";

let gpu: Device;
let before: Device;
beforeAll(async () => {
  gpu = await gpuDevice();
  before = defaultDevice();
  setDevice(gpu);
});
afterAll(() => setDevice(before));

const rows = 4096;
const columns = (count: number) => tensor(Float32Array.from({ length: count }, (_, i) => i + 2));
const plusThree = defineElementwise({
  name: "plusThreeWithoutReference",
  arity: 1,
  wgsl: "a + 3.0",
  vjp: notDifferentiable("it is a test"),
} as never) as unknown as (x: Tensor) => Tensor;

type Step = (x: Tensor, ids: Tensor, factor: Tensor) => Tensor | Tensor[];

async function resultsOf(
  step: Step,
  width: number,
  options: object = {},
): Promise<{ got: number[][]; want: number[][]; bytes: number }> {
  const x = tensor(
    Uint8Array.from({ length: rows * width }, (_, i) => (i * 7) % 251),
    { shape: [rows, width], dtype: "u8" },
  );
  // Some are out of range: rows of zeros.
  const ids = tensor(Int32Array.of(4095, 0, -1, 17, 17, 4096, 2 ** 31 - 1, -(2 ** 31)));
  const factor = variable(0.37);
  const read = async (made: Tensor | Tensor[]) =>
    Promise.all([made].flat().map(async (one) => [...(await one.dataFloat64())]));
  const want = await read(step(x, ids, factor));
  const jitted = jit(step, options);
  const got = await read(jitted(x, ids, factor));
  const [{ plan }] = jitted.programs.values();
  const bytes = plan.slots.reduce((most, slot) => Math.max(most, slot.bytes), 0);
  jitted.dispose();
  disposeAll([x, ids, factor]);
  return { got, want, bytes };
}

/** A division by a literal may differ from one by a number in a buffer in the last place. */
function expectCloseAll(got: readonly number[][], want: readonly number[][]): void {
  expect(got.length).toBe(want.length);
  want.forEach((values, k) => {
    expectCloseArrays(got[k], values, 1e-6, `result ${k}`);
    const negativeZeros = (all: readonly number[]) =>
      all.flatMap((value, i) => (Object.is(value, -0) ? [i] : []));
    expect(negativeZeros(got[k])).toEqual(negativeZeros(values));
  });
}

const steps: Readonly<Record<string, Step>> = {
  "of bytes divided by 255": (x, ids) => gather(div(x, 255), ids),
  "of standardized bytes, which makes no zeros of zeros": (x, ids) =>
    gather(div(sub(div(x, 255), 0.1307), 0.3081), ids),
  "of negated bytes, where 0 is -0 and nothing is 0": (x, ids) => gather(neg(div(x, 255)), ids),
  "of squares": (x, ids) => {
    const part = div(x, 255);
    return gather(mul(part, part), ids);
  },
  "of what has no reference to say what it makes of zeros": (x, ids) => gather(plusThree(div(x, 255)), ids),
  "of which one is picked, by a factor of more axes": (x, _, factor) =>
    gather(mul(div(x, 255), reshape(factor, [1, 1])), tensor(17, { dtype: "i32" })),
  "again, in a block that runs a second time": (x, ids, factor) => {
    const whole = exp(div(x, 255));
    const block = checkpoint((u: Tensor) => tanh(mul(gather(whole, ids), u)));
    const [gradient] = grad((u: Tensor) => sum(block(u)))(mul(factor, 1));
    return [gradient, gather(whole, ids)];
  },
  "with a factor that is read": (x, ids, factor) => gather(mul(div(x, 255), factor), ids),
  "of exponentials, some of places out of range": (x, ids) => gather(exp(div(x, -255)), ids),
  "of masks": (x, ids) => gather(greater(div(x, 255), 0.5), ids),
  "twice out of one set": (x, ids) => {
    const whole = div(x, 255);
    return [gather(whole, ids), dynamicSlice(whole, tensor(100, { dtype: "i32" }), 5)];
  },
  "that a slice is": (x) => dynamicSlice(add(mul(div(x, 255), 2), -1), tensor(4090, { dtype: "i32" }), 8),
  "that a product reads": (x, ids) => {
    const batch = gather(clip(div(x, 255), 0.2, 0.9), ids);
    return matmul(batch, batch, { transposeB: true });
  },
};

describe.each([16, 6, 1])("rows of %d bytes", (width) => {
  it.each(Object.entries(steps))("%s", async (_, step) => {
    const { got, want, bytes } = await resultsOf(step, width);
    expectCloseAll(got, want);
    // Nothing is as large as the set.
    expect(bytes).toBeLessThan(rows * width);
  });
});

/** Of what the rows are picked is more than each element of the set by itself: it is computed as it is written. */
const unmoved: Readonly<Record<string, Step>> = {
  "of a set that is read under another shape": (x, ids) =>
    gather(reshape(div(x, 255), [rows / 2, x.size / (rows / 2)]), ids),
  "of a set that was computed under another shape": (x, ids) =>
    gather(div(reshape(x, [rows / 2, x.size / (rows / 2)]), 255), ids),
  "of a set that is computed on both sides of a reshape": (x, ids) =>
    gather(exp(reshape(div(x, -255), [rows / 2, x.size / (rows / 2)])), ids),
  "of a sum of two sets": (x, ids) => {
    const other = tensor(
      Float32Array.from({ length: x.size }, (_, i) => i % 13),
      x.shape,
    );
    return gather(add(div(x, 255), div(other, 3)), ids);
  },
  "with a number for each column": (x, ids) => gather(mul(div(x, 255), columns(x.shape[1])), ids),
  "of rows that are in another order": (x, ids) => {
    const backwards = tensor(Int32Array.from({ length: rows }, (_, i) => rows - 1 - i));
    return gather(add(gather(x, backwards), 1), ids);
  },
  "of a slice of all rows": (x, ids) =>
    gather(exp(dynamicSlice(div(x, 255), tensor(3, { dtype: "i32" }), rows)), ids),
  "of a set that is a result, too": (x, ids) => {
    const whole = div(x, 255);
    return [gather(whole, ids), whole];
  },
  "of a set of which a step on the way is needed, too": (x, ids) => {
    const part = div(x, 255);
    return [gather(exp(part), ids), sum(part)];
  },
};

describe.each([16, 1])("rows of %d bytes", (width) => {
  it.each(Object.entries(unmoved))("%s", async (_, step) => {
    const { got, want } = await resultsOf(step, width);
    expectCloseAll(got, want);
  });
});

it("picks along the axis that it is told", async () => {
  const { got, want, bytes } = await resultsOf((x, ids) => gather(exp(div(x, 255)), ids, 1), 64);
  expectCloseAll(got, want);
  expect(bytes).toBeLessThan(rows * 64);
});

it("computes nothing twice for it", () => {
  const namesOf = (step: Step) => {
    const jitted = jit(step);
    const [x, ids, factor] = [
      tensor(new Float32Array(64), [32, 2]),
      tensor(Int32Array.of(1, 2)),
      variable(1),
    ];
    jitted(x, ids, factor);
    const [{ graph }] = jitted.programs.values();
    disposeAll([x, ids, factor]);
    jitted.dispose();
    return graph.nodes.map(({ op }) => op.name);
  };
  expect(
    namesOf((x, ids) => {
      const whole = exp(x);
      return [gather(whole, ids), whole];
    }),
  ).toEqual(["exp", "gather"]);
  expect(
    namesOf((x, ids) => {
      const part = tanh(x);
      return [gather(exp(part), ids), sum(part)];
    }),
  ).toEqual(["tanh", "exp", "gather", "sum"]);
});

it("leaves the set as it is where all of it is needed, or more is gathered than there is", async () => {
  const both: Step = (x, ids) => {
    const whole = div(x, 255);
    return [gather(whole, ids), sum(whole)];
  };
  const { got, want } = await resultsOf(both, 16);
  expectCloseAll(got, want);
  const more = jit((x: Tensor, ids: Tensor) => gather(exp(x), ids));
  const [x, ids] = [tensor([[0], [1]]), tensor(Int32Array.of(1, 1, 0, 1, 0))];
  more(x, ids);
  const [{ graph }] = more.programs.values();
  expect(graph.nodes.map(({ op }) => op.name)).toEqual(["exp", "gather"]);
  disposeAll([x, ids]);
});

it("can be turned off", async () => {
  const off = await resultsOf(steps["of bytes divided by 255"], 16, { pickFirst: false });
  expectCloseAll(off.got, off.want);
  expect(off.bytes).toBeGreaterThanOrEqual(rows * 16 * 4);
});
