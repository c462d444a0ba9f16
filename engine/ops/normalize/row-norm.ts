// Normalization of rows: the one machine behind layer, group, instance and RMS normalization.

import rowsSource from "../../../shaders/normalized-rows.wgsl";
import ownRowsSource from "../../../shaders/own-rows.wgsl";
import rowNormSource from "../../../shaders/row-norm.wgsl";
import gradientSource from "../../../shaders/row-norm-gradient.wgsl";
import parametersSource from "../../../shaders/row-norm-parameters.wgsl";
import { DTypeError, ShapeError } from "../../base/errors.ts";
import { type Shape, showShape, sizeOf } from "../../base/shape.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import type { Variants } from "../../kernel/kernel.ts";
import {
  type AdapterProfile,
  grid,
  type HookBinding,
  input,
  type KernelCall,
  type KernelPlan,
  type Operand,
  output,
  type Shader,
  type SizeWord,
  type Spec,
  scratch,
  shader,
} from "../../kernel/kernel.ts";
import type { Sample, SampleInput } from "../../kernel/kernel-op.ts";
import { longSumSource, termAliases } from "../../kernel/long-sums.ts";
import { apply } from "../../tensor/apply.ts";
import { defineMultiOp, defineOp } from "../../tensor/define.ts";
import type { Op } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add, div, mul, sub } from "../elementwise/arithmetic.ts";
import { reshape } from "../layout/reshape.ts";
import { columnwiseSite } from "../pointwise/epilogues.ts";
import { vjpByComposition } from "../reduce/composition.ts";
import { mean as meanOf, sum, sumCalls } from "../reduce/reduce.ts";
import { isSharedRow, joined, rowHooks, rowSources, rowVariants } from "../reduce/shared-rows.ts";

// A tensor is seen as [outer, middle, groups, inner]: what has the same outer index and group is normalized together,
// and gamma and beta are [groups * inner].

const rowNormShader = shader(
  "row-norm",
  [longSumSource, ownRowsSource, rowsSource, rowNormSource].join("\n"),
);
const gradientShader = shader(
  "row-norm-gradient",
  [longSumSource, ownRowsSource, rowsSource, gradientSource].join("\n"),
);
const parametersShader = shader("row-norm-parameters", `${longSumSource}\n${parametersSource}`);

/** @internal What the families of normalizations depend on here. */
export const rowNormSources: string = [rowNormShader.source, gradientShader.source, rowSources].join("\n");

export interface RowNormAttrs {
  /** Lengths of the view's last three axes; the outer one takes what is left. */
  readonly middle: number;
  readonly groups: number;
  readonly inner: number;
  readonly epsilon: number;
  /** Whether the mean is taken away. */
  readonly centered: boolean;
}

/** A row's elements. */
const countOf = ({ middle, inner }: RowNormAttrs) => middle * inner;
const rowsIn = (x: Spec, attrs: RowNormAttrs) => sizeOf(x.shape) / countOf(attrs);
const pixelsIn = (x: Spec, { groups, inner }: RowNormAttrs) => sizeOf(x.shape) / (groups * inner);

function checkRows(
  op: string,
  specs: readonly Spec[],
  attrs: RowNormAttrs,
  parameters: readonly Spec[],
): void {
  const [x] = specs;
  for (const spec of [...specs, ...parameters]) {
    if (spec.dtype !== "f32") throw new DTypeError(`${op}: takes f32, got ${spec.dtype}; use cast(x, "f32")`);
  }
  if (countOf(attrs) === 0 || !Number.isInteger(rowsIn(x, attrs))) {
    throw new ShapeError(`${op}: x ${showShape(x.shape)} has no elements to normalize together`);
  }
  const wanted = attrs.groups * attrs.inner;
  parameters.forEach((spec, k) => {
    if (sizeOf(spec.shape) === wanted) return;
    throw new ShapeError(
      `${op}: ${["gamma", "beta"][k]} ${showShape(spec.shape)} must hold ${wanted} values for x ${showShape(x.shape)}`,
    );
  });
}

const statistics = (x: Spec, attrs: RowNormAttrs): Spec => ({ shape: [rowsIn(x, attrs)], dtype: "f32" });

/** Elements that the kernels take at a time: whole vec4s where channels come in such. */
const unitOf = ({ inner }: RowNormAttrs) => (inner % 4 === 0 ? 4 : 1);

function variantsFor(kernel: Shader, x: Spec, attrs: RowNormAttrs, profile: AdapterProfile): Variants {
  const length = countOf(attrs);
  return rowVariants(
    "rowNorm",
    kernel,
    { rows: rowsIn(x, attrs), length, steps: length / unitOf(attrs) },
    profile,
  );
}

