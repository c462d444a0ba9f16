// Running totals along an axis: cumsum, cumprod, and the linear recurrence that is the backward rule of products.

import scanSource from "../../../shaders/scan.wgsl";
import type { DType } from "../../base/dtype.ts";
import { checkOptions, DTypeError, type OptionNames, ShapeError } from "../../base/errors.ts";
import { normalizeAxis, sameShape, showShape, sizeOf } from "../../base/shape.ts";
import { numbersOf, workgroupFor } from "../../kernel/adapter-numbers.ts";
import {
  grid,
  type Hooks,
  input,
  type KernelCall,
  type KernelContext,
  type KernelPlan,
  type Operand,
  output,
  type Spec,
  scratch,
  shader,
} from "../../kernel/kernel.ts";
import type { ReferenceTensor, Sample } from "../../kernel/kernel-op.ts";
import { shapeOf } from "../../tensor/arguments.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction, TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { mul } from "../elementwise/arithmetic.ts";
import { padZeros, slice } from "../layout/slice.ts";
import { around } from "../layout/strided.ts";
import { chunkLength, compensated, stageCall, wgslTypes } from "./reduce-kernels.ts";

const scanShader = shader("scan", scanSource);

export interface CumulativeOptions {
  /** Leave each element's own out of its total. */
  exclusive?: boolean;
  /** Go from the end of the axis to its start. */
  reverse?: boolean;
}

const cumulativeOptions: OptionNames<CumulativeOptions> = { exclusive: true, reverse: true };

type RecurrenceOptions = Pick<CumulativeOptions, "reverse">;

const recurrenceOptions: OptionNames<RecurrenceOptions> = { reverse: true };

interface ScanAttrs {
  /** Normalized: from 0. */
  readonly axis: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

const numeric: readonly DType[] = ["f32", "i32", "u32"];

interface Lines {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  readonly chunks: number;
  readonly chunk: number;
}

/** Steps combined one after the other before they join what came before. */
const sumBlock = 8;
/** All of them. */
const serial = 2 ** 32 - 1;

function scanCall(
  { profile, attrs }: KernelContext<ScanAttrs>,
  lines: Lines,
  hooks: Hooks,
  operands: readonly Operand[],
  block: number,
  exclusive = attrs.exclusive,
): KernelCall {
  const { outer, length, inner, chunks, chunk } = lines;
  const threads = outer * chunks * inner;
  const workgroup = workgroupFor(threads, profile);
  return {
    shader: scanShader,
    hooks: { ...hooks, consts: { ...hooks.consts, WORKGROUP: `${workgroup}u` } },
    sizes: [outer, length, inner, chunks, chunk, attrs.reverse ? 1 : 0, exclusive ? 1 : 0, block, 0],
    operands,
    workgroups: grid(Math.ceil(threads / workgroup), profile),
  };
}

/** Sums by chunks, where lines are few and long: the chunks' sums, their running totals, then each chunk from there. */
function sumKernels(context: KernelContext<ScanAttrs>): KernelPlan {
  const { inputs, attrs, profile } = context;
  const [{ shape, dtype }] = inputs;
  if (sizeOf(shape) === 0) return { calls: [] };
  const { outer, rows: length, inner } = around(shape, attrs.axis);
  const lanes = outer * inner;
  const wanted = numbersOf(profile).walkers;
  const shortest = 256;
  const whole = { outer, length, inner, chunks: 1, chunk: length };
  const hooks = sumHooks(dtype);
  if (lanes >= wanted || length < shortest * 2) {
    return { calls: [scanCall(context, whole, hooks, [input(0), input(0), output(0)], sumBlock)] };
  }
  const chunks = Math.min(Math.ceil(wanted / lanes), Math.ceil(length / shortest));
  const chunk = chunkLength({ outer, length, inner, chunks });
  const parts = { shape: [outer * chunks * inner], dtype };
  const totals: Lines = { outer, length: chunks, inner, chunks: 1, chunk: chunks };
  return {
    scratch: [parts, parts],
    calls: [
      stageCall(
        profile,
        { combine: () => "a + b", identity: () => 0, isSum: true },
        dtype,
        { outer, length, inner, chunks },
        input(0),
        scratch(0, "read_write"),
        undefined,
      ),
      scanCall(
        context,
        totals,
        hooks,
        [scratch(0, "read"), scratch(0, "read"), scratch(1, "read_write")],
        sumBlock,
        false,
      ),
      scanCall(
        context,
        { outer, length, inner, chunks, chunk },
        hooks,
        [input(0), scratch(1, "read"), output(0)],
        sumBlock,
      ),
    ],
  };
}

const sumHooks = (dtype: DType): Hooks => ({
  aliases: { Value: wgslTypes[dtype][0], State: wgslTypes[dtype][0] },
  functions:
    dtype === "f32"
      ? {
          ...compensated("f32", "u32"),
          onto: "fn onto(total: State, steps: State) -> State {\n  return total + (lost + steps);\n}",
        }
      : undefined,
});

/**
 * Products and recurrences go element by element, each result from the one before: products of blocks could overflow
 * where no result does.
 */
function serialKernels(context: KernelContext<ScanAttrs>, hooks: Hooks, operands: Operand[]): KernelPlan {
  const { outputs, attrs } = context;
  if (sizeOf(outputs[0].shape) === 0) return { calls: [] };
  const { outer, rows: length, inner } = around(outputs[0].shape, attrs.axis);
  const lines = { outer, length, inner, chunks: 1, chunk: length };
  return { calls: [scanCall(context, lines, hooks, operands, serial)] };
}

/** Visits the elements of each line in the order of the scan; `restart` is called before each line. */
function eachLine(
  { shape }: Spec,
  { axis, reverse }: ScanAttrs,
  restart: () => void,
  visit: (at: number) => void,
): void {
  const { outer, rows: length, inner } = around(shape, axis);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      restart();
      for (let k = 0; k < length; k++) visit((o * length + (reverse ? length - 1 - k : k)) * inner + i);
    }
  }
}

