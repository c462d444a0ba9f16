// Turns an op definition into the public function of that name.

import { type Family, registerFamily } from "../kernel/variants.ts";
import { apply, firstOf } from "./apply.ts";
import type { Op, OpFunction, TensorLike } from "./op.ts";
import type { Tensor } from "./tensor.ts";

/** An op together with how its public function's arguments map to inputs and attributes. */
export interface OpDefinition<P extends unknown[], A> extends Op<A> {
  /** The family whose variants its kernels come in: devices that are opened from now on check them. */
  readonly family?: Family;
  readonly call: (...args: P) => { inputs: readonly TensorLike[]; attrs: A };
  /** What arguments give that the op itself does not take, in other calls: of a matrix product, vectors. */
  readonly instead?: (...args: P) => Tensor | undefined;
}

/** The public function of an op whose first output is all that its callers want. */
export function defineOp<P extends unknown[], A>(definition: OpDefinition<P, A>): OpFunction<P, Tensor> {
  register(definition);
  const { instead } = definition;
  const run = (...args: P): Tensor => {
    const other = instead?.(...args);
    if (other !== undefined) return other;
    const { inputs, attrs } = definition.call(...args);
    return firstOf(apply(definition, inputs, attrs));
  };
  return Object.assign(run, { op: definition as Op });
}

/** The public function of an op with several outputs. */
export function defineMultiOp<P extends unknown[], A>(
  definition: OpDefinition<P, A>,
): OpFunction<P, Tensor[]> {
  register(definition);
  const run = (...args: P): Tensor[] => {
    const { inputs, attrs } = definition.call(...args);
    return apply(definition, inputs, attrs);
  };
  return Object.assign(run, { op: definition as Op });
}

/** Happens while an op is made, not beside it, so that a bundler drops both where a program uses neither. */
function register({ family }: { readonly family?: Family }): void {
  if (family !== undefined) registerFamily(family);
}
