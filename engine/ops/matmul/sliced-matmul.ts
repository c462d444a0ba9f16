// A product that reads its left operand as a slice of rows of something larger, where they lie. jit puts it in the
// place of a product and the dynamicSlice that it reads.

import { type HookBinding, input, type KernelPlan, type Spec } from "../../kernel/kernel.ts";
import type { KernelOp } from "../../kernel/kernel-op.ts";

interface Sliced {
  /** The slice's shape. */
  readonly slice: readonly [rows: number, columns: number];
}

/** The specs of the product with the slice taken out. */
const plainInputs = ([a, b]: readonly Spec[], { slice }: Sliced): Spec[] => [{ ...a, shape: slice }, b];

/** `product` of the whole that the slice is taken of, `b`, and at which element the slice begins (u32, one number). */
export const sliced = <A>(name: string, product: KernelOp<A>): KernelOp<A & Sliced> => ({
  ...product,
  name,
  infer: (inputs, attrs) => product.infer(plainInputs(inputs, attrs), attrs),
  kernels: ({ inputs, attrs, outputs, profile }) =>
    withOffset(product.kernels!({ inputs: plainInputs(inputs, attrs), attrs, outputs, profile })),
  epilogue: (context) =>
    product.epilogue!({ ...context, inputs: plainInputs(context.inputs, context.attrs) }),
  traits: { ...product.traits, readsRows: undefined },
  reference: undefined,
  prologues: undefined,
  samples: [],
  specialises: { op: product, inputs: plainInputs },
});

function withOffset(plan: KernelPlan): KernelPlan {
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