/** The dispatch of a kernel that stands behind normalized-rows.wgsl; `parameters` names those it has bindings for. */
function rowsCall(
  kernel: Shader,
  x: Spec,
  attrs: RowNormAttrs,
  profile: AdapterProfile,
  operands: readonly Operand[],
  bindings: readonly HookBinding[],
  functions: Readonly<Record<string, string>>,
): KernelCall {
  const { middle, groups, inner, epsilon, centered } = attrs;
  const per = unitOf(attrs);
  const isWide = per === 4;
  const length = countOf(attrs) / per;
  const rows = rowsIn(x, attrs);
  const isShared = isSharedRow(variantsFor(kernel, x, attrs, profile), profile);
  const hooks = rowHooks(
    isShared,
    numbersOf(profile).workgroup,
    { steps: length, width: per },
    { total_of: joined("total_of", "f32", "a + b") },
    profile,
  );
  const own: Record<string, string> = { ...hooks.functions };
  if (!isWide) {
    own.add_lanes = "fn add_lanes(value: Unit) -> f32 {\n  return value;\n}";
    own.store = "fn store(row: u32, column: u32, value: Unit) {\n  c[row * sizes.width + column] = value;\n}";
  }
  if (middle === 1) {
    own.place_of =
      "fn place_of(i: u32, outer: u32, first: u32) -> vec2u {\n  return vec2u(outer, first + i);\n}";
  }
  const sizes: SizeWord[] = [
    ...[rows, middle, groups, inner / per, (groups * inner) / per, length],
    { f32: countOf(attrs) },
    { f32: epsilon },
    0,
  ];
  return {
    shader: kernel,
    hooks: {
      aliases: { Unit: isWide ? "vec4f" : "f32", ...termAliases(isWide ? "vec4f" : "f32") },
      consts: {
        ...hooks.consts,
        CENTERED: `${centered}`,
        UNIT_SIZE: `${per}u`,
      },
      functions: { ...own, ...functions },
      bindings,
    },
    sizes,
    operands,
    workgroups: grid(hooks.groups(rows), profile),
  };
}

const read = (name: string, binding: number): HookBinding => ({
  name,
  binding,
  access: "read",
  type: "array<Unit>",
});

/** The view [outer, middle, groups, inner] of x, and of what there is one value a row of. */
const viewOf = (x: Tensor, { middle, groups, inner }: RowNormAttrs): Tensor =>
  reshape(x, [-1, middle, groups, inner]);
const rowView = (x: Tensor, { groups }: RowNormAttrs): Tensor => reshape(x, [-1, 1, groups, 1]);

/**
 * @internal Defines a normalization: y, and by row the mean (0 where it is not taken away) and 1 / √(variance + ε). Inputs
 * are x, then gamma, then beta, as many as there are.
 */
export function rowNormOp(name: string, samples: readonly Sample<RowNormAttrs>[]): Op<RowNormAttrs> {
  return {
    name,
    saves: { inputs: [0, 1], outputs: [1, 2] },
    infer: ([x, ...parameters], attrs) => {
      checkRows(name, [x], attrs, parameters);
      const rows = statistics(x, attrs);
      return [{ shape: x.shape, dtype: "f32" }, rows, rows];
    },
    kernels: ({ inputs: [x, ...parameters], attrs, profile }): KernelPlan => {
      if (sizeOf(x.shape) === 0) return { calls: [] };
      const names = ["gamma", "beta"].slice(0, parameters.length);
      const value = ["value", "value * gamma[unit]", "value * gamma[unit] + beta[unit]"][names.length];
      const call = rowsCall(
        rowNormShader,
        x,
        attrs,
        profile,
        [input(0), output(0), output(1), output(2), ...names.map((_, k) => input(k + 1))],
        names.map((parameter, k) => read(parameter, k + 5)),
        { affine: `fn affine(value: Unit, unit: u32) -> Unit {\n  return ${value};\n}` },
      );
      return { calls: [call] };
    },
    variants: ({ inputs: [x], attrs, profile }) => variantsFor(rowNormShader, x, attrs, profile),
    reference: ([x, gamma, beta], attrs, [y, means, scales]) => {
      eachRow(x.shape, attrs, (row, visit) => {
        let total = 0;
        if (attrs.centered) {
          visit((at) => {
            total += x.data[at];
          });
        }
        const mean = total / countOf(attrs);
        let squares = 0;
        visit((at) => {
          squares += (x.data[at] - mean) ** 2;
        });
        const scale = 1 / Math.sqrt(squares / countOf(attrs) + Math.fround(attrs.epsilon));
        visit((at, p) => {
          y.data[at] = (x.data[at] - mean) * scale * (gamma?.data[p] ?? 1) + (beta?.data[p] ?? 0);
        });
        means.data[row] = mean;
        scales.data[row] = scale;
      });
    },
    epilogue: ({ attrs: { inner } }) => (inner % 4 === 0 ? columnwiseSite(1, ["x"]) : undefined),
    vjp: ({ attrs, grad, hasGrad, input, output, needs, inputSpecs }) => {
      const [, gamma] = inputSpecs;
      const [x, mean, scale] = [input(0), output(1), output(2)];
      let dx: Tensor | null = null;
      if (needs(0)) {
        dx = apply(rowNormGradient.op, [grad(), x, mean, scale, ...(gamma ? [input(1)] : [])], attrs)[0];
        // Divided by, not multiplied by its reciprocal, which f32 would round.
        const count = countOf(attrs);
        if (hasGrad(1) && attrs.centered) {
          dx = reshape(add(viewOf(dx, attrs), div(rowView(grad(1), attrs), count)), x.shape);
        }
        if (hasGrad(2)) {
          // d scale / d x = -scale³ (x - mean) / count.
          const slope = div(mul(grad(2), mul(scale, mul(scale, scale))), -count);
          const centered = sub(viewOf(x, attrs), rowView(mean, attrs));
          dx = reshape(add(viewOf(dx, attrs), mul(centered, rowView(slope, attrs))), x.shape);
        }
      }
      const isWanted = inputSpecs.slice(1).some((_, k) => needs(k + 1));
      if (!isWanted) return inputSpecs.map((_, k) => (k === 0 ? dx : null));
      const sums = apply(rowNormParameterGradient.op, [grad(), x, mean, scale], attrs);
      return [dx, ...inputSpecs.slice(1).map((spec, k) => reshape(sums[k], spec.shape))];
    },
    samples,
  };
}

