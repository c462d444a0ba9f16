// The gradients of row normalization: for x, and for x, gamma and beta together.

import { sizeOf } from "../../base/shape.ts";
import {
  type AdapterProfile,
  input,
  type KernelCall,
  type KernelPlan,
  output,
  type Spec,
  scratch,
} from "../../kernel/kernel.ts";
import type { EpilogueSite, ReferenceTensor } from "../../kernel/kernel-op.ts";
import { defineMultiOp, defineOp } from "../../tensor/define.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add, mul, sub } from "../elementwise/arithmetic.ts";
import { reshape } from "../layout/reshape.ts";
import { columnwiseSite } from "../pointwise/epilogues.ts";
import { vjpByComposition } from "../reduce/composition.ts";
import { mean as meanOf } from "../reduce/reduce.ts";
import {
  checkRows,
  constantOf,
  countOf,
  isInSubgroups,
  type RowNormAttrs,
  read,
  rowShaders,
  rowsCall,
  shortRowVariants,
  subgroupCall,
  subgroupShaders,
  variantsFor,
} from "./row-norm-kernels.ts";
import {
  addChunks,
  parameterPlan,
  parameterReference,
  parameterSpec,
  parametersByOps,
} from "./row-norm-parameters.ts";
import { eachRow, gradientSamples, gradientViews } from "./row-views.ts";

/** The dispatch for x's gradient alone. */
function gradientCall(x: Spec, hasGamma: boolean, attrs: RowNormAttrs, profile: AdapterProfile): KernelCall {
  const operands = [input(0), input(1), input(2), input(3), output(0)];
  return rowsCall(
    rowShaders.gradient,
    x,
    attrs,
    profile,
    hasGamma ? [...operands, input(4)] : operands,
    hasGamma ? [read("gamma", 6)] : [],
    hasGamma ? {} : { weigh: "fn weigh(value: Unit, unit: u32) -> Unit {\n  return value;\n}" },
  );
}

function gradientReference(
  [dy, x, means, scales, gamma]: readonly ReferenceTensor[],
  attrs: RowNormAttrs,
  [dx]: readonly ReferenceTensor[],
): void {
  eachRow(x.shape, attrs, (row, visit) => {
    const [mean, scale] = [means.data[row], scales.data[row]];
    const g = (at: number, p: number) => dy.data[at] * (gamma?.data[p] ?? 1);
    let [total, products] = [0, 0];
    visit((at, p) => {
      total += g(at, p);
      products += g(at, p) * (x.data[at] - mean) * scale;
    });
    const shift = attrs.centered ? total / countOf(attrs) : 0;
    visit((at, p) => {
      const normalized = (x.data[at] - mean) * scale;
      dx.data[at] = scale * (g(at, p) - shift - (normalized * products) / countOf(attrs));
    });
  });
}

const gradientSite = ({ inner }: RowNormAttrs): EpilogueSite | undefined =>
  inner % 4 === 0 ? columnwiseSite(4, ["dy", "x"]) : undefined;

function gradientByOps(inputs: readonly Tensor[], attrs: RowNormAttrs): Tensor {
  const { g: dy, normalized, scales } = gradientViews(inputs, attrs);
  const [, x, , , gamma] = inputs;
  const g = gamma === undefined ? dy : mul(dy, reshape(gamma, [attrs.groups, attrs.inner]));
  const along = [1, 3];
  const products = mul(normalized, meanOf(mul(g, normalized), along, { keepDims: true }));
  const taken = attrs.centered ? add(products, meanOf(g, along, { keepDims: true })) : products;
  return reshape(mul(scales, sub(g, taken)), x.shape);
}

const callOf = (
  dy: Tensor,
  x: Tensor,
  mean: Tensor,
  scale: Tensor,
  gamma: Tensor | undefined,
  attrs: RowNormAttrs,
) => ({ inputs: gamma === undefined ? [dy, x, mean, scale] : [dy, x, mean, scale, gamma], attrs });

const saves = { inputs: [0, 1, 2, 3, 4] };

