// What a cell has to say so that all its steps can run as one kernel, and what the ops made of it have in common.

import type { Operand, Spec } from "../../kernel/kernel.ts";
import type { SampleInput } from "../../kernel/kernel-op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { sigmoid as sigmoidOf } from "../elementwise/activations.ts";
import { add, mul, sub } from "../elementwise/arithmetic.ts";
import { tanh } from "../elementwise/hyperbolic.ts";
import { stack } from "../layout/concat.ts";
import { reshape } from "../layout/reshape.ts";
import { slice } from "../layout/slice.ts";
import type { Beside } from "./gated-product.ts";
import { sigmoid } from "./lstm-step.ts";
import type { Extent } from "./recurrence.ts";

/** The arithmetic in which a cell's step is written once, for numbers and for tensors [batch, units]. */
export interface Arithmetic<T> {
  add(a: T, b: T): T;
  sub(a: T, b: T): T;
  mul(a: T, b: T): T;
  /** 1 - a */
  rest(a: T): T;
  sigmoid(a: T): T;
  tanh(a: T): T;
}

export interface Stepped<T> {
  /** What the gradient needs of a unit's four columns. */
  readonly gates: readonly [T, T, T, T];
  readonly states: readonly T[];
}

export interface SteppedBack<T> {
  /** Gradients of what the inputs gave the four columns. */
  readonly inputs: readonly [T, T, T, T];
  /** Of what the state gave them; undefined for 0. */
  readonly product: readonly [T, T, T, T | undefined];
  /** Of the states before, besides what comes through the product; undefined for 0. */
  readonly states: readonly (T | undefined)[];
}

export interface SequenceCell {
  readonly name: string;
  /** 1, or 2 where there is a cell beside what is shown. */
  readonly states: 1 | 2;
  /** Of a unit, that the state has a part in. */
  readonly columns: 3 | 4;
  /** Whether inputs and state reach the columns in different ways, and have gradients of their own. */
  readonly splitsGradient: boolean;
  step<T>(by: Arithmetic<T>, product: readonly T[], inputs: readonly T[], before: readonly T[]): Stepped<T>;
  /**
   * @param before the last of the states
   * @param d gradients of the states behind the step
   */
  back<T>(by: Arithmetic<T>, gates: readonly T[], before: T, d: readonly T[]): SteppedBack<T>;
  /** Functions of the kernels: `cells`, `mask`, `before` and `d_inputs` are bound where they are needed. */
  forwardFunctions(hasMask: boolean): Readonly<Record<string, string>>;
  gradientFunctions(hasMask: boolean, hasCells: boolean): Readonly<Record<string, string>>;
}

export interface SequenceAttrs {
  readonly hasMask: boolean;
  /** Whether the product has a state times a tensor of its own, as recurrent dropout wants it. */
  readonly hasDrop: boolean;
  /** Whether the last step comes first. */
  readonly turned: boolean;
}

export interface GradientAttrs extends SequenceAttrs {
  /** Whether there is a gradient of the cells. */
  readonly hasCells: boolean;
}

export const numbers: Arithmetic<number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  rest: (a) => 1 - a,
  sigmoid,
  tanh: Math.tanh,
};

export const tensors: Arithmetic<Tensor> = {
  add,
  sub,
  mul,
  rest: (a) => sub(1, a),
  sigmoid: sigmoidOf,
  tanh,
};

/** Of a unit's four columns, those of the batch in another place. */
export const four = (data: ArrayLike<number>, e: number) => [0, 1, 2, 3].map((k) => data[4 * e + k]);

export const stepsOf = ({ steps }: Extent, turned: boolean): number[] =>
  Array.from({ length: steps }, (_, s) => (turned ? steps - 1 - s : s));

/** Which of a row's states, of one more than there are steps, stands before a step, and which behind it. */
export const rowsOf = (step: number, turned: boolean) => ({
  old: turned ? step + 1 : step,
  new: turned ? step : step + 1,
});

export const f32 = (shape: readonly number[]): Spec => ({ shape, dtype: "f32" });

export const bound = (name: string, operand: Operand, type = "array<f32>"): Beside => ({
  name,
  operand,
  type,
});

/** Each matrix of a stack. */
export const matricesIn = (all: Tensor, count: number): Tensor[] =>
  Array.from({ length: count }, (_, k) => reshape(slice(all, k, k + 1), all.shape.slice(1)));

/** [batch, width] of [batch, steps, width]; -1 is the last step. */
export function stepAt(all: Tensor, step: number): Tensor {
  const [batch, steps, width] = all.shape;
  const from = step < 0 ? steps + step : step;
  return reshape(slice(all, [0, from], [undefined, from + 1]), [batch, width]);
}

/** What is left of inputs behind the first ones: a mask, and what the product has of the states. */
export const maskAndDrop = <T>(
  inputs: readonly T[],
  first: number,
  { hasMask, hasDrop }: SequenceAttrs,
): { mask: T | undefined; drop: T | undefined } => ({
  mask: hasMask ? inputs[first] : undefined,
  drop: hasDrop ? inputs[first + Number(hasMask)] : undefined,
});

/** The other way round: [batch, steps, width] of what each step gave. */
export const ofSteps = (found: readonly Tensor[]): Tensor => stack(found, 1);

/** What kernels do with states where the product does not have all of them. */
export const dropFunctions: Readonly<Record<"forward" | "gradient", Readonly<Record<string, string>>>> = {
  forward: {
    passed_on: "fn passed_on(e: u32, state: f32) -> f32 {\n  return state * drop[e];\n}",
    state_before: `fn state_before(step: u32, row: u32, at: u32) -> f32 {
  let units = sizes.units;
  if (step == sizes.turned * (sizes.steps - 1u)) {
    return start[at - (row * (sizes.steps - 1u) + step) * units];
  }
  return hidden[select(at - units, at + units, sizes.turned == 1u)];
}`,
  },
  gradient: {
    passed_back: "fn passed_back(e: u32, gradient: f32) -> f32 {\n  return gradient * drop[e];\n}",
  },
};

export const plain: SequenceAttrs = { hasMask: false, hasDrop: false, turned: false };

/** Every third step does not count. */
export const maskOf = ({ steps, batch }: Extent): SampleInput => ({
  shape: [batch, steps, 1],
  values: Array.from({ length: steps * batch }, (_, i) => (i % 3 === 1 ? 0 : 1)),
});

/** Every fourth number is dropped. */
export const dropOf = ({ batch, units }: Pick<Extent, "batch" | "units">): SampleInput => ({
  shape: [batch, units],
  values: Array.from({ length: batch * units }, (_, i) => (i % 4 === 1 ? 0 : 1.25)),
});
