// checkGradients: gradients of a function against differences of its float64 reference.

import { grad } from "../autograd/grad.ts";
import { isFloat } from "../base/dtype.ts";
import {
  ArgumentError,
  CheckError,
  checkDifferentiable,
  checkOptions,
  type OptionNames,
} from "../base/errors.ts";
import { showShape, sizeOf } from "../base/shape.ts";
import { add, mul } from "../ops/elementwise/arithmetic.ts";
import { sum } from "../ops/reduce/reduce.ts";
import { checkTensors } from "../tensor/arguments.ts";
import { tensor } from "../tensor/create.ts";
import type { Device } from "../tensor/device.ts";
import { disposeAll, tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { chosen, indexAt, relativeError, uniforms } from "./compare.ts";
import { type Change, derivative, isKinked, oneSided } from "./differences.ts";
import { deviceOf, ReferenceProgram, type Tensors, tensorsIn } from "./reference-program.ts";

export interface CheckGradientsOptions {
  /** Bound on |got - want| / (1 + |want|); default 1e-6 on the CPU reference, 1e-4 on a GPU, which computes in f32. */
  tolerance?: number;
  /** 2 also checks the gradients of a weighted sum of the gradients; default 1. */
  order?: 1 | 2;
  /** Elements checked of each input, spread evenly; default 64. */
  elements?: number;
}

const gradientOptions: OptionNames<CheckGradientsOptions> = { tolerance: true, order: true, elements: true };

/** One element of a gradient beside what differences say. */
export interface GradientElement {
  /** Which of the inputs, from 0. */
  readonly input: number;
  readonly index: readonly number[];
  readonly got: number;
  readonly want: number;
  /** |got - want| / (1 + |want|). */
  readonly error: number;
}

export interface GradientReport {
  /** How many elements were compared. */
  readonly checked: number;
  /** The element that is farthest off; undefined where nothing has elements. */
  readonly worst: GradientElement | undefined;
  readonly tolerance: number;
}

/**
 * Compares the gradients of `fn(...inputs)` with central differences in float64, and throws a CheckError that names
 * the worst element where they differ. `fn` may return anything made of tensors; what is not a single number is
 * summed with fixed random weights. All f32 inputs are checked. Variables that `fn` captures are taken along; to
 * check their gradients, list them among the inputs.
 *
 *     await checkGradients((x, w) => mean(square(matmul(x, w))), [x, w]);
 *     await checkGradients(() => loss(model.call(x)), model.trainableWeights);
 *
 * The differences come from the ops' references on the host, on any device: `fn` runs once to be recorded and once
 * for its gradients. It must compute the same each time.
 *
 * @throws CheckError (with the `report`) where a gradient is off by more than the tolerance
 */
export async function checkGradients(
  fn: (...inputs: Tensor[]) => Tensors,
  inputs: readonly Tensor[],
  options: CheckGradientsOptions = {},
): Promise<GradientReport> {
  checkOptions("checkGradients", options, gradientOptions);
  checkDifferentiable("checkGradients", fn);
  checkTensors("checkGradients", inputs, 2);
  const { order = 1, elements = 64 } = options;
  const device = deviceOf("checkGradients", inputs);
  const tolerance = options.tolerance ?? (device.kind === "cpu" ? 1e-6 : 1e-4);
  if (order !== 1 && order !== 2)
    throw new ArgumentError(`checkGradients: order must be 1 or 2, got ${String(order)}`);
  const targets = inputs.flatMap((input, k) => (isFloat(input.dtype) ? [k] : []));
  if (targets.length === 0) {
    throw new ArgumentError("checkGradients: no input is f32, so there is no gradient to check");
  }
  const first = await compare(fn, inputs, targets, device, { tolerance, elements, what: "the gradient" });
  if (order === 1) return first;
  const gradients = gradientsOf(fn, inputs, targets, 11);
  const second = await compare(gradients, inputs, targets, device, {
    tolerance: tolerance * 10,
    elements,
    what: "the second gradient",
    anchored: true,
  });
  return {
    checked: first.checked + second.checked,
    worst: (second.worst?.error ?? 0) > (first.worst?.error ?? 0) ? second.worst : first.worst,
    tolerance,
  };
}

interface Comparison {
  tolerance: number;
  elements: number;
  what: string;
  /** Makes the sum depend on every input, so that a constant gradient has the derivative zero, not none. */
  anchored?: boolean;
}

async function compare(
  fn: (...inputs: Tensor[]) => Tensors,
  inputs: readonly Tensor[],
  targets: readonly number[],
  device: Device,
  { tolerance, elements, what, anchored }: Comparison,
): Promise<GradientReport> {
  const seed = anchored ? 31 : 11;
  const program = await ReferenceProgram.record("checkGradients", fn, inputs);
  const weights = program.outputs.map((spec, i) =>
    isFloat(spec.dtype) ? weightsOf(sizeOf(spec.shape), program.outputs.length, seed + i) : undefined,
  );
  const gradients = gradientsOf(fn, inputs, targets, seed, anchored);
  const results = gradients(...inputs);
  const got = await Promise.all(results.map((gradient) => gradient.dataFloat64()));
  disposeAll(results);

  let worst: GradientElement | undefined;
  let mostOff = Number.NEGATIVE_INFINITY;
  let checked = 0;
  let off = 0;
  for (let i = 0; i < targets.length; i++) {
    const k = targets[i];
    const values = program.input(k);
    for (const at of chosen(inputs[k].size, elements)) {
      let want = 0;
      // What rounding of the function's own values leaves in their differences says nothing about the gradient.
      let rounding = 0;
      if (values !== undefined) {
        const line = along(program, weights, k, values, at);
        const found = derivative(line.change, values[at]);
        want = found.value;
        rounding = line.noise(values[at], found.step) / found.step / (1 + Math.abs(want));
      }
      const error = relativeError(got[i][at], want);
      const excess = error - rounding;
      checked++;
      if (!(excess <= tolerance)) off++;
      if (worst === undefined || excess > mostOff || Number.isNaN(excess)) {
        worst = { input: k, index: indexAt(at, inputs[k].shape), got: got[i][at], want, error };
        mostOff = excess;
      }
    }
  }
  const report: GradientReport = { checked, worst, tolerance };
  if (off === 0 || worst === undefined) return report;

  const { input: k, index } = worst;
  const position = positionOf(index, inputs[k].shape);
  const values = program.input(k);
  const notes: string[] = [];
  let odd: "jump" | "kink" | undefined;
  if (values !== undefined) {
    const line = along(program, weights, k, values, position);
    const at = values[position];
    const noise = line.noise(at, 2 ** -20 * Math.max(Math.abs(at), 2 ** -3));
    const sides = oneSided(line.change, at, noise);
    const { left, right } = sides;
    if (left.jump !== 0 || right.jump !== 0) {
      odd = "jump";
      const whose = anchored ? "the gradient" : "the value";
      const from = (jump: number) => (jump === 0 ? "does not jump" : `jumps by ${show(jump)}`);
      notes.push(
        `${whose} ${from(left.jump)} to the left and ${from(right.jump)} to the right: a jump, where differences say nothing${anchored ? " (the function has a kink there)" : ""}; check on either side of it`,
      );
    } else if (isKinked(at, sides, noise)) {
      odd = "kink";
      notes.push(
        `the slope is ${show(left.slope)} to the left and ${show(right.slope)} to the right: a kink`,
      );
    }
  }
  if (device.kind !== "cpu") {
    const rule = await ReferenceProgram.record("checkGradients", gradients, inputs);
    const exact = rule.values()[targets.indexOf(k)][position];
    let verdict = "so the backward rule is wrong";
    if (relativeError(exact, worst.want) <= 1e-6) verdict = "so the rule is right and a kernel is off";
    else if (odd !== undefined && relativeError(exact, worst.got) <= 1e-6)
      verdict = `which may well be the choice for a ${odd}: check on either side of it`;
    notes.push(`the same rule in float64 gives ${show(exact)}, ${verdict}`);
  }
  const error = new CheckError(
    `checkGradients: ${what} of input ${k} (${inputs[k].describe()}) at ${showShape(index)} is ${show(worst.got)}, differences say ${show(worst.want)}: error ${worst.error.toExponential(1)}, allowed ${tolerance}; ${off} of ${checked} elements checked are off${notes.map((note) => `; ${note}`).join("")}`,
  );
  throw Object.assign(error, { report });
}

/** The weighted sum of outputs along one element of an input. */
interface Line {
  readonly change: Change;
  /** What rounding may leave in a change about `x`: of the outputs that differ there, a few units in their last places. */
  noise(x: number, step: number): number;
}

function along(
  program: ReferenceProgram,
  weights: readonly (Float64Array | undefined)[],
  k: number,
  values: Float64Array,
  at: number,
): Line {
  const outputsAt = (x: number) => {
    const moved = values.slice();
    moved[at] = x;
    return program.valuesWith(k, moved);
  };
  /** Of each pair of outputs' elements, by their weight. */
  const over = (b: number, a: number, term: (after: number, before: number, weight: number) => number) => {
    const [after, before] = [outputsAt(b), outputsAt(a)];
    let total = 0;
    weights.forEach((weight, i) => {
      if (weight === undefined) return;
      for (let j = 0; j < weight.length; j++) total += term(after[i][j], before[i][j], weight[j]);
    });
    return total;
  };
  return {
    // Element by element: what has no part in it cancels to the bit.
    change: (b, a) =>
      over(b, a, (after, before, weight) => (after === before ? 0 : weight * (after - before))),
    noise(x, step) {
      const sizes = over(x + step, x - step, (after, before, weight) =>
        after === before ? 0 : Math.abs(weight) * (Math.abs(after) + Math.abs(before)),
      );
      return Number.isFinite(sizes) ? sizes * 2 ** -51 : 0;
    },
  };
}

/** Gradients of `fn`'s weighted sum with respect to the inputs `targets`, on the inputs' device. */
function gradientsOf(
  fn: (...inputs: Tensor[]) => Tensors,
  inputs: readonly Tensor[],
  targets: readonly number[],
  seed: number,
  anchored = false,
): (...all: Tensor[]) => Tensor[] {
  return (...all) =>
    tidy(() =>
      grad((...moving) => {
        const args = [...all];
        targets.forEach((k, i) => {
          args[k] = moving[i];
        });
        let total = weightedSum(tensorsIn("checkGradients", fn(...args)), seed, inputs[targets[0]].device);
        if (anchored) for (const x of moving) total = add(total, mul(sum(x), 0));
        return total;
      })(...targets.map((k) => all[k])),
    );
}

function weightedSum(outputs: readonly Tensor[], seed: number, device: Device): Tensor {
  const parts = outputs.flatMap((out, i) => {
    if (!isFloat(out.dtype)) return [];
    const weights = weightsOf(out.size, outputs.length, seed + i);
    return [sum(weights === one ? out : mul(out, tensor(weights, { shape: out.shape, device })))];
  });
  if (parts.length === 0)
    throw new ArgumentError("checkGradients: the function returns no f32 tensor, so nothing has a gradient");
  return parts.reduce((total, part) => add(total, part));
}

const one = Float64Array.of(1);

/** What turns outputs into one number with nothing cancelling: 1 for a lone scalar, else fixed random weights. */
function weightsOf(size: number, outputs: number, seed: number): Float64Array {
  if (size === 1 && outputs === 1) return one;
  const next = uniforms(seed);
  return Float64Array.from({ length: size }, () => Math.round((next() * 2 - 1) * 1024) / 1024);
}

const positionOf = (index: readonly number[], shape: readonly number[]): number =>
  index.reduce((position, at, axis) => position * shape[axis] + at, 0);

const show = (x: number): string => String(Number(x.toPrecision(7)));
