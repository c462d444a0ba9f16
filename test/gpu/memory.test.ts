// Who owns memory, and that none is lost: scopes, dispose, the pool, uploads beside pending work, refused buffers,
// wrong input, and long training. On a device of this file's own, so that counts are this file's.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  ArgumentError,
  add,
  argMax,
  concat,
  type Device,
  DeviceError,
  DisposedError,
  DTypeError,
  disposeAll,
  dropout,
  exp,
  full,
  GradgpuError,
  gather,
  init,
  jit,
  keep,
  LimitError,
  type MemoryUse,
  matmul,
  mul,
  noGrad,
  oneHot,
  relu,
  reshape,
  ShapeError,
  setDevice,
  slice,
  square,
  sub,
  sum,
  Tape,
  type Tensor,
  tensor,
  tidy,
  transpose,
  variable,
  zeros,
} from "../../engine/index.ts";
import { packVariables } from "../../engine/internal.ts";
import { BatchNormalization, Dense, Dropout, Input, Sequential } from "../../nn/index.ts";
import { Adam } from "../../optim/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { collectGarbage } from "../support/garbage.ts";

let shared: Device;
let cpu: Device;
let device: Device;

beforeAll(async () => {
  cpu = await referenceDevice();
  shared = await gpuDevice();
  device = await init({ device: "webgpu", seed: 1 });
});
beforeEach(() => setDevice(device));
afterEach(() => setDevice(shared));
afterAll(() => device.dispose());

const valuesOf = async (x: Tensor) => [...(await x.data())];

/** What lives on the device, without what freed buffers are kept for reuse. */
function live(): { tensors: number; bytes: number } {
  const { tensors, bytes } = device.memory();
  return { tensors, bytes };
}

/** Asserts that the second run of `fn` leaves what it found; the first may make scalars that stay. */
async function expectNothingLeft(fn: () => unknown): Promise<void> {
  await fn();
  const before = live();
  await fn();
  expect(live()).toEqual(before);
}

describe("tidy", () => {
  it("frees what its function made and does not return", async () => {
    const x = tensor([1, 2, 3]);
    tidy(() => exp(x)).dispose();
    const before = live();
    let inner: Tensor | undefined;
    const y = tidy(() => {
      inner = mul(x, x);
      return sum(exp(inner));
    });
    expect(inner?.isDisposed).toBe(true);
    expect(device.memory().tensors).toBe(before.tensors + 1);
    expect(await y.item()).toBeCloseTo(Math.exp(1) + Math.exp(4) + Math.exp(9), 1);
    y.dispose();
    expect(live()).toEqual(before);
    expect(x.isDisposed).toBe(false);
    x.dispose();
  });

  it("returns tensors in arrays, objects and Maps, nested, and frees the rest", () => {
    const before = live();
    const result = tidy(() => {
      zeros([9]);
      return { a: zeros([1]), list: [zeros([2]), [zeros([3])]], map: new Map([["b", zeros([4])]]), n: 5 };
    });
    expect(device.memory().tensors).toBe(before.tensors + 4);
    disposeAll(result);
    expect(live()).toEqual(before);
  });

  it("hands what it returns to the scope around it", () => {
    const before = live();
    let passed: Tensor | undefined;
    tidy(() => {
      passed = tidy(() => zeros([2]));
      expect(passed.isDisposed).toBe(false);
    });
    expect(passed?.isDisposed).toBe(true);
    expect(live()).toEqual(before);
  });

  it("frees everything when its function throws, and the scopes around it go on", () => {
    const before = live();
    tidy(() => {
      const x = zeros([2]);
      expect(() =>
        tidy(() => {
          zeros([3]);
          throw new RangeError("mine");
        }),
      ).toThrow(RangeError);
      expect(x.isDisposed).toBe(false);
      zeros([4]);
    });
    expect(live()).toEqual(before);
  });

  it("refuses a promise, frees what was made so far, and what comes of the promise troubles nobody", async () => {
    const before = live();
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", note);
    const x = zeros([2]);
    const run = () =>
      tidy(async () => {
        const y = exp(x);
        await Promise.resolve();
        return relu(y);
      });
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(/tidy: the function returned a promise/);
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
    x.dispose();
    expect(live()).toEqual(before);
  });

  it("leaves variables and what is kept alone", () => {
    const before = live();
    const [w, kept] = tidy(() => {
      const made = variable([1, 2]);
      return [made, tidy(() => keep(zeros([3])))].map((t) => t);
    });
    tidy(() => {
      variable([1, 2]).dispose();
    });
    let other: Tensor | undefined;
    tidy(() => {
      tidy(() => {
        other = keep(zeros([2]));
      });
    });
    expect(other?.isDisposed).toBe(false);
    for (const made of [w, kept, other as Tensor]) made.dispose();
    expect(live()).toEqual(before);
  });
});

