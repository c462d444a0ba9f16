// The kernels that come in two variants (docs/variants.md): each, pinned, gives what the float64 reference gives, eagerly
// and in programs that jit fused, forward and backward; what a check must find out, it does.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Backend } from "../../engine/backend/backend.ts";
import { keyFor, save } from "../../engine/backend/tuning/store.ts";
import { isTested } from "../../engine/backend/tuning/tested.ts";
import { faultOf } from "../../engine/backend/tuning/trial.ts";
import { Tuner } from "../../engine/backend/tuning/tuner.ts";
import { sizeOf } from "../../engine/base/shape.ts";
import {
  add,
  argMax,
  argMin,
  batchNorm,
  cast,
  conv2d,
  type Device,
  expand,
  grad,
  groupNorm,
  init,
  jit,
  layerNorm,
  logSoftmax,
  max,
  mean,
  mul,
  norm,
  type Op,
  pad,
  padZeros,
  prod,
  relu,
  reshape,
  rmsNorm,
  roll,
  setDevice,
  slice,
  softmax,
  softmaxCrossEntropy,
  sparseSoftmaxCrossEntropy,
  square,
  stack,
  sum,
  type Tensor,
  tanh,
  tensor,
  transpose,
  tril,
  triu,
} from "../../engine/index.ts";
import { showVariants } from "../../engine/inspect/show-variants.ts";
import { softmaxCrossEntropyGradient, softmaxCrossEntropySummary } from "../../engine/internal.ts";
import type { AdapterProfile, KernelCall, KernelContext, Shader } from "../../engine/kernel/kernel.ts";
import { type Family, registeredFamilies } from "../../engine/kernel/variants.ts";
import { matmulVariants } from "../../engine/ops/matmul/variants.ts";
import { rowNormGradient } from "../../engine/ops/normalize/row-norm-gradients.ts";
import { apply } from "../../engine/tensor/apply.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { compareForward, forced, rowKernels } from "../support/gpu-cases.ts";
import { roundsOf } from "../support/rounds.ts";
import { isDueHere, isFirstAdapter, sampled, sampledHere } from "../support/sampled.ts";

let usual: Device;
let reference: Device;
/** One that may be pinned. */
let device: Device;
let folder: string;
/** How often opening `device` waited for the GPU. */
let waits: number;
const opened: Device[] = [];

const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
const warnings = () => warn.mock.calls.map(([text]) => String(text));

async function open(options: Parameters<typeof init>[0] = {}): Promise<Device> {
  const device = await init({ device: "webgpu", ...options });
  opened.push(device);
  return device;
}

beforeAll(async () => {
  [reference, usual] = [await referenceDevice(), await gpuDevice()];
  folder = mkdtempSync(join(tmpdir(), "gradgpu-families-"));
  vi.stubEnv("GRADGPU_CACHE", folder);
  // Nothing is known of any kernel in this folder.
  waits = await roundsOf(async () => {
    device = await open();
  });
  setDevice(usual);
});
afterEach(() => {
  setDevice(usual);
  warn.mockClear();
});
afterAll(() => {
  for (const each of opened) each.dispose();
  setDevice(usual);
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
  warn.mockRestore();
});

const rowVariants = ["own-row", "shared-row"];
const attrsOf = (inner: number) => ({ middle: 1, groups: 1, inner, epsilon: 1e-3, centered: true });

type Program = (x: Tensor, y: Tensor, row: Tensor, labels: Tensor) => Tensor[];

