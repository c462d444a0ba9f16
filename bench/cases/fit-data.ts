// The rows that epochs are timed over: images of MNIST, or as many random ones as are asked for. The same in every
// process.

import { mnist } from "../../data/index.ts";
import { labels } from "../values.ts";
import type { FitSpec } from "./work-spec.ts";

export interface FitRows {
  /** Bytes, row by row. */
  readonly x: Uint8Array;
  readonly y: ArrayLike<number>;
}

/** Random rows repeat this many bytes: making them must not take longer than training on them. */
const distinctBytes = 2 ** 20;

export async function fitRows({ data, rows, net: { inputs, classes } }: FitSpec): Promise<FitRows> {
  if (data === "mnist") {
    const { train } = await mnist.load();
    return { x: train.images.subarray(0, rows * inputs), y: train.labels.subarray(0, rows) };
  }
  const few = labels(distinctBytes, 256);
  return {
    x: Uint8Array.from({ length: rows * inputs }, (_, i) => few[i & (distinctBytes - 1)]),
    y: labels(rows, classes),
  };
}

/** What bytes are multiplied by before they meet the net. */
export const byteScale = 1 / 255;
