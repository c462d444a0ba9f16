// What tells calls of a traced function apart: shapes and dtypes of tensors, and the values of all other arguments.

import { ArgumentError } from "../base/errors.ts";
import { Tensor } from "../tensor/tensor.ts";

/**
 * The signature of a call, as text.
 *
 * @param name the function's, for messages
 * @throws ArgumentError for an argument that is neither a tensor nor plain data
 */
export function signature(args: readonly unknown[], name: string): string {
  return args
    .map((arg, i) =>
      staticText(arg, (found) => {
        const inside = arg === found ? "is" : "holds";
        return new ArgumentError(
          `jit: argument ${i + 1} of ${name || "the function"} ${inside} a ${nameOf(found)}; arguments are tensors, plain data (numbers, strings, booleans), and arrays and plain objects of these`,
        );
      }),
    )
    .join(";");
}

const nameOf = (value: unknown) =>
  (typeof value === "object" && value?.constructor?.name) ||
  (typeof value === "object" ? "object" : typeof value);

/** Plain data as text: the same for equal values, another for any others (JSON has no NaN, infinities or -0). */
function staticText(value: unknown, refuse: (found: unknown) => Error): string {
  if (value instanceof Tensor) return `${value.dtype}[${value.shape}]`;
  if (Object.is(value, -0)) return "-0";
  if (value === null || ["number", "boolean", "undefined"].includes(typeof value)) return String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((part) => staticText(part, refuse))}]`;
  if (typeof value === "object" && [Object.prototype, null].includes(Object.getPrototypeOf(value))) {
    const parts = Object.entries(value).map(
      ([key, part]) => `${JSON.stringify(key)}:${staticText(part, refuse)}`,
    );
    return `{${parts}}`;
  }
  throw refuse(value);
}
