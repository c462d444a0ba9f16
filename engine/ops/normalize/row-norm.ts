// Normalization of rows: the one machine behind layer, group, instance and RMS normalization.

import { sizeOf } from "../../base/shape.ts";
import { input, type KernelPlan, output } from "../../kernel/kernel.ts";
import type { Sample } from "../../kernel/kernel-op.ts";
import { apply } from "../../tensor/apply.ts";
import type { Op } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add, div, mul, sub } from "../elementwise/arithmetic.ts";
import { reshape } from "../layout/reshape.ts";
import { columnwiseSite } from "../pointwise/epilogues.ts";
import { rowNormGradient, rowNormGradients } from "./row-norm-gradients.ts";
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
  statistics,
  subgroupCall,
  subgroupShaders,
  variantsFor,
} from "./row-norm-kernels.ts";
import { rowNormParameterGradient } from "./row-norm-parameters.ts";
import { eachRow, rowView, viewOf } from "./row-views.ts";

/**
 * @internal Defines a normalization: y, and by row the mean (0 where it is not taken away) and 1 / √(variance + ε). Inputs
 * are x, then gamma, then beta, as many as there are.
 */
export function rowNormOp(name: string, samples: readonly Sample<RowNormAttrs>[]): Op<RowNormAttrs> {
  return {
    name,
    traits: { statistics: [1, 2] },
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
      const operands = [input(0), output(0), output(1), output(2), ...names.map((_, k) => input(k + 1))];
      if (isInSubgroups(attrs, profile)) {
        const functions = {
          ...(names.length < 1 ? { gamma_of: constantOf("gamma_of", 1) } : {}),
          ...(names.length < 2 ? { beta_of: constantOf("beta_of", 0) } : {}),
        };
        const bindings = names.map((parameter, k) => read(parameter, k + 5, "array<vec4f>"));
        return {
          calls: [subgroupCall(subgroupShaders.forward, x, attrs, profile, operands, bindings, functions)],
        };
      }
      const call = rowsCall(
        rowShaders.forward,
        x,
        attrs,
        profile,
        operands,
        names.map((parameter, k) => read(parameter, k + 5)),
        { affine: `fn affine(value: Unit, unit: u32) -> Unit {\n  return ${value};\n}` },
      );
      return { calls: [call] };
    },
    variants: ({ inputs: [x], attrs, profile }) =>
      shortRowVariants(attrs, profile) ?? variantsFor(rowShaders.forward, x, attrs, profile),
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
      const isWanted = inputSpecs.slice(1).some((_, k) => needs(k + 1));
      const inputs = [grad(), x, mean, scale, ...(gamma ? [input(1)] : [])];
      let sums: readonly Tensor[] = [];
      let dx: Tensor | null = null;
      if (needs(0) && isWanted) [dx, ...sums] = apply(rowNormGradients.op, inputs, attrs);
      else if (isWanted) sums = apply(rowNormParameterGradient.op, inputs.slice(0, 4), attrs);
      else if (needs(0)) [dx] = apply(rowNormGradient.op, inputs, attrs);
      if (dx !== null) {
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
      if (!isWanted) return inputSpecs.map((_, k) => (k === 0 ? dx : null));
      return [dx, ...inputSpecs.slice(1).map((spec, k) => reshape(sums[k], spec.shape))];
    },
    samples,
  };
}
