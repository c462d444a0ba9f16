// Who made a tensor: for reports of handles that the garbage collector freed, and for those that `noLeaks` found alive.

import { currentScope } from "../base/name-scope.ts";
import { showShape } from "../base/shape.ts";
import { captureSource, type SourceLine } from "../base/source-line.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { TensorWatch } from "../tensor/watches.ts";

/** Where a handle was made. */
export interface MadeAt {
  /** As in "f32 [128, 10]". */
  readonly description: string;
  /** Names of the layers around it, "" outside of all. */
  readonly scope: string;
  readonly source: SourceLine;
}

export const madeAt = (tensor: Tensor): MadeAt => ({
  description: `${tensor.dtype} ${showShape(tensor.shape)}`,
  scope: currentScope(),
  source: captureSource(),
});

/** As in "f32 [128, 10] made at train.ts:41 in layer dense_1". */
export function showMadeAt({ description, scope, source }: MadeAt): string {
  const line = source.toString();
  return `${description}${line === "" ? "" : ` made at ${line}`}${scope === "" ? "" : ` in layer ${scope}`}`;
}

/** Handles freed by the garbage collector, made at one line with one shape. */
export interface GarbageReport {
  readonly count: number;
  readonly description: string;
  readonly source: string;
  /** The sentence that is printed unless a function takes the reports. */
  readonly message: string;
}

/** Reports dropped handles, once for all of a collection that were made at the same place. */
export class GarbageWatch implements TensorWatch {
  readonly #report: (report: GarbageReport) => void;
  #waiting: MadeAt[] = [];

  constructor(report: (report: GarbageReport) => void) {
    this.#report = report;
  }

  made(tensor: Tensor): MadeAt {
    const origin = madeAt(tensor);
    // Reads the line now: a stack that was not read yet keeps the constructor's frame, and so the tensor, alive.
    void origin.source.line;
    return origin;
  }

  collected(origin: unknown): void {
    if (this.#waiting.push(origin as MadeAt) > 1) return;
    // Finalizers of one collection run together.
    setTimeout(() => this.#tell(), 0);
  }

  #tell(): void {
    const counts = new Map<string, { count: number; first: MadeAt }>();
    for (const origin of this.#waiting) {
      const key = showMadeAt(origin);
      const entry = counts.get(key);
      if (entry === undefined) counts.set(key, { count: 1, first: origin });
      else entry.count++;
    }
    this.#waiting = [];
    for (const [text, { count, first }] of counts) {
      this.#report({
        count,
        description: first.description,
        source: first.source.toString(),
        message: `gradgpu: ${count} ${count === 1 ? "tensor" : "tensors"} ${text} went to the garbage collector without dispose(), which frees late; use tidy(), using or dispose()`,
      });
    }
  }
}
