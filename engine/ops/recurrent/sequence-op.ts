// Makes the op that runs a cell over all steps as one kernel, and the op of its gradient, of what the cell's step is in
// WGSL and in formulas.

import { input, type Operand, output, type Spec } from "../../kernel/kernel.ts";
import type { ReferenceTensor, Sample, SampleInput } from "../../kernel/kernel-op.ts";
import type { Family } from "../../kernel/variants.ts";
import { defineMultiOp } from "../../tensor/define.ts";
import type { OpFunction } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { sigmoid as sigmoidOf } from "../elementwise/activations.ts";
import { add, mul, sub } from "../elementwise/arithmetic.ts";
import { notEqual } from "../elementwise/comparison.ts";
import { tanh } from "../elementwise/hyperbolic.ts";
import { where } from "../elementwise/logical.ts";
import { stack } from "../layout/concat.ts";
import { transpose } from "../layout/movement.ts";
import { reshape } from "../layout/reshape.ts";
import { padZeros, slice } from "../layout/slice.ts";
import { matmul } from "../matmul/matmul.ts";
import { vjpByComposition } from "../reduce/composition.ts";
import { type Beside, gatesOf, together } from "./gated-product.ts";
import { sigmoid } from "./lstm-step.ts";
import {
  type Extent,
  extentOf,
  recurrencePlan,
  recurrenceSources,
  recurrenceVariants,
} from "./recurrence.ts";

/** The arithmetic in which a cell's step is written once, for numbers and for tensors [batch, units]. */
export interface Arithmetic<T> {
  add(a: T, b: T): T;
  sub(a: T, b: T): T;
  mul(a: T, b: T): T;
  /** 1 - a */
  rest(a: T): T;
  sigmoid(a: T): T;
  tanh(a: T): T;
}

export interface Stepped<T> {
  /** What the gradient needs of a unit's four columns. */
  readonly gates: readonly [T, T, T, T];
  readonly states: readonly T[];
}

export interface SteppedBack<T> {
  /** Gradients of what the inputs gave the four columns. */
  readonly inputs: readonly [T, T, T, T];
  /** Of what the state gave them; undefined for 0. */
  readonly product: readonly [T, T, T, T | undefined];
  /** Of the states before, besides what comes through the product; undefined for 0. */
  readonly states: readonly (T | undefined)[];
}

export interface SequenceCell {
  readonly name: string;
  /** 1, or 2 where there is a cell beside what is shown. */
  readonly states: 1 | 2;
  /** Whether inputs and state reach the columns in different ways, and have gradients of their own. */
  readonly splitsGradient: boolean;
  step<T>(by: Arithmetic<T>, product: readonly T[], inputs: readonly T[], before: readonly T[]): Stepped<T>;
  /**
   * @param before the last of the states
   * @param d gradients of the states behind the step
   */
  back<T>(by: Arithmetic<T>, gates: readonly T[], before: T, d: readonly T[]): SteppedBack<T>;
  /** Functions of the kernels: `cells`, `mask`, `before` and `d_inputs` are bound where they are needed. */
  forwardFunctions(hasMask: boolean): Readonly<Record<string, string>>;
  gradientFunctions(hasMask: boolean, hasCells: boolean): Readonly<Record<string, string>>;
}

export interface SequenceAttrs {
  readonly hasMask: boolean;
  /** Whether the last step comes first. */
  readonly turned: boolean;
}

interface GradientAttrs extends SequenceAttrs {
  /** Whether there is a gradient of the cells. */
  readonly hasCells: boolean;
}

const numbers: Arithmetic<number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  rest: (a) => 1 - a,
  sigmoid,
  tanh: Math.tanh,
};

const tensors: Arithmetic<Tensor> = { add, sub, mul, rest: (a) => sub(1, a), sigmoid: sigmoidOf, tanh };

/** Of a unit's four columns, those of the batch in another place. */
const four = (data: ArrayLike<number>, e: number) => [0, 1, 2, 3].map((k) => data[4 * e + k]);

const stepsOf = ({ steps }: Extent, turned: boolean): number[] =>
  Array.from({ length: steps }, (_, s) => (turned ? steps - 1 - s : s));