/** By family: its variants, and what is computed from x and y [rows, length], row [length] and labels [rows]. */
const families: Record<string, { variants: string[]; program: Program }> = {
  reduce: {
    variants: rowVariants,
    program: (x, y) => [
      // A chain before and one behind.
      add(mul(sum(mul(tanh(x), y), 1), 2), 1),
      mean(x),
      max(mul(x, y), 1, { keepDims: true }),
      prod(add(mul(x, 0.01), 1), 1),
      ...grad((a) => sum(square(mean(mul(tanh(a), y), 1))))(x),
    ],
  },
  rootOfSquares: {
    variants: rowVariants,
    program: (x, y) => [
      add(mul(norm(mul(tanh(x), y), 1), 2), 1),
      norm(mul(x, 1e25), 1),
      mul(norm(mul(x, 1e-25)), 1e25),
      ...grad((a) => sum(square(norm(mul(tanh(a), y), 1))))(x),
    ],
  },
  argReduce: {
    variants: rowVariants,
    program: (x, y) => [argMax(mul(x, y), 1), mul(cast(argMin(x, 1), "f32"), 0.5)],
  },
  softmax: {
    variants: rowVariants,
    program: (x, y) => [
      mul(softmax(mul(x, 3)), y),
      add(logSoftmax(x), y),
      ...grad((a) => sum(mul(softmax(a), y)))(x),
      ...grad((a) => sum(mul(logSoftmax(tanh(a)), y)))(x),
    ],
  },
  crossEntropy: {
    variants: rowVariants,
    program: (x, y, _, labels) => {
      const targets = square(y);
      return [
        mul(sparseSoftmaxCrossEntropy(x, labels), 0.5),
        mean(softmaxCrossEntropy(x, targets)),
        ...grad((a) => mean(sparseSoftmaxCrossEntropy(tanh(a), labels)))(x),
        ...grad((a, t) => sum(softmaxCrossEntropy(a, t)))(x, targets),
        ...apply(softmaxCrossEntropySummary.op, [x, labels], {}),
        // Work that rides on the gradient.
        mul(apply(softmaxCrossEntropySummary.op, [x, targets], {})[2], y),
      ];
    },
  },
  rowNorm: {
    variants: rowVariants,
    program: (x, y, row) => [
      relu(add(layerNorm(x, { gamma: row, beta: row }), x)),
      rmsNorm(x),
      groupNorm(x, 1, { gamma: row }),
      ...grad((a, gamma) => sum(mul(layerNorm(a, { gamma }), y)))(x, row),
      ...grad((a) => sum(square(mul(rmsNorm(tanh(a)), y))))(x),
    ],
  },
  shortRowNorm: {
    variants: ["subgroup", "apart"],
    program: (x, y, row) => [
      relu(add(layerNorm(x, { gamma: row, beta: row }), x)),
      rmsNorm(x, { gamma: row }),
      ...grad((a, gamma) => sum(mul(layerNorm(a, { gamma }), y)))(x, row),
      // Work that rides on the gradient for x, which another kernel follows.
      ...grad((a, gamma, beta) => sum(add(mul(layerNorm(a, { gamma, beta }), y), square(a))))(x, row, row),
    ],
  },
  batchNorm: {
    variants: ["one-kernel", "several-kernels", "shared-columns"],
    program: (x, y, row) => [
      relu(add(batchNorm(x, row, row)[0], x)),
      ...batchNorm(mul(x, 2), row, row),
      ...grad((a, gamma, beta) => sum(mul(relu(batchNorm(a, gamma, beta)[0]), y)))(x, row, row),
    ],
  },
  windowProduct: {
    variants: ["tile-8x64", "tile-32x32"],
    program: (x, y, row) => {
      const [rows, length] = x.shape;
      const filters = reshape(mul(slice(y, [0, 0], [1, 1]), [1, -2, 3, 0.5, 1, 2]), [3, 1, 1, 2]);
      const bias = reshape(add(sum(row), [0, 0.5]), [2]);
      const convolved = (a: Tensor, w: Tensor, b: Tensor) =>
        relu(add(conv2d(reshape(a, [1, rows, length, 1]), w, { stride: [1, 2], padding: "same" }), b));
      return [
        convolved(mul(x, 2), filters, bias),
        ...grad((a, w, b) => sum(square(convolved(a, w, b))))(x, filters, bias),
      ];
    },
  },
  copy: {
    variants: ["runs", "elements"],
    program: (x, y, row) => {
      const [rows, length] = x.shape;
      const part = (a: Tensor) => slice(a, [0, Math.min(1, length - 1)], [rows, length]);
      return [
        mul(part(tanh(x)), 2),
        slice(x, [rows - 1, length - 1], [], { steps: [-1, -2] }),
        expand(reshape(row, [1, length]), [rows, length]),
        expand(reshape(row, [length, 1]), [length, 37]),
        transpose(stack([x, y], 0), [1, 0, 2]),
        transpose(stack([x, y], 2), [2, 0, 1]),
        ...grad((a) => sum(mul(square(part(a)), part(y))))(x),
      ];
    },
  },
  pad: {
    variants: ["runs", "elements"],
    program: (x, y) => {
      const [, length] = x.shape;
      const half = Math.floor(length / 2);
      const spread = (a: Tensor) => padZeros(a, [1, 2], [0, 1], { steps: [2, 3] });
      return [
        mul(
          pad(
            x,
            [
              [1, 2],
              [4, 3],
            ],
            { value: 0.5 },
          ),
          3,
        ),
        pad(
          stack([x, y], 0),
          [
            [1, 0],
            [0, 0],
            [0, 2],
          ],
          { mode: "edge" },
        ),
        pad(
          x,
          [
            [0, 0],
            [half, length - 1 - half],
          ],
          { mode: "reflect" },
        ),
        ...(["symmetric", "wrap"] as const).map((mode) =>
          pad(
            x,
            [
              [1, 1],
              [half, length - half],
            ],
            { mode },
          ),
        ),
        spread(x),
        roll(x, [1, half], [0, 1]),
        ...grad((a) => sum(square(spread(a))))(x),
      ];
    },
  },
  triangle: {
    variants: ["runs", "elements"],
    program: (x, y) => [
      mul(tril(stack([x, tanh(y)], 0)), 2),
      triu(x, 3),
      triu(stack([x, y], 0), -1),
      ...grad((a) => sum(square(tril(a, 2))))(x),
    ],
  },
};

