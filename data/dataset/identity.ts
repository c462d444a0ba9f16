// What tells whether a pipeline is the one that a position was noted of, and the orders of its shuffles.

import { DataError } from "../../engine/base/errors.ts";
import { Tensor } from "../../engine/index.ts";
import { Checksum } from "./checksum.ts";
import { mapParts } from "./elements.ts";
import { NdArray } from "./nd-array.ts";
import { Shuffled } from "./shuffle.ts";
import { Slices } from "./slices.ts";
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

export function identityOf(stage: Stage): Identity {
  let data = known.get(stage);
  if (data === undefined) {
    data = dataOf(stage);
    known.set(stage, data);
  }
  return { data, orders: shufflesIn(stage).map(({ key }) => [...key.words]) };
}

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

function dataOf(stage: Stage): string {
  const sum = new Checksum();
  sum.add(stage.chain);
  for (const one of stagesIn(stage)) {
    if (!(one instanceof Slices)) continue;
    mapParts(one.parts, (part, path) => {
      sum.add(path);
      if (part instanceof Tensor) sum.add(`${part.dtype} ${part.shape}`);
      else if (part instanceof NdArray) addSample(sum, part);
      return part;
    });
  }
  return sum.value;
}

function addSample(sum: Checksum, { values, shape }: NdArray): void {
  sum.add([...shape]);
  const count = shape[0];
  const size = count === 0 ? 0 : values.length / count;
  for (let i = 0; i < Math.min(count, sampledRows); i++) {
    const row = count <= sampledRows ? i : Math.floor((i * (count - 1)) / (sampledRows - 1));
    sum.add(values.subarray(row * size, (row + 1) * size));
  }
}

const stagesIn = (stage: Stage): Stage[] => [stage, ...stage.sources.flatMap(stagesIn)];

const shufflesIn = (stage: Stage): Shuffled[] => stagesIn(stage).filter((one) => one instanceof Shuffled);
