// Makes rows of inputs and targets, on the device or still on the host, and refuses what does not fit the model before
// anything has changed.

import type { Shaped } from "../../data/dataset/index.ts";
import {
  ArgumentError,
  cast,
  type Device,
  DeviceError,
  type DType,
  type NestedInput,
  reshape,
  type Shape,
  ShapeError,
  showShape,
  sizeOf,
  Tensor,
  tensor,
} from "../../engine/index.ts";
import { fromValues, isList, kindOf } from "../../engine/internal.ts";
import { batched, equalShapes, type SampleShape } from "../layers/spec.ts";
import { type Loss, targetShape } from "../objective/loss.ts";

/**
 * Samples or targets, one a row: a tensor (used where it is, bytes stay bytes), nested arrays, or a typed array,
 * whose rows are cut by the model's shapes; or values with their shape, as data sets have them.
 */
export type DataLike = Tensor | NestedInput | ArrayLike<number> | Shaped;

/** Data of one input or output; of several, an array in their order, or an object by their names. */
export type DataTree = DataLike | readonly DataLike[] | { readonly [name: string]: DataLike };

/** Rows on the host, in the array they came in, and the dtype that they have on a device. */
export class HostRows {
  readonly values: ArrayLike<number>;
  readonly count: number;
  /** Of one row. */
  readonly shape: Shape;
  readonly dtype: DType;

  constructor(values: ArrayLike<number>, count: number, shape: Shape, dtype: DType) {
    this.values = values;
    this.count = count;
    this.shape = shape;
    this.dtype = dtype;
  }

  /** What a row takes on a device. */
  get rowBytes(): number {
    return sizeOf(this.shape) * (this.dtype === "u8" ? 1 : 4);
  }

  as(dtype: DType): HostRows {
    return new HostRows(this.values, this.count, this.shape, dtype);
  }

  upload(device: Device): Tensor {
    const made = tensor(this.values, { shape: [this.count, ...this.shape], dtype: this.dtype, device });
    made.hostValues = this.values;
    return made;
  }
}

const isShaped = (data: DataLike): data is Shaped =>
  typeof data === "object" && "values" in data && "shape" in data && !(data instanceof Tensor);

export interface Rows {
  readonly rows: Tensor | HostRows;
  readonly count: number;
  /** Frees the tensor unless it is the caller's. */
  dispose(): void;
}

/** What is not known yet when rows are there. */
export interface Checked {
  /** Rejects where values that lie on the device are wrong; undefined where all were looked at. */
  readonly checked?: Promise<void>;
}

/** What these functions need to know of a model. */
export interface DataShape {
  /** How errors begin: `fit: model "sequential"`. */
  readonly what: string;
  /** What errors call the data; default "x" of inputs, "y" of targets. */
  readonly name?: string;
  /** Shape of a row; null where data of any length fit. */
  readonly shape: SampleShape;
  readonly device: Device;
  /** Where inputs are numbers of rows of a table: how many rows it has. */
  readonly idCount?: number;
}

/** Shape of one row as the data itself tells it; undefined for a typed array, whose rows only a model knows. */
export function rowShape(data: DataLike): Shape | undefined {
  if (data instanceof Tensor || isShaped(data))
    return data.shape.length === 0 ? undefined : data.shape.slice(1);
  const shape: number[] = [];
  for (let level: unknown = Array.isArray(data) ? data[0] : undefined; isList(level); level = level[0])
    shape.push(level.length);
  return shape.length === 0 ? undefined : shape;
}

/** Inputs as rows [n, ...shape], of the dtype they come in. Ids are checked on the host only: tensors stay unread. */
export function inputRows(
  { what, name = "x", shape: wanted, device, idCount }: DataShape,
  x: DataLike,
): Rows {
  const shape = withLengths(`${what}: ${name}`, wanted, x);
  const inputs = rowsOf(`${what}: ${name}`, x, shape, device, (found) => {
    const flat = found.length > 1 && sizeOf(found.slice(1)) === sizeOf(shape);
    const remedy = flat
      ? `reshape it to ${batched(shape)}`
      : "pass samples of that shape, or change the model's input shape";
    return `${what}: takes inputs of shape ${batched(shape)}, got ${showShape(found)}; ${remedy}`;
  });
  if (idCount !== undefined && inputs.rows instanceof HostRows) checkIds(what, idCount, inputs.rows.values);
  return inputs;
}

/**
 * Targets as rows that `loss` takes beside outputs [n, ...shape]: f32, or i32 labels [n, ...shape[..-1]]. A loss
 * that takes any gets them as they are.
 */