/** Rows and lengths: one element, fewer than lanes, odd, whole vec4s, longer than a workgroup of 64 takes in a step. */
const sizes = [
  [3, 1],
  [2, 2],
  [67, 5],
  [1, 33],
  [9, 132],
  [4, 263],
  [5, 516],
] as const;

function inputsOn(device: Device, rows: number, length: number): [Tensor, Tensor, Tensor, Tensor] {
  const wave = (count: number, step: number) =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(1 + i * step));
  return [
    tensor(wave(rows * length, 1.3), { shape: [rows, length], device }),
    tensor(wave(rows * length, 0.7), { shape: [rows, length], device }),
    tensor(wave(length, 2.1), { device }),
    tensor(
      Int32Array.from({ length: rows }, (_, i) => (i * 7) % length),
      { device },
    ),
  ];
}

async function valuesOf(tensors: readonly Tensor[]): Promise<number[][]> {
  const values = await Promise.all(tensors.map(async (each) => Array.from(await each.dataFloat64())));
  for (const each of tensors) each.dispose();
  return values;
}

describe.each(sampledHere(Object.entries(families), 12))("%s", (family, { variants, program }) => {
  it.each(variants)("by %s gives what the reference gives, alone and fused", async (variant) => {
    const fused = jit(program);
    device.variants!.pin(family, variant);
    try {
      for (const [rows, length] of sizes) {
        const want = await valuesOf(program(...inputsOn(reference, rows, length)));
        const inputs = inputsOn(device, rows, length);
        for (const [name, run] of [
          ["eager", program],
          ["fused", fused],
        ] as const) {
          const got = await valuesOf(run(...inputs));
          expect(got.length).toBe(want.length);
          want.forEach((values, k) => {
            expectCloseArrays(got[k], values, 4e-5, `${name}, [${rows}, ${length}], result ${k}`);
          });
        }
        for (const each of inputs) each.dispose();
      }
    } finally {
      fused.dispose();
      device.variants!.pin(family, undefined);
    }
  });
});

/** Every op on rows, with inputs of this shape. */
const callsOnRows = (shape: readonly [rows: number, length: number]) => {
  const rows = { shape: [shape[0]] };
  const labels = { ...rows, dtype: "i32", low: 0, high: shape[1] } as const;
  const gradient = [{ shape }, { shape }, rows, { ...rows, low: 0.5, high: 2 }];
  return [
    [sum.op, [{ shape }], { axes: [1], keepDims: false }],
    [argMax.op, [{ shape }], { axis: 1 }],
    [softmax.op, [{ shape }], {}],
    [sparseSoftmaxCrossEntropy.op, [{ shape }, labels], {}],
    [softmaxCrossEntropyGradient.op, [{ shape }, labels, rows], {}],
    [softmaxCrossEntropySummary.op, [{ shape }, labels], {}],
    [layerNorm.op, [{ shape }], attrsOf(shape[1])],
    [rowNormGradient.op, gradient, attrsOf(shape[1])],
  ] as const;
};

