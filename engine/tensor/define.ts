// Turns an op definition into the public function of that name.

import { apply, firstOf } from "./apply.ts";
import type { Op, OpFunction, TensorLike } from "./op.ts";
import type { Tensor } from "./tensor.ts";

/** An op together with how its public function's arguments map to inputs and attributes. */
export interface OpDefinition<P extends unknown[], A> extends Op<A> {
  readonly call: (...args: P) => { inputs: readonly TensorLike[]; attrs: A };
}

/** The public function of an op whose first output is all that its callers want. */
export function defineOp<P extends unknown[], A>(definition: OpDefinition<P, A>): OpFunction<P, Tensor> {
  const run = (...args: P): Tensor => {
    const { inputs, attrs } = definition.call(...args);
    return firstOf(apply(definition, inputs, attrs));
  };
  return Object.assign(run, { op: definition as Op });
}

/** The public function of an op with several outputs. */
export function defineMultiOp<P extends unknown[], A>(
  definition: OpDefinition<P, A>,
): OpFunction<P, Tensor[]> {
  const run = (...args: P): Tensor[] => {
    const { inputs, attrs } = definition.call(...args);
    return apply(definition, inputs, attrs);
  };
  return Object.assign(run, { op: definition as Op });
}
