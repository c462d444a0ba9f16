// Feed: the data of a call, part by part: a model's inputs, its targets, weights of samples; and a batch's parts put in
// their places again.

import { ArgumentError, ShapeError, Tensor, type Tree } from "../../engine/index.ts";
import { isPlainObject, kindOf, leavesOf, withLeaves } from "../../engine/internal.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import type { Loss } from "../objective/losses.ts";
import {
  type Checked,
  type DataLike,
  type DataTree,
  HostRows,
  inputRows,
  type Rows,
  targetRows,
  weightRows,
} from "./data.ts";
import type { TrainedModel } from "./model.ts";
import type { Use } from "./owned.ts";
import type { Budget, RowSource } from "./stream.ts";

/** What steps take of a batch. */
export interface Batch {
  /** In the form of the model's inputs. */
  readonly x: Tree<Tensor>;
  /** Targets in the order of the outputs. */
  readonly y: readonly Tensor[];
  /** Weights of samples, in the same order. */
  readonly weights: readonly (Tensor | undefined)[];
}

export interface Feed extends Checked {
  readonly source: RowSource;
  /** Output by output, whether its samples have weights. */
  readonly hasWeights: readonly boolean[];
  /** Weights on the host, as they were given. */
  readonly givenWeights: readonly ArrayLike<number>[];
  /** A batch's parts in their places. */
  batchOf(parts: readonly Tensor[]): Batch;
}

export interface FeedOptions {
  /** How errors begin. */
  readonly what: string;
  readonly model: TrainedModel;
  /** Output by output; without them there are no targets. */
  readonly losses?: readonly Loss[];
  readonly use: Use;
  /** Data that take more stay on the host; without it all go over. */
  readonly budget?: Pick<Budget, "place">;
}

/**
 * Reads the data of a call. What is uploaded is so when this returns, and freed with whatever `use` frees. Await `checked`
 * before training: targets that are on the device already are read back to be looked at.
 */
export function feedOf(options: FeedOptions, x: DataTree, y?: DataTree, sampleWeight?: DataTree): Feed {
  const { what, model, losses, use, budget } = options;
  const { device, inputs, outputs, inputNames, outputNames, idCounts, outputShapes } = model;
  const starts = leavesOf<Placeholder>(inputs);
  const given = dataOf(what, "x", inputs, inputNames, x);
  const xs = given.map((data, i) => {
    const name = starts.length === 1 ? "x" : `x "${inputNames[i]}"`;
    return use(inputRows({ what, name, shape: starts[i].shape, device, idCount: idCounts[i] }, data));
  });
  const { count } = xs[0];
  const other = xs.findIndex((rows) => rows.count !== count);
  if (other >= 0) {
    throw new ShapeError(
      `${what}: input "${inputNames[other]}" has ${xs[other].count} rows and "${inputNames[0]}" has ${count}; each needs one a sample`,
    );
  }
  const wanted = losses === undefined ? [] : dataOf(what, "y", outputs, outputNames, y as DataTree);
  const ys = wanted.map((data, i) => {
    const name = wanted.length === 1 ? "y" : `y "${outputNames[i]}"`;
    const shape = { what, name, shape: outputShapes[i], device };
    return use(targetRows(shape, (losses as Loss[])[i], data, count));
  });
  const weights =
    losses === undefined || sampleWeight === undefined
      ? outputNames.map(() => undefined)
      : weightsOf(what, outputs, outputNames, sampleWeight).map((data) =>
          data === undefined ? undefined : use(weightRows(what, device, data, count)),
        );
  const kept = weights.filter((rows): rows is Rows => rows !== undefined);
  const parts = [...xs, ...ys, ...kept];
  const placed =
    budget?.place(device, parts, use) ??
    parts.map(({ rows }) => (rows instanceof HostRows ? use(rows.upload(device)) : rows));
  const checks = ys.flatMap(({ checked }) => (checked === undefined ? [] : [checked]));
  const names = [
    ...inputNames.map((name) => (xs.length === 1 ? "x" : `x "${name}"`)),
    ...ys.map((_, i) => (ys.length === 1 ? "y" : `y "${outputNames[i]}"`)),
    ...kept.map(() => "sampleWeight"),
  ];
  return {
    source: { parts: placed, names, start: 0, count },
    hasWeights: weights.map((rows) => rows !== undefined),
    givenWeights: kept.flatMap(({ rows }) => (rows instanceof HostRows ? [rows.values] : [])),
    checked: checks.length === 0 ? undefined : Promise.all(checks).then(() => {}),
    batchOf(batch) {
      const rest = batch.slice(xs.length + ys.length);
      let next = 0;
      return {
        x: withLeaves<Placeholder, Tensor>(inputs, batch.slice(0, xs.length)),
        y: batch.slice(xs.length, xs.length + ys.length),
        weights: weights.map((rows) => (rows === undefined ? undefined : rest[next++])),
      };
    },
  };
}

/** The data of each placeholder, in their order. */
function dataOf(
  what: string,
  kind: "x" | "y",
  form: Tree<Placeholder>,
  names: readonly string[],
  data: DataTree,
): DataLike[] {
  const list = leavesOf(form);
  const isOne = list.length === 1;
  const isNamed = isPlainObject(data) && (!isOne || Object.hasOwn(data, names[0]));
  if (isNamed) return byName(what, kind, names, data);
  if (isOne && (!Array.isArray(form) || data instanceof Tensor || ArrayBuffer.isView(data))) {
    return [data as DataLike];
  }
  const wanted = `one for each of ${names.join(", ")}`;
  if (!Array.isArray(data)) {
    throw new ArgumentError(
      `${what}: ${kind} must be an array of ${list.length}, ${wanted}, or an object by these names; got ${kindOf(data)}`,
    );
  }
  if (data.length !== list.length) {
    throw new ArgumentError(
      `${what}: ${kind} has ${data.length} parts; the model wants ${list.length}, ${wanted}`,
    );
  }
  return [...(data as readonly DataLike[])];
}

function byName(
  what: string,
  kind: string,
  names: readonly string[],
  data: Readonly<Record<string, unknown>>,
): DataLike[] {
  const unknown = Object.keys(data).find((key) => !names.includes(key));
  const missing = names.find((name) => !Object.hasOwn(data, name));
  if (unknown !== undefined || missing !== undefined) {
    const wrong = missing === undefined ? `"${unknown}" is none of the model's` : `"${missing}" is missing`;
    throw new ArgumentError(`${what}: ${kind}: ${wrong}; it wants ${names.join(", ")}`);
  }
  return names.map((name) => data[name] as DataLike);
}

/** One list for all outputs, or one each; by name some may be left out. */
function weightsOf(
  what: string,
  form: Tree<Placeholder>,
  names: readonly string[],
  data: DataTree,
): (DataLike | undefined)[] {
  if (isPlainObject(data) && !(data instanceof Tensor)) {
    const given = Object.fromEntries(
      names.map((name) => [name, (data as Record<string, unknown>)[name] ?? null]),
    );
    const all = byName(what, "sampleWeight", names, { ...given, ...data });
    return all.map((part) => part ?? undefined);
  }
  const isEach = Array.isArray(data) && names.length > 1 && typeof data[0] !== "number";
  return isEach ? dataOf(what, "y", form, names, data) : names.map(() => data as DataLike);
}
