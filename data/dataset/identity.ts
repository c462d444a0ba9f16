// What tells whether a pipeline is the one that a position was noted of, and the orders of its shuffles.

import { DataError } from "../../engine/base/errors.ts";
import { gather, noGrad, Tensor, tensor, Variable } from "../../engine/index.ts";
import { Checksum } from "./checksum.ts";
import { mapParts } from "./elements.ts";
import { NdArray, type NumberArray } from "./nd-array.ts";
import { Shuffled } from "./shuffle.ts";
import { List, Slices } from "./slices.ts";
import type { Stage } from "./stage.ts";

export interface Identity {
  /** Of the chain of calls, the shapes of its arrays, and some of their rows. */
  readonly data: string;
  /** Keys of the shuffles, so that those without a seed go on in the same orders. */
  readonly orders: readonly (readonly number[])[];
}

/** Rows of each array that are looked at, from the first to the last. */
const sampledRows = 64;

const known = new WeakMap<Stage, string>();

/** Looks at a pipeline's data, those on a device too: to be awaited before it is asked for its identity. */
export async function identify(stage: Stage): Promise<void> {
  if (!known.has(stage)) known.set(stage, await dataOf(stage));
}

/** Of a stage that was {@link identify}ed. */
export const identityOf = (stage: Stage): Identity => ({
  data: known.get(stage) as string,
  orders: shufflesIn(stage).map(({ key }) => [...key.words]),
});

/** Takes up the orders of a position. @throws DataError where it was noted of another pipeline */
export function takeIdentity(what: string, stage: Stage, { data, orders }: Partial<Identity>): void {
  if (data !== undefined && data !== identityOf(stage).data) {
    throw new DataError(
      `${what}: the position was noted of other data, or of another chain of calls than ${stage.chain}; open it over the same, or begin anew`,
    );
  }
  const shuffles = shufflesIn(stage);
  orders?.forEach((words, i) => {
    shuffles[i]?.reseed(words);
  });
}

async function dataOf(stage: Stage): Promise<string> {
  const sum = new Checksum();
  sum.add(stage.chain);
  const parts: [path: string, part: unknown][] = [];
  for (const one of stagesIn(stage)) {
    if (one instanceof Slices)
      mapParts(one.parts, (part, path) => {
        parts.push([path, part]);
        return part;
      });
  }
  const samples = parts.map(([, part]) => sampleOf(part));
  for (const [i, [path]] of parts.entries()) {
    sum.add(path);
    for (const sample of await samples[i]) sum.add(sample);
  }
  return sum.value;
}

/** A part's form, and some of its rows. */
async function sampleOf(part: unknown): Promise<readonly unknown[]> {
  if (part instanceof Tensor) {
    const form = `${part.dtype} ${part.shape}`;
    // What a variable holds may change as it likes.
    return part instanceof Variable || part.size === 0 ? [form] : [form, await rowsOf(part)];
  }
  if (part instanceof NdArray) {
    const { shape, values } = part;
    const size = shape[0] === 0 ? 0 : values.length / shape[0];
    return [[...shape], ...placesIn(shape[0]).map((row) => values.subarray(row * size, (row + 1) * size))];
  }
  if (!(part instanceof List)) return [];
  const { items } = part;
  return [items.length, ...placesIn(items.length).map((row) => items[row])];
}

async function rowsOf(part: Tensor): Promise<NumberArray> {
  const indices = tensor(Int32Array.from(placesIn(part.shape[0])), { dtype: "i32", device: part.device });
  const rows = noGrad(() => gather(part, indices));
  try {
    return (await rows.data()) as NumberArray;
  } finally {
    rows.dispose();
    indices.dispose();
  }
}

/** All places of so many, or some from the first to the last. */
const placesIn = (count: number): number[] =>
  Array.from({ length: Math.min(count, sampledRows) }, (_, i) =>
    count <= sampledRows ? i : Math.floor((i * (count - 1)) / (sampledRows - 1)),
  );

const stagesIn = (stage: Stage): Stage[] => [stage, ...stage.sources.flatMap(stagesIn)];

const shufflesIn = (stage: Stage): Shuffled[] => stagesIn(stage).filter((one) => one instanceof Shuffled);
