// A scan that keeps the carry of each n-th step alone: its steps in segments, which run again when gradients want what
// their steps computed.

import { checkpoint } from "../../autograd/checkpoint.ts";
import { concat } from "../../ops/layout/concat.ts";
import { reshape } from "../../ops/layout/reshape.ts";
import { slice } from "../../ops/layout/slice.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Stepped, Steps } from "./steps.ts";
import { traceOf } from "./trace-loop.ts";
import { runTraced } from "./traced.ts";

/** @param every steps of a segment; the last one has what is left */
export function runSegments(steps: Steps, every: number): Stepped {
  const { length, isReversed } = steps;
  const size = Math.min(every, length);
  const count = Math.floor(length / size);
  const left = length - count * size;
  const run = traceOf(steps.device) === undefined ? oneByOne : asLoop;
  const whole = isReversed ? [left, length] : [0, count * size];
  const first = run(steps.part(steps.carry, rowsOf(steps.xs, whole[0], whole[1]), count * size), count, size);
  if (left === 0) return first;
  const rest = isReversed ? [0, left] : [count * size, length];
  const last = run(steps.part(first.carry, rowsOf(steps.xs, rest[0], rest[1]), left, rest[0]), 1, left);
  const outputs = first.outputs.map((rows, k) =>
    concat(isReversed ? [last.outputs[k], rows] : [rows, last.outputs[k]], 0),
  );
  return { carry: last.carry, outputs };
}

const rowsOf = (xs: readonly Tensor[], first: number, end: number): Tensor[] =>
  xs.map((x) => (end - first === x.shape[0] ? x : slice(x, first, end)));

/** Traced: a loop over the segments, in which each is a loop. */
function asLoop(steps: Steps, count: number, size: number): Stepped {
  const segmented = new Steps(
    (carry, xs) => {
      const { carry: next, outputs } = runTraced(
        steps.part(carry as Tensor[], (xs as Tensor[] | undefined) ?? [], size),
      );
      return [next as Tensor[], outputs as Tensor[]];
    },
    steps.carry as Tensor[],
    steps.xs.length === 0 ? undefined : steps.xs.map((x) => reshape(x, [count, size, ...x.shape.slice(1)])),
    { length: count, reverse: steps.isReversed },
  );
  const { carry, outputs } = runTraced(segmented, { keepsCarriesAlone: true });
  return {
    carry,
    outputs: outputs.map((rows) => reshape(rows, [count * size, ...rows.shape.slice(2)])),
  };
}

/** Op by op: each segment is a block that keeps nothing. */
function oneByOne(steps: Steps, count: number, size: number): Stepped {
  const { isReversed } = steps;
  const states = steps.carry.length;
  const parts: (readonly Tensor[])[] = [];
  let now = steps.carry;
  for (let i = 0; i < count; i++) {
    const at = isReversed ? count - 1 - i : i;
    const block = checkpoint((...tensors: Tensor[]) => {
      const part = steps.part(tensors.slice(0, states), tensors.slice(states), size, at * size);
      const { carry, outputs } = part.unrolled(part.carry, part.xs);
      return [...carry, ...outputs];
    });
    const results = block(...now, ...rowsOf(steps.xs, at * size, (at + 1) * size)) as Tensor[];
    now = results.slice(0, states);
    parts[at] = results.slice(states);
  }
  const outputs = parts[0].map((_, k) =>
    concat(
      parts.map((part) => part[k]),
      0,
    ),
  );
  return { carry: now, outputs };
}
