// Batch normalization: each feature, the last axis, by its statistics over all other axes.

import batchNormSource from "../../../shaders/batch-norm.wgsl";
import gradientSource from "../../../shaders/batch-norm-gradient.wgsl";
import { ShapeError } from "../../base/errors.ts";
import { atLeastZero, numberOrOption } from "../../base/number-checks.ts";
import { showShape, sizeOf } from "../../base/shape.ts";
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
import { chosen, type Family, powerOfTwo } from "../../kernel/variants.ts";
import { defineMultiOp, defineOp } from "../../tensor/define.ts";
import type { OpFunction, TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add, div, mul, sub } from "../elementwise/arithmetic.ts";
import { elementwiseOp } from "../elementwise/elementwise.ts";
import { rsqrt } from "../elementwise/exponential.ts";
import { columnwiseSite } from "../pointwise/epilogues.ts";
import { elementwiseShader, pointwiseCall } from "../pointwise/pointwise-code.ts";
import { vjpByComposition } from "../reduce/composition.ts";
import { moments } from "../reduce/moments.ts";
import {
  batchAxes,
  featuresOf,
  momentsKernels,
  momentsSources,
  shiftRows,
} from "../reduce/moments-kernels.ts";
import { sum, sumCalls } from "../reduce/reduce.ts";
import { reduceSources } from "../reduce/reduce-kernels.ts";

const batchNormShader = shader("batch-norm", batchNormSource);
const gradientShader = shader("batch-norm-gradient", gradientSource);

/**
 * (x - mean) / √(variance + epsilon) · gamma + beta, pointwise with broadcasting: batch normalization with given
 * statistics, as in inference.
 */
export const normalize: OpFunction<
  [
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    gamma: TensorLike,
    beta: TensorLike,
    epsilon?: number | { epsilon?: number },
  ],
  Tensor
> = defineOp({
  ...elementwiseOp<{ epsilon: number }>({
    name: "normalize",
    arity: 5,
    wgsl: ({ epsilon }) => `(a - b) * (1.0f / sqrt(c + ${wgslFloat(epsilon)})) * d + e`,
    reference: ([x, mean, variance, gamma, beta], { epsilon }) =>
      ((x - mean) / Math.sqrt(variance + Math.fround(epsilon))) * gamma + beta,
    saves: { inputs: [0, 1, 2, 3] },
    vjp: ({ grad, input, needs, attrs: { epsilon } }) => {
      const scale = rsqrt(add(input(2), epsilon));
      const centered = sub(input(0), input(1));
      const dx = mul(grad(), mul(scale, input(3)));
      return [
        dx,
        needs(1) ? mul(dx, -1) : null,
        needs(2) ? mul(mul(dx, centered), mul(mul(scale, scale), -0.5)) : null,
        needs(3) ? mul(grad(), mul(centered, scale)) : null,
        grad(),
      ];
    },
    samples: [
      {
        inputs: [
          { shape: [5, 8] },
          { shape: [8] },
          { shape: [8], low: 0.5, high: 2 },
          { shape: [8] },
          { shape: [8] },
        ],
        attrs: { epsilon: 1e-3 },
      },
    ],
  }),
  call: (
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    gamma: TensorLike,
    beta: TensorLike,
    epsilon: number | { epsilon?: number } = 1e-3,
  ) => ({
    inputs: [x, mean, variance, gamma, beta],
    attrs: {
      epsilon: atLeastZero("normalize", "epsilon", numberOrOption("normalize", "epsilon", epsilon, 1e-3)),
    },
  }),
});

interface NormAttrs {
  readonly epsilon: number;
}

/** Rows up to which one kernel walks them twice: beyond, its sums lose digits, and more kernels are faster anywhere. */
const oneKernelRows = 4096;

type VariantName = "one-kernel" | "shared-columns" | "several-kernels";

