// Pointwise ops: shape inference by broadcasting, and the kernel built from an op's WGSL expression. An
// elementwise op needs only its expression, its reference on numbers and its derivative.

import type { DType } from "../../base/dtype.ts";
import { DTypeError } from "../../base/errors.ts";
import { broadcastShapes, broadcastStrides, sameShape, sizeOf } from "../../base/shape.ts";
import type { PointwiseChain } from "../../kernel/chain.ts";
import { input, type KernelContext, type KernelPlan, output, type Spec } from "../../kernel/kernel.ts";
import type { Accuracy, Pointwise, ReferenceTensor, Sample } from "../../kernel/kernel-op.ts";
import { defineOp } from "../../tensor/define.ts";
import type { NotDifferentiable, Op, OpFunction, TensorLike, Vjp } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { elementwiseShader, pointwiseCall } from "../pointwise/pointwise-code.ts";

/** Dtypes of ops that compute with numbers. */
export const numeric: readonly DType[] = ["f32", "i32", "u32"];
/** The accuracy of ops whose results are the reference's, rounded once. */
export const exact: Accuracy = { ulp: 0 };

/** What an elementwise op states about itself. */
export interface ElementwiseDefinition<A> {
  name: string;
  /** How many inputs; they are `a`, `b`, `c`, ... in the expression. */
  arity: number;
  /** Dtypes it takes; default f32 only. All inputs must have the same, unless `inputDTypes` says otherwise. */
  dtypes?: readonly DType[];
  /** Dtypes by input, where they differ (`where` takes a bool first). */
  inputDTypes?: (inputs: readonly Spec[]) => readonly DType[];
  /** Default: the dtype of the last input. */
  outputDType?: DType | ((inputs: readonly Spec[], attrs: A) => DType);
  /** A WGSL expression on vec4 values; bool inputs and results are vec4<bool>. Name dtypes by `inputs`. */
  wgsl: string | ((attrs: A, inputs: readonly Spec[]) => string);
  /** WGSL functions the expression calls. */
  helpers?: Readonly<Record<string, string>>;
  /** The same on one element each, in float64 (integers wrap when they are stored). */
  reference: (values: readonly number[], attrs: A, dtype: DType) => number;
  vjp: Vjp<A> | NotDifferentiable;
  saves?: Op["saves"];
  samples: readonly Sample<A>[];
  accuracy?: Op["accuracy"];
  traits?: Op["traits"];
}

/** The op (not yet callable) of an elementwise definition. */
export function elementwiseOp<A = object>(definition: ElementwiseDefinition<A>): Op<A> {
  const { name, arity, wgsl, reference } = definition;
  const allowed = definition.dtypes ?? ["f32"];
  const pointwise: Pointwise<A> = {
    expression: (attrs, inputs) => (typeof wgsl === "string" ? wgsl : wgsl(attrs, inputs)),
    helpers: definition.helpers,
  };
  return {
    name,
    saves: definition.saves ?? {},
    vjp: definition.vjp,
    samples: definition.samples,
    accuracy: definition.accuracy,
    traits: definition.traits,
    pointwise,
    infer(inputs, attrs) {
      const wanted = definition.inputDTypes?.(inputs) ?? inputs.map(() => inputs[0].dtype);
      // First, so that nobody is sent from a dtype that it takes to one that it does not.
      const refused = definition.inputDTypes
        ? undefined
        : inputs.find(({ dtype }) => !allowed.includes(dtype));
      if (refused !== undefined) {
        throw new DTypeError(
          `${name}: takes ${allowed.join(", ")}, got ${refused.dtype}; use cast(x, "${allowed[0]}")`,
        );
      }
      inputs.forEach((spec, i) => {
        if (spec.dtype !== wanted[i]) {
          throw new DTypeError(
            `${name}: dtypes ${inputs.map((s) => s.dtype).join(" and ")} disagree: input ${i + 1} must be ${wanted[i]}; use cast(x, "${wanted[i]}")`,
          );
        }
      });
      const out = definition.outputDType;
      const dtype = typeof out === "function" ? out(inputs, attrs) : (out ?? inputs[arity - 1].dtype);
      return [
        {
          shape: broadcastShapes(
            name,
            inputs.map((spec) => spec.shape),
          ),
          dtype,
        },
      ];
    },
    kernels: (context) => pointwiseKernels(context, pointwise),
    reference(inputs, attrs, [out]) {
      eachElement(inputs, out, (values) => reference(values, attrs, inputs[inputs.length - 1].dtype));
    },
  };
}

/** A callable elementwise op of one input without attributes. */
export function unary(
  definition: Omit<ElementwiseDefinition<object>, "arity">,
): OpFunction<[x: TensorLike], Tensor> {
  return defineOp({
    ...elementwiseOp({ ...definition, arity: 1 }),
    call: (x: TensorLike) => ({ inputs: [x], attrs: {} }),
  });
}

/** A callable elementwise op of two inputs, broadcast against each other. */
export function binary(
  definition: Omit<ElementwiseDefinition<object>, "arity">,
): OpFunction<[a: TensorLike, b: TensorLike], Tensor> {
  return defineOp({
    ...elementwiseOp({ ...definition, arity: 2 }),
    call: (a: TensorLike, b: TensorLike) => ({ inputs: [a, b], attrs: {} }),
  });
}

function eachElement(
  inputs: readonly ReferenceTensor[],
  out: ReferenceTensor,
  compute: (values: readonly number[]) => number,
): void {
  const count = sizeOf(out.shape);
  const values = inputs.map(() => 0);
  if (inputs.every((tensor) => sameShape(tensor.shape, out.shape))) {
    for (let i = 0; i < count; i++) {
      for (let k = 0; k < inputs.length; k++) values[k] = inputs[k].data[i];
      out.data[i] = compute(values);
    }
    return;
  }
  const strides = inputs.map((tensor) => broadcastStrides(tensor.shape, out.shape));
  const rank = out.shape.length;
  const position = new Array<number>(rank).fill(0);
  const offsets = inputs.map(() => 0);
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < inputs.length; k++) values[k] = inputs[k].data[offsets[k]];
    out.data[i] = compute(values);
    for (let axis = rank - 1; axis >= 0; axis--) {
      position[axis]++;
      for (let k = 0; k < inputs.length; k++) offsets[k] += strides[k][axis];
      if (position[axis] < out.shape[axis]) break;
      for (let k = 0; k < inputs.length; k++) offsets[k] -= strides[k][axis] * out.shape[axis];
      position[axis] = 0;
    }
  }
}

/** The one dispatch of a single pointwise expression over broadcast inputs. */
function pointwiseKernels<A>(context: KernelContext<A>, pointwise: Pointwise<A>): KernelPlan {
  const { inputs, outputs, attrs, profile } = context;
  const chain: PointwiseChain = {
    target: outputs[0],
    inputs,
    steps: [
      {
        expression: pointwise.expression(attrs, inputs),
        helpers: pointwise.helpers,
        operands: inputs.map((_, k) => k),
        dtype: outputs[0].dtype,
      },
    ],
    outputs: [{ step: 0, dtype: outputs[0].dtype }],
  };
  const call = pointwiseCall(
    elementwiseShader,
    chain,
    inputs.map((_, k) => input(k)),
    [output(0)],
    profile,
  );
  return { calls: call === undefined ? [] : [call] };
}
