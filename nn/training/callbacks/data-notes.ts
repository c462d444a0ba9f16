// What is said of training data in a checkpoint: sizes, and a checksum of the values.

import { gather, type HostArray, sizeOf, Tensor, tensor } from "../../../engine/index.ts";
import { hostArray } from "../../../engine/internal.ts";
import { Xxh32 } from "../../state/xxh32.ts";
import type { HostRows } from "../data.ts";
import type { FitContext } from "./callback.ts";
import type { DataNotes } from "./run-state.ts";

/** Bytes of a part that are looked at: all where it has no more, else evenly spread rows. */
const mostBytes = 2 ** 24;

/** Of arrays what they hold, of data sets how they are walked over. */
export async function dataNotes({ walk, data }: FitContext): Promise<DataNotes> {
  const { batchSize, shuffleState, source } = data;
  if (source === undefined) return { steps: Number.isFinite(walk.steps) ? walk.steps : null };
  const parts = source.parts.map(async (part, i) => ({
    name: source.names[i],
    shape: part instanceof Tensor ? part.shape.slice(1) : part.shape,
    checksum: await checksumOf(part, source.start, source.count),
  }));
  return {
    samples: walk.count,
    batchSize,
    shuffle: shuffleState !== undefined,
    parts: await Promise.all(parts),
  };
}

async function checksumOf(part: Tensor | HostRows, start: number, count: number): Promise<string> {
  const size = part instanceof Tensor ? sizeOf(part.shape.slice(1)) : sizeOf(part.shape);
  const rowBytes = Math.max(1, size * (part.dtype === "u8" ? 1 : 4));
  const rows = Math.min(count, Math.max(1, Math.floor(mostBytes / rowBytes)));
  const places = Int32Array.from({ length: rows }, (_, i) => start + Math.floor((i * count) / rows));
  const values = await (part instanceof Tensor ? rowsOf(part, places) : hostRowsOf(part, places, size));
  return new Xxh32().update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)).digest();
}

async function rowsOf(part: Tensor, places: Int32Array): Promise<HostArray> {
  const indices = tensor(places, { dtype: "i32", device: part.device });
  const taken = gather(part, indices);
  try {
    return await taken.data();
  } finally {
    taken.dispose();
    indices.dispose();
  }
}

function hostRowsOf({ values, dtype }: HostRows, places: Int32Array, size: number): HostArray {
  const made = hostArray(dtype, places.length * size);
  places.forEach((row, i) => {
    for (let j = 0; j < size; j++) made[i * size + j] = values[row * size + j];
  });
  return made;
}