describe.each(sampledHere(rowKernels, 4))("%s", (_, variant) => {
  it("are right for more rows than a dimension has workgroups", async () => {
    const narrow = { maxWorkgroupsPerDimension: 30 };
    const shape = [2503, 3] as const;
    for (const [op, inputs, attrs] of callsOnRows(shape)) {
      const pair = { gpu: usual, reference };
      await compareForward(variant(op as Op, narrow), { inputs, attrs }, pair, 1, 1e-5);
    }
    // The summary's workgroups leave so many sums that they are cut into chunks.
    const summary = variant(softmaxCrossEntropySummary.op);
    const labels = { shape: [2503], dtype: "i32", low: 0, high: 3 } as const;
    await compareForward(summary, { inputs: [{ shape }, labels] }, { gpu: usual, reference }, 1, 1e-5);
  });

  it.each([[[5, 64] as const], [[9, 20] as const], [[4, 100] as const], [[3, 516] as const]])(
    "are right for %j, where a workgroup takes several short rows, and there may be none for the last threads",
    async (shape) => {
      for (const [op, inputs, attrs] of callsOnRows(shape))
        await compareForward(variant(op as Op), { inputs, attrs }, { gpu: usual, reference }, 1, 2e-5);
    },
  );
});

it("softmax is right for more rows than any adapter has workgroups in a dimension", async () => {
  for (const variant of rowVariants) {
    const inputs = [{ shape: [70_001, 1] }];
    await compareForward(forced(softmax.op, variant), { inputs }, { gpu: usual, reference });
  }
});

