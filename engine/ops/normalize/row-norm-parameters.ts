// The gradients of a row normalization's gamma and beta.

import parametersSource from "../../../shaders/row-norm-parameters.wgsl";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import {
  type AdapterProfile,
  grid,
  input,
  type KernelCall,
  type KernelPlan,
  type Operand,
  output,
  type Spec,
  scratch,
  shader,
} from "../../kernel/kernel.ts";
import type { ReferenceTensor } from "../../kernel/kernel-op.ts";
import { longSumSource, termAliases } from "../../kernel/long-sums.ts";
import { defineMultiOp } from "../../tensor/define.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { mul } from "../elementwise/arithmetic.ts";
import { reshape } from "../layout/reshape.ts";
import { vjpByComposition } from "../reduce/composition.ts";
import { sum, sumCalls } from "../reduce/reduce.ts";
import { checkRows, pixelsIn, type RowNormAttrs, unitOf } from "./row-norm-kernels.ts";
import { eachRow, gradientSamples, gradientViews } from "./row-views.ts";

const parametersShader = shader("row-norm-parameters", `${longSumSource}\n${parametersSource}`);

const keepBoth = `fn keep(chunk: u32, unit: u32, of_gamma: Unit, of_beta: Unit) {
  gammas[2u * chunk * sizes.width + unit] = of_gamma;
  gammas[(2u * chunk + 1u) * sizes.width + unit] = of_beta;
}`;

const storeBoth = `fn store(index: u32, value: Value) {
  let width = sizes.inner / 2u;
  if (index < width) {
    out0[index] = value;
  } else {
    betas[index - width] = value;
  }
}`;

/** The dispatches that add up chunks' sums of gamma and beta, side by side in scratch memory 0, into both targets. */
export function addChunks(
  chunks: number,
  parameters: number,
  [ofGamma, ofBeta]: readonly [Operand, Operand],
  profile: AdapterProfile,
): Pick<KernelPlan, "calls" | "scratch"> {
  const partial: Spec = { shape: [chunks, 2 * parameters], dtype: "f32" };
  const scratchSpecs = [partial];
  const calls = sumCalls(partial, [0], scratch(0, "read"), ofGamma, scratchSpecs, profile);
  const last = calls[calls.length - 1];
  // Of one sum both results are stored, each where it belongs.
  const both: KernelCall = {
    ...last,
    hooks: {
      ...last.hooks,
      functions: { ...last.hooks?.functions, store: storeBoth },
      bindings: [
        ...(last.hooks?.bindings ?? []),
        { name: "betas", binding: last.operands.length + 1, access: "read_write", type: "array<Value>" },
      ],
    },
    operands: [...last.operands, ofBeta],
  };
  return { calls: [...calls.slice(0, -1), both], scratch: scratchSpecs };
}

/** The dispatches for both gradients, from dy, x, means and scales as the inputs. */
export function parameterPlan(
  x: Spec,
  attrs: RowNormAttrs,
  targets: readonly [Operand, Operand],
  profile: AdapterProfile,
): KernelPlan {
  const { middle, groups, inner } = attrs;
  const per = unitOf(attrs);
  const isWide = per === 4;
  const pixels = pixelsIn(x, attrs);
  const width = (groups * inner) / per;
  const wanted = numbersOf(profile).summers;
  const shortest = 32;
  const chunks = Math.max(1, Math.min(Math.ceil(wanted / width), Math.ceil(pixels / shortest)));
  const { workgroup, loadsAhead } = numbersOf(profile);
  const isOne = chunks === 1;
  const sums: KernelCall = {
    shader: parametersShader,
    hooks: {
      aliases: { Unit: isWide ? "vec4f" : "f32", ...termAliases(isWide ? "vec4f" : "f32") },
      consts: { WORKGROUP: `${workgroup}u`, AHEAD: `${loadsAhead}u` },
      ...(isOne ? {} : { functions: { keep: keepBoth } }),
    },
    sizes: [pixels, Math.ceil(pixels / chunks), chunks, middle, groups, inner / per, width, 0],
    operands: [
      ...[input(0), input(1), input(2), input(3)],
      ...(isOne ? targets : [scratch(0, "read_write")]),
    ],
    workgroups: grid(Math.ceil((chunks * width) / workgroup), profile),
  };
  if (isOne) return { calls: [sums] };
  const added = addChunks(chunks, groups * inner, targets, profile);
  return { ...added, calls: [sums, ...added.calls] };
}

export function parameterReference(
  [dy, x, means, scales]: readonly ReferenceTensor[],
  attrs: RowNormAttrs,
  [dGamma, dBeta]: readonly ReferenceTensor[],
): void {
  dGamma.data.fill(0);
  dBeta.data.fill(0);
  eachRow(x.shape, attrs, (row, visit) => {
    visit((at, p) => {
      dGamma.data[p] += dy.data[at] * (x.data[at] - means.data[row]) * scales.data[row];
      dBeta.data[p] += dy.data[at];
    });
  });
}

/** Both gradients in tensor ops. */
export function parametersByOps(inputs: readonly Tensor[], attrs: RowNormAttrs): [Tensor, Tensor] {
  const { g, normalized } = gradientViews(inputs, attrs);
  return [reshape(sum(mul(g, normalized), [0, 1]), [-1]), reshape(sum(g, [0, 1]), [-1])];
}

export const parameterSpec = ({ groups, inner }: RowNormAttrs): Spec => ({
  shape: [groups * inner],
  dtype: "f32",
});

/** The gradients [groups * inner] of a normalization's gamma and beta: Σ dy n and Σ dy over outer and middle. */
export const rowNormParameterGradient = defineMultiOp({
  name: "rowNormParameterGradient",
  traits: { sums: true },
  saves: { inputs: [0, 1, 2, 3] },
  call: (dy: Tensor, x: Tensor, mean: Tensor, scale: Tensor, attrs: RowNormAttrs) => ({
    inputs: [dy, x, mean, scale],
    attrs,
  }),
  infer: ([dy, x], attrs) => {
    checkRows("rowNormParameterGradient", [dy, x], attrs, []);
    return [parameterSpec(attrs), parameterSpec(attrs)];
  },
  kernels: ({ inputs: [, x], attrs, profile }) => parameterPlan(x, attrs, [output(0), output(1)], profile),
  reference: parameterReference,
  vjp: vjpByComposition(parametersByOps),
  samples: [
    ...gradientSamples(false),
    {
      inputs: [
        { shape: [200, 4] },
        { shape: [200, 4] },
        { shape: [200] },
        { shape: [200], low: 0.5, high: 2 },
      ],
      attrs: { middle: 1, groups: 1, inner: 4, epsilon: 1e-3, centered: true },
    },
  ],
});
