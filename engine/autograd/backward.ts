// backward: gradients added up on the tensors themselves, as loops that a user writes by hand want them. It finds the
// tape that recorded the loss; the walk is the tape's.

import { checkDifferentiable, checkOptions, GradientError, type OptionNames } from "../base/errors.ts";
import { add } from "../ops/elementwise/arithmetic.ts";
import { checkTensor, checkTensors } from "../tensor/arguments.ts";
import { gradientOf } from "../tensor/gradient-store.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Variable } from "../tensor/variable.ts";
import { type TapeOptions, tapeOptions } from "./gradient-tape.ts";
import { markOnTapes } from "./hooks.ts";
import { openTapes, tapeThatReturned } from "./open-tapes.ts";
import { setGradient } from "./slots.ts";
import { Tape } from "./tape.ts";

export interface BackwardOptions {
  /** Gradient to start from, of the loss's shape; needed where the loss is not a single value. Default 1. */
  seed?: Tensor;
  /** Keep what the ops saved, so that `backward` can go over them again; default false. */
  retainGraph?: boolean;
}

const backwardOptions: OptionNames<BackwardOptions> = { seed: true, retainGraph: true };

interface RecordOptions extends TapeOptions {
  /** Tensors whose gradients are wanted. */
  watch?: readonly Tensor[];
}

const recordOptions: OptionNames<RecordOptions> = { ...tapeOptions, watch: true };

const retaining = new WeakSet<Tensor>();

/**
 * Runs `fn` on a tape of its own, for `backward(loss)`:
 *
 *     const loss = record(() => mean(square(sub(matmul(x, w), y))));
 *     backward(loss); // w.grad
 *
 * The tape lives as long as what `fn` returns. It is done after `backward`; a loss that is never walked over holds what
 * it was computed from until it is garbage collected, so in a loop use `using tape = new Tape()` where that happens.
 *
 * @param options as for {@link Tape}; `watch` names tensors whose gradients are wanted, besides trainable variables
 */
export function record<T>(fn: () => T, options: RecordOptions = {}): T {
  checkOptions("record", options, recordOptions);
  checkDifferentiable("record", fn);
  const { watch, ...ofTape } = options;
  if (watch !== undefined && !Array.isArray(watch)) checkTensors("record: watch", watch);
  const tape = new Tape(ofTape);
  if (watch !== undefined) tape.watch(...watch);
  return tape.record(fn);
}

/**
 * Adds the gradients of `loss` to `x.grad` of every watched tensor and trainable Variable that it depends on, and of
 * values marked by {@link retainGrad}. Others keep what they have; `zeroGrad` starts anew. Gradients belong to their
 * tensors: no scope frees them.
 *
 * What the ops on the way saved is freed while the walk passes, unless `retainGraph` is set.
 *
 * @param loss a single value, or of any shape with a seed; the newest open tape that recorded it is used
 * @throws GradientError for a loss that no open tape recorded, one that is not a single value without a seed, one whose
 *   graph was freed, and where a Variable was assigned whose old value is needed; then no `grad` has changed
 */
export function backward(loss: Tensor, options: BackwardOptions = {}): void {
  checkOptions("backward", options, backwardOptions);
  checkTensor("backward", loss);
  const wanted = (value: Tensor, isLeaf: boolean) => isLeaf || retaining.has(value);
  const found: (readonly [Tensor, Tensor])[] = [];
  const take = (value: Tensor, gradient: Tensor) => {
    found.push([value, gradient]);
  };
  tapeOf(loss).pullAll(loss, options.seed, wanted, take, {
    what: "backward",
    frees: options.retainGraph !== true,
  });
  for (const [value, gradient] of found) accumulate(value, gradient);
}

function accumulate(value: Tensor, gradient: Tensor): void {
  const before = value.isDisposed ? undefined : gradientOf(value);
  if (before === undefined) {
    // Nobody can read it any more.
    gradient.dispose();
  } else if (before === null) setGradient(value, gradient);
  else {
    setGradient(value, add(before, gradient));
    gradient.dispose();
  }
}

function tapeOf(loss: Tensor): Tape {
  const returned = tapeThatReturned(loss);
  if (returned?.isDisposed === false && returned instanceof Tape) return returned;
  for (const tape of openTapes()) if (tape instanceof Tape && tape.knows(loss)) return tape;
  if (returned !== undefined) {
    throw new GradientError(
      `backward: the tape that recorded ${loss.describe()} was disposed; call backward() before`,
    );
  }
  if (loss instanceof Variable) {
    throw new GradientError(`backward: ${loss.describe()} is not computed from anything; it has no graph`);
  }
  throw new GradientError(
    `backward: no open tape has recorded ${loss.describe()}; compute it inside record(() => ...) or tape.record(() => ...), from watched tensors or trainable variables`,
  );
}

/**
 * Lets `backward` add up the gradient of a value on the way, too, in its `grad`. Returns the tensor, which must be kept
 * to read it: `const hidden = retainGrad(relu(matmul(x, w)))`.
 *
 * @throws GradientError where no tape has recorded it
 */
export function retainGrad<T extends Tensor>(tensor: T): T {
  checkTensor("retainGrad", tensor);
  if (!markOnTapes(tensor)) {
    throw new GradientError(
      `retainGrad: no tape has recorded ${tensor.describe()}; call it inside record(), after the op that makes the value`,
    );
  }
  retaining.add(tensor);
  return tensor;
}

/** Frees the gradients that `backward` has added up on these tensors: their `grad` is null until the next one. */
export function zeroGrad(...tensors: (Tensor | readonly Tensor[])[]): void {
  const all = tensors.flat() as Tensor[];
  checkTensors("zeroGrad", all);
  for (const tensor of all) setGradient(tensor, undefined);
}