/** One kernel (see batch-norm.wgsl), a thread for columns or many that share them, or several kernels. */
function variantsOf(kernel: Shader, x: Spec, profile: AdapterProfile): Variants {
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

const variantOf = (kernel: Shader, x: Spec, profile: AdapterProfile): VariantName =>
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

function oneKernel(
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

function checkFeatures(
  op: string,
  x: Spec,
  others: readonly (readonly [name: string, spec: Spec])[],
): number {
  const features = featuresOf(op, x);
  for (const [name, spec] of others) {
    if (spec.shape.length !== 1 || spec.shape[0] !== features || spec.dtype !== "f32") {
      throw new ShapeError(
        `${op}: ${name} is ${spec.dtype} ${showShape(spec.shape)}; x ${showShape(x.shape)} needs f32 [${features}], one value a feature`,
      );
    }
  }
  return features;
}

const batchNormFamily: Family = {
  name: "batchNorm",
  sources: [
    ...[batchNormShader, gradientShader, elementwiseShader].map(({ source }) => source),
    sharedTotal,
    ...[momentsSources, reduceSources],
  ].join("\n"),
  checks: () => {
    const [x, features] = [{ shape: [71, 12] }, { shape: [12] }];
    const statistics = [features, { ...features, low: 0.5, high: 2 }];
    const attrs = { epsilon: 1e-3 };
    return [
      { op: batchNorm.op, inputs: [x, features, features], attrs },
      { op: batchNormGradient.op, inputs: [x, x, features, ...statistics], attrs },
    ];
  },
};

/**
 * Batch normalization with the batch's own statistics (training): x [batch..., features], gamma and beta
 * [features]. Gives [y, mean, variance]; variance is the biased one. Source: Ioffe and Szegedy 2015, algorithm 1;
 * the gradient flows through mean and variance. On a GPU the variance must be a number that f32 has, which those of
 * features that spread over 1e19 and more are not: their y is 0 or NaN.
 */
export const batchNorm: OpFunction<
  [x: TensorLike, gamma: TensorLike, beta: TensorLike, epsilon?: number | { epsilon?: number }],
  Tensor[]
> = defineMultiOp({
  family: batchNormFamily,
  name: "batchNorm",
  saves: { inputs: [0, 1], outputs: [1, 2] },
  samples: [
    { inputs: [{ shape: [9, 7] }, { shape: [7] }, { shape: [7] }], attrs: { epsilon: 1e-3 } },
    { inputs: [{ shape: [2, 6, 4] }, { shape: [4] }, { shape: [4] }], attrs: { epsilon: 1e-3 } },
    { inputs: [{ shape: [70, 36] }, { shape: [36] }, { shape: [36] }], attrs: { epsilon: 1e-3 } },
    { inputs: [{ shape: [71, 12] }, { shape: [12] }, { shape: [12] }], attrs: { epsilon: 1e-3 } },
    { inputs: [{ shape: [1, 8] }, { shape: [8] }, { shape: [8] }], attrs: { epsilon: 1e-3 } },
  ],
  call: (
    x: TensorLike,
    gamma: TensorLike,
    beta: TensorLike,
    epsilon: number | { epsilon?: number } = 1e-3,
  ) => ({
    inputs: [x, gamma, beta],
    attrs: {
      epsilon: atLeastZero("batchNorm", "epsilon", numberOrOption("batchNorm", "epsilon", epsilon, 1e-3)),
    },
  }),
  infer: ([x, gamma, beta]) => {
    const features = checkFeatures("batchNorm", x, [
      ["gamma", gamma],
      ["beta", beta],
    ]);
    const statistic: Spec = { shape: [features], dtype: "f32" };
    return [{ shape: x.shape, dtype: "f32" }, statistic, statistic];
  },
  kernels: ({ inputs: [x, gamma, beta], outputs: [y, mean, variance], attrs: { epsilon }, profile }) => {
    const variant = variantOf(batchNormShader, x, profile);
    if (variant !== "several-kernels") {
      const operands = [input(0), input(1), input(2), output(0), output(1), output(2)];
      return oneKernel(batchNormShader, x, epsilon, operands, variant === "shared-columns", profile);
    }
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
  },
  variants: ({ inputs: [x], profile }) => variantsOf(batchNormShader, x, profile),
  reference: ([x, gamma, beta], { epsilon }: NormAttrs, [y, mean, variance]) => {
    moments.op.reference!([x], {}, [mean, variance]);
    normalize.op.reference!([x, mean, variance, gamma, beta], { epsilon }, [y]);
  },
  epilogue: ({ inputs: [x], profile }) =>
    variantOf(batchNormShader, x, profile) === "several-kernels" ? undefined : columnwiseSite(3, ["x"]),
  vjp: ({ grad, hasGrad, input, output, needs, inputSpecs: [xSpec], attrs: { epsilon } }) => {
    const rows = sizeOf(xSpec.shape) / xSpec.shape[xSpec.shape.length - 1];
    const [x, mean] = [input(0), output(1)];
    const [ofX, dGamma, dBeta] = batchNormGradient(grad(0), x, input(1), mean, output(2), epsilon);
    let dx: Tensor | null = null;
    if (needs(0)) {
      dx = ofX;
      if (hasGrad(1)) dx = add(dx, div(grad(1), rows));
      if (hasGrad(2)) dx = add(dx, mul(sub(x, mean), div(mul(grad(2), 2), rows)));
    }
    return [dx, dGamma, dBeta];
  },
});

/** The gradient of batch normalization written in other ops: how it is differentiated in turn. */
function composedGradient(
  [dy, x, gamma, mean, variance]: readonly Tensor[],
  { epsilon }: NormAttrs,
): Tensor[] {
  const rows = sizeOf(x.shape) / x.shape[x.shape.length - 1];
  const scale = rsqrt(add(variance, epsilon));
  const normalized = mul(sub(x, mean), scale);
  const dBeta = sum(dy, batchAxes(x));
  const dGamma = sum(mul(dy, normalized), batchAxes(x));
  const mixed = div(add(dBeta, mul(normalized, dGamma)), rows);
  return [mul(sub(dy, mixed), mul(gamma, scale)), dGamma, dBeta];
}

/**
 * Gradients [x, gamma, beta] of {@link batchNorm}'s y, given dy and the statistics it found:
 * dβ = Σ dy, dγ = Σ dy · x̂, dx = γ / √(variance + ε) · (dy - (dβ + x̂ dγ) / rows), x̂ the normalized x.
 */
export const batchNormGradient = defineMultiOp({
  family: batchNormFamily,
  name: "batchNormGradient",
  saves: { inputs: [0, 1, 2, 3, 4] },
  samples: [
    {
      inputs: [
        { shape: [9, 7] },
        { shape: [9, 7] },
        { shape: [7] },
        { shape: [7] },
        { shape: [7], low: 0.5, high: 2 },
      ],
      attrs: { epsilon: 1e-3 },
    },
    {
      inputs: [
        { shape: [11, 8] },
        { shape: [11, 8] },
        { shape: [8] },
        { shape: [8] },
        { shape: [8], low: 0.5, high: 2 },
      ],
      attrs: { epsilon: 1e-3 },
    },
    {
      inputs: [
        { shape: [71, 12] },
        { shape: [71, 12] },
        { shape: [12] },
        { shape: [12] },
        { shape: [12], low: 0.5, high: 2 },
      ],
      attrs: { epsilon: 1e-3 },
    },
  ],
  call: (
    dy: TensorLike,
    x: TensorLike,
    gamma: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    epsilon: number,
  ) => ({
    inputs: [dy, x, gamma, mean, variance],
    attrs: { epsilon },
  }),
  infer: ([, x, gamma, mean, variance]) => {
    const features = checkFeatures("batchNormGradient", x, [
      ["gamma", gamma],
      ["mean", mean],
      ["variance", variance],
    ]);
    const ofFeatures: Spec = { shape: [features], dtype: "f32" };
    return [{ shape: x.shape, dtype: "f32" }, ofFeatures, ofFeatures];
  },
  kernels: ({ inputs, attrs: { epsilon }, profile }) => {
    const x = inputs[1];
    const variant = variantOf(gradientShader, x, profile);
    if (variant !== "several-kernels") {
      const operands = [...inputs.map((_, k) => input(k)), output(0), output(1), output(2)];
      return oneKernel(gradientShader, x, epsilon, operands, variant === "shared-columns", profile);
    }
    return gradientKernels(inputs, epsilon, profile);
  },
  variants: ({ inputs: [, x], profile }) => variantsOf(gradientShader, x, profile),
  reference: ([dy, x, gamma, mean, variance], { epsilon }: NormAttrs, [dx, dGamma, dBeta]) => {
    const columns = gamma.data.length;
    const rows = x.data.length / columns;
    for (let column = 0; column < columns; column++) {
      const scale = 1 / Math.sqrt(variance.data[column] + Math.fround(epsilon));
      let [total, weighted] = [0, 0];
      for (let i = column; i < x.data.length; i += columns) {
        total += dy.data[i];
        weighted += dy.data[i] * (x.data[i] - mean.data[column]) * scale;
      }
      for (let i = column; i < x.data.length; i += columns) {
        const normalized = (x.data[i] - mean.data[column]) * scale;
        dx.data[i] = gamma.data[column] * scale * (dy.data[i] - (total + normalized * weighted) / rows);
      }
      dGamma.data[column] = weighted;
      dBeta.data[column] = total;
    }
  },
  epilogue: ({ inputs, profile }) =>
    variantOf(gradientShader, inputs[1], profile) === "several-kernels"
      ? undefined
      : columnwiseSite(5, ["dy", "x"]),
  vjp: vjpByComposition(composedGradient),
});

/** Many kernels: products of dy and the normalized x, their column sums, and what they make of dy. */
function gradientKernels(inputs: readonly Spec[], epsilon: number, profile: AdapterProfile): KernelPlan {
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