export function targetRows(
  { what, name = "y", shape: outputs, device }: DataShape,
  loss: Loss,
  y: DataLike,
  count: number,
): Rows & Checked {
  const isSequences = loss.targets === "sequences";
  const isClasses = isSequences || loss.targets === "classes";
  const shape = isSequences ? (outputs as Shape) : withLengths(`${what}: ${name}`, outputs, y);
  const isAny = loss.targets === "any";
  const isFlat = !(y instanceof Tensor) && isList(y) && y.length === count && !isList(y[0]);
  let wanted = isSequences ? (rowShape(y) ?? flatRow(y, count)) : targetShape(loss, shape);
  // One number a sample beside outputs of one number is a row of it, whatever it comes in.
  const isOne = sizeOf(shape) === 1;
  if (isAny && !(y instanceof Tensor)) wanted = isFlat && !isOne ? [] : (rowShape(y) ?? shape);
  // Flat labels where rows are wanted: say so before they are cut into rows.
  if (isFlat && sizeOf(wanted) > 1) throw new ShapeError(misfit(what, loss, shape, wanted, [count]));
  const rows =
    isAny && y instanceof Tensor && !(isOne && y.rank === 1)
      ? { rows: y, count: y.shape[0] ?? 0, dispose: () => {} }
      : rowsOf(`${what}: ${name}`, y, wanted, device, (found) => misfit(what, loss, shape, wanted, found));
  try {
    if (rows.count !== count) {
      throw new ShapeError(
        `${what}: x has ${count} rows and ${name} has ${rows.count}; there must be one target a sample`,
      );
    }
    const found = rows.rows;
    const checked = checkValues(what, loss, shape, found, wanted);
    // Whoever awaits it gets the error.
    checked?.catch(() => {});
    const dtype = isClasses ? "i32" : "f32";
    if (isAny || found.dtype === dtype) return { ...rows, checked };
    if (found instanceof HostRows) return onHost(found.as(dtype));
    const converted = cast(found, dtype);
    const release = () => rows.dispose();
    if (checked === undefined) release();
    else void checked.then(release, release);
    return { ...owned(converted), checked };
  } catch (error) {
    rows.dispose();
    throw error;
  }
}

/** Of sequences in a flat list: as long as they come out. */
const flatRow = (y: DataLike, count: number): Shape => [
  isList(y) ? Math.max(1, Math.floor(y.length / count)) : 1,
];

/** Weights as rows: one a sample, or one a step of each sample. */
export function weightRows(what: string, device: Device, weights: DataLike, count: number): Rows {
  const name = `${what}: sampleWeight`;
  const shape = rowShape(weights) ?? [];
  const misfits = (found: Shape) => `${name}: must hold one weight a sample, got ${showShape(found)}`;
  const rows = rowsOf(name, weights, shape, device, misfits);
  if (rows.count !== count) {
    rows.dispose();
    throw new ShapeError(`${name} has ${rows.count} entries for ${count} samples; give each sample one`);
  }
  return rows.rows instanceof HostRows ? onHost(rows.rows.as("f32")) : rows;
}

/** A shape with the lengths that the data have where any would do. */
function withLengths(what: string, shape: SampleShape, data: DataLike): Shape {
  if (!shape.includes(null)) return shape as Shape;
  const found = rowShape(data);
  if (found === undefined) {
    throw new ShapeError(
      `${what} is a typed array, and rows of ${batched(shape)} may have any length; pass nested arrays, or a tensor of their shape`,
    );
  }
  return shape.map((length, axis) => length ?? found[axis] ?? 1);
}

/** The data as [n, ...shape]. */
function rowsOf(
  what: string,
  data: DataLike,
  shape: Shape,
  device: Device,
  misfits: (found: Shape) => string,
): Rows {
  if (data instanceof Tensor) {
    if (data.device !== device) {
      throw new DeviceError(
        `${what} is on another device (${data.device.name}) than the model (${device.name}); pass await x.data(), or a tensor made there`,
      );
    }
    if (data.rank > 0 && equalShapes(data.shape.slice(1), shape)) {
      checkNotEmpty(what, data.shape[0]);
      return { rows: data, count: data.shape[0], dispose: () => {} };
    }
    return owned(reshape(data, fitShape(what, data.shape, shape, misfits)));
  }
  if (isShaped(data)) {
    const found = fromValues(what, data.values, data.shape);
    fitShape(what, found.shape, shape, misfits);
    return onHost(new HostRows(found.values, found.shape[0], shape, found.dtype));
  }
  if (!ArrayBuffer.isView(data) && !Array.isArray(data)) {
    throw new ArgumentError(`${what} must be a Tensor, nested arrays or a typed array, got ${kindOf(data)}`);
  }
  const { values, shape: found, dtype } = fromValues(what, data, undefined);
  let count = found[0];
  if (ArrayBuffer.isView(data)) {
    const size = sizeOf(shape);
    if (values.length % size !== 0) {
      throw new ShapeError(
        `${what} has ${values.length} values, which are no whole rows of ${batched(shape)} (${size} values each)`,
      );
    }
    count = values.length / size;
    checkNotEmpty(what, count);
  } else {
    fitShape(what, found, shape, misfits);
  }
  return onHost(new HostRows(values, count, shape, dtype));
}

