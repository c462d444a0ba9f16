// A cell's weights as kernels of recurrences read them.

import type { Tensor } from "../../../engine/index.ts";
import { gatesTogether } from "../../../engine/internal.ts";
import type { GatedCell } from "./gated-cell.ts";

/**
 * Kernel, recurrent kernel and bias with the four columns of a unit side by side.
 *
 * @param gates which column each gate of the kernels belongs to
 * @param biases the same of the bias's parts
 */
export function sideBySide(
  { kernel, recurrentKernel, bias, units }: GatedCell,
  gates: readonly number[],
  biases: readonly number[],
): [kernel: Tensor, recurrentKernel: Tensor, bias: Tensor | undefined] {
  const weights = [kernel as Tensor, recurrentKernel as Tensor, ...(bias === undefined ? [] : [bias])];
  const columns = [gates, gates, ...(bias === undefined ? [] : [biases])];
  const [first, second, third] = gatesTogether(weights, units, columns);
  return [first, second, third];
}
