// A tensor as normalizations of rows see it, in tensor ops and in the reference's loops.

import { type Shape, sizeOf } from "../../base/shape.ts";
import type { Sample, SampleInput } from "../../kernel/kernel-op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { mul, sub } from "../elementwise/arithmetic.ts";
import { reshape } from "../layout/reshape.ts";
import { countOf, type RowNormAttrs } from "./row-norm-kernels.ts";

/** The view [outer, middle, groups, inner] of x, and of what there is one value a row of. */
export const viewOf = (x: Tensor, { middle, groups, inner }: RowNormAttrs): Tensor =>
  reshape(x, [-1, middle, groups, inner]);
export const rowView = (x: Tensor, { groups }: RowNormAttrs): Tensor => reshape(x, [-1, 1, groups, 1]);

/** dy, x, mean and scale seen as [outer, middle, groups, inner], and the normalized x. */
export function gradientViews([dy, x, mean, scale]: readonly Tensor[], attrs: RowNormAttrs) {
  const scales = rowView(scale, attrs);
  const normalized = mul(sub(viewOf(x, attrs), rowView(mean, attrs)), scales);
  return { g: viewOf(dy, attrs), normalized, scales };
}

/** Visits rows, each with a function that visits its elements with the parameter each has. */
export function eachRow(
  shape: Shape,
  attrs: RowNormAttrs,
  visitRow: (row: number, visit: (element: (at: number, parameter: number) => void) => void) => void,
): void {
  const { middle, groups, inner } = attrs;
  const rows = sizeOf(shape) / countOf(attrs);
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

/** Calls of gradients: dy, x, means and scales, and gamma where it is asked for. */
export const gradientSamples = (withGamma: boolean): Sample<RowNormAttrs>[] =>
  layouts.map(([shape, attrs], k) => {
    const x: SampleInput = { shape };
    const rows = { shape: [sizeOf(shape) / countOf(attrs)] };
    const inputs: SampleInput[] = [x, x, rows, { ...rows, low: 0.5, high: 2 }];
    return {
      inputs: withGamma && k !== 1 ? [...inputs, { shape: [attrs.groups * attrs.inner] }] : inputs,
      attrs,
    };
  });