/** Which row of the states, of one more than there are steps, stands before a step, and which behind it. */
const rowsOf = (step: number, turned: boolean) => ({
  old: turned ? step + 1 : step,
  new: turned ? step : step + 1,
});

const f32 = (shape: readonly number[]): Spec => ({ shape, dtype: "f32" });

export type SequenceFunction = OpFunction<
  [zx: Tensor, u: Tensor, start: Tensor, mask: Tensor | undefined, turned: boolean],
  Tensor[]
>;

/**
 * All steps of a cell as one kernel.
 *
 * Inputs: what the inputs and the bias give [steps, batch, 4 units], the recurrent kernel [units, 4 units], the gates of a
 * unit side by side, the states to begin with [states, batch, units], and a mask [steps, batch, 1] whose zeros keep states
 * as they are. Outputs: what the gradient needs of the gates, the state before each step, the state behind each, and of a
 * cell with two states the second before the first step and behind each [steps + 1, batch, units].
 */
export function sequenceOp(cell: SequenceCell): SequenceFunction {
  const { name } = cell;
  const extentOfInputs = (inputs: readonly Spec[], { hasMask }: SequenceAttrs) =>
    extentOf(name, inputs, cell.states, hasMask ? inputs[3] : undefined);
  const hasCells = cell.states === 2;
  const gradient = gradientOp(cell);

  /** The same by other ops. */
  const compose = ([zx, u, start, mask]: readonly Tensor[], { turned }: SequenceAttrs): Tensor[] => {
    const [steps, batch, width] = zx.shape;
    const extent = { steps, batch, units: width / 4 };
    let states = rowsIn(start, cell.states);
    const opening = states;
    const found: { gates: Tensor; before: Tensor; states: readonly Tensor[] }[] = [];
    for (const step of stepsOf(extent, turned)) {
      const stepped = cell.step(tensors, gatesOf(matmul(states[0], u)), gatesOf(rowAt(zx, step)), states);
      const before = states;
      const counts = mask && notEqual(rowAt(mask, step), 0);
      states = stepped.states.map((state, k) => (counts ? where(counts, state, before[k]) : state));
      found[step] = { gates: together(stepped.gates), before: before[0], states };
    }
    const cells = [opening[1], ...found.map((one) => one.states[1])];
    return [
      stack(found.map(({ gates }) => gates)),
      stack(found.map(({ before }) => before)),
      stack(found.map((one) => one.states[0])),
      ...(hasCells ? [stack(turned ? [...cells.slice(1), cells[0]] : cells)] : []),
    ];
  };

  const samples: Sample<SequenceAttrs>[] = [
    sampleOf(cell, { steps: 3, batch: 2, units: 8 }, { hasMask: false, turned: false }),
    sampleOf(cell, { steps: 2, batch: 19, units: 16 }, { hasMask: true, turned: true }),
    sampleOf(cell, { steps: 1, batch: 1, units: 8 }, { hasMask: false, turned: true }),
  ];

  // The kernels that most programs need, so that they are compiled once: without a mask, of more than 24 rows.
  const checked = { steps: 3, batch: 27, units: 16 };
  const family: Family = {
    name,
    sources: recurrenceSources,
    isAlwaysChecked: true,
    checks: () => [
      { op: run.op, ...sampleOf(cell, checked, { hasMask: false, turned: false }) },
      { op: gradient.run.op, ...gradient.sampleOf(checked) },
    ],
  };
  const run: SequenceFunction = defineMultiOp({
    name,
    family,
    saves: { inputs: [0, 1, 2, 3], outputs: [0, 1, 3] },
    call: (zx: Tensor, u: Tensor, start: Tensor, mask: Tensor | undefined, turned: boolean) => ({
      inputs: mask === undefined ? [zx, u, start] : [zx, u, start, mask],
      attrs: { hasMask: mask !== undefined, turned },
    }),
    infer: (inputs, attrs: SequenceAttrs) => {
      const { steps, batch, units } = extentOfInputs(inputs, attrs);
      const state = f32([steps, batch, units]);
      return [
        f32([steps, batch, 4 * units]),
        state,
        state,
        ...(hasCells ? [f32([steps + 1, batch, units])] : []),
      ];
    },
    kernels: ({ inputs, attrs, profile }) => {
      const { hasMask, turned } = attrs;
      const operands = [input(0), input(1), input(2), output(0), output(1), output(2)];
      const beside = [
        ...(hasCells ? [bound("cells", output(3))] : []),
        ...(hasMask ? [bound("mask", input(3))] : []),
      ];
      const functions = cell.forwardFunctions(hasMask);
      const extent = extentOfInputs(inputs, attrs);
      return recurrencePlan(cell.name, "forward", extent, turned, { functions, operands, beside }, profile);
    },
    variants: ({ inputs, attrs, profile }) =>
      recurrenceVariants(cell.name, extentOfInputs(inputs, attrs), profile),
    reference: ([zx, u, start, mask], { turned }, [gates, before, hidden, cells]) => {
      const [steps, batch, width] = zx.shape;
      const units = width / 4;
      const count = batch * units;
      const states = Array.from({ length: cell.states }, (_, k) =>
        start.data.slice(k * count, (k + 1) * count),
      );
      cells?.data.set(states[1], turned ? steps * count : 0);
      for (const step of stepsOf({ steps, batch, units }, turned)) {
        const olds = states.map((state) => state.slice());
        before.data.set(olds[0], step * count);
        for (let e = 0; e < count; e++) {
          const row = Math.floor(e / units);
          const product = productAt(olds[0], u, row, e % units);
          const old = olds.map((state) => state[e]);
          const stepped = cell.step(numbers, product, four(zx.data, step * count + e), old);
          stepped.gates.forEach((value, k) => {
            gates.data[4 * (step * count + e) + k] = value;
          });
          if (mask !== undefined && mask.data[step * batch + row] === 0) continue;
          stepped.states.forEach((value, k) => {
            states[k][e] = value;
          });
        }
        hidden.data.set(states[0], step * count);
        cells?.data.set(states[1], rowsOf(step, turned).new * count);
      }
    },
    vjp: (context) => {
      const { attrs, hasGrad, grad, needs, input: at } = context;
      // What only the gradient reads is seldom differentiated itself.
      if (hasGrad(0) || hasGrad(1)) return vjpByComposition(compose)(context);
      const { hasMask, turned } = attrs;
      const [gates, before] = [context.output(0), context.output(1)];
      const [steps, batch, units] = before.shape;
      const u = at(1);
      const withCells = hasCells && hasGrad(3);
      const [dProduct, dStart, dInputs = dProduct] = gradient.run(
        gates,
        transpose(reshape(u, [units, units, 4]), [1, 0, 2]),
        grad(2),
        hasCells ? context.output(3) : before,
        hasMask ? at(3) : undefined,
        withCells ? grad(3) : undefined,
        turned,
      );
      const start = () => {
        if (!withCells) return dStart;
        const opening = turned ? steps : 0;
        return add(dStart, padZeros(slice(grad(3), opening, opening + 1), [1, 0, 0], [0, 0, 0]));
      };
      const rows = steps * batch;
      return [
        dInputs,
        needs(1)
          ? matmul(reshape(before, [rows, units]), reshape(dProduct, [rows, 4 * units]), { transposeA: true })
          : null,
        needs(2) ? start() : null,
        ...(hasMask ? [null] : []),
      ];
    },
    samples,
  });
  return run;
}

