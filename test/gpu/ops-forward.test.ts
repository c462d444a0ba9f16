// Every op on the adapter against the float64 reference: its own samples, then odd sizes, broadcasts, axes and
// large inputs. Integers and booleans must be equal; floats are compared as test/support/compare.ts states.

import { beforeAll, describe, expect, it } from "vitest";
import type { DType } from "../../engine/base/dtype.ts";
import { dtypes } from "../../engine/base/dtype.ts";
import { DTypeError, type Op } from "../../engine/index.ts";
import type { Sample, SampleInput } from "../../engine/kernel/kernel-op.ts";
import { accessOf } from "../../engine/ops/pointwise/pointwise-code.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { compareForward, type Pair } from "../support/gpu-cases.ts";
import { allOps, showSample } from "../support/op-cases.ts";
import { sampledHere } from "../support/sampled.ts";

const ops = allOps();
const named = (name: string): Op => ops.find((op) => op.name === name)!;
let pair: Pair;

beforeAll(async () => {
  pair = { reference: await referenceDevice(), gpu: await gpuDevice() };
});

describe("samples", () => {
  it.each(ops.map((op) => [op.name, op] as const))("%s", async (_, op) => {
    for (const sample of op.samples) await compareForward(op, sample, pair);
  });
});

/** Elementwise ops of any shape: not those that are pointwise for jit only and have shapes of their own. */
const shaped = ["advance", "dropout", "dynamicSlice", "gather"];
const isShaped = (op: Op) => shaped.includes(op.name) || op.name.startsWith("random");
const pointwise = ops.filter((op) => op.pointwise !== undefined && !isShaped(op));
const oddSizes = [1, 3, 7, 63, 64, 65, 127, 129, 0];

describe("pointwise ops on odd sizes", () => {
  it.each(sampledHere(pointwise).map((op) => [op.name, op] as const))("%s", async (_, op) => {
    for (const size of oddSizes)
      await compareForward(
        op,
        reshaped(op, () => [size]),
        pair,
        size + 2,
      );
  });
});

/** Shapes of the inputs in turn, and how the kernel must reach them. */
const broadcasts: readonly { shapes: readonly string[]; access: readonly string[] }[] = [
  { shapes: ["7 9", ""], access: ["same", "scalar"] },
  { shapes: ["65 8", "8"], access: ["same", "row"] },
  { shapes: ["7 1", "1 9"], access: ["strided", "strided"] },
  { shapes: ["1 1", "5 7"], access: ["scalar", "same"] },
  { shapes: ["3 1 12", "4 3 1 12"], access: ["row", "same"] },
  { shapes: ["9 8", "9 1"], access: ["same", "column"] },
  { shapes: ["5 3 1 1", "5 3 2 6"], access: ["column", "same"] },
  { shapes: ["63 5", "5"], access: ["same", "strided"] },
  { shapes: ["2 1 3 1 2 1", "1 3 1 2 1 3"], access: ["strided", "strided"] },
  { shapes: ["0 3", "3"], access: [] },
];

describe("pointwise ops, broadcast", () => {
  // What broadcasts one way only, or not at all: their samples show that.
  const symmetric = pointwise.filter(
    (op) => op.samples[0].inputs.length > 1 && !["prelu", "sigmoidCrossEntropy"].includes(op.name),
  );
  it.each(sampledHere(symmetric).map((op) => [op.name, op] as const))("%s", async (_, op) => {
    // The code that reaches elements is one for all ops: some go through every mode, the others through three.
    const isThorough = ["sub", "where", "less", "logicalAnd"].includes(op.name);
    for (const { shapes, access } of isThorough ? broadcasts : broadcasts.slice(0, 3)) {
      const sample = reshaped(op, (k) => parseShape(shapes[k % 2]));
      const [out] = op.infer(specsOf(sample), sample.attrs ?? {});
      access.forEach((mode, k) => {
        expect(accessOf(specsOf(sample)[k], out).access).toBe(mode);
      });
      await compareForward(op, sample, pair);
    }
  });

  it("three inputs, each reached in another way", async () => {
    const op = named("where");
    const shapes = [[3, 4, 8], [8], [3, 1, 1]];
    await compareForward(
      op,
      {
        ...op.samples[0],
        inputs: op.samples[0].inputs.map((spec, k) => ({ ...free(spec), shape: shapes[k] })),
      },
      pair,
    );
  });
});

describe("ops that take other dtypes than f32", () => {
  it.each(sampledHere(ops).map((op) => [op.name, op] as const))("%s", async (_, op) => {
    for (const dtype of dtypes) {
      if (dtype === "f32") continue;
      for (const sample of op.samples.slice(0, op.pointwise === undefined ? 3 : 1)) {
        const variant = withDType(sample, dtype);
        if (variant !== undefined && accepts(op, variant)) await compareForward(op, variant, pair);
      }
    }
  });
});

