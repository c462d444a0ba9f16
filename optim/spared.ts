// Variables that weight decay spares.

import { ArgumentError, type Variable } from "../engine/index.ts";
import { checkFunction, kindOf } from "../engine/internal.ts";
import { parameterGroups } from "./groups.ts";
import { Optimizer } from "./optimizer.ts";

/**
 * Spares variables from an optimizer's weight decay, biases and normalization parameters say; gives the optimizer back. A
 * group's own `weightDecay` holds all the same. To be called before the optimizer knows its variables.
 *
 * @param isExcluded told each variable once
 * @throws ArgumentError when the optimizer knows its variables already
 */
export function excludeFromWeightDecay<O extends Optimizer>(
  optimizer: O,
  isExcluded: (variable: Variable) => boolean,
): O {
  checkFunction(
    "excludeFromWeightDecay",
    isExcluded,
    'picks variables, as in ({ name }) => name.endsWith("bias")',
    "it is asked about each of them",
    "second",
  );
  if (!(optimizer instanceof Optimizer))
    throw new ArgumentError(
      `excludeFromWeightDecay: the first argument must be an Optimizer, as in excludeFromWeightDecay(new AdamW(), ...), got ${kindOf(optimizer)}`,
    );
  optimizer.spare(isExcluded, parameterGroups([]));
  return optimizer;
}