describe("dispose and using", () => {
  it("frees at the end of a block, once", () => {
    const before = live();
    {
      using x = zeros([2]);
      using y = exp(x);
      expect(device.memory().tensors).toBe(before.tensors + 2);
      y.dispose();
      y.dispose();
    }
    expect(live()).toEqual(before);
  });

  it("of one handle leaves the value to the others", async () => {
    const before = live();
    const x = tensor([[1, 2]]);
    const view = reshape(x, [2]);
    x.dispose();
    const again = reshape(view, [2, 1]);
    view.dispose();
    expect(await valuesOf(again)).toEqual([1, 2]);
    again.dispose();
    expect(live()).toEqual(before);
  });

  it("makes every later use throw a DisposedError that names the tensor", async () => {
    const x = tensor([[1, 2, 3]]);
    const w = variable([1, 2], { name: "gamma" });
    const y = tensor([1, 2]);
    x.dispose();
    w.dispose();
    const before = live();
    const uses = [() => exp(x), () => add(y, x), () => reshape(x, [3]), () => x.alias(), () => variable(x)];
    for (const use of uses) {
      expect(use).toThrow(DisposedError);
      expect(use).toThrow(/tensor f32 \[1, 3\] was disposed/);
    }
    for (const use of [() => w.set([1, 2]), () => w.assign(y), () => mul(w, y)]) {
      expect(use).toThrow(DisposedError);
      expect(use).toThrow(/variable "gamma" \(f32 \[2\]\) was disposed/);
    }
    await expect(x.data()).rejects.toThrow(DisposedError);
    await expect(x.array()).rejects.toThrow(/tensor f32 \[1, 3\] was disposed/);
    expect(live()).toEqual(before);
    y.dispose();
  });

  it("while data() is under way does not spoil it", async () => {
    const before = live();
    const x = tensor([1, 2, 3]);
    const y = mul(x, x);
    const pending = y.data();
    y.dispose();
    x.dispose();
    // Their buffers are written again before the reading is over.
    const others = [1, 2, 3, 4].map((value) => full([3], value * 100));
    expect([...(await pending)]).toEqual([1, 4, 9]);
    disposeAll(others);
    expect(live()).toEqual(before);
  });
});

