// The root of a sum of squares over any axes, right for numbers of any size: what norms, deviations and clipping are
// made of.

import ownRowsSource from "../../../shaders/own-rows.wgsl";
import rootSource from "../../../shaders/root-of-squares.wgsl";
import { DTypeError } from "../../base/errors.ts";
import { reducedShape, sizeOf } from "../../base/shape.ts";
import { workgroupFor } from "../../kernel/adapter-numbers.ts";
import {
  type AdapterProfile,
  grid,
  input,
  type KernelCall,
  type KernelContext,
  type KernelPlan,
  type Operand,
  output,
  type Spec,
  scratch,
  shader,
  type Variants,
} from "../../kernel/kernel.ts";
import { longSumSource, plainSums, termAliases } from "../../kernel/long-sums.ts";
import type { Family } from "../../kernel/variants.ts";
import { defineOp } from "../../tensor/define.ts";
import type { TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { div, mul } from "../elementwise/arithmetic.ts";
import { equal } from "../elementwise/comparison.ts";
import { where } from "../elementwise/logical.ts";
import { valuewiseSite } from "../pointwise/epilogues.ts";
import { readingSite } from "../pointwise/prologues.ts";
import {
  type CutStage,
  chunkLength,
  cutStages,
  keptShape,
  type ReduceAttrs,
  reduceAttrs,
  reduceReference,
  reduceSamples,
  stagesOf,
} from "./reduce-kernels.ts";
import { joined, rowHooks, rowSources, rowVariants } from "./shared-rows.ts";

const rootShader = shader("root-of-squares", [longSumSource, ownRowsSource, rootSource].join("\n"));

const family: Family = {
  name: "rootOfSquares",
  sources: [rootShader.source, rowSources].join("\n"),
  checks: () => [
    {
      op: rootOfSquares.op,
      inputs: [{ shape: [3, 301] }],
      attrs: { axes: [1], keepDims: false, divisor: 1 },
    },
    {
      op: rootOfSquares.op,
      inputs: [{ shape: [5, 300], low: 1e25, high: 2e25 }],
      attrs: { axes: [1], keepDims: false, divisor: 300 },
    },
  ],
};

/** Vectors that a thread adds up in blocks without keeping what is lost: that is less than 1e-6 of the sum of so few. */
const fewVectors = 256;

interface RootAttrs extends ReduceAttrs {
  readonly divisor: number;
}

/** Whether vec4s lie along the reduced axis, or of neighbouring columns, or elements come singly. */
const isWide = ({ length, inner }: CutStage) => (inner === 1 ? length : inner) % 4 === 0;

function variantsOf(stage: CutStage, profile: AdapterProfile): Variants | undefined {
  if (stage.inner !== 1) return undefined;
  const length = chunkLength(stage);
  const size = { rows: stage.outer * stage.chunks, length, steps: length / (isWide(stage) ? 4 : 1) };
  return rowVariants(family.name, rootShader, size, profile);
}

function stageCall(
  stage: CutStage,
  divisor: number,
  source: Operand,
  target: Operand,
  profile: AdapterProfile,
): KernelCall {
  const { outer, length, inner, chunks } = stage;
  const isRow = inner === 1;
  const width = isWide(stage) ? 4 : 1;
  const along = isRow ? width : 1;
  const columns = isRow ? 1 : inner / width;
  const parts = outer * chunks * columns;
  const vector = width === 4 ? "vec4f" : "f32";
  const steps = Math.ceil(chunkLength(stage) / along);
  const rows = rowHooks(
    variantsOf(stage, profile),
    workgroupFor(parts, profile),
    { rows: parts, steps, width },
    { total_of: joined("total_of", "f32", "a + b") },
    profile,
  );
  const functions: Record<string, string> = { ...rows.functions };
  if (steps <= fewVectors) Object.assign(functions, plainSums);
  if (width === 1) {
    functions.add_lanes = "fn add_lanes(value: Vector) -> f32 {\n  return value;\n}";
    functions.first_lane = "fn first_lane(value: Vector) -> f32 {\n  return value;\n}";
    functions.load1 = "fn load1(i: u32) -> Value {\n  return in0[i];\n}";
  } else if (!isRow) {
    functions.together = "fn together(value: Vector, lane: u32) -> Vector {\n  return value;\n}";
    functions.store_all =
      "fn store_all(part: u32, roots: Vector, lane: u32) {\n" +
      "  for (var k = 0u; k < WIDTH && part < sizes.parts; k++) {\n    store(part * WIDTH + k, roots[k]);\n  }\n}";
  }
  return {
    shader: rootShader,
    hooks: {
      aliases: { Vector: vector, ...termAliases(vector) },
      consts: { ...rows.consts, WIDTH: `${width}u` },
      functions,
    },
    sizes: [
      parts,
      chunks,
      columns,
      Math.ceil(length / along),
      steps,
      isRow ? width : inner,
      length * inner,
      { f32: divisor },
      0,
    ],
    operands: [source, target],
    workgroups: grid(rows.groups, profile),
  };
}

function kernels({ inputs: [x], outputs: [out], attrs, profile }: KernelContext<RootAttrs>): KernelPlan {
  if (sizeOf(out.shape) === 0) return { calls: [] };
  const scratchSpecs: Spec[] = [];
  const stages = cutStages(x.shape, attrs.axes, profile);
  let source: Operand = input(0);
  const calls = stages.map((stage, i) => {
    let target: Operand = output(0);
    let next = source;
    if (i < stages.length - 1) {
      scratchSpecs.push({ shape: [stage.outer * stage.chunks * stage.inner], dtype: "f32" });
      target = scratch(i, "read_write");
      next = scratch(i, "read");
    }
    // What is divided by at once is never larger than the result. Of no elements a first stage makes none: divided by 0 they
    // are NaN by the last.
    const divisor = i === 0 || attrs.divisor === 0 ? attrs.divisor : 1;
    const call = stageCall(stage, divisor, source, target, profile);
    source = next;
    return call;
  });
  return { calls, scratch: scratchSpecs };
}

/** a / b, and 0 where b is 0: safe to differentiate there too. */
export function divOrZero(a: Tensor, b: Tensor): Tensor {
  const isZero = equal(b, 0);
  return where(isZero, 0, div(a, where(isZero, 1, b)));
}

/**
 * √(Σx² / divisor) over `axes` (default: all), wherever that is a number of f32, though the squares are
 * none. The root of none is 0; its gradient at 0 is 0.
 */
export const rootOfSquares = defineOp({
  name: "rootOfSquares",
  family,
  saves: { inputs: [0], outputs: [0] },
  call: (x: TensorLike, axes?: number | readonly number[], divisor?: number, keepDims?: boolean) => ({
    inputs: [x],
    attrs: { ...reduceAttrs("rootOfSquares", x, axes, keepDims), divisor: divisor ?? 1 },
  }),
  infer: ([x], { axes, keepDims }: RootAttrs): Spec[] => {
    if (x.dtype !== "f32") {
      throw new DTypeError(`rootOfSquares: takes f32, got ${x.dtype}; use cast(x, "f32")`);
    }
    return [{ shape: reducedShape(x.shape, axes, keepDims), dtype: "f32" }];
  },
  kernels,
  variants: ({ inputs: [x], attrs: { axes }, profile }) =>
    variantsOf(cutStages(x.shape, axes, profile)[0], profile),
  prologues: ({ inputs: [x], attrs: { axes } }) => {
    const [{ length, inner }] = stagesOf(x.shape, axes);
    return (inner === 1 ? length : inner) % 4 === 0 ? [readingSite("i: u32")] : [];
  },
  epilogue: () => valuewiseSite("out0", 1, "f32"),
  traits: { writesExactly: true },
  reference: ([x], attrs, [out]) => {
    reduceReference(x, attrs, out, 0, (total, value) => total + value * value);
    for (let i = 0; i < out.data.length; i++) out.data[i] = Math.sqrt(out.data[i] / attrs.divisor);
  },
  vjp: (context) => {
    const { attrs, grad, input, output } = context;
    const share = divOrZero(input(0), keptShape(context, mul(output(), attrs.divisor)));
    return [mul(share, keptShape(context, grad()))];
  },
  // Over no axis the result is |x|, where differences cannot follow the gradient.
  samples: [
    ...reduceSamples("f32", { divisor: 1 }).filter(({ attrs }) => attrs.axes.length > 0),
    { inputs: [{ shape: [4, 8] }], attrs: { axes: [1], keepDims: false, divisor: 8 } },
    { inputs: [{ shape: [6, 3] }], attrs: { axes: [0], keepDims: false, divisor: 1 } },
  ],
});
