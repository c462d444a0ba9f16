// Tensors of numbers that follow a rule: in steps, between two ends, on a diagonal, and one-hot rows of host labels.

import type { DType } from "../base/dtype.ts";
import { ArgumentError, checkOptions, kindOf, type OptionNames } from "../base/errors.ts";
import { atLeastOne, wholeNumber } from "../base/number-checks.ts";
import { checkShape, type Shape, sizeOf } from "../base/shape.ts";
import {
  checkDType,
  checkValues,
  type FillOptions,
  fillOptions,
  fromValues,
  hostValues,
  made,
} from "./create.ts";
import { device as defaultDevice } from "./device.ts";
import { type NestedInput, Tensor } from "./tensor.ts";

/** A tensor whose elements `fill` writes, in order. */
function written(
  what: string,
  shape: Shape,
  dtype: DType,
  options: FillOptions,
  fill: (values: Float32Array | Float64Array) => void,
): Tensor {
  const { device = defaultDevice() } = options;
  checkDType(dtype);
  checkShape(what, shape);
  return made(device, { shape: [...shape], dtype }, what, (memory, spec) => {
    const values = hostValues(spec, what);
    fill(values);
    device.backend.write(memory, spec, values);
  });
}

function finite(what: string, name: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  const given = typeof value === "number" ? String(value) : kindOf(value);
  throw new ArgumentError(`${what}: the ${name} must be a finite number, got ${given}`);
}

/**
 * The numbers from `start` (default 0) up to `end`, exclusive, `step` (default 1) apart: i32 where start and step are
 * whole, else f32, unless said otherwise. A step below 0 counts down. Where nothing lies between, the tensor is empty.
 *
 *     arange(4)              // 0, 1, 2, 3
 *     arange(1, 2, 0.25)     // 1, 1.25, 1.5, 1.75
 */
export function arange(end: number, options?: FillOptions): Tensor;
export function arange(start: number, end: number, options?: FillOptions): Tensor;
export function arange(start: number, end: number, step: number, options?: FillOptions): Tensor;
export function arange(
  first: number,
  second?: number | FillOptions,
  third?: number | FillOptions,
  fourth?: FillOptions,
): Tensor {
  const numbers = [first, second, third].filter((given) => typeof given === "number");
  const options = [second, third, fourth].find((given) => given !== undefined && typeof given !== "number");
  checkOptions("arange", options as FillOptions | undefined, fillOptions);
  const [start, end] = numbers.length < 2 ? [0, first] : numbers;
  const step = numbers[2] ?? 1;
  finite("arange", "start", start);
  finite("arange", "end", end);
  if (finite("arange", "step", step) === 0)
    throw new ArgumentError("arange: the step is 0, which leads nowhere; it must be above or below 0");
  const isWhole = Number.isInteger(start) && Number.isInteger(step);
  const { dtype = isWhole ? "i32" : "f32" } = (options ?? {}) as FillOptions;
  const count = Math.max(0, Math.ceil((end - start) / step));
  if (count > 0) checkValues("arange", [start, start + (count - 1) * step], dtype);
  if (dtype !== "f32" && !isWhole && count > 0) checkValues("arange", [start, start + step], dtype);
  return written("arange", [count], dtype, (options ?? {}) as FillOptions, (values) => {
    for (let i = 0; i < count; i++) values[i] = start + i * step;
  });
}

export interface LinspaceOptions extends FillOptions {
  /** Whether the last number is `end`; default true. */
  endpoint?: boolean;
}

const linspaceOptions: OptionNames<LinspaceOptions> = { ...fillOptions, endpoint: true };

/**
 * `count` numbers from `start` to `end`, both among them, all equally far apart; f32 unless said otherwise. With
 * `endpoint: false` the end is left out, as if it were one more.
 *
 *     linspace(0, 1, 5)      // 0, 0.25, 0.5, 0.75, 1
 */
export function linspace(start: number, end: number, count: number, options: LinspaceOptions = {}): Tensor {
  checkOptions("linspace", options, linspaceOptions);
  finite("linspace", "start", start);
  finite("linspace", "end", end);
  wholeNumber("linspace", "the count", count);
  const { dtype = "f32", endpoint = true } = options;
  const parts = endpoint ? count - 1 : count;
  const at = (i: number) =>
    endpoint && i === count - 1 && i > 0 ? end : start + ((end - start) * i) / (parts || 1);
  if (dtype !== "f32")
    checkValues(
      "linspace",
      Array.from({ length: count }, (_, i) => at(i)),
      dtype,
    );
  return written("linspace", [count], dtype, options, (values) => {
    for (let i = 0; i < count; i++) values[i] = at(i);
  });
}

/** The identity matrix of `rows` rows and as many columns, or `columns`: 1 on the diagonal, 0 elsewhere; f32 unless said otherwise. */
export function eye(rows: number, columns?: number | FillOptions, options?: FillOptions): Tensor {
  const given = typeof columns === "number" || columns === undefined ? options : columns;
  const width = typeof columns === "number" ? columns : rows;
  checkOptions("eye", given, fillOptions);
  wholeNumber("eye", "the number of rows", rows);
  wholeNumber("eye", "the number of columns", width);
  return written("eye", [rows, width], given?.dtype ?? "f32", given ?? {}, (values) => {
    for (let i = 0; i < Math.min(rows, width); i++) values[i * width + i] = 1;
  });
}

/**
 * A row of `classes` numbers for each label, 1 at the label's place and 0 elsewhere; f32 unless said otherwise. Labels are
 * numbers on the host, nested or not, and the classes default to the largest and one. The result has the labels' axes and
 * one more; a last axis of length 1 is left out, as in Keras. Labels on the device: {@link oneHot}.
 *
 *     toCategorical([0, 2, 1])     // [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
 *
 * @throws ArgumentError for a label that is not whole, below 0, or not below `classes`
 */
export function toCategorical(
  labels: NestedInput | ArrayLike<number>,
  classes?: number | FillOptions,
  options?: FillOptions,
): Tensor {
  const given = typeof classes === "number" || classes === undefined ? options : classes;
  checkOptions("toCategorical", given, fillOptions);
  if (labels instanceof Tensor) {
    throw new ArgumentError(
      `toCategorical: the labels are on a device, ${labels.describe()}; use oneHot(labels, classes)`,
    );
  }
  const { values, shape } = fromValues("toCategorical", labels, undefined);
  const count =
    typeof classes === "number" ? atLeastOne("toCategorical", "the number of classes", classes) : undefined;
  let largest = -1;
  for (let i = 0; i < values.length; i++) {
    const label = values[i];
    if (Number.isInteger(label) && label >= 0 && label < (count ?? 2 ** 31)) {
      largest = Math.max(largest, label);
      continue;
    }
    const most = count === undefined ? "" : ` and below ${count}, the number of classes`;
    throw new ArgumentError(
      `toCategorical: label ${label} at index ${i}; labels must be whole numbers of at least 0${most}`,
    );
  }
  if (count === undefined && values.length === 0)
    throw new ArgumentError("toCategorical: there are no labels to tell the number of classes; give it");
  const depth = count ?? largest + 1;
  const isColumn = shape.length > 1 && shape[shape.length - 1] === 1;
  const out = [...(isColumn ? shape.slice(0, -1) : shape), depth];
  return written("toCategorical", out, given?.dtype ?? "f32", given ?? {}, (rows) => {
    for (let i = 0; i < sizeOf(shape); i++) rows[i * depth + values[i]] = 1;
  });
}