describe("the favourite", () => {
  const profile = (change: Partial<AdapterProfile>): AdapterProfile => ({
    ...usual.backend.profile!,
    choices: undefined,
    ...change,
  });
  const namesOf = (op: Op, shapes: readonly (readonly number[])[], attrs: unknown, isSoftware: boolean) => {
    const inputs = shapes.map((shape) => ({ shape, dtype: "f32" as const }));
    const context = { inputs, outputs: op.infer(inputs, attrs), attrs, profile: profile({ isSoftware }) };
    return op.variants!(context)?.names ?? [];
  };

  // A thread has four vec4s, or eight single elements, on their way at once: what is longer is shared.
  it.each([
    ["few", 10],
    ["many", 100_000],
  ])(
    "of %s rows is one of its own on software adapters and for short rows, and shared by GPUs for long ones",
    (_many, rows) => {
      const both = [...rowVariants];
      const reversed = [...both].reverse();
      for (const length of [1, 7, 8, 9, 16, 17, 20, 32, 64, 128, 1024]) {
        const named = (op: Op, attrs: unknown, isSoftware: boolean) =>
          namesOf(op, [[rows, length]], attrs, isSoftware);
        for (const [op, attrs, least] of [
          [softmax.op, {}, 17],
          [sum.op, { axes: [1], keepDims: false }, 17],
          [argMax.op, { axis: 1 }, 9],
          [layerNorm.op, attrsOf(length), length % 4 === 0 ? 17 : 9],
        ] as const) {
          const isInRegisters =
            op === layerNorm.op && length % 4 === 0 && length <= 16 * usual.backend.profile!.subgroupSize;
          expect(named(op as Op, attrs, true)).toEqual(isInRegisters ? ["subgroup", "apart"] : both);
          expect(named(op as Op, attrs, false), `${op.name} ${length}`).toEqual(
            length >= least ? reversed : both,
          );
        }
      }
    },
  );

  it("of batch normalization is one kernel on software adapters, for whole vec4s of up to 4096 rows", () => {
    const named = (rows: number, columns: number, isSoftware: boolean) =>
      namesOf(batchNorm.op, [[rows, columns], [columns], [columns]], { epsilon: 1e-3 }, isSoftware);
    expect(named(4096, 8, true)).toEqual(["one-kernel", "several-kernels", "shared-columns"]);
    expect(named(4096, 8, false)).toEqual(["shared-columns", "several-kernels", "one-kernel"]);
    expect(named(4097, 8, true)).toEqual(["several-kernels"]);
    expect(named(16, 7, true)).toEqual(["several-kernels"]);
  });

  it("of copies goes along runs on software adapters of eight lanes, where they are long enough", () => {
    const named = (op: Op, length: number, attrs: unknown, isSoftware: boolean, subgroupSize: number) => {
      const inputs = [{ shape: [10, length], dtype: "f32" as const }];
      const context = { inputs, outputs: op.infer(inputs, attrs), attrs };
      return op.variants!({ ...context, profile: profile({ isSoftware, subgroupSize }) })?.names ?? [];
    };
    const part = (length: number) => ({ start: [0, 1], size: [10, length - 1], steps: [1, 1] });
    for (const [op, attrsFor] of [
      [slice.op, part],
      [tril.op, () => ({ offset: 0 })],
    ] as const) {
      expect(named(op as Op, 201, attrsFor(201), true, 8)).toEqual(["runs", "elements"]);
      expect(named(op as Op, 201, attrsFor(201), true, 4)).toEqual(["elements", "runs"]);
      expect(named(op as Op, 201, attrsFor(201), false, 32)).toEqual(["elements", "runs"]);
      expect(named(op as Op, 31, attrsFor(31), true, 8)).toEqual([]);
    }
  });

  it("is what a pin replaces, alone and in what jit fuses", async () => {
    const x = tensor(new Float32Array(64 * 256).fill(1), { shape: [64, 256], device });
    const row = tensor(new Float32Array(256).fill(1), { device });
    const steps = (program: (x: Tensor, row: Tensor) => Tensor) => {
      const jitted = jit(program);
      jitted(x, row).dispose();
      const [{ plan }] = jitted.programs.values();
      const text = JSON.stringify(plan.steps);
      jitted.dispose();
      return text;
    };
    const normalized = (x: Tensor, row: Tensor) => relu(batchNorm(x, row, row)[0]);
    const ofRows = (x: Tensor) => softmax(x);
    for (const [family, variant, program, pattern] of [
      ["softmax", "own-row", ofRows, /"LANES":"1u"/],
      ["softmax", "shared-row", ofRows, /"LANES":"(?!1u)/],
      ["batchNorm", "one-kernel", normalized, /"name":"batch-norm"/],
      ["batchNorm", "several-kernels", normalized, /"name":"moments"/],
    ] as const) {
      device.variants!.pin(family, variant);
      try {
        expect(showVariants(device)).toContain(`${family}: pinned to ${variant}`);
        expect(steps(program)).toMatch(pattern);
      } finally {
        device.variants!.pin(family, undefined);
      }
    }
    expect(() => device.variants!.pin("softmax", "shared")).toThrow(
      'softmax has no variant "shared" on this adapter; there are "own-row", "shared-row"',
    );
    x.dispose();
    row.dispose();
  });
});

/** The families of this file. */
const ours = (): Family[] => registeredFamilies().filter(({ name }) => name in families);

/** Shared rows computed wrongly: a workgroup's odd threads begin where even ones do. */
const brokenPlaces = {
  "shared-row": "fn first_of(lane: u32) -> u32 {\n  return lane & ~1u;\n}",
  "own-row": "fn first_of(lane: u32) -> u32 {\n  return 1u;\n}",
};

/** The device's backend with functions of some kernels replaced. */
function withBroken(
  { backend }: Device,
  replacedIn: (call: KernelCall) => Record<string, string> | undefined,
): Backend {
  const run: Backend["run"] = backend.run.bind(backend);
  const breakCall = (call: KernelCall): KernelCall => {
    const functions = { ...call.hooks?.functions, ...replacedIn(call) };
    return { ...call, hooks: { ...call.hooks, functions } };
  };
  backend.run = (op, ...rest) => {
    const kernels = (context: KernelContext) => {
      const plan = op.kernels!(context);
      return { ...plan, calls: plan.calls.map(breakCall) };
    };
    run({ ...op, kernels }, ...rest);
  };
  return backend;
}

/** Has one variant of rows begin at wrong places. */
const withBrokenRows = (device: Device, variant: keyof typeof brokenPlaces = "shared-row"): Backend =>
  withBroken(device, ({ hooks }) => {
    const lanes = hooks?.consts?.LANES;
    const isBroken = lanes !== undefined && (lanes === "1u") === (variant === "own-row");
    return isBroken ? { first_of: brokenPlaces[variant] } : undefined;
  });

describe("opening a device of which nothing is known", () => {
  it("waits for the compiler and for the results, once each", () => {
    expect(Object.values(device.variants!.known.verdicts).length).toBeGreaterThan(3);
    expect(waits).toBe(2);
  });

  it("has all checks of a GPU under way in little memory", () => {
    const profile = { ...device.backend.profile!, choices: undefined, isSoftware: false };
    const bytes = registeredFamilies().flatMap((family) =>
      family.checks(profile).flatMap(({ op, inputs, attrs = {} }) => {
        const specs = inputs.map(({ shape, dtype = "f32" as const }) => ({ shape, dtype }));
        const outputs = op.infer(specs, attrs);
        const { names } = op.variants!({ inputs: specs, outputs, attrs, profile })!;
        return [...specs, ...outputs].map(({ shape }) => names.length * 4 * sizeOf(shape));
      }),
    );
    const total = bytes.reduce((sum, each) => sum + each, 0);
    expect(total).toBeGreaterThan(2 ** 16);
    expect(total).toBeLessThan(2 ** 25);
  });
});

describe("checks", () => {
  const profiles = () =>
    [true, false].map((isSoftware) => ({ ...device.backend.profile!, choices: undefined, isSoftware }));

  /** Software adapters compile long what GPUs are given: of that a part on the first adapter, too. */
  const dueOf = ({ isSoftware }: AdapterProfile) =>
    isSoftware ? sampledHere(ours(), 6) : sampled(ours(), isFirstAdapter ? 3 : 6);

  it("find every variant sound, in the sizes of software adapters and of GPUs", async () => {
    expect(ours().map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(families)));
    for (const profile of profiles())
      for (const family of dueOf(profile))
        for (const name of families[family.name].variants)
          expect(await faultOf(family, name, device.backend, profile), `${family.name}/${name}`).toBe(
            undefined,
          );
  });

  it("find out that rows are shared wrongly, in each family", async () => {
    const broken = withBrokenRows(await open());
    for (const profile of profiles())
      for (const family of dueOf(profile)) {
        if (families[family.name].variants !== rowVariants) continue;
        const fault = await faultOf(family, "shared-row", broken, profile);
        expect(fault?.reason, family.name).toMatch(/it makes .* of element \d+.*, which is/);
        expect(await faultOf(family, "own-row", broken, profile)).toBe(undefined);
      }
  });

  it("find out that copies go along the wrong runs", async () => {
    const broken = withBroken(await open(), ({ shader }) =>
      shader.name.endsWith("-runs")
        ? { run_at: "fn run_at(number: u32) -> Run {\n  return Run(7u);\n}" }
        : undefined,
    );
    for (const profile of profiles())
      for (const family of ours().filter(({ name }) => families[name].variants.includes("runs"))) {
        const fault = await faultOf(family, "runs", broken, profile);
        expect(fault?.reason, family.name).toMatch(/it makes .* of element \d+.*, which is/);
        expect(await faultOf(family, "elements", broken, profile)).toBe(undefined);
      }
  });
});

