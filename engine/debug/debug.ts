// debug: switches on what finds mistakes at the cost of speed.

import { checkOptions, type OptionNames } from "../base/errors.ts";
import { opWatch, type TensorWatch, tensorWatch } from "../tensor/watches.ts";
import { type GarbageReport, GarbageWatch } from "./garbage.ts";
import { NumericsWatch } from "./numerics.ts";

export interface DebugOptions {
  /**
   * Finds the first op that makes a NaN or an infinity, forward or backward, or that is given an index, id or label out
   * of range. The next `data()`, `item()` or `sync()`
   * throws a NumericsError that names the op, its layer, its line and what it was given. `jit` and `fit` run their
   * ops one by one meanwhile, and every result is scanned on the device: expect a fraction of the speed.
   */
  numerics?: boolean;
  /**
   * Reports tensors that the garbage collector freed because nobody had disposed them, with the line where they were
   * made: `true` warns on the console, a function takes the reports.
   */
  garbage?: boolean | ((report: GarbageReport) => void);
}

/** Ends when it is disposed: `using _ = debug({ numerics: true })` debugs a block. */
export interface Debugging extends Disposable {
  /** Puts everything back as it was before the call. */
  dispose(): void;
}

const debugOptions: OptionNames<DebugOptions> = { numerics: true, garbage: true };

/**
 * Switches debugging on or off; what is not named stays as it is. Costs nothing while it is off.
 *
 *     debug({ numerics: true });
 *     await model.fit(x, y);
 *     // NumericsError: log (layer dense_2, train.ts:41) made 3 NaN of 1280 values in its forward pass; its input was
 *     // [128, 10] with minimum -0.2 and maximum 4.1
 */
export function debug(options: DebugOptions = {}): Debugging {
  checkOptions("debug", options, debugOptions);
  const now = () => ({ ops: opWatch.value, tensors: tensorWatch.value });
  const before = now();
  if (options.numerics !== undefined) opWatch.value = options.numerics ? new NumericsWatch() : undefined;
  if (options.garbage !== undefined) tensorWatch.value = garbageWatch(options.garbage);
  const mine = now();
  const dispose = (): void => {
    if (mine.ops !== before.ops && mine.ops instanceof NumericsWatch) mine.ops.dispose();
    if (opWatch.value === mine.ops) opWatch.value = before.ops;
    if (tensorWatch.value === mine.tensors) tensorWatch.value = before.tensors;
  };
  return { dispose, [Symbol.dispose]: dispose };
}

function garbageWatch(option: NonNullable<DebugOptions["garbage"]>): TensorWatch | undefined {
  if (option === false) return undefined;
  return new GarbageWatch(option === true ? ({ message }) => console.warn(message) : option);
}
