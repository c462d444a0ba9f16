// CTC losses in single ops, step by step: what derivatives of their gradient are taken of.

import { full } from "../../tensor/create.ts";
import { arange } from "../../tensor/ranges.ts";
import { noGrad } from "../../tensor/recording.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add, maximum, minimum, mul, neg, sub } from "../elementwise/arithmetic.ts";
import { greater, greaterEqual, less, notEqual } from "../elementwise/comparison.ts";
import { logicalAnd, where } from "../elementwise/logical.ts";
import { takeAlongAxis } from "../indexing/along-axis.ts";
import { concat, stack } from "../layout/concat.ts";
import { expand } from "../layout/movement.ts";
import { reshape } from "../layout/reshape.ts";
import { slice } from "../layout/slice.ts";
import { logSumExp } from "../reduce/statistics.ts";
import type { CtcAttrs } from "./ctc-kernels.ts";

/** Stands for the logarithm of 0: differences of it are numbers. */
const never = -1e30;

/** The losses; 0 where no way leads to the labels, since infinity has the same derivatives and spoils sums. */
export function composedLosses(
  logs: Tensor,
  labels: Tensor,
  inputLengths: Tensor,
  labelLengths: Tensor,
  { blank }: CtcAttrs,
): Tensor {
  const { device, shape } = logs;
  const [batch, steps, classes] = shape;
  const most = labels.shape[1];
  const width = 2 * most + 1;
  const { states, isClass, maySkip, count, ends } = noGrad(() => {
    const blanks = full([batch, most], blank, { dtype: "i32", device });
    const pairs = reshape(stack([blanks, labels], 2), [batch, 2 * most]);
    const states = concat([pairs, full([batch, 1], blank, { dtype: "i32", device })], 1);
    const isClass = logicalAnd(greaterEqual(states, 0), less(states, classes));
    // Blanks are equal, so only labels can be reached past one.
    const differs =
      width < 3
        ? undefined
        : notEqual(slice(states, [0, 2], [batch, width]), slice(states, [0, 0], [batch, width - 2]));
    const first = full([batch, Math.min(2, width)], 0, { dtype: "bool", device });
    const maySkip = differs === undefined ? first : concat([first, differs], 1);
    const count = reshape(minimum(maximum(labelLengths, 0), most), [batch, 1]);
    const last = mul(count, 2);
    return { states, isClass, maySkip, count, ends: concat([last, sub(last, 1)], 1) };
  });
  const places = expand(reshape(states, [batch, 1, width]), [batch, steps, width]);
  const found = where(reshape(isClass, [batch, 1, width]), takeAlongAxis(logs, places, 2), never);
  const emitted = where(less(found, never), never, found);
  const at = (t: number) => reshape(slice(emitted, [0, t, 0], [batch, t + 1, width]), [batch, width]);
  const shifted = (x: Tensor, by: number) =>
    by > width
      ? full([batch, width], never, { device })
      : concat([full([batch, by], never, { device }), slice(x, [0, 0], [batch, width - by])], 1);
  const lengths = reshape(inputLengths, [batch, 1]);
  let ways = where(less(arange(width, { device }), 2), at(0), never);
  for (let t = 1; t < steps; t++) {
    const from = stack([ways, shifted(ways, 1), where(maySkip, shifted(ways, 2), never)]);
    ways = where(greater(lengths, t), add(logSumExp(from, 0), at(t)), ways);
  }
  // Without labels there is no last label, and without steps nothing at all.
  const hasEnd = concat([full([batch, 1], 1, { dtype: "bool", device }), greater(count, 0)], 1);
  const total = logSumExp(where(hasEnd, takeAlongAxis(ways, ends, 1), never), 1);
  const isPossible = logicalAnd(greater(total, -1e29), greater(inputLengths, 0));
  return where(isPossible, neg(total), 0);
}
