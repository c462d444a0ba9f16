// A loop on the float64 reference: its body's ops by their references, step by step.

import { type ReferenceArray, referenceArray } from "../../base/dtype.ts";
import { sizeOf } from "../../base/shape.ts";
import type { ReferenceTensor } from "../../kernel/kernel-op.ts";
import type { Use, Value } from "../graph.ts";
import type { LoopOptions } from "./body.ts";

export function loopReference(
  inputs: readonly ReferenceTensor[],
  { body, inputs: kinds, carries, length, isReversed, strides, trails }: LoopOptions,
  outputs: readonly ReferenceTensor[],
): void {
  let now: readonly ReferenceArray[] = [];
  for (let step = 0; step < length; step++) {
    const position = (at: number) => (isReversed ? length - 1 - at : at);
    const rowOf = (k: number, at: number, index: number): ReferenceArray => {
      const { shape, data } = inputs[k];
      const first = position(at) * shape[1];
      return data.slice(first, first + sizeOf(body.inputs[index].shape)) as ReferenceArray;
    };
    const given = (index: number): ReferenceArray => {
      const kind = kinds[index];
      if (kind.kind === "whole") return inputs[kind.input].data;
      if (kind.kind === "carry") return step === 0 ? inputs[kind.first].data : now[kind.carry];
      if (kind.kind === "row") return rowOf(kind.rows, step, index);
      return step === length - 1 ? inputs[kind.last].data : rowOf(kind.rows, step + 1, index);
    };
    const made = new Map<Value, ReferenceArray>();
    const dataOf = ({ value }: Use): ReferenceArray => {
      const found = made.get(value);
      if (found !== undefined) return found;
      const { origin, spec } = value;
      if (origin.kind === "input") return given(origin.index);
      // Numbers that differ from element to element come in as inputs.
      const { uniform } = origin as { readonly uniform: number };
      return referenceArray(spec.dtype, sizeOf(spec.shape)).fill(uniform) as ReferenceArray;
    };
    for (const { op, attrs, inputs: uses, outputs: values } of body.nodes) {
      const results = values.map(({ spec }) => ({
        ...spec,
        data: referenceArray(spec.dtype, sizeOf(spec.shape)),
      }));
      op.reference!(
        uses.map((use) => ({ shape: use.shape, dtype: use.dtype, data: dataOf(use) })),
        attrs,
        results,
      );
      values.forEach((value, k) => {
        made.set(value, results[k].data);
      });
    }
    const after = body.outputs.map(dataOf);
    now = after.slice(0, carries);
    after.slice(carries).forEach((row, i) => {
      outputs[carries + i].data.set(row as never, position(step) * strides[i]);
    });
    trails.forEach((carry, k) => {
      const at = position(step);
      const half = outputs[after.length + 2 * k + (at % 2)];
      half.data.set(now[carry] as never, Math.floor(at / 2) * strides[after.length - carries + k]);
    });
  }
  now.forEach((last, i) => {
    outputs[i].data.set(last as never);
  });
}