const onHost = (rows: HostRows): Rows => ({ rows, count: rows.count, dispose: () => {} });
const owned = (rows: Tensor): Rows => ({ rows, count: rows.shape[0], dispose: () => rows.dispose() });

/** [n, ...shape] if `found` is that but for a last axis of 1; else throws. */
function fitShape(what: string, found: Shape, shape: Shape, misfits: (found: Shape) => string): Shape {
  if (found.length === 0)
    throw new ShapeError(`${what} is a single number; pass one row a sample, [samples, ...]`);
  const withoutOnes = (list: Shape) => (list.at(-1) === 1 ? list.slice(0, -1) : list);
  checkNotEmpty(what, found[0]);
  if (!equalShapes(withoutOnes(found.slice(1)), withoutOnes(shape))) throw new ShapeError(misfits(found));
  return [found[0], ...shape];
}

function checkNotEmpty(what: string, count: number): void {
  if (count === 0) throw new ShapeError(`${what} has no rows; pass at least one sample`);
}

function misfit(what: string, loss: Loss, outputs: Shape, wanted: Shape, found: Shape): string {
  const start = `${what}: ${loss.name} takes targets of shape ${batched(wanted)} for outputs ${batched(outputs)}, got ${showShape(found)}`;
  if (loss.targets === "classes" && equalShapes(found.slice(1), outputs)) {
    return `${start}; for one-hot targets use "categoricalCrossentropy"`;
  }
  if (loss.name === "categoricalCrossentropy" && (found.length === outputs.length || found.at(-1) === 1)) {
    return `${start}; for integer labels use "sparseCategoricalCrossentropy", or oneHot(labels, ${outputs.at(-1)})`;
  }
  return `${start}; the model's last layer and the targets must agree`;
}

function checkIds(what: string, count: number, values: ArrayLike<number>): void {
  const at = firstOutside(values, count);
  if (at < 0) return;
  throw new ArgumentError(
    `${what}: id ${values[at]} at position ${at} of x is out of range: for an Embedding of ${count} rows, ids must be whole numbers from 0 to ${count - 1}; give it an inputDim of the largest id and 1`,
  );
}

/** Index of the first value that is no whole number from 0 to `count` - 1; -1 if all are. */
const firstOutside = (values: ArrayLike<number>, count: number): number =>
  firstBut(values, (value) => isLabel(value, count));

const isLabel = (value: number, count: number): boolean =>
  Number.isInteger(value) && value >= 0 && value < count;

/** Beyond this many, targets that are no labels are not read back to be looked at. */
const mostValuesChecked = 2 ** 22;

/** Throws at once for values on the host; what lies on the device is read first. */
function checkValues(
  what: string,
  loss: Loss,
  outputs: Shape,
  targets: Tensor | HostRows,
  row: Shape,
): Promise<void> | undefined {
  const look = (values: ArrayLike<number>) =>
    loss.checkTargets === undefined
      ? lookAt(what, loss, outputs, values)
      : loss.checkTargets(what, values, row, outputs);
  if (targets instanceof HostRows) {
    look(targets.values);
    return undefined;
  }
  const isLookedAt =
    loss.targets === "classes" ||
    loss.checkTargets !== undefined ||
    (loss.targets === "probabilities" && targets.size <= mostValuesChecked);
  return isLookedAt ? targets.data().then(look) : undefined;
}

function lookAt(what: string, loss: Loss, outputs: Shape, values: ArrayLike<number>): void {
  if (loss.targets === "classes") {
    const { axis = -1, ignoreClass } = loss;
    const classes = outputs.at(axis < 0 ? axis : axis - 1) ?? 1;
    const at = firstBut(values, (label) => isLabel(label, classes) || label === ignoreClass);
    if (at >= 0) {
      throw new ArgumentError(
        `${what}: label ${values[at]} at position ${at} is out of range: for ${classes} outputs, labels must be whole numbers from 0 to ${classes - 1}${ignoreClass === undefined ? "" : `, or ${ignoreClass}, which does not count`}`,
      );
    }
  } else if (loss.targets === "probabilities") {
    // As the device will have it: a float64 a hair above 1 is 1 there.
    const at = firstBut(values, (value) => Math.fround(value) >= 0 && Math.fround(value) <= 1);
    if (at >= 0) {
      throw new ArgumentError(
        `${what}: target ${values[at]} at position ${at} is out of range: ${loss.name} takes targets from 0 to 1`,
      );
    }
  }
}

/** Index of the first value that is not right; -1 if all are. */
function firstBut(values: ArrayLike<number>, isRight: (value: number) => boolean): number {
  for (let i = 0; i < values.length; i++) if (!isRight(values[i])) return i;
  return -1;
}