/**
 * The gradient of a normalization's x, given dy, x and the statistics by row, and gamma if there is one:
 * with g = dy γ and n the normalized x, dx = scale (g - mean(g) - n mean(g n)), means by row.
 */
export const rowNormGradient = defineOp({
  name: "rowNormGradient",
  saves,
  call: callOf,
  infer: ([dy, x, , , ...gamma], attrs) => {
    checkRows("rowNormGradient", [dy, x], attrs, gamma);
    return [{ shape: x.shape, dtype: "f32" }];
  },
  kernels: ({ inputs: [, x, , , gamma], attrs, profile }) => ({
    calls: sizeOf(x.shape) === 0 ? [] : [gradientCall(x, gamma !== undefined, attrs, profile)],
  }),
  variants: ({ inputs: [, x], attrs, profile }) => variantsFor(rowShaders.gradient, x, attrs, profile),
  reference: gradientReference,
  epilogue: ({ attrs }) => gradientSite(attrs),
  vjp: vjpByComposition((inputs, attrs: RowNormAttrs) => [gradientByOps(inputs, attrs)]),
  samples: gradientSamples(true),
});

/** The plan in which one kernel finds all three, from dy and x as it reads them once. */
function gradientsPlan(x: Spec, hasGamma: boolean, attrs: RowNormAttrs, profile: AdapterProfile): KernelPlan {
  const operands = [input(0), input(1), input(2), input(3), output(0), scratch(0, "read_write")];
  const { chunks, ...call } = subgroupCall(
    subgroupShaders.gradients,
    x,
    attrs,
    profile,
    hasGamma ? [...operands, input(4)] : operands,
    hasGamma ? [read("gamma", 7, "array<vec4f>")] : [],
    hasGamma ? {} : { gamma_of: constantOf("gamma_of", 1) },
  );
  const added = addChunks(chunks, attrs.inner, [output(1), output(2)], profile);
  return { ...added, calls: [call, ...added.calls] };
}

/** Work that rides on x's gradient, which the plan's first kernel stores. */
function firstCallSite(site: EpilogueSite): EpilogueSite {
  return {
    ...site,
    attach: ({ calls: [first, ...others], ...plan }, chain) => {
      const attached = site.attach({ ...plan, calls: [first] }, chain);
      return { ...attached, calls: [...attached.calls, ...others] };
    },
  };
}

/**
 * The gradients of a normalization's x, as {@link rowNormGradient} gives it, and of its gamma and beta. A beta without
 * a gamma is given its gradient, too.
 */
export const rowNormGradients = defineMultiOp({
  name: "rowNormGradients",
  traits: { sums: true },
  saves,
  call: callOf,
  infer: ([dy, x, , , ...gamma], attrs) => {
    checkRows("rowNormGradients", [dy, x], attrs, gamma);
    return [{ shape: x.shape, dtype: "f32" }, parameterSpec(attrs), parameterSpec(attrs)];
  },
  kernels: ({ inputs: [, x, , , gamma], attrs, profile }) => {
    const parameters = () => parameterPlan(x, attrs, [output(1), output(2)], profile);
    if (sizeOf(x.shape) === 0) return parameters();
    if (isInSubgroups(attrs, profile)) return gradientsPlan(x, gamma !== undefined, attrs, profile);
    const { calls, ...rest } = parameters();
    return { ...rest, calls: [gradientCall(x, gamma !== undefined, attrs, profile), ...calls] };
  },
  variants: ({ inputs: [, x], attrs, profile }) =>
    shortRowVariants(attrs, profile) ?? variantsFor(rowShaders.gradient, x, attrs, profile),
  reference: (inputs, attrs, [dx, ...parameters]) => {
    gradientReference(inputs, attrs, [dx]);
    parameterReference(inputs, attrs, parameters);
  },
  epilogue: ({ attrs }) => {
    const site = gradientSite(attrs);
    return site && firstCallSite(site);
  },
  vjp: vjpByComposition((inputs, attrs: RowNormAttrs) => [
    gradientByOps(inputs, attrs),
    ...parametersByOps(inputs, attrs),
  ]),
  samples: gradientSamples(true),
});