describe("a broken variant", () => {
  it.runIf(isDueHere(0))(
    "is dropped when a GPU's device opens, with a warning that names it, and the other one serves",
    async () => {
      // SwiftShader compiles all of a GPU's variants for a minute, so that of most it is told that they are sound.
      // Not a third: the days on which this test is run would always have the same one.
      const rows = sampledHere(
        ours().filter(({ name }) => families[name].variants === rowVariants),
        4,
      );
      expect(rows.length).toBeGreaterThan(0);
      const isTold = (family: string) =>
        family.startsWith("window") ||
        ((!isFirstAdapter || families[family].variants === rowVariants) &&
          !rows.some(({ name }) => name === family));
      const info = { ...device.info, adapter: "a GPU", isSoftware: false };
      const profile = { ...device.backend.profile!, choices: undefined, isSoftware: false };
      // Of variants for GPUs of products and windows all is known: they take long to compile on a software adapter.
      const product = { aBatch: [], bBatch: [], batch: [], m: 70, n: 37, k: 600 };
      const products = matmulVariants({ ...product, transposeA: false, transposeB: false }, profile);
      const verdicts = Object.fromEntries(
        products.flatMap(({ name }) =>
          ["matmul", "windowProduct"].map((family) => [`${family}/${name}`, true as const]),
        ),
      );
      for (const [family, { variants }] of Object.entries(families)) {
        if (isTold(family)) for (const name of variants) verdicts[`${family}/${name}`] = true;
      }
      await save(keyFor(info), { verdicts, measured: {} });
      const broken = withBrokenRows(await open());
      const { choices } = await Tuner.open(info, profile, async () => broken, {});
      for (const { name } of rows) {
        expect(warnings().join("\n")).toMatch(
          new RegExp(`gradgpu: kernel variant ${name}/shared-row is not used on a GPU: .* it makes `),
        );
        const asked = { family: name, problem: "any", names: ["shared-row", "own-row"] };
        expect(choices.choose(asked)).toBe("own-row");
      }
      expect(warnings()).toHaveLength(rows.length);
      expect(showVariants({ variants: choices } as Device)).toMatch(
        /\nbatchNorm: .*\n {2}shared-columns {2}sound\n {2}several-kernels {2}sound/,
      );
    },
  );

  it.runIf(isDueHere(1))(
    "is dropped when a software device opens, too, but on drivers that these tests run on",
    async () => {
      const profile = { ...device.backend.profile!, choices: undefined, isSoftware: true };
      const info = { ...device.info, isSoftware: true };
      const asked = { family: "softmax", problem: "any", names: ["own-row", "shared-row"] };
      const openBroken = async () => withBrokenRows(await open(), "own-row");
      const unknown = { ...info, driver: "some driver that nobody knows" };
      const { choices } = await Tuner.open(unknown, profile, openBroken, {});
      expect(warnings().join("\n")).toMatch(/kernel variant softmax\/own-row is not used on .* it makes /);
      expect(choices.choose(asked)).toBe("shared-row");
      expect(isTested(unknown)).toBe(false);
      expect(isTested({ ...info, isSoftware: false })).toBe(false);
      if (!isTested(info)) return;
      const known = await Tuner.open(info, profile, openBroken, {});
      expect(known.choices.choose(asked)).toBe("own-row");
    },
  );

  it("is found by a warm-up that measures, and what rode on it is fused anew", async () => {
    const program = (a: Tensor, row: Tensor) => relu(batchNorm(a, row, row)[0]);
    const measuring = await open({ autotune: true });
    const inputsFor = (on: Device): [Tensor, Tensor] => {
      const [x, , row] = inputsOn(on, 30, 8);
      return [x, row];
    };
    const [x, row] = inputsFor(measuring);
    const context = {
      inputs: [x, row, row],
      outputs: [x, row, row],
      attrs: { epsilon: 1e-3 },
      profile: { ...measuring.backend.profile!, choices: { choose: () => "one-kernel" } },
    };
    const kernel = batchNorm.op.kernels!(context).calls[0].shader as {
      -readonly [K in keyof Shader]: string;
    };
    const { source } = kernel;
    expect(source).toContain("total += p + r;");
    kernel.source = source.replace("total += p + r;", "total += p;");
    const fused = jit(program);
    try {
      await fused.warmUp(x, row);
      expect(warnings().join("\n")).toMatch(
        /batchNorm\/one-kernel is not used on .*: of \[71, 12\] and \[12\] and \[12\] it makes/,
      );
      expect(showVariants(measuring)).toMatch(/one-kernel {2}of .*\n/);
      const want = await valuesOf([program(...inputsFor(reference))]);
      for (const run of [fused, program]) {
        const got = await valuesOf([run(x, row)]);
        expectCloseArrays(got[0], want[0], 1e-5, "batchNorm");
      }
      expect(() => measuring.variants!.pin("batchNorm", "one-kernel")).toThrow(/is not used on this adapter/);
    } finally {
      kernel.source = source;
      fused.dispose();
    }
  });
});

describe("measuring", () => {
  it("covers these families too, is printed, and is left out of deterministic programs", async () => {
    const measuring = await open({ autotune: true });
    const program = (x: Tensor) => sum(softmax(x), 0);
    const jitted = jit(program);
    const x = tensor(new Float32Array(30 * 100).fill(1), { shape: [30, 100], device: measuring });
    await jitted.warmUp(x);
    const line = /softmax 32x128: (\S+)-row, of (\S+-row [\d.e-]+ ms(, )?){2}/;
    expect(showVariants(measuring)).toMatch(line);
    expect(Array.from(await jitted(x).data())).toEqual(expect.arrayContaining([expect.closeTo(0.3, 5)]));
    // Sums of columns have one kernel only.
    expect(showVariants(measuring)).not.toContain("reduce-rows");
    jitted.dispose();
    const strict = await open({ autotune: true, deterministic: true });
    expect(showVariants(strict)).toMatch(/softmax: as the adapter's profile says/);
    expect(showVariants(strict)).toMatch(/softmax 32x128: \S+ \(not asked\)/);
  });
});
