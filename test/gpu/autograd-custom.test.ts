// Ops from outside the package: this file imports nothing but the public face of the engine.

import { beforeAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  add,
  backward,
  customGradient,
  type Device,
  DeviceError,
  defineElementwise,
  defineMultiOp,
  defineOp,
  exp,
  GradientError,
  grad,
  hvp,
  jit,
  jvp,
  kernel,
  matmul,
  maximum,
  minimum,
  mul,
  notDifferentiable,
  type OpFunction,
  record,
  ShaderError,
  ShapeError,
  square,
  stopGradient,
  sum,
  Tape,
  type Tensor,
  type TensorLike,
  tensor,
  variable,
} from "../../engine/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";

let gpu: Device;
let reference: Device;

beforeAll(async () => {
  reference = await referenceDevice();
  gpu = await gpuDevice();
});

const both = () => [reference, gpu] as const;
const close = async (got: Tensor, want: readonly number[]) => {
  const values = await got.dataFloat64();
  expect(values.length).toBe(want.length);
  want.forEach((w, i) => {
    expect(Math.abs(values[i] - w), `element ${i}: ${values[i]} against ${w}`).toBeLessThan(
      1e-5 * (1 + Math.abs(w)),
    );
  });
};

/** Elementwise, with an attribute: x² where x > 0, slope·x elsewhere. */
const bend: OpFunction<[x: TensorLike, slope: number], Tensor> = defineElementwise({
  name: "bend",
  arity: 1,
  call: (x: TensorLike, slope: number) => ({ inputs: [x], attrs: { slope } }),
  wgsl: ({ slope }) => `select(a * ${kernel.wgslFloat(slope)}, a * a, a > vec4f())`,
  reference: ([x], { slope }) => (x > 0 ? x * x : x * slope),
  saves: { inputs: [0] },
  vjp: ({ attrs: { slope }, grad, input }) => [mul(grad(), bendSlope(input(0), slope))],
});
const bendSlope: OpFunction<[x: TensorLike, slope: number], Tensor> = defineElementwise({
  name: "bendSlope",
  arity: 1,
  call: (x: TensorLike, slope: number) => ({ inputs: [x], attrs: { slope } }),
  wgsl: ({ slope }) => `select(vec4f(${kernel.wgslFloat(slope)}), a * 2.0, a > vec4f())`,
  reference: ([x], { slope }) => (x > 0 ? 2 * x : slope),
  saves: { inputs: [0] },
  vjp: ({ grad, input }) => [mul(grad(), step(input(0)))],
});
const step = defineElementwise({
  name: "twiceStep",
  arity: 1,
  wgsl: "select(vec4f(), vec4f(2.0), a > vec4f())",
  reference: ([x]) => (x > 0 ? 2 : 0),
  vjp: notDifferentiable("it is flat"),
});

/** A shader of its own: each row reversed. Its gradient is the op itself. */
const reverseRows: OpFunction<[x: Tensor], Tensor> = defineOp({
  name: "reverseRows",
  call: (x: Tensor) => ({ inputs: [x], attrs: {} }),
  infer: ([x]) => {
    if (x.shape.length !== 2) throw new ShapeError(`reverseRows: takes a matrix, got ${x.shape.length} axes`);
    return [x];
  },
  kernels: ({ inputs: [x], profile }) => {
    const [rows, columns] = x.shape;
    return {
      calls: [
        {
          shader: kernel.shader(
            "reverse-rows",
            `struct Sizes { count: u32, columns: u32 }
             @group(0) @binding(0) var<uniform> sizes: Sizes;
             @group(0) @binding(1) var<storage, read> x: array<f32>;
             @group(0) @binding(2) var<storage, read_write> out: array<f32>;
             @compute @workgroup_size(64)
             fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
               let i = id.x + id.y * groups.x * 64u;
               if (i >= sizes.count) { return; }
               let row = i / sizes.columns;
               out[i] = x[row * sizes.columns + (sizes.columns - 1u - i % sizes.columns)];
             }`,
          ),
          sizes: [rows * columns, columns],
          operands: [kernel.input(0), kernel.output(0)],
          workgroups: kernel.grid(Math.ceil((rows * columns) / 64), profile),
        },
      ],
    };
  },
  reference: ([x], _, [out]) => {
    const columns = x.shape[1];
    for (let i = 0; i < out.data.length; i++)
      out.data[i] = x.data[i - (i % columns) + columns - 1 - (i % columns)];
  },
  vjp: ({ grad }) => [reverseRows(grad())],
});

