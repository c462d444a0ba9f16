// The CTC loss: of labels that are known in their order, but not in time. Named by nobody, it is in no bundle.

import {
  ArgumentError,
  any,
  cast,
  ctcLoss,
  type Shape,
  ShapeError,
  showShape,
  sum,
  type Tensor,
} from "../../engine/index.ts";
import { wholeNumber } from "../../engine/internal.ts";
import { batched, type SampleShape } from "../layers/spec.ts";
import { type Loss, type LossOptions, makeLoss } from "./loss.ts";

export interface CtcOptions extends LossOptions {
  /** The class that stands for no label, and fills up rows of labels; default 0, as in Keras. */
  blank?: number;
  /** A sample with too few steps for its labels counts as a loss of 0; default false: its loss is Infinity. */
  zeroInfinity?: boolean;
}

/**
 * -ln of the probability of labels whose order is known, but not their times, in all ways to lay them along the steps
 * (connectionist temporal classification, see {@link ctcLoss}). Outputs are logits [batch, time, classes], targets whole
 * numbers [batch, length], each row filled up with the blank behind its labels. A mask of the outputs says how many steps a
 * sample has, which are the first ones; samples without any do not count.
 */
export const ctc = (options: CtcOptions = {}): Loss =>
  makeLoss("ctc", options, { blank: true, zeroInfinity: true }, (given, what) => {
    const { blank = 0, zeroInfinity = false } = given;
    wholeNumber(what, "the blank", blank);
    return {
      targets: "sequences",
      logitsOf: "softmax",
      maskOfLosses: (mask: Tensor) => any(cast(mask, "bool"), -1),
      checkTargets: (where, values, row, outputs) =>
        checkSequences(where, values, row, outputs, blank, zeroInfinity),
      call: (targets, outputs, mask) => {
        const inputLengths = mask === undefined ? undefined : sum(cast(mask, "i32"), -1);
        return ctcLoss(outputs, targets, { blank, zeroInfinity, inputLengths });
      },
    };
  });

/** What `fit` refuses before a step is taken. */
function checkSequences(
  what: string,
  values: ArrayLike<number>,
  row: Shape,
  outputs: SampleShape,
  blank: number,
  zeroInfinity: boolean,
): void {
  const [time, classes] = outputs;
  if (outputs.length !== 2 || typeof classes !== "number") {
    throw new ShapeError(
      `${what}: ctc takes outputs [batch, time, classes], got ${batched(outputs)}; end the model with a Dense layer over the steps`,
    );
  }
  if (blank >= classes) {
    throw new ArgumentError(
      `${what}: ctc's blank is class ${blank}, and outputs ${batched(outputs)} have classes 0 to ${classes - 1}; give the last layer one unit more, or ctc another blank`,
    );
  }
  if (row.length !== 1 || row[0] === 0) {
    throw new ShapeError(
      `${what}: ctc takes targets [batch, length], whole numbers filled up with ${blank}, got ${showShape(["batch", ...row] as never)}`,
    );
  }
  const [length] = row;
  for (let start = 0; start < values.length; start += length) {
    const sample = start / length;
    // Labels so far, and those that equal the one before and want a blank between.
    let [labels, repeats] = [0, 0];
    for (let i = 0; i < length; i++) {
      const label = values[start + i];
      if (!(Number.isInteger(label) && label >= 0 && label < classes)) {
        throw new ArgumentError(
          `${what}: label ${label} at position ${i} of sample ${sample} is out of range: for ${classes} outputs, labels must be whole numbers from 0 to ${classes - 1}, rows filled up with the blank, ${blank}`,
        );
      }
      if (label === blank) continue;
      if (labels < i) {
        throw new ArgumentError(
          `${what}: sample ${sample} has the blank, ${blank}, before label ${label} at position ${i}; blanks fill up rows at their ends only, so number the labels without ${blank}`,
        );
      }
      if (i > 0 && label === values[start + i - 1]) repeats++;
      labels++;
    }
    const wanted = labels + repeats;
    if (zeroInfinity || typeof time !== "number" || wanted <= time) continue;
    throw new ArgumentError(
      `${what}: sample ${sample} has ${labels} labels, ${repeats} of them equal to the one before, which take ${wanted} steps, and outputs ${batched(outputs)} have ${time}: its loss would be infinite. Give the model more steps, or leave such samples out with ctc({ zeroInfinity: true })`,
    );
  }
}
