// Makes tensors from host values.

import { type DType, dtypes } from "../base/dtype.ts";
import {
  ArgumentError,
  checkOptions,
  kindOf,
  type OptionNames,
  ShapeError,
  unknownName,
} from "../base/errors.ts";
import { hostMemory } from "../base/host-memory.ts";
import { checkShape, maxRank, type Shape, showShape, sizeOf } from "../base/shape.ts";
import type { Spec } from "../kernel/kernel.ts";
import type { Memory } from "../kernel/memory.ts";
import { type Device, device as defaultDevice } from "./device.ts";
import { type NestedInput, Tensor } from "./tensor.ts";

export interface CreateOptions {
  /** Default: the shape of nested arrays, `[length]` of flat ones. */
  shape?: Shape;
  /** Default: by the array's type (Float32Array f32, Int32Array i32, Uint32Array u32, Uint8Array u8, booleans bool), else f32. */
  dtype?: DType;
  device?: Device;
}

const createOptions: OptionNames<CreateOptions> = { shape: true, dtype: true, device: true };

export type FillOptions = Omit<CreateOptions, "shape">;

export const fillOptions: OptionNames<FillOptions> = { dtype: true, device: true };

/**
 * A tensor from numbers: a number, nested arrays, or a flat typed array with a `shape`. The values are copied;
 * the source is never kept or changed.
 */
export function tensor(values: NestedInput | ArrayLike<number>, options: CreateOptions | Shape = {}): Tensor {
  if (!isShape(options)) checkOptions("tensor", options, createOptions);
  const { shape, dtype, device } = isShape(options) ? { shape: options } : (options as CreateOptions);
  const on = device ?? defaultDevice();
  const found = fromValues("tensor", values, shape, on);
  return upload(on, found.values, found.shape, dtype ?? found.dtype, "tensor");
}

/** A tensor of `shape` filled with `value`. */
export function full(shape: Shape, value: number, options: FillOptions = {}): Tensor {
  return filled("full", shape, value, options);
}

export function zeros(shape: Shape, options: FillOptions = {}): Tensor {
  return filled("zeros", shape, 0, options);
}

export function ones(shape: Shape, options: FillOptions = {}): Tensor {
  return filled("ones", shape, 1, options);
}

function filled(what: string, shape: Shape, value: number, options: FillOptions): Tensor {
  checkOptions(what, options, fillOptions);
  checkShape(what, shape);
  if (typeof value !== "number" && typeof value !== "boolean")
    throw new ArgumentError(`${what}: the value must be a number, got ${kindOf(value)}`);
  const { device = defaultDevice(), dtype = "f32" } = options;
  checkDType(dtype);
  checkValues(what, [Number(value)], dtype);
  return made(device, { shape: [...shape], dtype }, what, (memory, spec) => {
    const { backend } = device;
    if (backend.fill !== undefined) backend.fill(memory, spec, Number(value));
    else backend.write(memory, spec, hostValues(spec, what).fill(Number(value)));
  });
}

/** Room for values of a dtype, as they are uploaded. */
export function hostValues({ dtype, shape }: Spec, what: string): Float32Array | Float64Array {
  const count = sizeOf(shape);
  return hostMemory(what, () => (dtype === "f32" ? new Float32Array(count) : new Float64Array(count)));
}

/** @internal A tensor of values that are checked. */
export function upload(
  device: Device,
  values: ArrayLike<number>,
  shape: Shape,
  dtype: DType,
  what: string,
): Tensor {
  checkShape(what, shape);
  checkDType(dtype);
  checkValues(what, values, dtype);
  return made(device, { shape: [...shape], dtype }, what, (memory, spec) =>
    device.backend.write(memory, spec, values),
  );
}

/** A tensor that `write` gives its values. Memory comes first: what is too large for the device makes no host array. */
export function made(
  device: Device,
  spec: Spec,
  what: string,
  write: (memory: Memory, spec: Spec) => void,
): Tensor {
  device.checkOpen(`the result of ${what}`);
  const memory = device.backend.allocate(spec, `the result of ${what}`, []);
  try {
    write(memory, spec);
  } catch (error) {
    memory.release();
    throw error;
  }
  return new Tensor(device, spec, memory);
}

/** Throws, before host values are made, where an f32 tensor of the shape is more than the device can hold. */
export function checkSize(device: Device, shape: Shape, what: string): void {
  checkShape(what, shape);
  device.backend.checkSize({ shape, dtype: "f32" }, what);
}

const ranges: Partial<Record<DType, readonly [low: number, high: number]>> = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  u8: [0, 255],
};