const broken = defineElementwise({
  name: "brokenExpression",
  arity: 1,
  wgsl: "a + no_such_function(a)",
  vjp: ({ grad }) => [grad()],
});

describe("elementwise ops from outside", () => {
  it("compute, broadcast, differentiate twice, and run on every device", async () => {
    for (const device of both()) {
      const x = tensor([-2, -0.5, 1, 3], { device });
      await close(bend(x, 0.25), [-0.5, -0.125, 1, 9]);
      const f = (v: Tensor) => sum(bend(v, 0.25));
      await close(grad(f)(x)[0], [0.25, 0.25, 2, 6]);
      await close(hvp(f, [x], [tensor([1, 1, 1, 10], { device })]).products[0], [0, 0, 2, 20]);
      await close(jvp((v) => bend(v, 0.25), [x], [x]).tangent, [-0.5, -0.125, 2, 18]);
    }
  });

  it("are fused by jit", async () => {
    const x = tensor([-2, -0.5, 1, 3], { device: gpu });
    const traced = jit((v: Tensor) => add(mul(bend(v, 0.25), 2), bend(v, 0.5)));
    await close(traced(x), [-2, -0.5, 3, 27]);
    expect([...traced.programs.values()][0].plan.steps).toHaveLength(1);
    const gradient = jit((v: Tensor) => grad((u) => sum(bend(u, 0.25)))(v)[0]);
    await close(gradient(x), [0.25, 0.25, 2, 6]);
    traced.dispose();
    gradient.dispose();
  });

  it("of one name are still two ops", async () => {
    const make = (factor: number) =>
      defineElementwise({
        name: "scaled",
        arity: 1,
        wgsl: `a * ${kernel.wgslFloat(factor)}`,
        reference: ([x]) => x * factor,
        vjp: ({ grad }) => [mul(grad(), factor)],
      });
    const [twice, thrice] = [make(2), make(3)];
    for (const device of both()) {
      const x = tensor([1, 2], { device });
      await close(add(twice(x), thrice(x)), [5, 10]);
    }
    const traced = jit((v: Tensor) => [twice(v), thrice(v)]);
    const [a, b] = traced(tensor([1, 2], { device: gpu }));
    await close(a, [2, 4]);
    await close(b, [3, 6]);
    traced.dispose();
  });

  it("without a reference say so on the CPU reference, by name", () => {
    expect(() => broken(tensor([1], { device: reference }))).toThrow(DeviceError);
    expect(() => broken(tensor([1], { device: reference }))).toThrow(/brokenExpression: has no reference/);
  });

  it("whose WGSL is refused give a ShaderError with their name and the source", async () => {
    const result = broken(tensor([1], { device: gpu }));
    const error = await result.data().then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    expect(error).toBeInstanceOf(ShaderError);
    expect(error?.message).toMatch(/brokenExpression/);
    expect(error?.message).toMatch(/no_such_function/);
    // The device goes on working.
    await close(add(tensor([1], { device: gpu }), 1), [2]);
  });
});

describe("helpers of elementwise ops", () => {
  const tripledBy = (helper: string, code = `fn ${helper}(x: vec4f) -> vec4f { return x * 3.0; }`) =>
    defineElementwise<[x: TensorLike]>({
      name: "tripled",
      arity: 1,
      wgsl: `${helper}(a)`,
      helpers: { [helper]: code },
      vjp: notDifferentiable("it is a test"),
    });

  it("take the name of no function that kernels call, and are what their name says", () => {
    for (const name of ["element", "prepare", "non_finite", "max", "exp"])
      expect(() => tripledBy(name)).toThrow(/"tripled" has the name of a function that kernels call.*"my_/);
    expect(() => tripledBy("mine", "fn store(x: vec4f) -> vec4f { return x; }")).toThrow(
      /must be the WGSL function/,
    );
    expect(() => tripledBy("mine", 3 as never)).toThrow(ArgumentError);
  });

  it("are refused where jit would put them in the place of a kernel's own function", async () => {
    const x = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { device: gpu },
    );
    const behind = (helper: string) => {
      const tripled = tripledBy(helper);
      return jit((v: Tensor) => tripled(matmul(v, v)), { device: gpu });
    };
    expect(await behind("tripled_4")(x).data()).toEqual(new Float32Array([21, 30, 45, 66]));
    // By itself there is nothing to be mistaken for.
    expect(await tripledBy("store")(x).data()).toEqual(new Float32Array([3, 6, 9, 12]));
    const call = async () => behind("store")(x).data();
    await expect(call()).rejects.toThrow(ShaderError);
    await expect(call()).rejects.toThrow(/helper "store" .*name of a function of matmul.*"my_store"/);
    x.dispose();
  });
});

