// What a layer takes and gives, said before there are numbers: shape and dtype of one sample.

import type { Tree } from "../../engine/index.ts";
import { type DType, type Shape, ShapeError, showShape, type Tensor } from "../../engine/index.ts";
import { leavesOf, mapTree, showGiven, showGivenList } from "../../engine/internal.ts";

/** Shape of one sample, without the batch axis; null for a length that differs from batch to batch, as time does. */
export type SampleShape = readonly (number | null)[];

/** One sample of a value. */
export interface SampleSpec {
  readonly shape: SampleShape;
  readonly dtype: DType;
}

/** The specs of tensors: {@link SampleSpec} in the place of each. */
export type SpecOf<T> = 0 extends 1 & T
  ? // biome-ignore lint/suspicious/noExplicitAny: layers of all kinds stand in one list, as Layer<any, any>
    any
  : T extends Tensor
    ? SampleSpec
    : { readonly [K in keyof T]: SpecOf<T[K]> };

/** Specs are plain objects, as branches are: told apart by their shape. */
export const isSpec = (value: unknown): boolean => Array.isArray((value as SampleSpec | null)?.shape);

export const specsIn = (specs: Tree<SampleSpec>): SampleSpec[] => leavesOf(specs, isSpec);

export function mapSpecs<R>(specs: Tree<SampleSpec>, fn: (spec: SampleSpec, path: string) => R): Tree<R> {
  return mapTree(specs, fn, isSpec);
}

/** A shape as errors and summaries show it: `[batch, 784]`; a length that differs is `any`. */
export function batched(shape: SampleShape): string {
  return showShape(["batch", ...shape.map((length) => length ?? "any")] as unknown as Shape);
}

/** Several of them, as they stand: `[batch, 8] and [batch, 4]`. */
export const showSpecs = (specs: Tree<SampleSpec>): string =>
  specsIn(specs)
    .map(({ shape }) => batched(shape))
    .join(" and ");

export function equalShapes(a: SampleShape, b: SampleShape): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

/** Whether a shape is one of those that a spec stands for: null takes any length. */
export function fitsShape(shape: SampleShape, spec: SampleShape): boolean {
  return (
    shape.length === spec.length && spec.every((length, axis) => length === null || shape[axis] === length)
  );
}

/** @throws ShapeError unless every length is a whole number of at least 1, or null */
export function checkSampleShape(what: string, shape: SampleShape): void {
  const isShape =
    Array.isArray(shape) &&
    shape.every((length) => length === null || (Number.isInteger(length) && (length as number) >= 1));
  if (!isShape) {
    throw new ShapeError(
      `${what}: the input shape must be an array of whole numbers of at least 1 (null for a length that varies), without the batch axis, got ${showGivenList(shape)}`,
    );
  }
}

/** The shape where all of it must be known, as for counting its numbers. */
export function knownShape(what: string, shape: SampleShape): Shape {
  if (shape.includes(null)) {
    throw new ShapeError(
      `${what}: needs inputs whose lengths are all known, got ${batched(shape)}; give the model's input that length`,
    );
  }
  return shape as Shape;
}

/** The last axis of a shape, which a layer's weights depend on. */
export function featuresOf(what: string, { shape }: SampleSpec): number {
  const features = shape.at(-1);
  if (features === undefined) {
    throw new ShapeError(`${what}: needs inputs with a features axis, [batch, features], got [batch]`);
  }
  if (features === null) {
    throw new ShapeError(
      `${what}: needs inputs whose last axis is known, got ${batched(shape)}; give the model's input that length`,
    );
  }
  return features;
}

/**
 * An axis of a batch of samples, counted from the batch, which is axis 0, or from the end: -1 is the last.
 *
 * @throws ShapeError for the batch's, and for one that is not there
 */
export function axisOf(what: string, axis: number, shape: SampleShape): number {
  const rank = shape.length + 1;
  const at = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(axis) && at >= 1 && at < rank) return at;
  throw new ShapeError(
    `${what}: axis ${showGiven(axis)} is none of the axes 1 to ${rank - 1} of ${batched(shape)} (axis 0 is the batch); choose one of those, or count from the end with -1`,
  );
}
