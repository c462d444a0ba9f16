// Checks of arguments that must be tensors, or numbers by axis, and may be anything else: a Promise that nobody
// awaited, undefined, an array where none will do. What is right costs an instanceof.

import { ArgumentError, isPromise, kindOf } from "../base/errors.ts";
import type { Shape } from "../base/shape.ts";
import { isList, nestedShape } from "./create.ts";
import type { TensorLike } from "./op.ts";
import { Tensor } from "./tensor.ts";

/** Throws unless argument `position` (from 1) of `call` is a Tensor. */
export function checkTensor(call: string, value: unknown, position = 1): asserts value is Tensor {
  if (!(value instanceof Tensor)) throw notTensor(call, value, `argument ${position}`, "a Tensor");
}

/** Throws unless argument `position` (from 1) of `call` is an array of Tensors. */
export function checkTensors(
  call: string,
  values: unknown,
  position = 1,
): asserts values is readonly Tensor[] {
  if (!Array.isArray(values)) {
    if (isPromise(values)) throw notTensor(call, values, `argument ${position}`, "an array of Tensors");
    const remedy = values instanceof Tensor ? "; put it in brackets" : "";
    throw new ArgumentError(
      `${call}: argument ${position} must be an array of Tensors, got ${kindOf(values)}${remedy}`,
    );
  }
  for (let i = 0; i < values.length; i++) {
    if (values[i] instanceof Tensor) continue;
    throw notTensor(call, values[i], `element ${i} of argument ${position}`, "a Tensor");
  }
}

/** The shape of argument `position` of an op, which takes numbers and arrays, too; throws where it is none of them. */
export function shapeOf(call: string, value: TensorLike, position = 1): Shape {
  if (value instanceof Tensor) return value.shape;
  if (typeof value === "number" || typeof value === "boolean") return [];
  if (isList(value)) return nestedShape(call, value);
  throw notTensor(call, value, `argument ${position}`);
}

/** Throws unless an argument of `call` is an array, or, where one will do for all, a number. */
export function checkNumbers(call: string, what: string, value: unknown, takesOne = true): void {
  if (Array.isArray(value) || ArrayBuffer.isView(value) || (takesOne && typeof value === "number")) return;
  const wanted = takesOne ? "a number or an array of them" : "an array";
  throw new ArgumentError(`${call}: ${what} must be ${wanted}, got ${kindOf(value)}`);
}

/** The error for what is no tensor: says what it is, and how to make one of it. */
export function notTensor(
  call: string,
  value: unknown,
  argument: string,
  wanted = "a Tensor, a number or an array of numbers",
): ArgumentError {
  if (isPromise(value)) return new ArgumentError(`${call}: ${argument} is a Promise; await it first`);
  const isList = Array.isArray(value) || ArrayBuffer.isView(value);
  const remedy = isList ? "; make one with tensor([...])" : "";
  return new ArgumentError(`${call}: ${argument} must be ${wanted}, got ${kindOf(value)}${remedy}`);
}
