// Products whose left operand is a window of rows of something larger (a batch of a data set), read where it lies. jit
// puts them in the place of a dynamicSlice and the products that read it: see engine/jit/read-windows.ts.

import { type HookBinding, input, type KernelPlan, type Spec } from "../../kernel/kernel.ts";
import { notDifferentiable, type Op } from "../../tensor/op.ts";
import { type MatmulAttrs, matmul } from "./matmul.ts";

interface WindowAttrs {
  /** The last row at which the window still fits. */
  readonly last: number;
  /** Elements in a row. */
  readonly inner: number;
}

/** The number of the element at which the rows begin that `dynamicSlice` would take from a row on. */
export const windowOffset: Op<WindowAttrs> = {
  name: "windowOffset",
  infer: ([start]) => [{ shape: start.shape, dtype: "u32" }],
  pointwise: {
    expression: ({ last, inner }, [{ dtype }]) =>
      dtype === "i32"
        ? `vec4u(clamp(a, vec4i(0i), vec4i(${last}i))) * ${inner}u`
        : `min(a, vec4u(${last}u)) * ${inner}u`,
  },
  vjp: notDifferentiable("it is made when all gradients have been taken"),
  saves: {},
  samples: [],
};

interface WindowedAttrs extends MatmulAttrs {
  /** The window's shape. */
  readonly window: readonly [rows: number, columns: number];
}

/** The specs of the product with the window taken out. */
const plainInputs = ([a, b]: readonly Spec[], { window }: WindowedAttrs): Spec[] => [
  { ...a, shape: window },
  b,
];

/** matmul of the whole that the window is taken of, `b`, and where the window begins, in elements (u32, one number). */
export const windowedMatmul: Op<WindowedAttrs> = {
  ...matmul.op,
  name: "windowedMatmul",
  infer: (inputs, attrs) => matmul.op.infer(plainInputs(inputs, attrs), attrs),
  kernels: ({ inputs, attrs, outputs, profile }) =>
    withWindow(matmul.op.kernels!({ inputs: plainInputs(inputs, attrs), attrs, outputs, profile })),
  epilogue: (context) =>
    matmul.op.epilogue!({ ...context, inputs: plainInputs(context.inputs, context.attrs) }),
  reference: undefined,
  prologues: undefined,
  vjp: notDifferentiable("it is made when all gradients have been taken"),
  samples: [],
  plain: { op: matmul.op, inputs: plainInputs },
};

function withWindow(plan: KernelPlan): KernelPlan {
  const [call, ...others] = plan.calls;
  if (call === undefined) return plan;
  const binding: HookBinding = {
    name: "a_offset",
    binding: call.operands.length + 1,
    access: "read",
    type: "array<u32>",
  };
  const hooks = {
    ...call.hooks,
    functions: { ...call.hooks?.functions, a_start: "fn a_start() -> u32 {\n  return a_offset[0];\n}" },
    bindings: [...(call.hooks?.bindings ?? []), binding],
  };
  return { ...plan, calls: [{ ...call, hooks, operands: [...call.operands, input(2)] }, ...others] };
}
