// Products with derivatives: vjp, jvp, Hessian-vector products, and whole Jacobians and Hessians of small functions.
// All of them are walks back over tapes; ops have no forward rules.

import { isFloat } from "../base/dtype.ts";
import {
  ArgumentError,
  checkFunction,
  DTypeError,
  GradientError,
  kindOf,
  ShapeError,
} from "../base/errors.ts";
import { sameShape, showShape, sizeOf } from "../base/shape.ts";
import { concat } from "../ops/layout/concat.ts";
import { reshape } from "../ops/layout/reshape.ts";
import { checkTensor, checkTensors } from "../tensor/arguments.ts";
import { full, tensor } from "../tensor/create.ts";
import { tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";
import { chosenInputs, grad } from "./grad.ts";
import { type Gradients, GradientTape } from "./gradient-tape.ts";

/** What a differentiated function returns: a tensor, or several. */
export type Outputs = Tensor | readonly Tensor[];

/** The value of a function and its pullback; dispose it when no more products are wanted. */
export interface VectorJacobian<O extends Outputs, G extends Tensor[] = Tensor[]> {
  readonly value: O;
  /**
   * One product for each f32 input: the gradient of <outputs, cotangents>. Takes a cotangent of each output's shape;
   * for a single value it may be left out and is 1. Can be called again and again.
   */
  pullback(cotangents?: O): G;
  /** Frees what the pullback needs. The value stays. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/**
 * Vector-Jacobian products: runs `fn(...inputs)` once and gives its value and the function that pulls cotangents back.
 *
 *     using linear = vjp((x) => tanh(matmul(x, w)), x);
 *     const [dx] = linear.pullback(seed);
 */
export function vjp<O extends Outputs, P extends Tensor[]>(
  fn: (...inputs: Tensor[]) => O,
  ...inputs: P
): VectorJacobian<O, Gradients<P>> {
  checkTask("vjp", fn);
  const targets = chosenInputs("vjp", inputs, undefined);
  const tape = new GradientTape({ watchVariables: false, isPrivate: true }).watch(...targets);
  try {
    const value = tidy(() => tape.record(() => fn(...inputs)));
    const outputs = outputsOf("vjp", value);
    const dispose = () => tape.dispose();
    return {
      value,
      pullback: (cotangents) => {
        const seeds = cotangents === undefined ? outputs.map(() => undefined) : listOf(cotangents);
        checkCount("vjp", "cotangents", seeds.length, "outputs", outputs.length);
        return tidy(() =>
          tape.pull(outputs, seeds, targets, { what: "vjp", allowsConstants: true }),
        ) as Gradients<P>;
      },
      dispose,
      [Symbol.dispose]: dispose,
    };
  } catch (error) {
    tape.dispose();
    throw error;
  }
}

export interface ValueAndTangent<O extends Outputs> {
  readonly value: O;
  /** The directional derivative of each output, of its shape. */
  readonly tangent: O;
}

/**
 * Jacobian-vector product: the value of `fn(...inputs)` and its derivative along `tangents`, one of each f32 input's
 * shape. It is the pullback differentiated by its cotangent, which it is linear in: every differentiable op has it
 * without a rule of its own, for the work of about three walks forward and the memory of a backward pass.
 */
export function jvp<O extends Outputs>(
  fn: (...inputs: Tensor[]) => O,
  inputs: readonly Tensor[],
  tangents: readonly Tensor[],
): ValueAndTangent<O> {
  checkTask("jvp", fn);
  checkTensors("jvp", inputs, 2);
  checkTensors("jvp", tangents, 3);
  const targets = chosenInputs("jvp", inputs, undefined);
  checkLike("jvp", "tangent", tangents, targets);
  return tidy(() => {
    const inner = new GradientTape({ watchVariables: false, isPrivate: true }).watch(...targets);
    const outer = new GradientTape({ watchVariables: false, isPrivate: true });
    try {
      const value = inner.record(() => fn(...inputs));
      const outputs = outputsOf("jvp", value);
      // Any cotangent would do: the pullback is linear in it.
      const cotangents = outputs.map((output) => full(output.shape, 0, { device: output.device }));
      outer.watch(...cotangents);
      const pulled = outer.record(() =>
        inner.pull(outputs, cotangents, targets, { what: "jvp", frees: true, allowsConstants: true }),
      );
      const found = outer.pull(pulled, tangents, cotangents, {
        what: "jvp",
        frees: true,
        allowsConstants: true,
      });
      return { value, tangent: (value instanceof Tensor ? found[0] : found) as O };
    } finally {
      inner.dispose();
      outer.dispose();
    }
  });
}

export interface HessianProducts<G extends Tensor[] = Tensor[]> {
  readonly value: Tensor;
  /** The gradient, one an f32 input. */
  readonly grads: G;
  /** The Hessian times the vectors, one an f32 input. */
  readonly products: G;
}

/**
 * Hessian-vector product of the scalar `fn(...inputs)` with `vectors`, one of each f32 input's shape: the gradient of
 * <gradient, vectors>, for the work of about two gradients. The Hessian itself is never made.
 */
export function hvp<P extends Tensor[]>(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly [...P],
  vectors: readonly Tensor[],
): HessianProducts<Gradients<P>> {
  checkTask("hvp", fn);
  checkTensors("hvp", inputs, 2);
  checkTensors("hvp", vectors, 3);
  const targets = chosenInputs("hvp", inputs, undefined);
  checkLike("hvp", "vector", vectors, targets);
  return tidy(() => {
    const outer = new GradientTape({ watchVariables: false, isPrivate: true }).watch(...targets);
    const inner = new GradientTape({ watchVariables: false, isPrivate: true }).watch(...targets);
    try {
      const { value, grads } = outer.record(() => {
        const value = inner.record(() => fn(...inputs));
        outputsOf("hvp", value);
        return { value, grads: inner.pull([value], [], targets, { what: "hvp", frees: true }) };
      });
      // A gradient that is constant has no graph of its own: its products are zeros.
      const products = outer.pull(grads, vectors, targets, {
        what: "hvp",
        frees: true,
        allowsConstants: true,
      });
      return { value, grads: grads as Gradients<P>, products: products as Gradients<P> };
    } finally {
      outer.dispose();
      inner.dispose();
    }
  });
}

/**
 * The Jacobian of `fn` at `x`, of shape [...output, ...input]: one walk back for each element of the output, so for
 * functions with few.
 */
export function jacobian(fn: (x: Tensor) => Tensor, x: Tensor): Tensor {
  checkTask("jacobian", fn);
  checkTensor("jacobian", x, 2);
  return tidy(() => {
    const { value, pullback, dispose } = vjp(fn as (...inputs: Tensor[]) => Tensor, x);
    try {
      if (!(value instanceof Tensor))
        throw new ArgumentError("jacobian: the function must return one Tensor");
      const { shape, size, device } = value;
      const rows = Array.from({ length: size }, (_, i) =>
        tidy(() => {
          const unit = Float32Array.from({ length: size }, (_, k) => (k === i ? 1 : 0));
          return reshape(pullback(tensor(unit, { shape, device }))[0], [1, x.size]);
        }),
      );
      const all = [...shape, ...x.shape];
      if (size === 0 || x.size === 0) return full(all, 0, { device });
      return reshape(rows.length === 1 ? rows[0] : concat(rows, 0), all);
    } finally {
      dispose();
    }
  });
}

/** The Hessian of the scalar `fn` at `x`, of shape [...x, ...x]: one walk back for each element of `x`. */
export function hessian(fn: (x: Tensor) => Tensor, x: Tensor): Tensor {
  checkTask("hessian", fn);
  checkTensor("hessian", x, 2);
  return jacobian((at) => grad(fn as (...inputs: Tensor[]) => Tensor)(at)[0], x);
}

function checkTask(call: string, fn: unknown): void {
  checkFunction(
    call,
    fn,
    "computes what is differentiated, as in (x) => square(x)",
    "derivatives need to see it computed",
  );
}

const listOf = (outputs: Outputs): readonly Tensor[] => (outputs instanceof Tensor ? [outputs] : outputs);

function outputsOf(what: string, value: unknown): readonly Tensor[] {
  const list = value instanceof Tensor ? [value] : value;
  if (!Array.isArray(list) || !list.every((output) => output instanceof Tensor)) {
    throw new ArgumentError(
      `${what}: the function must return a Tensor, or an array of them, got ${kindOf(value)}`,
    );
  }
  for (const output of list as Tensor[]) {
    if (isFloat(output.dtype)) continue;
    throw new GradientError(
      `${what}: the function returned ${output.describe()}; only f32 tensors have derivatives`,
    );
  }
  return list as Tensor[];
}

function checkCount(what: string, given: string, count: number, wanted: string, needed: number): void {
  if (count === needed) return;
  throw new ArgumentError(`${what}: ${count} ${given} for ${needed} ${wanted}; give one each`);
}

function checkLike(what: string, kind: string, given: readonly Tensor[], targets: readonly Tensor[]): void {
  checkCount(what, `${kind}s`, given.length, "f32 inputs", targets.length);
  given.forEach((tensor, i) => {
    const { shape } = targets[i];
    if (!(tensor instanceof Tensor) || !isFloat(tensor.dtype)) {
      throw new DTypeError(
        `${what}: ${kind} ${i} must be an f32 tensor, got ${tensor instanceof Tensor ? tensor.describe() : typeof tensor}`,
      );
    }
    if (!sameShape(tensor.shape, shape)) {
      throw new ShapeError(
        `${what}: ${kind} ${i} has shape ${showShape(tensor.shape)} (${sizeOf(tensor.shape)} elements), its input ${showShape(shape)}; they must be equal`,
      );
    }
  });
}
