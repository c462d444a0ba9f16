// noLeaks: a function that must leave as many tensors and bytes on the device as it found.

import { CheckError, checkFunction, checkOptions, type OptionNames } from "../base/errors.ts";
import { wholeNumber } from "../base/number-checks.ts";
import { type MadeAt, madeAt, showMadeAt } from "../debug/garbage.ts";
import { type Device, device as defaultDevice } from "../tensor/device.ts";
import { isKeptScalar } from "../tensor/scalars.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Variable } from "../tensor/variable.ts";
import { type TensorWatch, tensorWatch } from "../tensor/watches.ts";

export interface NoLeaksOptions {
  /** Whose tensors and bytes are counted; default: the default device. */
  device?: Device;
  /**
   * Runs before the one that is measured, which fill what is kept on purpose: programs of `jit`, kernels' scratch,
   * an optimizer's slots. Default 1; 0 for a function that may run only once.
   */
  warmUp?: number;
}

const leakOptions: OptionNames<NoLeaksOptions> = { device: true, warmUp: true };

/**
 * Runs `fn` and throws a CheckError, saying what leaked and where it was made, if it left more tensors or bytes on the
 * device than it found. Tensors in its result belong to the caller and don't count; those of the warm-up run are
 * disposed. `fn` may be asynchronous. Gives what `fn` returned.
 *
 *     await noLeaks(() => step(x, y));
 *
 * @throws CheckError as in "noLeaks: 2 tensors were left behind: 2 x f32 [128, 10] made at train.ts:41; ..."
 */
export async function noLeaks<T>(fn: () => T | Promise<T>, options: NoLeaksOptions = {}): Promise<T> {
  checkOptions("noLeaks", options, leakOptions);
  checkFunction("noLeaks", fn, "does what is checked, as in () => step(x, y)", "it is run and watched");
  const { device = defaultDevice(), warmUp = 1 } = options;
  wholeNumber("noLeaks", "warmUp", warmUp);
  for (let i = 0; i < warmUp; i++) {
    const result = await fn();
    for (const tensor of ownResults(result)) tensor.dispose();
  }
  await device.sync();
  const before = device.memory();
  const watch = new LeakWatch(device, tensorWatch.value);
  tensorWatch.value = watch;
  let result: T;
  try {
    result = await fn();
    await device.sync();
  } finally {
    if (tensorWatch.value === watch) tensorWatch.value = watch.outer;
  }
  const returned = ownResults(result).filter((tensor) => watch.alive.has(tensor));
  const left = [...watch.alive].filter(
    ([tensor]) => !tensor.isDisposed && !returned.includes(tensor) && !isKeptScalar(tensor),
  );
  const remedy = "dispose them, make them inside tidy(), or return them";
  if (left.length > 0) {
    const texts = left.map(
      ([tensor, at]) => (tensor instanceof Variable ? `${tensor.describe()}, ` : "") + showMadeAt(at),
    );
    throw new CheckError(
      `noLeaks: ${left.length} ${left.length === 1 ? "tensor was" : "tensors were"} left behind: ${listed(texts)}; ${remedy}`,
    );
  }
  // What is returned, and scalars that the device keeps, are bytes too: then handles alone are counted.
  const isExact = returned.length === 0 && watch.constants === 0;
  const bytes = isExact ? device.memory().bytes - before.bytes : 0;
  if (bytes > 0) {
    throw new CheckError(
      `noLeaks: ${bytes} bytes were left behind by what is no tensor (a program of jit, an optimizer's buffers): dispose() it, or let a warm-up run make it`,
    );
  }
  return result;
}

/** Notes the handles that are made on a device. */
class LeakWatch implements TensorWatch {
  readonly alive = new Map<Tensor, MadeAt>();
  readonly outer: TensorWatch | undefined;
  readonly #device: Device;
  #pruneAt = 10_000;

  constructor(device: Device, outer: TensorWatch | undefined) {
    this.#device = device;
    this.outer = outer;
  }

  /** Scalars that the device keeps for itself, made meanwhile. */
  get constants(): number {
    let count = 0;
    for (const tensor of this.alive.keys()) if (!tensor.isDisposed && isKeptScalar(tensor)) count++;
    return count;
  }

  made(tensor: Tensor): unknown {
    if (tensor.device === this.#device) {
      this.alive.set(tensor, madeAt(tensor));
      if (this.alive.size >= this.#pruneAt) this.#prune();
    }
    return this.outer?.made(tensor);
  }

  collected(origin: unknown): void {
    this.outer?.collected(origin);
  }

  #prune(): void {
    for (const tensor of this.alive.keys()) if (tensor.isDisposed) this.alive.delete(tensor);
    this.#pruneAt = Math.max(10_000, this.alive.size * 2);
  }
}

/** Tensors in what a function returned, as `tidy` finds them. */
function ownResults(value: unknown): Tensor[] {
  if (value instanceof Variable || value === null || typeof value !== "object") return [];
  if (value instanceof Tensor) return [value];
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  if (value instanceof Map) return [...value.values()].flatMap(ownResults);
  return isPlain ? Object.values(value).flatMap(ownResults) : [];
}

function listed(texts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  const lines = [...counts].map(([text, count]) => (count === 1 ? text : `${count} x ${text}`));
  return lines.length <= 8
    ? lines.join(", ")
    : `${lines.slice(0, 8).join(", ")} and ${lines.length - 8} other kinds`;
}
