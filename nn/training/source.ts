// What fit, evaluate and predict walk over: arrays, which are read at once, or a data set, which brings its own walk.

import type { BatchWalk, Dataset, TrainingRequest } from "../../data/dataset/index.ts";
import { ArgumentError } from "../../engine/index.ts";
import type { DataTree } from "./data.ts";
import { type Feed, type FeedOptions, feedOf } from "./feed.ts";
import { checkWeights } from "./weighing.ts";

// The class is not imported: a program without data sets does not have it.

/** Whether data is a data set. */
export const isDataset = (data: unknown): data is Dataset =>
  typeof (data as Partial<Dataset> | undefined)?.openTraining === "function";

export interface Source {
  readonly feed: Feed;
  readonly walk: BatchWalk;
}

/** Leaves rows where they are: a data set brings them to the device batch by batch. */
const stays: FeedOptions["budget"] = { place: (_, parts) => parts.map(({ rows }) => rows) };

type SetOptions = Omit<TrainingRequest<Feed>, "what" | "device" | "use" | "read" | "check">;

/** A data set's first rows as the model takes them, and the walk over its batches. */
export async function openSet(set: Dataset, feed: FeedOptions, options: SetOptions): Promise<Source> {
  const { what, model, use } = feed;
  const { rows, walk } = await set.openTraining<Feed>({
    ...options,
    what,
    device: model.device,
    use,
    read: (use, staysThere, x, y, weights) =>
      feedOf(
        { ...feed, use, budget: staysThere ? stays : feed.budget },
        x as DataTree,
        y as DataTree,
        weights as DataTree,
      ),
    check: async (rows) => checkWeights(what, rows),
  });
  return { feed: rows, walk };
}

/** @throws ArgumentError for a number of steps beside arrays */
export function refuseSteps(what: string, steps: Readonly<Record<string, unknown>>): undefined {
  for (const [name, value] of Object.entries(steps)) {
    if (value === undefined) continue;
    throw new ArgumentError(
      `${what}: ${name} is for data sets; pass Dataset.fromTensorSlices([x, y]) from gradgpu/data, or leave it out`,
    );
  }
}
