// Which tapes listen. Kept apart from the tape itself so that `apply` need not know what a tape is.

import { checkFunction } from "../base/errors.ts";
import type { Op } from "./op.ts";
import type { Tensor } from "./tensor.ts";

/** What is told of every op that runs: a tape, or something that only looks on. */
export interface Recorder {
  record(op: Op, attrs: unknown, inputs: readonly Tensor[], outputs: readonly Tensor[]): void;
  /** Whether it would record an op that reads `tensor`. */
  tracks(tensor: Tensor): boolean;
  /** The tape behind it, if it is one. */
  readonly tape?: object;
}

let active: readonly Recorder[] = [];

/** @internal Who listens now, outermost first. */
export function activeRecorders(): readonly Recorder[] {
  return active;
}

export function recordOnTapes(
  op: Op,
  attrs: unknown,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
): void {
  for (const recorder of active) recorder.record(op, attrs, inputs, outputs);
}

/** Runs `fn` with `recorder` listening too. */
export function withRecorder<T>(recorder: Recorder, fn: () => T): T {
  return withRecorders([...active, recorder], fn);
}

/** Runs `fn` without `recorder`; the tapes around it go on. */
export function withoutRecorder<T>(recorder: Recorder, fn: () => T): T {
  if (!active.includes(recorder)) return fn();
  return withRecorders(
    active.filter((other) => other !== recorder),
    fn,
  );
}

/** Runs `fn` with no tape recording: nothing in it gets a gradient. */
export function noGrad<T>(fn: () => T): T {
  checkFunction("noGrad", fn, "computes something, as in () => add(x, 1)", "what is in it gets no gradient");
  return withRecorders([], fn);
}

/** @internal Runs `fn` with exactly these listening. */
export function withRecorders<T>(next: readonly Recorder[], fn: () => T): T {
  const previous = active;
  active = next;
  try {
    return fn();
  } finally {
    active = previous;
  }
}
