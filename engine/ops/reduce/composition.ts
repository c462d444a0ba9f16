// Backward rules of ops that are one fast kernel but can be written in other ops: they are differentiated as
// written.

import type { Vjp } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add, mul } from "../elementwise/arithmetic.ts";
import { sum } from "./reduce.ts";

/** The vjp of an op that computes what `compose` does; the op must save all its inputs. */
export function vjpByComposition<A>(
  compose: (inputs: readonly Tensor[], attrs: A) => readonly Tensor[],
): Vjp<A> {
  return ({ attrs, grad, hasGrad, input, needs, inputSpecs, pull }) => {
    const inputs = inputSpecs.map((_, i) => input(i));
    const wanted = inputs.filter((_, i) => needs(i));
    // The gradient of <outputs, grads> with respect to the inputs is the product asked for.
    const found = pull(
      () =>
        compose(inputs, attrs)
          .map((value, k) => (hasGrad(k) ? sum(mul(value, grad(k))) : undefined))
          .filter((part) => part !== undefined)
          .reduce((a, b) => add(a, b)),
      wanted,
    );
    return inputs.map((_, i) => (needs(i) ? found[wanted.indexOf(inputs[i])] : null));
  };
}
