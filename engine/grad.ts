// Gradient functions over the tape: each opens a scope and a tape of its own and frees both.

import { isFloat } from "./dtype.ts";
import { ArgumentError } from "./errors.ts";
import { tidy } from "./scope.ts";
import { Tape } from "./tape.ts";
import { Tensor } from "./tensor.ts";
import type { Variable } from "./variable.ts";

export interface ValueAndGrads {
  readonly value: Tensor;
  /** One gradient an argument (or variable), in order, each of its shape. */
  readonly grads: Tensor[];
}

/** A function that gives the gradients of the scalar `fn(...inputs)` with respect to all its f32 inputs. */
export function grad(fn: (...inputs: Tensor[]) => Tensor): (...inputs: Tensor[]) => Tensor[] {
  return (...inputs) =>
    tidy(() => {
      const { value, grads } = valueAndGrad(fn)(...inputs);
      value.dispose();
      return grads;
    });
}

/** Like {@link grad}, and gives the value too. */
export function valueAndGrad(fn: (...inputs: Tensor[]) => Tensor): (...inputs: Tensor[]) => ValueAndGrads {
  return (...inputs) => {
    const targets = inputs.filter((tensor) => tensor instanceof Tensor && isFloat(tensor.dtype));
    return gradientsOf(
      () => fn(...inputs),
      targets,
      "valueAndGrad",
      (tape) => tape.watch(...targets),
    );
  };
}

/** The value of the scalar `fn()` and its gradients with respect to `variables`. */
export function variableGrads(fn: () => Tensor, variables: readonly Variable[]): ValueAndGrads {
  return gradientsOf(fn, variables, "variableGrads", (tape) => {
    tape.watch(...variables);
  });
}

function gradientsOf(
  fn: () => Tensor,
  targets: readonly Tensor[],
  what: string,
  prepare: (tape: Tape) => void,
): ValueAndGrads {
  return tidy(() => {
    const tape = new Tape({ watchVariables: false });
    try {
      prepare(tape);
      const value = tape.record(fn);
      if (!(value instanceof Tensor))
        throw new ArgumentError(`${what}: the function must return a Tensor, the loss`);
      return { value, grads: tape.gradient(value, targets) };
    } finally {
      tape.dispose();
    }
  });
}