const bound = (name: string, operand: Operand, type = "array<f32>"): Beside => ({ name, operand, type });

/** Each matrix of a stack. */
const rowsIn = (all: Tensor, count: number): Tensor[] =>
  Array.from({ length: count }, (_, k) => rowAt(all, k));
const rowAt = (all: Tensor, k: number): Tensor => reshape(slice(all, k, k + 1), all.shape.slice(1));

/** What a row of states gives a unit's four columns. */
function productAt(states: ArrayLike<number>, u: ReferenceTensor, row: number, unit: number): number[] {
  const units = u.shape[0];
  const sums = [0, 0, 0, 0];
  for (let k = 0; k < units; k++)
    for (let c = 0; c < 4; c++) sums[c] += states[row * units + k] * u.data[(k * units + unit) * 4 + c];
  return sums;
}

function inputsOf(
  { states }: SequenceCell,
  { steps, batch, units }: Extent,
  hasMask: boolean,
): SampleInput[] {
  return [
    { shape: [steps, batch, 4 * units] },
    { shape: [units, 4 * units] },
    { shape: [states, batch, units] },
    ...(hasMask ? [maskOf(steps, batch)] : []),
  ];
}

/** Every third row does not count. */
const maskOf = (steps: number, batch: number): SampleInput => ({
  shape: [steps, batch, 1],
  values: Array.from({ length: steps * batch }, (_, i) => (i % 3 === 1 ? 0 : 1)),
});