describe("ops with a shader of their own", () => {
  it.each([
    [1, 1],
    [3, 7],
    [2, 64],
    [5, 129],
  ])("[%i, %i] on every device, eager and in jit", async (rows, columns) => {
    const values = Float32Array.from({ length: rows * columns }, (_, i) => i % 11);
    const want = Array.from(values, (_, i) => values[i - (i % columns) + columns - 1 - (i % columns)]);
    for (const device of both()) {
      const x = tensor(values, { shape: [rows, columns], device });
      await close(reverseRows(x), want);
      const weights = mul(x, 1);
      const [dx] = grad((v) => sum(mul(reverseRows(v), weights)))(x);
      await close(dx, want);
    }
    const traced = jit((v: Tensor) => grad((u) => sum(square(reverseRows(u))))(v)[0]);
    await close(
      traced(tensor(values, { shape: [rows, columns], device: gpu })),
      Array.from(values, (v) => 2 * v),
    );
    traced.dispose();
  });

  it("refuse inputs at the call", () => {
    expect(() => reverseRows(tensor([1, 2], { device: gpu }))).toThrow(/reverseRows: takes a matrix/);
  });

  it("may have several outputs", async () => {
    const parts = defineMultiOp({
      name: "doubleAndHalf",
      infer: ([x]) => [x, x],
      kernels: ({ inputs: [x] }) => ({
        calls: [
          {
            shader: kernel.shader(
              "double-and-half",
              `struct Sizes { count: u32 }
               @group(0) @binding(0) var<uniform> sizes: Sizes;
               @group(0) @binding(1) var<storage, read> x: array<f32>;
               @group(0) @binding(2) var<storage, read_write> a: array<f32>;
               @group(0) @binding(3) var<storage, read_write> b: array<f32>;
               @compute @workgroup_size(1)
               fn main() {
                 for (var i = 0u; i < sizes.count; i++) { a[i] = x[i] * 2.0; b[i] = x[i] * 0.5; }
               }`,
            ),
            sizes: [x.shape.reduce((a, b) => a * b, 1)],
            operands: [kernel.input(0), kernel.output(0), kernel.output(1)],
            workgroups: [1, 1, 1],
          },
        ],
      }),
      reference: ([x], _, [a, b]) => {
        for (let i = 0; i < a.data.length; i++) {
          a.data[i] = x.data[i] * 2;
          b.data[i] = x.data[i] / 2;
        }
      },
      vjp: ({ grad }) => [add(mul(grad(0), 2), mul(grad(1), 0.5))],
    });
    for (const device of both()) {
      const x = tensor([1, 4, 6], { device });
      const [double, half] = parts(x);
      await close(double, [2, 8, 12]);
      await close(half, [0.5, 2, 3]);
      await close(
        grad((v) => {
          const [a, b] = parts(v);
          return sum(add(a, mul(b, 10)));
        })(x)[0],
        [7, 7, 7],
      );
    }
  });
});

