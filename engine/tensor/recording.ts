// Who is told of the ops that run: tapes, and others that only look on.

import { Ambient } from "../base/ambient.ts";
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

/** Who is told now, outermost first. */
export const recorders = new Ambient<readonly Recorder[]>([]);

/** Whether an op that runs now would be told to anyone. */
export const isRecording = (): boolean => recorders.value.length > 0;

export function recordOnTapes(
  op: Op,
  attrs: unknown,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
): void {
  for (const recorder of recorders.value) recorder.record(op, attrs, inputs, outputs);
}

/** Runs `fn` without `recorder`; the tapes around it go on. */
export function withoutRecorder<T>(recorder: Recorder, fn: () => T): T {
  const active = recorders.value;
  if (!active.includes(recorder)) return fn();
  return recorders.with(
    active.filter((other) => other !== recorder),
    fn,
  );
}

/** Runs `fn` with no tape recording: nothing in it gets a gradient. */
export function noGrad<T>(fn: () => T): T {
  checkFunction("noGrad", fn, "computes something, as in () => add(x, 1)", "what is in it gets no gradient");
  return recorders.with([], fn);
}