describe("the pool", () => {
  it("reuses freed buffers: a loop makes none anew", async () => {
    const x = tensor(new Float32Array(1000).fill(2));
    const run = () => tidy(() => sum(square(sub(mul(x, 3), x)))).dispose();
    run();
    await device.sync();
    const before = device.memory();
    for (let i = 0; i < 300; i++) run();
    await device.sync();
    expect(device.memory()).toEqual(before);
    x.dispose();
  });

  it("counts bytes in use and bytes kept apart", () => {
    const before = device.memory();
    const x = zeros([1 << 16]);
    const during = device.memory();
    expect(during.bytes - before.bytes).toBeGreaterThanOrEqual(1 << 18);
    expect(during.peakBytes).toBeGreaterThanOrEqual(during.bytes);
    x.dispose();
    const after = device.memory();
    expect(after.bytes).toBe(before.bytes);
    expect(after.pooledBytes).toBeGreaterThanOrEqual(1 << 18);
    const y = zeros([1 << 16]);
    expect(device.memory().buffers).toBe(after.buffers);
    expect(device.memory().pooledBytes).toBe(after.pooledBytes - (during.bytes - before.bytes));
    y.dispose();
  });

  it("full of buffers that nobody wants, makes room for those that are wanted again and again", async () => {
    // 16 of each kind fill what is left by the kinds before it.
    for (const kib of [16384, 1024, 64, 4, 0.25]) {
      const shape = [kib * 256];
      const made = Array.from({ length: 17 }, () =>
        device.backend.allocate({ shape, dtype: "f32" }, "a test"),
      );
      for (const memory of made) memory.release();
    }
    const run = () =>
      tidy(() => {
        let x = zeros([4]);
        for (let i = 0; i < 100; i++) {
          const next = add(x, 1);
          x.dispose();
          x = next;
        }
      });
    run();
    await device.sync();
    await collectGarbage();
    const [before, counted] = [device.memory(), device.counters()];
    for (let i = 0; i < 5; i++) run();
    await device.sync();
    expect(device.memory()).toEqual(before);
    // A buffer destroyed while commands use it forces them out: 500 ops made as many submits.
    expect(device.counters().submits - counted.submits).toBeLessThan(20);
  });

  it("gives back what is more than it may keep", async () => {
    const sizes = [28, 30, 34, 36, 40, 44, 48, 52].map((mib) => mib << 18);
    const before = device.memory();
    for (const size of sizes) {
      const x = zeros([size]);
      x.dispose();
    }
    await device.sync();
    const after = device.memory();
    // 312 MiB went through; 256 MiB may stay.
    expect(after.pooledBytes).toBeLessThanOrEqual(256 * 2 ** 20);
    expect(after.buffers - before.buffers).toBeLessThan(sizes.length);
    // And the device still works with what was destroyed in between.
    const x = zeros([sizes[0]]);
    const y = add(x, 1);
    const total = sum(y);
    expect(await total.item()).toBe(sizes[0]);
    for (const made of [x, y, total]) made.dispose();
  });
});

describe("uploads beside pending work", () => {
  it("into a recycled buffer wait for the work that still reads its old value", async () => {
    const size = 777;
    const before = live();
    const results: Tensor[] = [];
    for (let i = 0; i < 50; i++) {
      const x = full([size], i);
      results.push(tidy(() => sum(mul(x, x))));
      x.dispose();
    }
    for (let i = 0; i < 50; i++) expect(await results[i].item()).toBe(size * i * i);
    disposeAll(results);
    expect(live()).toEqual(before);
  });

  it("of a part of an array take that part", async () => {
    const all = Float32Array.from({ length: 40 }, (_, i) => i);
    const words = Uint32Array.from({ length: 40 }, (_, i) => 2 ** 31 + i);
    const made = [tensor(all.subarray(8, 12)), tensor(words.subarray(3, 5)), variable([0, 0])];
    (made[2] as ReturnType<typeof variable>).set(all.subarray(30, 32));
    expect(await Promise.all(made.map(valuesOf))).toEqual([
      [8, 9, 10, 11],
      [2 ** 31 + 3, 2 ** 31 + 4],
      [30, 31],
    ]);
    disposeAll(made);
  });

  it("into a variable come after what read it and before what reads it next", async () => {
    const w = variable([1, 2]);
    const first = mul(w, 10);
    w.set([3, 4]);
    const second = mul(w, 10);
    w.set([5, 6]);
    const third = mul(w, 10);
    expect(await Promise.all([first, second, third, w].map(valuesOf))).toEqual([
      [10, 20],
      [30, 40],
      [50, 60],
      [5, 6],
    ]);
    disposeAll([w, first, second, third]);
  });

  it("and copies between variables keep their order too", async () => {
    const [a, b] = [variable([1, 2]), variable([3, 4])];
    const held = mul(a, 1);
    a.assign(b);
    b.set([7, 8]);
    const sums = add(a, b);
    b.assign(held);
    expect(await Promise.all([held, a, b, sums].map(valuesOf))).toEqual([
      [1, 2],
      [3, 4],
      [1, 2],
      [10, 12],
    ]);
    disposeAll([a, b, held, sums]);
  });

  it("do not submit when nothing pending touches the buffer", async () => {
    await device.sync();
    const x = zeros([5]);
    const y = exp(x);
    const before = device.counters().submits;
    const z = tensor(new Float32Array(4096));
    expect(device.counters().submits).toBe(before);
    disposeAll([x, y, z]);
  });
});