/** Visits rows, each with a function that visits its elements with the parameter each has. */
function eachRow(
  shape: Shape,
  attrs: RowNormAttrs,
  visitRow: (row: number, visit: (element: (at: number, parameter: number) => void) => void) => void,
): void {
  const { middle, groups, inner } = attrs;
  const rows = rowsIn({ shape, dtype: "f32" }, attrs);
  for (let row = 0; row < rows; row++) {
    const [outer, group] = [Math.floor(row / groups), row % groups];
    visitRow(row, (element) => {
      for (let m = 0; m < middle; m++) {
        const start = ((outer * middle + m) * groups + group) * inner;
        for (let i = 0; i < inner; i++) element(start + i, group * inner + i);
      }
    });
  }
}

const layouts: readonly (readonly [shape: Shape, attrs: RowNormAttrs])[] = [
  [[5, 7], { middle: 1, groups: 1, inner: 7, epsilon: 1e-3, centered: true }],
  [[3, 8], { middle: 1, groups: 1, inner: 8, epsilon: 1e-3, centered: false }],
  [[2, 3, 6], { middle: 3, groups: 2, inner: 3, epsilon: 1e-3, centered: true }],
  [[2, 5, 8], { middle: 5, groups: 2, inner: 4, epsilon: 1e-2, centered: true }],
];

function gradientSamples(withGamma: boolean): Sample<RowNormAttrs>[] {
  return layouts.map(([shape, attrs], k) => {
    const x: SampleInput = { shape };
    const rows = { shape: [sizeOf(shape) / countOf(attrs)] };
    const inputs: SampleInput[] = [x, x, rows, { ...rows, low: 0.5, high: 2 }];
    return {
      inputs: withGamma && k !== 1 ? [...inputs, { shape: [attrs.groups * attrs.inner] }] : inputs,
      attrs,
    };
  });
}

/** dy, x, mean and scale seen as [outer, middle, groups, inner], and the normalized x. */
function views([dy, x, mean, scale]: readonly Tensor[], attrs: RowNormAttrs) {
  const scales = rowView(scale, attrs);
  const normalized = mul(sub(viewOf(x, attrs), rowView(mean, attrs)), scales);
  return { g: viewOf(dy, attrs), normalized, scales };
}

/**
 * The gradient of a normalization's x, given dy, x and the statistics by row, and gamma if there is one:
 * with g = dy γ and n the normalized x, dx = scale (g - mean(g) - n mean(g n)), means by row.
 */
