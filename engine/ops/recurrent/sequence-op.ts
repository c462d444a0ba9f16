// Makes the op that runs a cell over all steps as one kernel, of what the cell's step is in WGSL and in formulas.

import { input, output, type Spec } from "../../kernel/kernel.ts";
import type { ReferenceTensor, Sample, SampleInput } from "../../kernel/kernel-op.ts";
import type { Family } from "../../kernel/variants.ts";
import { defineMultiOp } from "../../tensor/define.ts";
import type { OpFunction } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add, mul } from "../elementwise/arithmetic.ts";
import { notEqual } from "../elementwise/comparison.ts";
import { where } from "../elementwise/logical.ts";
import { concat } from "../layout/concat.ts";
import { transpose } from "../layout/movement.ts";
import { reshape } from "../layout/reshape.ts";
import { padZeros, slice } from "../layout/slice.ts";
import { matmul } from "../matmul/matmul.ts";
import { vjpByComposition } from "../reduce/composition.ts";
import { gatesOf, together } from "./gated-product.ts";
import {
  type Extent,
  extentOf,
  recurrencePlan,
  recurrenceSources,
  recurrenceVariants,
} from "./recurrence.ts";
import {
  bound,
  dropFunctions,
  dropOf,
  f32,
  four,
  maskAndDrop,
  maskOf,
  matricesIn,
  numbers,
  ofSteps,
  plain,
  rowsOf,
  type SequenceAttrs,
  type SequenceCell,
  stepAt,
  stepsOf,
  tensors,
} from "./sequence-cell.ts";
import { gradientOp } from "./sequence-gradient.ts";

type SequenceArguments = [
  zx: Tensor,
  u: Tensor,
  start: Tensor,
  mask: Tensor | undefined,
  turned: boolean,
  drop?: Tensor | undefined,
];
export type SequenceFunction = OpFunction<SequenceArguments, Tensor[]>;

/**
 * All steps of a cell as one kernel.
 *
 * Inputs: what the inputs and the bias give [batch, steps, 4 units], the recurrent kernel [units, 4 units], the gates of a
 * unit side by side, the states to begin with [states, batch, units], and a mask [batch, steps, 1] whose zeros keep states
 * as they are, and `drop` [batch, units], a constant that the product has states times. Outputs: what the gradient needs of
 * the gates, what the product has of the state before each step, the state behind each, and of a cell with two states the
 * second before the first step and behind each [batch, steps + 1, units]. Kernels bind 9 buffers where there are both mask
 * and drop, one more than every adapter has.
 */