describe("customGradient", () => {
  const clipGradient = customGradient(
    (x: Tensor) => x,
    ({ grad }) => [minimum(maximum(grad(), -1), 1)],
    { name: "clipGradient" },
  );
  /** log(1 + e^x), whose own rule would overflow. */
  const stableSum = customGradient(
    (x: Tensor, y: Tensor) => [mul(exp(x), y), add(x, y)] as const,
    ({ grad, input, output }) => [
      add(mul(grad(0), output(0)), grad(1)),
      add(mul(grad(0), exp(input(0))), grad(1)),
    ],
    { name: "stableSum" },
  );

  it("has the gradient it is given, once and twice, eager and in jit", async () => {
    for (const device of both()) {
      const [x, y] = [tensor([0.5, -1], { device }), tensor([2, 3], { device })];
      await close(grad((v) => sum(mul(clipGradient(v), tensor([5, 0.25], { device }))))(x)[0], [1, 0.25]);
      const f = (a: Tensor, b: Tensor) => {
        const [first, second] = stableSum(a, b);
        return sum(add(square(first), second));
      };
      const plain = (a: Tensor, b: Tensor) => sum(add(square(mul(exp(a), b)), add(a, b)));
      const want = grad(plain)(x, y);
      const got = grad(f)(x, y);
      const wanted = hvp(plain, [x, y], [y, x]).products;
      const product = hvp(f, [x, y], [y, x]).products;
      for (let i = 0; i < 2; i++) {
        await close(got[i], [...(await want[i].dataFloat64())]);
        await close(product[i], [...(await wanted[i].dataFloat64())]);
      }
      if (device === gpu) {
        const traced = jit((a: Tensor, b: Tensor) => grad(f)(a, b));
        const [da] = traced(x, y);
        await close(da, [...(await want[0].dataFloat64())]);
        traced.dispose();
      }
    }
  });

  it("shows as one step, under its name", () => {
    const x = tensor([1, 2], { device: reference });
    const tape = new Tape().watch(x);
    const loss = tape.record(() => sum(clipGradient(x)));
    expect([...tape.steps(loss)].map(({ op }) => op)).toEqual(["sum", "clipGradient"]);
    tape.dispose();
  });

  it("refuses values that need a gradient and are no arguments", () => {
    const w = variable([2], { device: reference, name: "w" });
    const x = tensor([1], { device: reference });
    const hidden = customGradient(
      (v: Tensor) => mul(v, w),
      ({ grad }) => [grad()],
      { name: "hidden" },
    );
    expect(() => record(() => sum(hidden(x)), { watch: [x] })).toThrow(GradientError);
    expect(() => record(() => sum(hidden(x)), { watch: [x] })).toThrow(
      /hidden: its function reads variable "w".*pass it, or stopGradient/,
    );
    const held = customGradient(
      (v: Tensor) => mul(v, stopGradient(w)),
      ({ grad }) => [grad()],
    );
    expect(() => backward(record(() => sum(held(x)), { watch: [x] }))).not.toThrow();
  });

  it.each([
    ["too few", () => [], /lost: its backward rule gave 0 gradients for 1 inputs/],
    ["no array", () => undefined, /lost: its backward rule must return an array.*got undefined/],
    [
      "another shape",
      () => [tensor([1, 2, 3], { device: reference })],
      /lost: .* shape \[3\] for input 0 of shape \[2\]/,
    ],
    [
      "another dtype",
      () => [tensor([1, 2], { device: reference, dtype: "i32" })],
      /lost: .*tensor i32 \[2\].*f32 tensor or null/,
    ],
    ["a number", () => [3], /lost: .*number.*f32 tensor or null/],
  ])("refuses a rule that gives %s", (_, rule, message) => {
    const x = tensor([1, 2], { device: reference });
    const lost = customGradient((v: Tensor) => mul(v, 1), rule as never, { name: "lost" });
    expect(() => grad((v) => sum(lost(v)))(x)).toThrow(GradientError);
    expect(() => grad((v) => sum(lost(v)))(x)).toThrow(message);
  });
});

describe("definitions", () => {
  it("are checked: name, rule, functions", () => {
    const fine = { name: "fine", arity: 1, wgsl: "a", vjp: notDifferentiable("no") };
    expect(() => defineElementwise({ ...fine, name: "not fine" })).toThrow(/must be letters and digits/);
    expect(() => defineElementwise({ ...fine, vjp: undefined as never })).toThrow(
      /"fine" needs its backward rule/,
    );
    expect(() => defineElementwise({ ...fine, arity: 0 })).toThrow(ArgumentError);
    expect(() => defineElementwise(fine)(tensor([1], { device: gpu }), 2)).toThrow(
      /fine: takes 1 inputs, got 2/,
    );
    expect(() => defineOp({ name: "fine", vjp: fine.vjp, infer: () => [] } as never)).toThrow(
      /needs the function kernels/,
    );
    const hidden = defineElementwise({
      ...fine,
      call: (x: Tensor) => ({ inputs: [x], attrs: { f: () => 1 } }),
    });
    expect(() => hidden(tensor([1], { device: gpu }))).toThrow(/attribute f is a function/);
  });
});
