// The samples of a set-up, split into those to train on and those to validate on.

import type { OwnData } from "../setup/own-data.ts";
import { makePoints } from "../setup/points.ts";
import { type DataSpec, dataSpecs, isOwn, isPointSet, type Setup } from "../setup/setup.ts";
import { fetchImages } from "./images.ts";

export type Rows = Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

export interface Part {
  readonly count: number;
  readonly x: Rows;
  readonly y: Rows;
}

export interface Samples {
  readonly spec: DataSpec;
  readonly train: Part;
  readonly validation: Part;
  /** What one of what is learnt is in the unit of the user's own file. */
  readonly unit?: number;
  /** Of texts: the numbers of other texts' words. */
  readonly tokensOf?: (texts: readonly string[]) => Promise<Int32Array<ArrayBuffer>>;
}

export async function samplesOf(setup: Setup, own: OwnData | undefined): Promise<Samples> {
  const spec = dataSpecs[setup.data];
  if (isPointSet(setup.data)) {
    const { x, y } = makePoints(setup.data, setup.samples, setup.noise, setup.seed);
    return split(spec, x, y, setup.heldBack);
  }
  if (isOwn(setup.data)) {
    if (own === undefined) throw new Error("Choose your files first: they are not kept in the address.");
    const { task, classes, classNames, shape, x, y, texts, target } = own;
    const known = { ...spec, task, classes, classNames };
    if (texts === undefined) {
      const samples = split({ ...known, shape }, x, y, setup.heldBack);
      return target === undefined ? samples : { ...samples, unit: target.deviation };
    }
    const { tokenizer } = await import("./tokens.ts");
    const tokensOf = tokenizer(texts);
    return { ...split(known, await tokensOf(texts), y, setup.heldBack), tokensOf };
  }
  const { images, labels } = await fetchImages(setup.data, setup.samples);
  // Loaded with the images: nets on points need nothing of it.
  const { fashionMnist, mnist } = await import("gradgpu/data");
  const { classes } = setup.data === "mnist" ? mnist : fashionMnist;
  return split({ ...spec, classNames: classes }, images, labels, setup.heldBack);
}

/** The last share is held back: the order says nothing. */
function split(spec: DataSpec, x: Rows, y: Rows, share: number): Samples {
  const count = y.length;
  const held = Math.min(count - 1, Math.max(1, Math.round(count * share)));
  const size = spec.shape.reduce((product, length) => product * length, 1);
  const part = (from: number, to: number): Part => ({
    count: to - from,
    x: x.slice(from * size, to * size) as Rows,
    y: y.slice(from, to) as Rows,
  });
  return { spec, train: part(0, count - held), validation: part(count - held, count) };
}

/** Rows `from` to `to` of a part, going on at its beginning where it ends. */
export function batchOf(
  { count, x, y }: Part,
  from: number,
  size: number,
): { x: Rows; y: Rows; count: number } {
  const start = from % count;
  const end = Math.min(count, start + size);
  const width = x.length / count;
  return {
    x: x.subarray(start * width, end * width) as Rows,
    y: y.subarray(start, end) as Rows,
    count: end - start,
  };
}
