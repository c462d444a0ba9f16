// Gradient functions over the tape: each opens a scope and a tape of its own and frees both.

import { isFloat } from "../base/dtype.ts";
import {
  ArgumentError,
  checkDifferentiable,
  checkOptions,
  kindOf,
  type OptionNames,
} from "../base/errors.ts";
import { checkTensors } from "../tensor/arguments.ts";
import { claim, tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Variable } from "../tensor/variable.ts";
import { type Gradients, GradientTape } from "./gradient-tape.ts";

export interface ValueAndGrads<G extends Tensor[] = Tensor[]> {
  readonly value: Tensor;
  /** One gradient an argument (or variable), in order, each of its shape. */
  readonly grads: G;
}

export interface ValueGradsAndAux<A, G extends Tensor[] = Tensor[]> extends ValueAndGrads<G> {
  /** What the function returned beside the loss. */
  readonly aux: A;
}

/** A position among a function's arguments, or several. */
type Positions = number | readonly number[] | undefined;

/**
 * The gradients of a function of the tensors `P`: those at the positions `N`, else one an argument. (The compiler knows
 * no dtypes: arguments that are no f32 tensors have none, and the gradients after theirs move up.)
 */
type GradientsOf<P extends Tensor[], N extends Positions> = N extends number
  ? [Tensor]
  : N extends readonly number[]
    ? { -readonly [K in keyof N]: Tensor }
    : Gradients<P>;

export interface GradOptions<N extends Positions = Positions> {
  /** Positions of the arguments to differentiate with respect to, in this order; default: every f32 tensor. */
  argnums?: N;
  /** The function returns `[loss, aux]`: tensors, alone or in arrays and objects, that are handed on. */
  hasAux?: boolean;
}

const gradOptions: OptionNames<Omit<GradOptions, "hasAux">> = { argnums: true };

const valueOptions: OptionNames<GradOptions> = { ...gradOptions, hasAux: true };

/**
 * A function that gives the gradients of the scalar `fn(...inputs)` with respect to all its f32 inputs, or those that
 * `argnums` names.
 *
 * @throws GradientError where the loss is not a single value, does not depend on the inputs, or depends on them through
 *   an op without a gradient
 */
export function grad<P extends Tensor[], const N extends Positions = undefined>(
  fn: (...inputs: P) => Tensor,
  options: Omit<GradOptions<N>, "hasAux"> = {},
): (...inputs: P) => GradientsOf<P, N> {
  checkOptions("grad", options, gradOptions);
  checkDifferentiable("grad", fn);
  return (...inputs) => {
    const targets = chosenInputs("grad", inputs, options.argnums);
    return tidy(() => gradientsIn(() => fn(...inputs), targets, "grad").grads) as GradientsOf<P, N>;
  };
}

/** Like {@link grad}, and gives the value too; with `hasAux`, also what `fn` returns beside it. */
export function valueAndGrad<A, P extends Tensor[], const N extends Positions = undefined>(
  fn: (...inputs: P) => readonly [loss: Tensor, aux: A],
  options: GradOptions<N> & { hasAux: true },
): (...inputs: P) => ValueGradsAndAux<A, GradientsOf<P, N>>;
export function valueAndGrad<P extends Tensor[], const N extends Positions = undefined>(
  fn: (...inputs: P) => Tensor,
  options?: GradOptions<N> & { hasAux?: false },
): (...inputs: P) => ValueAndGrads<GradientsOf<P, N>>;
export function valueAndGrad<A, P extends Tensor[]>(
  fn: (...inputs: P) => Tensor | readonly [Tensor, A],
  options: GradOptions = {},
): (...inputs: P) => object {
  checkOptions("valueAndGrad", options, valueOptions);
  checkDifferentiable("valueAndGrad", fn);
  return (...inputs) => {
    const targets = chosenInputs("valueAndGrad", inputs, options.argnums);
    if (options.hasAux !== true) {
      return gradientsOf(() => fn(...inputs) as Tensor, targets, "valueAndGrad");
    }
    let aux: A | undefined;
    return tidy(() => {
      const run = () => {
        const result = fn(...inputs) as readonly [Tensor, A];
        if (!Array.isArray(result) || result.length !== 2)
          throw new ArgumentError(
            `valueAndGrad: with hasAux, the function must return [loss, aux], got ${kindOf(result)}`,
          );
        aux = result[1];
        return result[0];
      };
      // The scope that the loss is computed in is closed here, so that aux outlives it.
      return { ...gradientsIn(run, targets, "valueAndGrad"), aux: aux as A };
    });
  };
}

/** The value of the scalar `fn()` and its gradients with respect to `variables`. */
export function variableGrads<const V extends readonly Variable[]>(
  fn: () => Tensor,
  variables: V,
): ValueAndGrads<Gradients<V>> {
  checkDifferentiable("variableGrads", fn);
  checkTensors("variableGrads", variables, 2);
  return gradientsOf(fn, variables, "variableGrads");
}

/** @internal The inputs that a gradient function differentiates with respect to. */
export function chosenInputs(
  what: string,
  inputs: readonly Tensor[],
  argnums: number | readonly number[] | undefined,
): Tensor[] {
  if (argnums === undefined) {
    const found = inputs.filter((tensor) => tensor instanceof Tensor && isFloat(tensor.dtype));
    if (found.length > 0) return found;
    const got = inputs.map((input) => (input instanceof Tensor ? input.describe() : kindOf(input)));
    throw new ArgumentError(
      `${what}: needs an f32 tensor among its arguments, got ${got.length === 0 ? "none" : got.join(", ")}; use tensor(...) or cast(x, "f32")`,
    );
  }
  return (typeof argnums === "number" ? [argnums] : argnums).map((position) => {
    const input = inputs[position];
    if (input instanceof Tensor && isFloat(input.dtype)) return input;
    const got = input instanceof Tensor ? input.describe() : input === undefined ? "missing" : kindOf(input);
    throw new ArgumentError(
      `${what}: argnums names argument ${position} of ${inputs.length}, which is ${got}; it must be an f32 tensor`,
    );
  });
}

function gradientsOf<T extends readonly Tensor[]>(
  fn: () => Tensor,
  targets: T,
  what: string,
): ValueAndGrads<Gradients<T>> {
  return tidy(() => gradientsIn(fn, targets, what));
}

/** In the scope of the caller. */
function gradientsIn<T extends readonly Tensor[]>(
  fn: () => Tensor,
  targets: T,
  what: string,
): ValueAndGrads<Gradients<T>> {
  const tape = new GradientTape({ watchVariables: false, isPrivate: true });
  try {
    tape.watch(...targets);
    const value = tape.record(fn);
    if (!(value instanceof Tensor))
      throw new ArgumentError(`${what}: the function must return a Tensor, the loss, got ${kindOf(value)}`);
    // A loss that is an input or a variable itself stays theirs: whoever frees the value frees a handle of its own.
    return { value: claim(value), grads: tape.pull([value], [], targets, { what: "gradient", frees: true }) };
  } finally {
    tape.dispose();
  }
}
