// Makes the op that goes back through all steps of a cell as one kernel.

import { input, output, type Spec } from "../../kernel/kernel.ts";
import type { Sample } from "../../kernel/kernel-op.ts";
import { defineMultiOp } from "../../tensor/define.ts";
import type { OpFunction } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add, mul } from "../elementwise/arithmetic.ts";
import { notEqual } from "../elementwise/comparison.ts";
import { where } from "../elementwise/logical.ts";
import { stack } from "../layout/concat.ts";
import { transpose } from "../layout/movement.ts";
import { reshape } from "../layout/reshape.ts";
import { matmul } from "../matmul/matmul.ts";
import { vjpByComposition } from "../reduce/composition.ts";
import { gatesOf, together } from "./gated-product.ts";
import { type Extent, recurrencePlan, recurrenceVariants } from "./recurrence.ts";
import {
  bound,
  dropFunctions,
  dropOf,
  f32,
  four,
  type GradientAttrs,
  maskAndDrop,
  maskOf,
  numbers,
  ofSteps,
  plain,
  rowsOf,
  type SequenceCell,
  stepAt,
  stepsOf,
  tensors,
} from "./sequence-cell.ts";

type GradientArguments = [
  gates: Tensor,
  u: Tensor,
  dHidden: Tensor,
  before: Tensor,
  mask: Tensor | undefined,
  dCells: Tensor | undefined,
  turned: boolean,
  drop: Tensor | undefined,
];
type GradientFunction = OpFunction<GradientArguments, Tensor[]>;

/**
 * Back through all steps. Inputs: the gates as the forward op kept them, the recurrent kernel as [units behind, units before,
 * 4], gradients of the state behind each step, the last of the states before each step (of two, with the one behind the last
 * step), the mask, what the product has states times, and the gradients of the second state in all its rows. Outputs: gradients of what the state gave the
 * columns, of the states before the first step, and of what the inputs gave them where that differs.
 */