function scanReference(
  x: ReferenceTensor,
  attrs: ScanAttrs,
  out: ReferenceTensor,
  identity: number,
  combine: (total: number, value: number) => number,
): void {
  let total = identity;
  eachLine(
    x,
    attrs,
    () => {
      total = identity;
    },
    (at) => {
      const next = combine(total, x.data[at]);
      out.data[at] = attrs.exclusive ? total : next;
      total = next;
    },
  );
}

const scanCalls = (name: string) => (x: TensorLike, axis: number, options?: CumulativeOptions) => {
  checkOptions(name, options, cumulativeOptions);
  return {
    inputs: [x],
    attrs: {
      axis: normalizeAxis(name, axis, shapeOf(name, x).length),
      exclusive: options?.exclusive ?? false,
      reverse: options?.reverse ?? false,
    },
  };
};

function inferScan(name: string, x: Spec): readonly Spec[] {
  if (!numeric.includes(x.dtype)) {
    throw new DTypeError(`${name}: takes ${numeric.join(", ")}, got ${x.dtype}; use cast(x, "f32")`);
  }
  return [{ shape: x.shape, dtype: x.dtype }];
}

const scanSamples: readonly Sample<ScanAttrs>[] = [
  { inputs: [{ shape: [5, 7] }], attrs: { axis: 1, exclusive: false, reverse: false } },
  { inputs: [{ shape: [5, 3] }], attrs: { axis: 0, exclusive: true, reverse: false } },
  { inputs: [{ shape: [3, 4, 5] }], attrs: { axis: 1, exclusive: false, reverse: true } },
  { inputs: [{ shape: [9] }], attrs: { axis: 0, exclusive: true, reverse: true } },
];

/**
 * Running sums along `axis`: element k of the result is the sum of elements 0 to k. With `exclusive` element k is left
 * out, with `reverse` the sum goes from the end to k. Long sums are compensated: errors stay below 1e-6 of the sum of |x|.
 */
export const cumsum: OpFunction<[x: TensorLike, axis: number, options?: CumulativeOptions], Tensor> =
  defineOp({
    name: "cumsum",
    saves: {},
    call: scanCalls("cumsum"),
    infer: ([x]) => inferScan("cumsum", x),
    kernels: sumKernels,
    reference: ([x], attrs, [out]) => scanReference(x, attrs, out, 0, (total, value) => total + value),
    vjp: ({ grad, attrs: { axis, exclusive, reverse } }) => [
      cumsum(grad(), axis, { exclusive, reverse: !reverse }),
    ],
    samples: scanSamples,
  });

/**
 * Running products along `axis`, with the options of {@link cumsum}. The gradient takes the products of the other
 * factors without dividing: it is right where elements are 0.
 */
export const cumprod: OpFunction<[x: TensorLike, axis: number, options?: CumulativeOptions], Tensor> =
  defineOp({
    name: "cumprod",
    saves: { inputs: [0] },
    call: scanCalls("cumprod"),
    infer: ([x]) => inferScan("cumprod", x),
    kernels: (context) => {
      const value = wgslTypes[context.inputs[0].dtype][0];
      const hooks: Hooks = {
        aliases: { Value: value, State: value },
        consts: { identity: "State(1)" },
        functions: { combine: "fn combine(a: State, b: State) -> State {\n  return a * b;\n}" },
      };
      return serialKernels(context, hooks, [input(0), input(0), output(0)]);
    },
    reference: ([x], attrs, [out]) =>
      scanReference(x, attrs, out, 1, x.dtype === "f32" ? (a, b) => a * b : Math.imul),
    // With y_i = x_0 ... x_i: dL/dx_k = (x_0 ... x_{k-1}) S_k, where S_k sums g_i x_{k+1} ... x_i over i >= k:
    // S_k = g_k + x_{k+1} S_{k+1}. Exclusive products are one place ahead: S_k = g_{k+1} + x_{k+1} S_{k+1}.
    vjp: ({ grad, input: saved, attrs: { axis, exclusive, reverse } }) => {
      const x = saved(0);
      const before = cumprod(x, axis, { exclusive: true, reverse });
      const factors = shifted(x, axis, reverse);
      const gradients = exclusive ? shifted(grad(), axis, reverse) : grad();
      return [mul(before, linearRecurrence(factors, gradients, axis, { reverse: !reverse }))];
    },
    samples: [
      ...scanSamples,
      {
        inputs: [{ shape: [2, 5], values: [2, 0, 3, -1, 2, 1, 0, 2, 0, 3] }],
        attrs: { axis: 1, exclusive: false, reverse: false },
      },
    ],
  });