describe("a buffer over the adapter's limit", () => {
  it("is refused at the call, with shape, bytes and limit, and the engine goes on", async () => {
    const limit = Math.min(device.info.limits.maxStorageBufferBindingSize, device.info.limits.maxBufferSize);
    const rows = Math.ceil(limit / 4096) + 1;
    const a = zeros([rows, 1]);
    const b = zeros([1, 1024]);
    const before = live();
    const make = () => matmul(a, b);
    expect(make).toThrow(LimitError);
    const message = messageOf(make);
    expect(message).toContain("matmul");
    expect(message).toContain(`[${rows}, 1024]`);
    expect(message).toContain(`${rows * 4096} bytes`);
    expect(message).toContain(`${limit} bytes`);
    for (const other of [() => add(a, b), () => tidy(() => exp(add(a, b)))]) {
      expect(other).toThrow(LimitError);
    }
    expect(live()).toEqual(before);
    const c = mul(b, 2);
    const corner = slice(c, [0, 0], [1, 2]);
    expect(await valuesOf(corner)).toEqual([0, 0]);
    disposeAll([a, b, c, corner]);
  });

  it("is refused when it comes from the host or inside a traced function", () => {
    const { maxStorageBufferBindingSize: limit } = device.info.limits;
    const rows = Math.ceil(limit / 4096) + 1;
    const a = zeros([rows, 1]);
    const b = zeros([1, 1024]);
    const traced = jit((x: Tensor, y: Tensor) => sum(exp(matmul(x, y))));
    const before = live();
    expect(() => traced(a, b)).toThrow(LimitError);
    expect(live()).toEqual(before);
    traced.dispose();
    disposeAll([a, b]);
  });

  it("is refused for a pack of variables, though each of them fits", () => {
    const { maxStorageBufferBindingSize: limit } = device.info.limits;
    if (limit > 2 ** 28) return; // the host would need gigabytes
    const half = new Float32Array(limit / 8 + 64);
    const variables = [variable(half), variable(half)];
    const before = live();
    const pack = () => packVariables(variables, "parameters");
    expect(pack).toThrow(LimitError);
    expect(messageOf(pack)).toMatch(
      /^packVariables: 2 variables of \d+ numbers together.*\d+ bytes.*narrower/,
    );
    expect(live()).toEqual(before);
    disposeAll(variables);
  });
});