describe("reductions", () => {
  const reductions = ops.filter(
    (op) => op.samples[0].attrs !== undefined && "axes" in (op.samples[0].attrs as object),
  );
  const shapes = [
    [3, 5, 7],
    [4, 6, 8],
    [129, 65],
    [1, 63, 1],
  ];
  it.each(sampledHere(reductions).map((op) => [op.name, op] as const))(
    "%s over every set of axes",
    async (_, op) => {
      for (const shape of shapes) {
        for (const axes of subsets(shape.length)) {
          const [{ inputs, attrs }] = op.samples;
          const sample = {
            inputs: [{ ...free(inputs[0]), shape }],
            attrs: { ...attrs, axes, keepDims: false },
          };
          await compareForward(op, sample, pair);
        }
      }
    },
  );

  it.each(["argMax", "argMin"])("%s over every axis", async (name) => {
    for (const shape of shapes) {
      for (let axis = 0; axis < shape.length; axis++)
        await compareForward(named(name), { inputs: [{ shape }], attrs: { axis } }, pair);
    }
  });

  it.each([
    { shape: [100_003], axes: [0] },
    { shape: [3, 70_000], axes: [1] },
    { shape: [3, 70_000], axes: [0] },
    { shape: [70_000, 3], axes: [1] },
    { shape: [70_000, 3], axes: [0] },
    { shape: [1001, 257], axes: [0] },
  ])("large: $shape over $axes", async ({ shape, axes }) => {
    for (const name of ["sum", "max"]) {
      await compareForward(
        named(name),
        { inputs: [{ shape }], attrs: { axes, keepDims: false } },
        pair,
        1,
        1e-5,
      );
    }
  });

  it("sums of nothing are 0", async () => {
    await compareForward(
      named("sum"),
      { inputs: [{ shape: [3, 0] }], attrs: { axes: [1], keepDims: false } },
      pair,
    );
    await compareForward(
      named("sum"),
      { inputs: [{ shape: [0, 4] }], attrs: { axes: [0], keepDims: true } },
      pair,
    );
    await compareForward(
      named("max"),
      { inputs: [{ shape: [0, 4] }], attrs: { axes: [1], keepDims: false } },
      pair,
    );
  });
});

describe("more workgroups than one dimension of a dispatch holds", () => {
  // 64 threads a workgroup and a thread a row: 65,536 workgroups and one more.
  const rows = 65_536 * 64 + 1;

  it("sum of each of 4,194,305 rows", async () => {
    await compareForward(
      named("sum"),
      { inputs: [{ shape: [rows, 2] }], attrs: { axes: [1], keepDims: false } },
      pair,
    );
  });

  it("argMax of each of 4,194,305 rows", async () => {
    await compareForward(named("argMax"), { inputs: [{ shape: [rows, 2] }], attrs: { axis: 1 } }, pair);
  });

  it("a pointwise op on as many vec4s", async () => {
    await compareForward(named("neg"), { inputs: [{ shape: [rows] }] }, pair);
  });
});

const parseShape = (text: string): number[] => (text === "" ? [] : text.split(" ").map(Number));

function subsets(count: number): number[][] {
  return Array.from({ length: 2 ** count }, (_, bits) =>
    Array.from({ length: count }, (_, i) => i).filter((i) => bits & (1 << i)),
  );
}

/** An input of a sample with its values drawn anew. */
const free = ({ dtype, low, high }: SampleInput): Omit<SampleInput, "shape"> => ({ dtype, low, high });

/** The op's first sample at other shapes. */
function reshaped(op: Op, shapeOf: (k: number) => readonly number[]): Sample {
  const [sample] = op.samples;
  return { ...sample, inputs: sample.inputs.map((spec, k) => ({ ...free(spec), shape: shapeOf(k) })) };
}

const specsOf = (sample: Sample) =>
  sample.inputs.map(({ shape, dtype }) => ({ shape, dtype: dtype ?? ("f32" as DType) }));

/** The sample with all its f32 inputs of another dtype; undefined where it has none. */
function withDType(sample: Sample, dtype: DType): Sample | undefined {
  if (!sample.inputs.some((spec) => (spec.dtype ?? "f32") === "f32")) return undefined;
  const inputs = sample.inputs.map((spec) =>
    (spec.dtype ?? "f32") === "f32" ? { shape: spec.shape, dtype, values: spec.values } : spec,
  );
  return { ...sample, inputs };
}

function accepts(op: Op, sample: Sample): boolean {
  try {
    op.infer(specsOf(sample), sample.attrs ?? {});
    return true;
  } catch (error) {
    if (error instanceof DTypeError) return false;
    throw new Error(`${op.name} refuses ${showSample(sample)} with ${error}`);
  }
}
