// The options that all readers take, checked once.

import type { OptionNames } from "../../engine/base/errors.ts";
import { aboveZero } from "../../engine/internal.ts";
import type { Waiting } from "./bytes.ts";

export interface ReadOptions {
  /** Ends reading; what reads then rejects with a DataError whose `cause` is the signal's reason. */
  signal?: AbortSignal;
  /** For so many milliseconds a server, a file or a stream may be silent; default 30,000. */
  timeout?: number;
}

export const readOptions: OptionNames<ReadOptions> = { signal: true, timeout: true };

/** @throws ArgumentError where the timeout is no number above 0 */
export function waitingOf(call: string, { signal, timeout = 30_000 }: ReadOptions): Waiting {
  if (timeout !== Infinity) aboveZero(call, "timeout, in milliseconds,", timeout);
  // A timer can't count further.
  return { signal, timeout: Math.min(timeout, 2 ** 31 - 1) };
}

/** A limit in bytes or pieces, which may be Infinity. @throws ArgumentError where it is no number above 0 */
export const limitOf = (call: string, name: string, value: number): number =>
  value === Infinity ? value : aboveZero(call, name, value);
