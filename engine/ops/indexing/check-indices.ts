// What the dtype of indices may be.

import type { DType } from "../../base/dtype.ts";
import { DTypeError } from "../../base/errors.ts";
import type { Spec } from "../../kernel/kernel.ts";

/** @throws DTypeError unless `spec` has one of these dtypes */
export function checkIndices(
  op: string,
  what: string,
  spec: Spec,
  allowed: readonly DType[] = ["i32", "u32"],
): void {
  if (!allowed.includes(spec.dtype)) {
    throw new DTypeError(
      `${op}: the ${what} must be ${allowed.join(" or ")}, got ${spec.dtype}; use cast(x, "i32")`,
    );
  }
}