export function gradientOp(cell: SequenceCell): {
  run: GradientFunction;
  sampleOf: (extent: Extent) => Sample<GradientAttrs>;
} {
  const name = `${cell.name}Gradient`;
  const isPair = cell.states === 2;
  const extentOfInputs = ([{ shape }]: readonly Spec[]): Extent => ({
    steps: shape[1],
    batch: shape[0],
    units: shape[2] / 4,
  });
  const besides = <T>(inputs: readonly T[], attrs: GradientAttrs) => ({
    ...maskAndDrop(inputs, 4, attrs),
    dCells: attrs.hasCells ? inputs[4 + Number(attrs.hasMask) + Number(attrs.hasDrop)] : undefined,
  });

  const compose = (inputs: readonly Tensor[], attrs: GradientAttrs): Tensor[] => {
    const [gates, u, dHidden, kept] = inputs;
    const { mask, drop, dCells } = besides(inputs, attrs);
    const [batch, steps, units] = dHidden.shape;
    const back = reshape(transpose(u, [0, 2, 1]), [4 * units, units]);
    const { turned } = attrs;
    let carried: Tensor[] = [];
    const products: Tensor[] = [];
    const ofInputs: Tensor[] = [];
    for (const step of stepsOf({ steps, batch, units }, !turned)) {
      const behind = [stepAt(dHidden, step), ...(dCells ? [stepAt(dCells, rowsOf(step, turned).new)] : [])];
      const d = Array.from({ length: cell.states }, (_, k) => {
        const parts = [carried[k], behind[k]].filter((part) => part !== undefined);
        return parts.length === 0 ? mul(behind[0], 0) : parts.reduce((a, b) => add(a, b));
      });
      const before = stepAt(kept, isPair ? rowsOf(step, turned).old : step);
      const found = cell.back(tensors, gatesOf(stepAt(gates, step)), before, d);
      const counts = mask && notEqual(stepAt(mask, step), 0);
      const whole = (parts: readonly (Tensor | undefined)[]) => {
        const value = together(parts.map((part) => part ?? mul(d[0], 0)));
        return counts ? where(counts, value, 0) : value;
      };
      products[step] = whole(found.product);
      ofInputs[step] = whole(found.inputs);
      carried = found.states.map((state, k) => {
        const own = state ?? mul(d[k], 0);
        const passed = counts ? where(counts, own, d[k]) : own;
        if (k > 0) return passed;
        const product = matmul(products[step], back);
        return add(passed, drop ? mul(product, drop) : product);
      });
    }
    return [ofSteps(products), stack(carried), ...(cell.splitsGradient ? [ofSteps(ofInputs)] : [])];
  };

  const sample = (extent: Extent, attrs: GradientAttrs): Sample<GradientAttrs> => {
    const { steps, batch, units } = extent;
    return {
      inputs: [
        { shape: [batch, steps, 4 * units], low: 0.1, high: 0.9 },
        { shape: [units, units, 4] },
        { shape: [batch, steps, units] },
        { shape: [batch, isPair ? steps + 1 : steps, units] },
        ...(attrs.hasMask ? [maskOf(extent)] : []),
        ...(attrs.hasDrop ? [dropOf(extent)] : []),
        ...(attrs.hasCells ? [{ shape: [batch, steps + 1, units] }] : []),
      ],
      attrs,
      differentiable: [0, 1, 2, 3],
    };
  };
  const withoutCells = { ...plain, hasCells: false };
  const samples = [
    sample({ steps: 2, batch: 2, units: 8 }, withoutCells),
    sample({ steps: 3, batch: 9, units: 8 }, { ...plain, hasMask: true, turned: true, hasCells: isPair }),
    sample({ steps: 3, batch: 3, units: 8 }, { ...withoutCells, hasDrop: true }),
  ];

  const run: GradientFunction = defineMultiOp({
    name,
    saves: { inputs: [0, 1, 2, 3, 4, 5, 6] },
    call: (...[gates, u, dHidden, before, mask, dCells, turned, drop]: GradientArguments) => ({
      inputs: [gates, u, dHidden, before, mask, drop, dCells].filter((one) => one !== undefined),
      attrs: {
        hasMask: mask !== undefined,
        hasDrop: drop !== undefined,
        hasCells: dCells !== undefined,
        turned,
      },
    }),
    infer: ([gates, , dHidden]) => {
      const [batch, , units] = dHidden.shape;
      return [
        f32(gates.shape),
        f32([cell.states, batch, units]),
        ...(cell.splitsGradient ? [f32(gates.shape)] : []),
      ];
    },
    kernels: ({ inputs, attrs, profile }) => {
      const { mask, drop, dCells } = besides(
        inputs.map((_, k) => input(k)),
        attrs,
      );
      const operands = [input(0), input(1), input(2), output(0), output(1)];
      const beside = [
        bound(isPair ? "cells" : "before", input(3)),
        ...(cell.splitsGradient ? [bound("d_inputs", output(2), "array<vec4f>")] : []),
        ...(mask ? [bound("mask", mask)] : []),
        ...(drop ? [bound("drop", drop)] : []),
        ...(dCells ? [bound("d_cells", dCells)] : []),
      ];
      const functions = {
        ...cell.gradientFunctions(attrs.hasMask, attrs.hasCells),
        ...(drop && dropFunctions.gradient),
      };
      const extent = extentOfInputs(inputs);
      return recurrencePlan(
        cell.name,
        "gradient",
        extent,
        attrs.turned,
        { functions, columns: cell.columns, operands, beside },
        profile,
      );
    },
    variants: ({ inputs, profile }) => recurrenceVariants(cell.name, extentOfInputs(inputs), profile),
    reference: (inputs, attrs, [dProduct, dStart, dInputs]) => {
      const [gates, u, dHidden, kept] = inputs;
      const { mask, drop, dCells } = besides(inputs, attrs);
      const [batch, steps, units] = dHidden.shape;
      const count = batch * units;
      const carried = dStart.data.fill(0);
      for (const step of stepsOf({ steps, batch, units }, !attrs.turned)) {
        const rows = rowsOf(step, attrs.turned);
        for (let e = 0; e < count; e++) {
          const [row, unit] = [Math.floor(e / units), e % units];
          const placeOf = (step: number, count: number) => (row * count + step) * units + unit;
          const at = placeOf(step, steps);
          const d = [carried[e] + dHidden.data[at]];
          if (isPair) d.push(carried[count + e] + (dCells?.data[placeOf(rows.new, steps + 1)] ?? 0));
          const before = kept.data[isPair ? placeOf(rows.old, steps + 1) : at];
          const found = cell.back(numbers, four(gates.data, at), before, d);
          const counts = mask === undefined || mask.data[row * steps + step] !== 0;
          for (let k = 0; k < 4; k++) {
            dProduct.data[4 * at + k] = counts ? (found.product[k] ?? 0) : 0;
            if (dInputs !== undefined) dInputs.data[4 * at + k] = counts ? found.inputs[k] : 0;
          }
          found.states.forEach((state, k) => {
            carried[k * count + e] = counts ? (state ?? 0) : d[k];
          });
        }
        for (let e = 0; e < count; e++) {
          const [row, unit] = [Math.floor(e / units), e % units];
          let product = 0;
          for (let k = 0; k < units; k++)
            for (let c = 0; c < 4; c++)
              product +=
                dProduct.data[4 * ((row * steps + step) * units + k) + c] *
                u.data[(k * units + unit) * 4 + c];
          carried[e] += drop === undefined ? product : product * drop.data[e];
        }
      }
    },
    vjp: vjpByComposition(compose),
    samples,
  });
  return { run, sampleOf: (extent) => sample(extent, withoutCells) };
}