function sampleOf(cell: SequenceCell, extent: Extent, attrs: SequenceAttrs): Sample<SequenceAttrs> {
  return { inputs: inputsOf(cell, extent, attrs.hasMask), attrs, differentiable: [0, 1, 2] };
}

type GradientFunction = OpFunction<
  [
    gates: Tensor,
    u: Tensor,
    dHidden: Tensor,
    before: Tensor,
    mask: Tensor | undefined,
    dCells: Tensor | undefined,
    turned: boolean,
  ],
  Tensor[]
>;

/**
 * Back through all steps. Inputs: the gates as the forward op kept them, the recurrent kernel as [units behind, units before,
 * 4], gradients of the state behind each step, the last of the states before each step (of two, with the one behind the last
 * step), the mask, and the gradients of the second state in all its rows. Outputs: gradients of what the state gave the
 * columns, of the states before the first step, and of what the inputs gave them where that differs.
 */
function gradientOp(cell: SequenceCell): {
  run: GradientFunction;
  sampleOf: (extent: Extent) => Sample<GradientAttrs>;
} {
  const name = `${cell.name}Gradient`;
  const isPair = cell.states === 2;
  const extentOfInputs = ([{ shape }]: readonly Spec[]): Extent => ({
    steps: shape[0],
    batch: shape[1],
    units: shape[2] / 4,
  });
  const maskAndCells = <T>(inputs: readonly T[], { hasMask, hasCells }: GradientAttrs) => ({
    mask: hasMask ? inputs[4] : undefined,
    dCells: hasCells ? inputs[hasMask ? 5 : 4] : undefined,
  });

  const compose = (inputs: readonly Tensor[], attrs: GradientAttrs): Tensor[] => {
    const [gates, u, dHidden, kept] = inputs;
    const { mask, dCells } = maskAndCells(inputs, attrs);
    const [steps, batch, units] = dHidden.shape;
    const back = reshape(transpose(u, [0, 2, 1]), [4 * units, units]);
    const { turned } = attrs;
    let carried: Tensor[] = [];
    const products: Tensor[] = [];
    const ofInputs: Tensor[] = [];
    for (const step of stepsOf({ steps, batch, units }, !turned)) {
      const behind = [rowAt(dHidden, step), ...(dCells ? [rowAt(dCells, rowsOf(step, turned).new)] : [])];
      const d = Array.from({ length: cell.states }, (_, k) => {
        const parts = [carried[k], behind[k]].filter((part) => part !== undefined);
        return parts.length === 0 ? mul(behind[0], 0) : parts.reduce((a, b) => add(a, b));
      });
      const before = rowAt(kept, isPair ? rowsOf(step, turned).old : step);
      const found = cell.back(tensors, gatesOf(rowAt(gates, step)), before, d);
      const counts = mask && notEqual(rowAt(mask, step), 0);
      const whole = (parts: readonly (Tensor | undefined)[]) => {
        const value = together(parts.map((part) => part ?? mul(d[0], 0)));
        return counts ? where(counts, value, 0) : value;
      };
      products[step] = whole(found.product);
      ofInputs[step] = whole(found.inputs);
      carried = found.states.map((state, k) => {
        const own = state ?? mul(d[k], 0);
        const passed = counts ? where(counts, own, d[k]) : own;
        return k === 0 ? add(passed, matmul(products[step], back)) : passed;
      });
    }
    return [stack(products), stack(carried), ...(cell.splitsGradient ? [stack(ofInputs)] : [])];
  };

  const sample = (extent: Extent, attrs: GradientAttrs): Sample<GradientAttrs> => {
    const { steps, batch, units } = extent;
    return {
      inputs: [
        { shape: [steps, batch, 4 * units], low: 0.1, high: 0.9 },
        { shape: [units, units, 4] },
        { shape: [steps, batch, units] },
        { shape: [isPair ? steps + 1 : steps, batch, units] },
        ...(attrs.hasMask ? [maskOf(steps, batch)] : []),
        ...(attrs.hasCells ? [{ shape: [steps + 1, batch, units] }] : []),
      ],
      attrs,
      differentiable: [0, 1, 2, 3],
    };
  };
  const plain = { hasMask: false, turned: false, hasCells: false };
  const samples = [
    sample({ steps: 2, batch: 2, units: 8 }, plain),
    sample({ steps: 3, batch: 9, units: 8 }, { hasMask: true, turned: true, hasCells: isPair }),
  ];

  const run: GradientFunction = defineMultiOp({
    name,
    saves: { inputs: [0, 1, 2, 3, 4, 5] },
    call: (
      gates: Tensor,
      u: Tensor,
      dHidden: Tensor,
      before: Tensor,
      mask: Tensor | undefined,
      dCells: Tensor | undefined,
      turned: boolean,
    ) => ({
      inputs: [gates, u, dHidden, before, mask, dCells].filter((one) => one !== undefined),
      attrs: { hasMask: mask !== undefined, hasCells: dCells !== undefined, turned },
    }),
    infer: ([gates, , dHidden]) => {
      const [, batch, units] = dHidden.shape;
      return [
        f32(gates.shape),
        f32([cell.states, batch, units]),
        ...(cell.splitsGradient ? [f32(gates.shape)] : []),
      ];
    },
    kernels: ({ inputs, attrs, profile }) => {
      const { mask, dCells } = maskAndCells(
        inputs.map((_, k) => input(k)),
        attrs,
      );
      const operands = [input(0), input(1), input(2), output(0), output(1)];
      const beside = [
        bound(isPair ? "cells" : "before", input(3)),
        ...(cell.splitsGradient ? [bound("d_inputs", output(2), "array<vec4f>")] : []),
        ...(mask ? [bound("mask", mask)] : []),
        ...(dCells ? [bound("d_cells", dCells)] : []),
      ];
      const functions = cell.gradientFunctions(attrs.hasMask, attrs.hasCells);
      const extent = extentOfInputs(inputs);
      return recurrencePlan(
        cell.name,
        "gradient",
        extent,
        attrs.turned,
        { functions, operands, beside },
        profile,
      );
    },
    variants: ({ inputs, profile }) => recurrenceVariants(cell.name, extentOfInputs(inputs), profile),
    reference: (inputs, attrs, [dProduct, dStart, dInputs]) => {
      const [gates, u, dHidden, kept] = inputs;
      const { mask, dCells } = maskAndCells(inputs, attrs);
      const [steps, batch, units] = dHidden.shape;
      const count = batch * units;
      const carried = dStart.data.fill(0);
      for (const step of stepsOf({ steps, batch, units }, !attrs.turned)) {
        const rows = rowsOf(step, attrs.turned);
        for (let e = 0; e < count; e++) {
          const at = step * count + e;
          const d = [carried[e] + dHidden.data[at]];
          if (isPair) d.push(carried[count + e] + (dCells?.data[rows.new * count + e] ?? 0));
          const before = kept.data[(isPair ? rows.old : step) * count + e];
          const found = cell.back(numbers, four(gates.data, at), before, d);
          const counts = mask === undefined || mask.data[step * batch + Math.floor(e / units)] !== 0;
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
          for (let k = 0; k < units; k++)
            for (let c = 0; c < 4; c++)
              carried[e] +=
                dProduct.data[4 * (step * count + row * units + k) + c] * u.data[(k * units + unit) * 4 + c];
        }
      }
    },
    vjp: vjpByComposition(compose),
    samples,
  });
  return { run, sampleOf: (extent) => sample(extent, plain) };
}
