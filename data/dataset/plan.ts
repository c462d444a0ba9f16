// What a pipeline comes to where its rows can lie on the device: which rows, in which order, in batches of which size.

import { Cached, Prefetched } from "./ahead.ts";
import { Batched } from "./batch.ts";
import { Part, Repeated } from "./row-stages.ts";
import { Shuffled } from "./shuffle.ts";
import { Slices } from "./slices.ts";
import type { Stage } from "./stage.ts";

export interface DevicePlan {
  readonly slices: Slices;
  /** Rows of the slices that take part. */
  readonly first: number;
  readonly count: number;
  readonly shuffle: Shuffled | undefined;
  readonly batch: Batched;
  /** The epoch and the number of a batch of {@link batch} that the whole chain gives there. */
  locate(epoch: number, index: number): { epoch: number; index: number };
}

/** Undefined where rows must pass through the host. */
export function planOf(stage: Stage): DevicePlan | undefined {
  const above: Stage[] = [];
  let at = stage;
  while (!(at instanceof Batched)) {
    if (!(at instanceof Part || at instanceof Repeated || at instanceof Prefetched || at instanceof Cached))
      return undefined;
    if (at.source.length === undefined) return undefined;
    above.push(at);
    at = at.source;
  }
  const batch = at;
  if (!batch.isPlain) return undefined;
  let shuffle: Shuffled | undefined;
  let [first, count] = [0, Infinity];
  let isFrozen = false;
  for (at = batch.source; !(at instanceof Slices); at = at.source) {
    if (at instanceof Shuffled && shuffle === undefined && !isFrozen && first === 0 && count === Infinity)
      shuffle = at;
    else if (at instanceof Part) {
      count = Math.min(count, Math.max(0, at.count - first));
      first += at.first;
    } else if (at instanceof Cached) isFrozen ||= shuffle === undefined;
    else if (!(at instanceof Prefetched)) return undefined;
  }
  const slices = at;
  return {
    slices,
    first,
    count: Math.max(0, Math.min(count, slices.length - first)),
    shuffle,
    batch,
    locate(epoch, index) {
      for (const stage of above) {
        if (stage instanceof Part) index += stage.first;
        else if (stage instanceof Cached) epoch = 0;
        else if (stage instanceof Repeated) {
          const length = stage.source.length as number;
          epoch = stage.epochOf(epoch, Math.floor(index / length));
          index %= length;
        }
      }
      return { epoch, index };
    },
  };
}