/** By one place towards where a scan begins, 0 at its last element. */
function shifted(x: Tensor, axis: number, reverse: boolean): Tensor {
  if (x.shape[axis] === 0) return x;
  const zeros = x.shape.map(() => 0);
  const one = zeros.map((_, i) => (i === axis ? 1 : 0));
  const ends = x.shape.map((length, i) => (i === axis && reverse ? length - 1 : length));
  const kept = slice(x, reverse ? zeros : one, ends);
  return reverse ? padZeros(kept, one, zeros) : padZeros(kept, zeros, one);
}

/**
 * h with h_t = a_t h_{t-1} + b_t along `axis`, h_{-1} = 0: discounted sums, moving averages, state-space layers, and
 * the gradient of products. `a` and `b` have one shape, f32. With `reverse` it goes from the end: h_t = a_t h_{t+1} + b_t.
 *
 * @throws ShapeError unless the shapes are equal
 */
export const linearRecurrence: OpFunction<
  [a: Tensor, b: Tensor, axis: number, options?: RecurrenceOptions],
  Tensor
> = defineOp({
  name: "linearRecurrence",
  saves: { inputs: [0], outputs: [0] },
  call: (a: Tensor, b: Tensor, axis: number, options?: RecurrenceOptions) => {
    checkOptions("linearRecurrence", options, recurrenceOptions);
    const along = normalizeAxis("linearRecurrence", axis, shapeOf("linearRecurrence", a).length);
    return {
      inputs: [a, b],
      attrs: { axis: along, exclusive: false, reverse: options?.reverse ?? false },
    };
  },
  infer: ([a, b]) => {
    for (const { dtype } of [a, b]) {
      if (dtype !== "f32")
        throw new DTypeError(`linearRecurrence: takes f32, got ${dtype}; use cast(x, "f32")`);
    }
    if (!sameShape(a.shape, b.shape)) {
      throw new ShapeError(
        `linearRecurrence: a has shape ${showShape(a.shape)} and b ${showShape(b.shape)}; they must be equal. Use expand()`,
      );
    }
    return [{ shape: b.shape, dtype: "f32" }];
  },
  kernels: (context) =>
    serialKernels(
      context,
      {
        aliases: { State: "vec2f" },
        consts: { identity: "vec2f(1.0, 0.0)" },
        functions: {
          load: "fn load(at: u32) -> State {\n  return vec2f(in0[at], before[at]);\n}",
          // In one run from the first element, so a total's own factor is never asked for: 0 stands for it.
          combine: "fn combine(a: State, b: State) -> State {\n  return vec2f(0.0, a.y * b.x + b.y);\n}",
          value_of: "fn value_of(total: State) -> Value {\n  return total.y;\n}",
          total_before: "fn total_before(line: u32, chunk: u32) -> State {\n  return identity;\n}",
        },
      },
      [input(0), input(1), output(0)],
    ),
  reference: ([a, b], attrs, [out]) => {
    let total = 0;
    eachLine(
      b,
      attrs,
      () => {
        total = 0;
      },
      (at) => {
        total = a.data[at] * total + b.data[at];
        out.data[at] = total;
      },
    );
  },
  // The adjoint runs the other way: G_t = g_t + a_{t+1} G_{t+1}; db_t = G_t, da_t = G_t h_{t-1}.
  vjp: ({ grad, input: saved, output: result, needs, attrs: { axis, reverse } }) => {
    const gradient = linearRecurrence(shifted(saved(0), axis, reverse), grad(), axis, { reverse: !reverse });
    return [needs(0) ? mul(gradient, shifted(result(), axis, !reverse)) : null, gradient];
  },
  samples: [
    {
      inputs: [{ shape: [3, 7] }, { shape: [3, 7] }],
      attrs: { axis: 1, exclusive: false, reverse: false },
    },
    {
      inputs: [{ shape: [4, 2, 3] }, { shape: [4, 2, 3] }],
      attrs: { axis: 0, exclusive: false, reverse: true },
    },
  ],
});