export const rowNormGradient = defineOp({
  name: "rowNormGradient",
  saves: { inputs: [0, 1, 2, 3, 4] },
  call: (
    dy: Tensor,
    x: Tensor,
    mean: Tensor,
    scale: Tensor,
    gamma: Tensor | undefined,
    attrs: RowNormAttrs,
  ) => ({ inputs: gamma === undefined ? [dy, x, mean, scale] : [dy, x, mean, scale, gamma], attrs }),
  infer: ([dy, x, , , ...gamma], attrs) => {
    checkRows("rowNormGradient", [dy, x], attrs, gamma);
    return [{ shape: x.shape, dtype: "f32" }];
  },
  kernels: ({ inputs: [, x, , , gamma], attrs, profile }) => {
    if (sizeOf(x.shape) === 0) return { calls: [] };
    const hasGamma = gamma !== undefined;
    const operands = [input(0), input(1), input(2), input(3), output(0)];
    const call = rowsCall(
      gradientShader,
      x,
      attrs,
      profile,
      hasGamma ? [...operands, input(4)] : operands,
      hasGamma ? [read("gamma", 6)] : [],
      hasGamma ? {} : { weigh: "fn weigh(value: Unit, unit: u32) -> Unit {\n  return value;\n}" },
    );
    return { calls: [call] };
  },
  variants: ({ inputs: [, x], attrs, profile }) => variantsFor(gradientShader, x, attrs, profile),
  reference: ([dy, x, means, scales, gamma], attrs, [dx]) => {
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
  },
  epilogue: ({ attrs: { inner } }) => (inner % 4 === 0 ? columnwiseSite(4, ["dy", "x"]) : undefined),
  vjp: vjpByComposition((inputs, attrs: RowNormAttrs) => {
    const { g: dy, normalized, scales } = views(inputs, attrs);
    const [, x, , , gamma] = inputs;
    const g = gamma === undefined ? dy : mul(dy, reshape(gamma, [attrs.groups, attrs.inner]));
    const along = [1, 3];
    const products = mul(normalized, meanOf(mul(g, normalized), along, { keepDims: true }));
    const taken = attrs.centered ? add(products, meanOf(g, along, { keepDims: true })) : products;
    return [reshape(mul(scales, sub(g, taken)), x.shape)];
  }),
  samples: gradientSamples(true),
});

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

/** The gradients [groups * inner] of a normalization's gamma and beta: Σ dy n and Σ dy over outer and middle. */
export const rowNormParameterGradient = defineMultiOp({
  name: "rowNormParameterGradient",
  saves: { inputs: [0, 1, 2, 3] },
  call: (dy: Tensor, x: Tensor, mean: Tensor, scale: Tensor, attrs: RowNormAttrs) => ({
    inputs: [dy, x, mean, scale],
    attrs,
  }),
  infer: ([dy, x], attrs) => {
    checkRows("rowNormParameterGradient", [dy, x], attrs, []);
    const spec: Spec = { shape: [attrs.groups * attrs.inner], dtype: "f32" };
    return [spec, spec];
  },
  kernels: ({ inputs: [, x], outputs: [out], attrs, profile }) => {
    const { middle, groups, inner } = attrs;
    const per = unitOf(attrs);
    const isWide = per === 4;
    const pixels = pixelsIn(x, attrs);
    const width = (groups * inner) / per;
    const wanted = numbersOf(profile).summers;
    const shortest = 32;
    const chunks = Math.max(1, Math.min(Math.ceil(wanted / width), Math.ceil(pixels / shortest)));
    const workgroup = numbersOf(profile).workgroup;
    const isOne = chunks === 1;
    const targets = isOne ? [output(0), output(1)] : [scratch(0, "read_write")];
    const sums: KernelCall = {
      shader: parametersShader,
      hooks: {
        aliases: { Unit: isWide ? "vec4f" : "f32", ...termAliases(isWide ? "vec4f" : "f32") },
        consts: { WORKGROUP: `${workgroup}u` },
        ...(isOne ? {} : { functions: { keep: keepBoth } }),
      },
      sizes: [pixels, Math.ceil(pixels / chunks), chunks, middle, groups, inner / per, width, 0],
      operands: [input(0), input(1), input(2), input(3), ...targets],
      workgroups: grid(Math.ceil((chunks * width) / workgroup), profile),
    };
    if (isOne) return { calls: [sums] };
    // Of one sum both results are stored, each where it belongs.
    const partial: Spec = { shape: [chunks, 2 * sizeOf(out.shape)], dtype: "f32" };
    const scratchSpecs = [partial];
    const calls = sumCalls(partial, [0], scratch(0, "read"), output(0), scratchSpecs, profile);
    const last = calls[calls.length - 1];
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
      operands: [...last.operands, output(1)],
    };
    return { calls: [sums, ...calls.slice(0, -1), both], scratch: scratchSpecs };
  },
  reference: ([dy, x, means, scales], attrs, [dGamma, dBeta]) => {
    dGamma.data.fill(0);
    dBeta.data.fill(0);
    eachRow(x.shape, attrs, (row, visit) => {
      visit((at, p) => {
        dGamma.data[p] += dy.data[at] * (x.data[at] - means.data[row]) * scales.data[row];
        dBeta.data[p] += dy.data[at];
      });
    });
  },
  vjp: vjpByComposition((inputs, attrs: RowNormAttrs) => {
    const { g, normalized } = views(inputs, attrs);
    return [reshape(sum(mul(g, normalized), [0, 1]), [-1]), reshape(sum(g, [0, 1]), [-1])];
  }),
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
