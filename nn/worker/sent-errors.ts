// Errors on their way from one thread to another: class, message, stack and causes arrive.

import * as errors from "../../engine/base/errors.ts";

/** An error as plain data, or, where something else was thrown, that. */
export type SentError =
  | {
      readonly name: string;
      readonly message: string;
      readonly stack: string | undefined;
      readonly code: string | undefined;
      readonly cause: SentError | undefined;
    }
  | { readonly value: unknown };

type ErrorClass = new (message?: string) => Error;

/** How deep causes are followed: two may name each other. */
const mostCauses = 8;

const builtIn: Readonly<Record<string, ErrorClass>> = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

export function sentError(error: unknown, depth = 0): SentError {
  // A DOMException is an Error everywhere; an error of another realm has the same properties.
  const { name, message, stack, code, cause } = (error ?? {}) as Partial<Error> & { code?: unknown };
  if (typeof name !== "string" || typeof message !== "string") return { value: cloneable(error) };
  return {
    name,
    message,
    stack,
    code: typeof code === "string" ? code : undefined,
    cause: cause === undefined || depth === mostCauses ? undefined : sentError(cause, depth + 1),
  };
}

export function receivedError(sent: SentError): unknown {
  if ("value" in sent) return sent.value;
  const { name, message, stack, code, cause } = sent;
  const error = emptyError(name, message);
  const own: Record<string, unknown> = { stack, code, cause: cause && receivedError(cause) };
  for (const [key, value] of Object.entries(own))
    if (value !== undefined) Object.defineProperty(error, key, { value, configurable: true, writable: true });
  return error;
}

/** Of the class that has the name, where it is one of the language's, of the web's or of ours. */
function emptyError(name: string, message: string): Error {
  const own: unknown = Object.entries(errors).find(([key]) => key === name)?.[1];
  const isOwn = typeof own === "function" && own.prototype instanceof Error;
  const found = isOwn ? (own as ErrorClass) : Object.hasOwn(builtIn, name) ? builtIn[name] : undefined;
  if (found !== undefined) return new found(message);
  // Those that fetch, signals and structuredClone end with.
  if (/^(?:Abort|Timeout|DataClone|NotFound|NotSupported|Operation|QuotaExceeded|Security)Error$/.test(name))
    return new DOMException(message, name);
  const error = new Error(message);
  if (name !== "Error")
    Object.defineProperty(error, "name", { value: name, configurable: true, writable: true });
  return error;
}

/** What can be sent of a value that is no error. */
function cloneable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return String(value);
  }
}
