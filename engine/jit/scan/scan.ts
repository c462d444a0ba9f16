// scan: a function that runs once for each step of a sequence. Op by op it is a loop in JavaScript; in jit it is traced
// once, and its gradient is a loop that goes the other way.

import { checkFunction, checkOptions, type OptionNames } from "../../base/errors.ts";
import { atLeastOne } from "../../base/number-checks.ts";
import type { Tree } from "../../base/tree.ts";
import { recorders } from "../../tensor/recording.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { runSegments } from "./segments.ts";
import { type AnyStep, type ScanOutput, type Stepped, Steps } from "./steps.ts";
import { traceOf } from "./trace-loop.ts";
import { runTraced } from "./traced.ts";

export type { ScanOutput };

export interface ScanOptions {
  /** How many steps; needed only where there are no `xs`. */
  length?: number;
  /** Whether the last row comes first; what is stacked lies at the place of its row. */
  reverse?: boolean;
  /**
   * Keep for gradients the carry of each n-th step alone, and run the steps between them again: less memory for one more
   * run. The root of the number of steps keeps least. Default: what all steps computed is kept.
   */
  checkpoint?: number;
}

const scanOptions: OptionNames<ScanOptions> = { length: true, reverse: true, checkpoint: true };

/**
 * Runs `step` once for each row of `xs`, from one to the next with a carry:
 *
 *     const [last, states] = scan((h, x) => { const next = tanh(add(matmul(x, w), matmul(h, u))); return [next, next]; }, h0, xs);
 *
 * In `jit` the step is traced once, whatever the length, its kernels are planned once, and so is its gradient, which
 * needs the carries of all steps and what a step's products gave; elsewhere ops run as they come. A step always runs as
 * often as there are rows: where to stop can't depend on values.
 *
 * @param step takes the carry and a row, and returns the next carry, of the same shapes and dtypes, and what is stacked
 *   over the steps; it may read other tensors and Variables, and assign Variables
 * @param carry a tensor, or several in arrays and plain objects
 * @param xs [steps, ...] each; undefined with `length`
 * @returns the last carry, and the outputs stacked: [steps, ...] each
 * @throws ShapeError where `xs` have unequal first axes or none, or the next carry is not like the one before
 */
export function scan<C extends Tree<Tensor>, X extends Tree<Tensor> | undefined, Y extends ScanOutput>(
  step: (carry: C, x: X) => readonly [C, Y] | readonly [C],
  carry: C,
  xs: X,
  options: ScanOptions = {},
): [C, Y] {
  checkOptions("scan", options, scanOptions);
  checkFunction(
    "scan",
    step,
    "computes one step, as in (h, x) => [tanh(add(h, x)), h]",
    "it runs for each row",
  );
  if (options.checkpoint !== undefined) atLeastOne("scan", "checkpoint", options.checkpoint);
  return tidy(() => {
    const steps = new Steps(step as unknown as AnyStep, carry, xs, options);
    return steps.inForm(run(steps, options.checkpoint)) as [C, Y];
  });
}

function run(steps: Steps, every: number | undefined): Stepped {
  // Where nothing is recorded, nothing is kept.
  if (every !== undefined && recorders.value.length > 0) return runSegments(steps, every);
  return traceOf(steps.device) === undefined ? steps.unrolled(steps.carry, steps.xs) : runTraced(steps);
}