export function sequenceOp(cell: SequenceCell): SequenceFunction {
  const { name } = cell;
  const extentOfInputs = (inputs: readonly Spec[], attrs: SequenceAttrs) =>
    extentOf(name, inputs, cell.states, maskAndDrop(inputs, 3, attrs));
  const hasCells = cell.states === 2;
  const gradient = gradientOp(cell);

  /** The same by other ops. */
  const compose = (inputs: readonly Tensor[], attrs: SequenceAttrs): Tensor[] => {
    const [zx, u, start] = inputs;
    const { mask, drop } = maskAndDrop(inputs, 3, attrs);
    const { turned } = attrs;
    const [batch, steps, width] = zx.shape;
    const extent = { steps, batch, units: width / 4 };
    let states = matricesIn(start, cell.states);
    const opening = states;
    const found: { gates: Tensor; before: Tensor; states: readonly Tensor[] }[] = [];
    for (const step of stepsOf(extent, turned)) {
      const passed = drop ? mul(states[0], drop) : states[0];
      const stepped = cell.step(tensors, gatesOf(matmul(passed, u)), gatesOf(stepAt(zx, step)), states);
      const before = states;
      const counts = mask && notEqual(stepAt(mask, step), 0);
      states = stepped.states.map((state, k) => (counts ? where(counts, state, before[k]) : state));
      found[step] = { gates: together(stepped.gates), before: passed, states };
    }
    const cells = [opening[1], ...found.map((one) => one.states[1])];
    return [
      ofSteps(found.map(({ gates }) => gates)),
      ofSteps(found.map(({ before }) => before)),
      ofSteps(found.map((one) => one.states[0])),
      ...(hasCells ? [ofSteps(turned ? [...cells.slice(1), cells[0]] : cells)] : []),
    ];
  };

  const samples: Sample<SequenceAttrs>[] = [
    sampleOf(cell, { steps: 3, batch: 2, units: 8 }, plain),
    sampleOf(cell, { steps: 2, batch: 19, units: 16 }, { ...plain, hasMask: true, turned: true }),
    sampleOf(cell, { steps: 1, batch: 1, units: 8 }, { ...plain, turned: true }),
    sampleOf(cell, { steps: 3, batch: 3, units: 8 }, { ...plain, hasDrop: true, turned: true }),
  ];

  // The kernels that most programs need, so that they are compiled once: without a mask, of more than 24 rows.
  const checked = { steps: 3, batch: 27, units: 16 };
  const family: Family = {
    name,
    sources: recurrenceSources,
    isAlwaysChecked: true,
    checks: () => [
      { op: run.op, ...sampleOf(cell, checked, plain) },
      { op: gradient.run.op, ...gradient.sampleOf(checked) },
    ],
  };
  const run: SequenceFunction = defineMultiOp({
    name,
    family,
    saves: { inputs: [0, 1, 2, 3, 4], outputs: [0, 1, 2, 3] },
    call: (...[zx, u, start, mask, turned, drop]: SequenceArguments) => ({
      inputs: [zx, u, start, ...[mask, drop].filter((one) => one !== undefined)],
      attrs: { hasMask: mask !== undefined, hasDrop: drop !== undefined, turned },
    }),
    infer: (inputs, attrs: SequenceAttrs) => {
      const { steps, batch, units } = extentOfInputs(inputs, attrs);
      const state = f32([batch, steps, units]);
      return [
        f32([batch, steps, 4 * units]),
        state,
        state,
        ...(hasCells ? [f32([batch, steps + 1, units])] : []),
      ];
    },
    kernels: ({ inputs, attrs, profile }) => {
      const { hasMask, hasDrop, turned } = attrs;
      const operands = [input(0), input(1), input(2), output(0), output(1), output(2)];
      const beside = [
        ...(hasCells ? [bound("cells", output(3))] : []),
        ...(hasMask ? [bound("mask", input(3))] : []),
        ...(hasDrop ? [bound("drop", input(3 + Number(hasMask)))] : []),
      ];
      const functions = { ...cell.forwardFunctions(hasMask), ...(hasDrop && dropFunctions.forward) };
      const extent = extentOfInputs(inputs, attrs);
      return recurrencePlan(
        cell.name,
        "forward",
        extent,
        turned,
        { functions, columns: cell.columns, operands, beside },
        profile,
      );
    },
    variants: ({ inputs, attrs, profile }) =>
      recurrenceVariants(cell.name, extentOfInputs(inputs, attrs), profile),
    reference: (inputs, attrs, [gates, before, hidden, cells]) => {
      const [zx, u, start] = inputs;
      const { mask, drop } = maskAndDrop(inputs, 3, attrs);
      const { turned } = attrs;
      const [batch, steps, width] = zx.shape;
      const units = width / 4;
      const count = batch * units;
      // Where the states of one of `count` steps lie.
      const keep = (all: ReferenceTensor, step: number, count: number, states: ArrayLike<number>) => {
        for (let row = 0; row < batch; row++)
          for (let unit = 0; unit < units; unit++)
            all.data[(row * count + step) * units + unit] = states[row * units + unit];
      };
      const states = Array.from({ length: cell.states }, (_, k) =>
        start.data.slice(k * count, (k + 1) * count),
      );
      if (cells !== undefined) keep(cells, turned ? steps : 0, steps + 1, states[1]);
      for (const step of stepsOf({ steps, batch, units }, turned)) {
        const olds = states.map((state) => state.slice());
        const passed = drop === undefined ? olds[0] : olds[0].map((state, e) => state * drop.data[e]);
        keep(before, step, steps, passed);
        for (let e = 0; e < count; e++) {
          const row = Math.floor(e / units);
          const at = (row * steps + step) * units + (e % units);
          const product = productAt(passed, u, row, e % units);
          const old = olds.map((state) => state[e]);
          const stepped = cell.step(numbers, product, four(zx.data, at), old);
          stepped.gates.forEach((value, k) => {
            gates.data[4 * at + k] = value;
          });
          if (mask !== undefined && mask.data[row * steps + step] === 0) continue;
          stepped.states.forEach((value, k) => {
            states[k][e] = value;
          });
        }
        keep(hidden, step, steps, states[0]);
        if (cells !== undefined) keep(cells, rowsOf(step, turned).new, steps + 1, states[1]);
      }
    },
    vjp: (context) => {
      const { attrs, hasGrad, grad, needs, input: at } = context;
      // What only the gradient reads is seldom differentiated itself.
      if (hasGrad(0) || hasGrad(1)) return vjpByComposition(compose)(context);
      const { hasMask, hasDrop, turned } = attrs;
      const [gates, before] = [context.output(0), context.output(1)];
      const [batch, steps, units] = before.shape;
      const u = at(1);
      const withCells = hasCells && hasGrad(3);
      // The states before each step: of dropped ones nothing is left in what the product has.
      const olds = () => {
        if (!hasDrop) return before;
        const start = reshape(at(2), [batch, 1, units]);
        const hidden = context.output(2);
        return turned
          ? concat([slice(hidden, [0, 1]), start], 1)
          : concat([start, slice(hidden, [0, 0], [undefined, steps - 1])], 1);
      };
      const [dProduct, dStart, dInputs = dProduct] = gradient.run(
        gates,
        transpose(reshape(u, [units, units, 4]), [1, 0, 2]),
        grad(2),
        hasCells ? context.output(3) : olds(),
        hasMask ? at(3) : undefined,
        withCells ? grad(3) : undefined,
        turned,
        hasDrop ? at(3 + Number(hasMask)) : undefined,
      );
      const start = () => {
        if (!withCells) return dStart;
        const opening = reshape(stepAt(grad(3), turned ? steps : 0), [1, batch, units]);
        return add(dStart, padZeros(opening, [1, 0, 0], [0, 0, 0]));
      };
      const rows = batch * steps;
      return [
        dInputs,
        needs(1)
          ? matmul(reshape(before, [rows, units]), reshape(dProduct, [rows, 4 * units]), { transposeA: true })
          : null,
        needs(2) ? start() : null,
        ...(hasMask ? [null] : []),
        ...(hasDrop ? [null] : []),
      ];
    },
    samples,
  });
  return run;
}

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
  { hasMask, hasDrop }: SequenceAttrs,
): SampleInput[] {
  return [
    { shape: [batch, steps, 4 * units] },
    { shape: [units, 4 * units] },
    { shape: [states, batch, units] },
    ...(hasMask ? [maskOf({ steps, batch, units })] : []),
    ...(hasDrop ? [dropOf({ batch, units })] : []),
  ];
}

function sampleOf(cell: SequenceCell, extent: Extent, attrs: SequenceAttrs): Sample<SequenceAttrs> {
  return { inputs: inputsOf(cell, extent, attrs), attrs, differentiable: [0, 1, 2] };
}