/** @internal Throws an ArgumentError for a host value that an integer dtype can't hold: it would wrap silently. */
export function checkValues(what: string, values: ArrayLike<number>, dtype: DType): void {
  const range = ranges[dtype];
  if (range === undefined || (ArrayBuffer.isView(values) && typedArrayDType(what, values) === dtype)) return;
  for (let i = 0; i < values.length; i++) {
    if (Number.isInteger(values[i]) && values[i] >= range[0] && values[i] <= range[1]) continue;
    throw new ArgumentError(
      `${what}: value ${values[i]} at index ${i} does not fit ${dtype}; it must be whole and from ${range[0]} to ${range[1]}. Use dtype "f32" and cast()`,
    );
  }
}

/** @internal Throws an ArgumentError for a name that is no dtype. */
export function checkDType(dtype: DType): void {
  if (!dtypes.includes(dtype))
    throw unknownName("dtype", typeof dtype === "string" ? dtype : kindOf(dtype), dtypes);
}

/** Flat values, their shape and natural dtype; throws a ShapeError for ragged or misfitting input. */
export function fromValues(
  what: string,
  values: NestedInput | ArrayLike<number>,
  shape: Shape | undefined,
  device?: Device,
): { values: ArrayLike<number>; shape: Shape; dtype: DType } {
  let flat: ArrayLike<number>;
  let natural: Shape;
  let dtype: DType = "f32";
  if (typeof values === "number" || typeof values === "boolean") {
    flat = [Number(values)];
    natural = [];
    if (typeof values === "boolean") dtype = "bool";
  } else if (ArrayBuffer.isView(values)) {
    flat = values as unknown as ArrayLike<number>;
    natural = [flat.length];
    dtype = typedArrayDType(what, values);
  } else if (Array.isArray(values)) {
    natural = nestedShape(what, values);
    checkFill(what, sizeOf(natural), shape);
    device?.backend.checkSize({ shape: natural, dtype: "f32" }, what);
    const out: number[] = [];
    dtype = flatten(what, values, natural, 0, out) ? "bool" : "f32";
    flat = out;
  } else {
    throw new ArgumentError(
      `${what}: values must be a number, nested arrays or a typed array, got ${kindOf(values)}`,
    );
  }
  if (shape === undefined) return { values: flat, shape: natural, dtype };
  checkFill(what, flat.length, shape);
  return { values: flat, shape, dtype };
}

function checkFill(what: string, count: number, shape: Shape | undefined): void {
  if (shape === undefined) return;
  checkShape(what, shape);
  if (sizeOf(shape) === count) return;
  throw new ShapeError(
    `${what}: ${count} values do not fill shape ${showShape(shape)}, which has ${sizeOf(shape)} elements`,
  );
}

function typedArrayDType(what: string, values: ArrayBufferView): DType {
  if (values instanceof Float32Array || values instanceof Float64Array) return "f32";
  if (values instanceof Int32Array || values instanceof Int16Array || values instanceof Int8Array)
    return "i32";
  if (values instanceof Uint32Array || values instanceof Uint16Array) return "u32";
  if (values instanceof Uint8Array || values instanceof Uint8ClampedArray) return "u8";
  throw new ArgumentError(
    `${what}: ${values.constructor.name} is not supported; use Float32Array, Int32Array, Uint32Array or Uint8Array`,
  );
}

/** @internal The shape of nested arrays, by their first elements. */
export function nestedShape(what: string, values: unknown): number[] {
  const shape: number[] = [];
  for (let level = values; isList(level); level = level[0]) {
    shape.push(level.length);
    if (shape.length > maxRank) {
      throw new ShapeError(
        `${what}: the arrays are nested more than ${maxRank} levels deep, or contain themselves`,
      );
    }
  }
  checkShape(what, shape);
  return shape;
}

/** Whether a value is an array, or a typed one. */
export const isList = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));

/** Appends the leaves to `out`; true when they are all booleans. */
function flatten(
  what: string,
  values: ArrayLike<unknown>,
  shape: Shape,
  axis: number,
  out: number[],
): boolean {
  if (values.length !== shape[axis]) {
    throw new ShapeError(
      `${what}: ragged input: a row on axis ${axis} has ${values.length} entries where the first has ${shape[axis]}`,
    );
  }
  let isBool = values.length > 0;
  for (const value of Array.from(values)) {
    if (axis + 1 < shape.length) {
      if (!isList(value))
        throw new ShapeError(
          `${what}: ragged input: a plain value on axis ${axis} where an array of ${shape[axis + 1]} was expected`,
        );
      if (!flatten(what, value, shape, axis + 1, out)) isBool = false;
    } else if (typeof value === "number" || typeof value === "boolean") {
      if (typeof value === "number") isBool = false;
      out.push(Number(value));
    } else {
      throw new ShapeError(
        `${what}: ragged or non-numeric input on axis ${axis}: ${isList(value) ? "an array" : typeof value}`,
      );
    }
  }
  return isBool;
}

function isShape(options: CreateOptions | Shape): options is Shape {
  return Array.isArray(options);
}