describe("wrong input", () => {
  const cases: [string, new (message: string) => Error, RegExp, (x: Inputs) => unknown][] = [
    ["shapes that do not meet", ShapeError, /add.*\[2, 3\].*\[4\]/, ({ a, four }) => add(a, four)],
    ["a matmul that does not fit", ShapeError, /matmul.*\[2, 3\].*\[2, 3\]/, ({ a }) => matmul(a, a)],
    ["an axis out of range", GradgpuError, /sum.*2/, ({ a }) => sum(a, [2])],
    ["an axis twice", GradgpuError, /sum/, ({ a }) => sum(a, [0, 0])],
    [
      "a reshape of another size",
      ShapeError,
      /reshape.*\[2, 3\].*6.*\[4, 2\]/,
      ({ a }) => reshape(a, [4, 2]),
    ],
    ["a permutation that is none", GradgpuError, /transpose/, ({ a }) => transpose(a, [0, 0])],
    ["dtypes mixed", DTypeError, /mul.*f32.*i32/, ({ a, ints }) => mul(a, ints)],
    ["a float op on integers", DTypeError, /exp.*i32/, ({ ints }) => exp(ints)],
    ["a fraction beside integers", ArgumentError, /add.*1\.5.*i32/, ({ ints }) => add(ints, 1.5)],
    ["a string for a tensor", ArgumentError, /add: argument 2.*string/, ({ a }) => add(a, "x" as never)],
    ["null for a tensor", ArgumentError, /relu: argument 1.*null/, () => relu(null as never)],
    ["NaN as a rate", ArgumentError, /dropout.*NaN/, ({ a, state }) => dropout(a, Number.NaN, state)],
    ["NaN as a length", GradgpuError, /zeros|full/, () => zeros([Number.NaN])],
    ["a negative length", GradgpuError, /-1/, () => zeros([-1])],
    ["a fraction as a depth", GradgpuError, /oneHot.*2\.5/, ({ ints }) => oneHot(ints, 2.5)],
    ["a slice out of range", GradgpuError, /slice/, ({ a }) => slice(a, [0, 2], [2, 4])],
    ["float indices", DTypeError, /gather.*f32/, ({ a }) => gather(a, a)],
    ["an unknown dtype", ArgumentError, /float32/, () => zeros([2], { dtype: "float32" as never })],
    ["an unknown dtype", ArgumentError, /int/, () => tensor([1], { dtype: "int" as never })],
    ["an unknown dtype", ArgumentError, /f64/, () => variable([1], { dtype: "f64" as never })],
    ["nothing to concat", GradgpuError, /concat/, () => concat([], 0)],
    ["too few values", ShapeError, /tensor: 3 values.*\[2, 2\]/, () => tensor([1, 2, 3], [2, 2])],
    ["ragged values", ShapeError, /ragged/, () => tensor([[1, 2], [3]])],
    ["an axis of argMax", GradgpuError, /argMax.*5/, ({ a }) => argMax(a, 5)],
    ["devices mixed", DeviceError, /add.*two devices/, ({ a, host }) => add(a, host)],
    ["a matmul over two devices", DeviceError, /matmul.*two devices/, ({ a, host }) => matmul(host, a)],
    ["an assign of another shape", ShapeError, /variable "w".*\[3\]/, ({ w, four }) => w.assign(four)],
    ["a set of too many", ShapeError, /variable "w"/, ({ w }) => w.set([1, 2, 3, 4])],
  ];

  type Inputs = ReturnType<typeof makeInputs>;
  const makeInputs = () => ({
    a: tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]),
    four: zeros([4]),
    ints: tensor(new Int32Array([1, 2, 3])),
    state: tensor(new Uint32Array([1, 2, 3, 4])),
    host: zeros([2, 3], { device: cpu }),
    w: variable([1, 2, 3], { name: "w" }),
  });

  it.each(cases)("%s: a typed error at the call, and nothing is lost", async (_, type, message, call) => {
    const inputs = makeInputs();
    const [before, onCpu] = [live(), cpu.memory()];
    for (let i = 0; i < 3; i++) {
      expect(() => call(inputs)).toThrow(type);
      expect(() => call(inputs)).toThrow(message);
    }
    const tape = new Tape().watch(inputs.a);
    expect(() => tape.record(() => call(inputs))).toThrow(type);
    expect(tape.nodes).toHaveLength(0);
    tape.dispose();
    expect(live()).toEqual(before);
    expect(cpu.memory()).toEqual(onCpu);
    // The engine goes on.
    const y = add(inputs.a, inputs.a);
    expect(await valuesOf(y)).toEqual([2, 4, 6, 8, 10, 12]);
    y.dispose();
    disposeAll(inputs);
  });
});

