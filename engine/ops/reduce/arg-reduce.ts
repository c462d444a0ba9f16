// argMax and argMin: where along an axis (or over several) the largest or smallest element stands.

import argReduceSource from "../../../shaders/arg-reduce.wgsl";
import ownRowsSource from "../../../shaders/own-rows.wgsl";
import type { DType } from "../../base/dtype.ts";
import { ArgumentError, checkOptions, DTypeError, ShapeError } from "../../base/errors.ts";
import { normalizeAxes, reducedShape, showShape } from "../../base/shape.ts";
import {
  type AdapterProfile,
  grid,
  input,
  output,
  type Spec,
  shader,
  type Variants,
} from "../../kernel/kernel.ts";
import type { Family } from "../../kernel/variants.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import { defineOp } from "../../tensor/define.ts";
import { notDifferentiable, type TensorLike } from "../../tensor/op.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { transpose } from "../layout/movement.ts";
import { reshape } from "../layout/reshape.ts";
import { valuewiseSite } from "../pointwise/epilogues.ts";
import { eachReduced, type ReduceOptions, reduceOptions, stagesOf, wgslTypes } from "./reduce-kernels.ts";
import { joined, rowHooks, rowSources, rowVariants } from "./shared-rows.ts";

const argShader = shader("arg-reduce", `${ownRowsSource}\n${argReduceSource}`);
const workgroup = 64;
const numeric: readonly DType[] = ["f32", "i32", "u32"];

/** How rows can be shared out; what does not lie in one piece is not shared. */
function variantsOf({ shape }: Spec, axis: number, profile: AdapterProfile): Variants | undefined {
  const [{ outer, length, inner }] = stagesOf(shape, [axis]);
  if (inner !== 1) return undefined;
  return rowVariants("argReduce", argShader, { rows: outer, length, steps: length }, profile);
}

const isNaNCode = (v: string) => `(bitcast<u32>(${v}) & 0x7fffffffu) > 0x7f800000u`;

const argReduceFamily: Family = {
  name: "argReduce",
  sources: [argShader.source, rowSources].join("\n"),
  checks: () => [
    { op: argMax.op, inputs: [{ shape: [3, 301] }], attrs: { axis: 1 } },
    // Few different numbers: the first of them counts.
    { op: argMin.op, inputs: [{ shape: [5, 7], dtype: "i32", low: 0, high: 3 }], attrs: { axis: 1 } },
  ],
};

function argReduction(name: string, better: string, isBetter: (candidate: number, best: number) => boolean) {
  const orNaN = `!(${isNaNCode("best")}) && (${isNaNCode("candidate")} || ${better})`;
  const wins = (candidate: number, best: number) =>
    !Number.isNaN(best) && (Number.isNaN(candidate) || isBetter(candidate, best));
  const call = defineOp({
    family: argReduceFamily,
    name,
    saves: {},
    samples: [
      { inputs: [{ shape: [5, 7] }], attrs: { axis: 1 } },
      { inputs: [{ shape: [5, 7, 3] }], attrs: { axis: 0 } },
      { inputs: [{ shape: [4], values: [1, 3, 3, 2] }], attrs: { axis: 0 } },
      { inputs: [{ shape: [4], values: [1, Number.NaN, 3, Number.NaN] }], attrs: { axis: 0 } },
    ],
    call: (x: Tensor, axes?: number | readonly number[]) => {
      checkTensor(name, x);
      // One element has no axis, and is the largest: max takes it, too.
      if (x.shape.length === 0) {
        normalizeAxes(name, axes, 0);
        return { inputs: [reshape(x, [1])], attrs: { axis: 0 } };
      }
      const list = normalizeAxes(name, axes, x.shape.length);
      if (list.length === 0)
        throw new ArgumentError(`${name}: needs at least one axis to look along, got none`);
      if (list.length === 1) return { inputs: [x as TensorLike], attrs: { axis: list[0] } };
      return { inputs: [mergeAxes(x, list)], attrs: { axis: x.shape.length - list.length } };
    },
    infer: ([x], { axis }: { axis: number }) => {
      if (!numeric.includes(x.dtype))
        throw new DTypeError(`${name}: takes ${numeric.join(", ")}, got ${x.dtype}; use cast(x, "f32")`);
      if (x.shape[axis] === 0)
        throw new ShapeError(
          `${name}: shape ${showShape(x.shape)} has no elements along axis ${axis}; at least one is needed`,
        );
      return [{ shape: reducedShape(x.shape, [axis], false), dtype: "i32" }];
    },
    kernels: ({ inputs: [x], attrs: { axis }, profile }) => {
      const [{ outer, length, inner }] = stagesOf(x.shape, [axis]);
      const rows = rowHooks(
        variantsOf(x, axis, profile),
        workgroup,
        { rows: outer * inner, steps: length, width: 1 },
        { best_of: joined("best_of", "Place", "pick(a, b)") },
        profile,
      );
      return {
        calls: [
          {
            shader: argShader,
            hooks: {
              aliases: { Value: wgslTypes[x.dtype][0] },
              consts: rows.consts,
              functions: {
                better: `fn better(candidate: Value, best: Value) -> bool {\n  return ${x.dtype === "f32" ? orNaN : better};\n}`,
                ...rows.functions,
              },
            },
            sizes: [outer, length, inner],
            operands: [input(0), output(0)],
            workgroups: grid(rows.groups, profile),
          },
        ],
      };
    },
    variants: ({ inputs: [x], attrs: { axis }, profile }) => variantsOf(x, axis, profile),
    epilogue: () => valuewiseSite("out0", 1, "i32"),
    reference: ([x], { axis }, [out]) => {
      const best = new Float64Array(out.data.length);
      const seen = new Int32Array(out.data.length);
      eachReduced(x.shape, [axis], (from, to) => {
        if (seen[to] === 0 || wins(x.data[from], best[to])) {
          best[to] = x.data[from];
          out.data[to] = seen[to];
        }
        seen[to]++;
      });
    },
    vjp: notDifferentiable("an index does not change smoothly"),
  });
  const run = (x: Tensor, axes?: number | readonly number[], options?: ReduceOptions): Tensor => {
    checkOptions(name, options, reduceOptions);
    return tidy(() => {
      const places = call(x, axes);
      if (options?.keepDims !== true) return places;
      return reshape(places, reducedShape(x.shape, normalizeAxes(name, axes, x.shape.length), true));
    });
  };
  return Object.assign(run, { op: call.op });
}

/** `x` with `axes` moved last and merged into one. */
function mergeAxes(x: Tensor, axes: readonly number[]): Tensor {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  return reshape(transpose(x, [...kept, ...axes]), [...kept.map((axis) => x.shape[axis]), -1]);
}

/**
 * Index of the largest element over `axes` (default: all), the first one where several tie, as i32; of the first
 * NaN where there is one. Over several axes the index counts through them row-major. Of a scalar it is 0.
 */
export const argMax = argReduction("argMax", "candidate > best", (candidate, best) => candidate > best);

/** Index of the smallest element; see {@link argMax}. */
export const argMin = argReduction("argMin", "candidate < best", (candidate, best) => candidate < best);
