// A product whose kernel goes on with every four neighbouring columns of its result, the gates of one unit, before it
// stores them.

import { DTypeError, ShapeError } from "../../base/errors.ts";
import { showShape, sizeOf } from "../../base/shape.ts";
import {
  type AdapterProfile,
  grid,
  type HookBinding,
  type Hooks,
  type KernelPlan,
  type Operand,
  type Shader,
  type Spec,
} from "../../kernel/kernel.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add, mul } from "../elementwise/arithmetic.ts";
import { activationFunctions, tanhFunctions } from "../elementwise/math-functions.ts";
import { concat } from "../layout/concat.ts";
import { reshape } from "../layout/reshape.ts";
import { slice } from "../layout/slice.ts";
import type { Product } from "../matmul/product.ts";
import { sum } from "../reduce/reduce.ts";

/** A buffer that the kernel binds beside the product's own. */
export interface Beside {
  readonly name: string;
  readonly operand: Operand;
  readonly type: string;
}

/** Bindings of these buffers, from number `first` on. */
export const bindingsOf = (beside: readonly Beside[], first: number): HookBinding[] =>
  beside.map(({ name, operand, type }, k) => ({ name, binding: first + k, access: operand.access, type }));

/**
 * The product's kernels with `code` in the place of storing. It finds `row`, `e` (the unit's number among those of all
 * rows) and `value`, its four columns of the product; `z_out[e]` is the op's first output.
 */
export function withGates(plan: KernelPlan, code: string, beside: readonly Beside[]): KernelPlan {
  const last = plan.calls.length - 1;
  if (last < 0) return plan;
  const call = plan.calls[last];
  const operands = [...call.operands, ...beside.map(({ operand }) => operand)];
  const bindings = bindingsOf(beside, call.operands.length + 1);
  // The product may have its result stored one by one: this one's rows are whole vec4s.
  const result = call.operands.findIndex(({ role, index }) => role === "output" && index === 0);
  bindings.push({ name: "z_out", binding: result + 1, access: "read_write", type: "array<vec4f>" });
  const store = `fn store(matrix: u32, row: u32, column: u32, value: vec4f) {
  if (row < sizes.m && column < sizes.n) {
    let e = (row * sizes.n + column) / 4u;
    ${code}
  }
}`;
  const hooks = {
    ...call.hooks,
    bindings: [...(call.hooks?.bindings ?? []), ...bindings],
    functions: { ...call.hooks?.functions, ...gateFunctions, store },
  };
  return { ...plan, calls: [...plan.calls.slice(0, last), { ...call, hooks, operands }] };
}

/** What the gates' code calls. */
export const gateFunctions = { ...activationFunctions("sigmoid_4"), ...tanhFunctions("tanh_4") };

/**
 * Checks the operands of a step.
 *
 * @param h [batch, units]
 * @param u [units, 4 units]: the gates of a unit side by side
 * @param zx [batch, 4 units]
 * @param states of the same shape as h
 * @param mask [batch, 1]
 */
export function stepProduct(
  op: string,
  [h, u, zx]: readonly Spec[],
  states: readonly Spec[],
  mask: Spec | undefined,
): Product {
  for (const { dtype } of [h, u, zx, ...states, ...(mask === undefined ? [] : [mask])])
    if (dtype !== "f32") throw new DTypeError(`${op}: takes f32 tensors, got ${dtype}`);
  const [batch, units] = h.shape;
  const want = (name: string, spec: Spec, shape: readonly number[]) => {
    if (String(spec.shape) === String(shape)) return;
    throw new ShapeError(
      `${op}: ${name} is ${showShape(spec.shape)}; beside a state h ${showShape(h.shape)} it must be ${showShape(shape)}`,
    );
  };
  if (h.shape.length !== 2) want("h", h, [batch ?? 0, units ?? 0, ...h.shape.slice(2)].slice(0, 2));
  want("u", u, [units, 4 * units]);
  want("the inputs' part", zx, [batch, 4 * units]);
  for (const state of states) want("a state", state, [batch, units]);
  if (mask !== undefined) want("the mask", mask, [batch, 1]);
  return {
    aBatch: [],
    bBatch: [],
    batch: [],
    m: batch,
    n: 4 * units,
    k: units,
    transposeA: false,
    transposeB: false,
  };
}

/** The dispatch of a kernel that works on one unit of one row a lane, as both gradients do. */
export function unitCall(
  shader: Shader,
  { shape }: Spec,
  hooks: Hooks,
  operands: readonly Operand[],
  profile: AdapterProfile,
): KernelPlan {
  const count = sizeOf(shape);
  if (count === 0) return { calls: [] };
  const workgroups = Math.min(Math.ceil(count / 64), profile.workgroupTarget);
  const segment = Math.ceil(count / workgroups / 64) * 64;
  const sizes = [count, segment, shape[1], 0];
  return {
    calls: [{ shader, hooks, sizes, operands, workgroups: grid(Math.ceil(count / segment), profile) }],
  };
}

/** [batch, units] of each of the four columns that a unit has in z [batch, 4 units]. */
export function gatesOf(z: Tensor): Tensor[] {
  const [batch, width] = z.shape;
  const all = reshape(z, [batch, width / 4, 4]);
  return [0, 1, 2, 3].map((k) =>
    reshape(slice(all, [0, 0, k], [undefined, undefined, k + 1]), [batch, width / 4]),
  );
}

/** The other way round. */
export function together(parts: readonly Tensor[]): Tensor {
  const [batch, units] = parts[0].shape;
  return reshape(
    concat(
      parts.map((part) => reshape(part, [batch, units, 1])),
      2,
    ),
    [batch, 4 * units],
  );
}

/** What the gradients of several results weigh together, where there are any. */
export function weighted(
  results: readonly Tensor[],
  hasGrad: (k: number) => boolean,
  grad: (k: number) => Tensor,
): Tensor {
  return results
    .flatMap((result, k) => (hasGrad(k) ? [sum(mul(result, grad(k)))] : []))
    .reduce((total, part) => add(total, part));
}