describe("2,000 training steps", () => {
  const [rows, inputs, classes] = [32, 6, 3];
  const x = Float32Array.from({ length: rows * inputs }, (_, i) => Math.sin(i * 12.9898));
  const y = Uint8Array.from({ length: rows }, (_, i) => i % classes);
  const makeModel = () => {
    const model = new Sequential([
      new Input([inputs]),
      new Dense(8, { activation: "relu" }),
      new BatchNormalization(),
      new Dropout(0.2),
      new Dense(classes, { activation: "softmax" }),
    ]);
    return model.compile({
      optimizer: new Adam({ learningRate: 0.01 }),
      loss: "sparseCategoricalCrossentropy",
      metrics: ["accuracy"],
    });
  };

  it("by fit leave tensors, buffers and bytes as after 20, and upload nothing by the step", async () => {
    const empty = live();
    const model = makeModel();
    const seen: (MemoryUse & { uploads: number })[] = [];
    // Four steps an epoch: 500 epochs.
    const { history } = await model.fit(x, y, {
      batchSize: 8,
      epochs: 500,
      verbose: 0,
      onEpochEnd: (epoch) => {
        if (epoch === 4 || epoch === 499)
          seen.push({ ...device.memory(), uploads: device.counters().uploads });
      },
    });
    const [early, late] = seen;
    expect(late.tensors).toBe(early.tensors);
    expect(late.buffers).toBe(early.buffers);
    expect(late.bytes).toBe(early.bytes);
    expect(late.pooledBytes).toBe(early.pooledBytes);
    // What an epoch starts with (cursor, sums), not what a step does.
    expect((late.uploads - early.uploads) / 495).toBeLessThan(4);
    expect(history.loss[499]).toBeLessThan(history.loss[0]);
    (model.optimizer as Adam).dispose();
    model.dispose();
    // Scalars that the device keeps, no more.
    expect(device.memory().tensors - empty.tensors).toBeLessThan(25);
    expect(device.memory().bytes - empty.bytes).toBeLessThan(25 * 256);
  }, 300_000);

  it("by trainOnBatch: 200 of them leave everything as after 20", async () => {
    const model = makeModel();
    const step = () => model.trainOnBatch(x, y);
    for (let i = 0; i < 20; i++) await step();
    const { peakBytes: _, ...early } = device.memory();
    for (let i = 0; i < 200; i++) await step();
    expect(device.memory()).toMatchObject(early);
    (model.optimizer as Adam).dispose();
    model.dispose();
  }, 300_000);

  it("written by hand without any freeing but the loop's tidy: 300 leave everything as after 20", async () => {
    const w = variable([[0.1, -0.2, 0.3]], { name: "w" });
    const optimizer = new Adam({ learningRate: 0.01 });
    const data = tensor([[1], [2], [3]]);
    const step = () =>
      tidy(() => {
        optimizer.minimize(() => sum(square(sub(matmul(data, w), 1))), [w]);
        noGrad(() => exp(w));
      });
    for (let i = 0; i < 20; i++) step();
    await device.sync();
    const { peakBytes: _, ...early } = device.memory();
    for (let i = 0; i < 300; i++) step();
    await device.sync();
    expect(device.memory()).toMatchObject(early);
    optimizer.dispose();
    disposeAll([w, data]);
  });
});

describe("reading", () => {
  it("leaves the value where it is", async () => {
    const x = variable([1, 2, 3]);
    expect(await valuesOf(x)).toEqual([1, 2, 3]);
    const others = [1, 2, 3].map((value) => variable([value, value, value]));
    expect(await valuesOf(x)).toEqual([1, 2, 3]);
    disposeAll([x, ...others]);
  });

  it("no elements asks nothing of the device", async () => {
    const x = tensor([], { shape: [0, 3] });
    const y = exp(x);
    await device.sync();
    const { readbacks, submits } = device.counters();
    expect([...(await y.data())]).toEqual([]);
    expect(device.counters()).toMatchObject({ readbacks, submits });
    disposeAll([x, y]);
  });

  it("many at once, of many sizes, gives each its own and leaves nothing", async () => {
    await expectNothingLeft(async () => {
      const tensors = [0, 1, 2, 3, 63, 64, 65, 1000, 4097].map((size) => full([size], size));
      const read = await Promise.all(tensors.flatMap((t) => [t.data(), t.data()]));
      read.forEach((values, i) => {
        const { size } = tensors[i >> 1];
        expect(values.length).toBe(size);
        expect(values.every((value) => value === size)).toBe(true);
      });
      disposeAll(tensors);
    });
  });
});

describe("all of the above", () => {
  it("drops no tensor for the garbage collector to find", async () => {
    const before = live();
    await collectGarbage();
    expect(live()).toEqual(before);
  });
});

function messageOf(fn: () => unknown): string {
  try {
    fn();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}
