// The kernels of batch normalization and of its gradient: one for all, by threads of their own or shared, or several.

import batchNormSource from "../../../shaders/batch-norm.wgsl";
import gradientSource from "../../../shaders/batch-norm-gradient.wgsl";
import { sizeOf } from "../../base/shape.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import {
  type AdapterProfile,
  grid,
  type Hooks,
  input,
  type KernelPlan,
  type Operand,
  output,
  outputRead,
  type Shader,
  type Spec,
  scratch,
  shader,
  type Variants,
  wgslFloat,
} from "../../kernel/kernel.ts";
import { chosen, powerOfTwo } from "../../kernel/variants.ts";
import { elementwiseShader, pointwiseCall } from "../pointwise/pointwise-code.ts";
import { batchAxes, momentsKernels, momentsSources, shiftRows } from "../reduce/moments-kernels.ts";
import { sumCalls } from "../reduce/reduce.ts";
import { reduceSources } from "../reduce/reduce-kernels.ts";
import { normalize } from "./normalize.ts";

export const batchNormShader = shader("batch-norm", batchNormSource);
export const gradientShader = shader("batch-norm-gradient", gradientSource);

/** Rows up to which one kernel walks them twice: beyond, its sums lose digits, and more kernels are faster anywhere. */
const oneKernelRows = 4096;

type VariantName = "one-kernel" | "shared-columns" | "several-kernels";

/** One kernel (see batch-norm.wgsl), a thread for columns or many that share them, or several kernels. */
export function variantsOf(kernel: Shader, x: Spec, profile: AdapterProfile): Variants {
  const columns = x.shape[x.shape.length - 1];
  const rows = sizeOf(x.shape) / columns;
  const names: VariantName[] = numbersOf(profile).prefersOneKernel
    ? ["one-kernel", "several-kernels", "shared-columns"]
    : ["shared-columns", "several-kernels", "one-kernel"];
  return {
    family: "batchNorm",
    problem: `${kernel.name} ${powerOfTwo(rows)}x${powerOfTwo(columns)}`,
    names: columns % 4 === 0 && rows <= oneKernelRows ? names : ["several-kernels"],
  };
}

export const variantOf = (kernel: Shader, x: Spec, profile: AdapterProfile): VariantName =>
  chosen(variantsOf(kernel, x, profile), profile) as VariantName;

/** Neighbours read 64 bytes of a row; 64 of them have four columns' rows. */
const sharingThreads = 256;
const sharers = 64;

/** Threads of the same columns stand `COLUMNS` apart. */
const sharedTotal = `var<workgroup> parts: array<vec4f, WORKGROUP>;
fn total_of(part: vec4f, lane: u32) -> vec4f {
  workgroupBarrier();
  parts[lane] = part;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half >= COLUMNS; half /= 2u) {
    if (lane < half) {
      parts[lane] += parts[lane + half];
    }
    workgroupBarrier();
  }
  return parts[lane % COLUMNS];
}`;

const sharedHooks: Hooks = {
  consts: { WORKGROUP: `${sharingThreads}u`, SHARERS: `${sharers}u` },
  functions: { total_of: sharedTotal },
};

export function oneKernel(
  kernel: Shader,
  x: Spec,
  epsilon: number,
  operands: readonly Operand[],
  isShared: boolean,
  profile: AdapterProfile,
): KernelPlan {
  const width = x.shape[x.shape.length - 1] / 4;
  const rows = sizeOf(x.shape) / (width * 4);
  const workgroups = grid(Math.ceil(width / (isShared ? sharingThreads / sharers : 8)), profile);
  const plan = {
    shader: kernel,
    sizes: [rows, width, { f32: epsilon }, shiftRows(rows)],
    operands,
    workgroups,
  };
  return { calls: [isShared ? { ...plan, hooks: sharedHooks } : plan] };
}

/** All text that a choice among the variants depends on. */
export const batchNormSources: string = [
  ...[batchNormShader, gradientShader, elementwiseShader].map(({ source }) => source),
  sharedTotal,
  ...[momentsSources, reduceSources],
].join("\n");

/** Many kernels: the moments, and what they make of x. */
export function severalKernels(
  [x, gamma, beta]: readonly Spec[],
  [y, mean, variance]: readonly Spec[],
  epsilon: number,
  profile: AdapterProfile,
): KernelPlan {
  const statistics = momentsKernels(x, profile, output(1), output(2));
  const apply = pointwiseCall(
    elementwiseShader,
    {
      target: y,
      inputs: [x, mean, variance, gamma, beta],
      steps: [
        {
          expression: normalize.op.pointwise!.expression({ epsilon }, []),
          operands: [0, 1, 2, 3, 4],
          dtype: "f32",
        },
      ],
      outputs: [{ step: 0, dtype: "f32" }],
    },
    [input(0), outputRead(1), outputRead(2), input(1), input(2)],
    [output(0)],
    profile,
  );
  return { calls: [...statistics.calls, apply!], scratch: statistics.scratch };
}

/** Many kernels for the gradient: products of dy and the normalized x, their column sums, and what they make of dy. */
export function severalGradientKernels(
  inputs: readonly Spec[],
  epsilon: number,
  profile: AdapterProfile,
): KernelPlan {
  const [dy, x, gamma, mean, variance] = inputs;
  const rows = sizeOf(x.shape) / x.shape[x.shape.length - 1];
  const product: Spec = { shape: x.shape, dtype: "f32" };
  const scaled = `(b - c) * (1.0f / sqrt(d + ${wgslFloat(epsilon)}))`;
  const products = pointwiseCall(
    elementwiseShader,
    {
      target: product,
      inputs: [dy, x, mean, variance],
      steps: [{ expression: `a * ${scaled}`, operands: [0, 1, 2, 3], dtype: "f32" }],
      outputs: [{ step: 0, dtype: "f32" }],
    },
    [input(0), input(1), input(3), input(4)],
    [scratch(0, "read_write")],
    profile,
  )!;
  const scratchSpecs: Spec[] = [product];
  const sumOf = (source: Operand, target: Operand) =>
    sumCalls(product, batchAxes(x), source, target, scratchSpecs, profile);
  const apply = pointwiseCall(
    elementwiseShader,
    {
      target: product,
      inputs: [dy, x, mean, variance, gamma, gamma, gamma],
      steps: [
        {
          expression: `e * (1.0f / sqrt(d + ${wgslFloat(epsilon)})) * (a - (g + ${scaled} * f) * ${wgslFloat(1 / rows)})`,
          operands: [0, 1, 2, 3, 4, 5, 6],
          dtype: "f32",
        },
      ],
      outputs: [{ step: 0, dtype: "f32" }],
    },
    [input(0), input(1), input(3), input(4), input(2), outputRead(1), outputRead(2)],
    [output(0)],
    profile,
  )!;
  const calls = [products, ...sumOf(scratch(0, "read"), output(1)), ...sumOf(input(0), output(2)), apply];
  return { calls, scratch: scratchSpecs };
}
