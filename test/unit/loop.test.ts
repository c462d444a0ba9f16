// How many steps the training loop gives the device at once, by a clock and a device that are made up.

import { afterEach, expect, it, vi } from "vitest";
import type { Device } from "../../engine/index.ts";
import type { BatchWalk } from "../../nn/training/batches.ts";
import { Loop } from "../../nn/training/loop.ts";

afterEach(() => vi.restoreAllMocks());

/** Steps of each submit, on a device that is done with a step after `stepMs`; `toldAt` says when the host hears of it. */
async function submitsOf(
  count: number,
  stepMs: number,
  toldAt: (doneAt: number, wait: number) => number,
): Promise<number[]> {
  let now = 0;
  let doneAt = 0;
  let waits = 0;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  const device = {
    counters: () => ({ pipelines: 0 }),
    async sync() {
      const end = toldAt(Math.max(now, doneAt), waits++);
      await new Promise((resolve) => setImmediate(resolve));
      now = Math.max(now, end);
    },
  };
  let left = count;
  const batches = {
    begin: () => undefined,
    get hasNext() {
      return left > 0;
    },
    get fullBatchesLeft() {
      return left;
    },
    keys: [1],
    advance(steps: number) {
      left -= steps;
      return 1;
    },
    take: () => [],
  };
  const body = () => {
    doneAt = Math.max(now, doneAt) + stepMs;
  };
  const loop = new Loop(device as unknown as Device, batches as unknown as BatchWalk, body, { jit: false });
  const ends = [0];
  await loop.epoch({
    onProgress: (steps) => {
      ends.push(steps);
      return undefined;
    },
  });
  return ends.slice(1).map((end, k) => end - ends[k]);
}

it("submits grow to a twentieth of a second", async () => {
  const submits = await submitsOf(200, 5, (doneAt) => doneAt);
  expect(Math.max(...submits)).toBe(10);
});

it("submits outlast the timer where the end of one is told at a timer of a tenth of a second", async () => {
  const submits = await submitsOf(300, 5, (doneAt) => Math.floor(doneAt / 100 + 1) * 100);
  expect(Math.max(...submits)).toBeGreaterThan(15);
});

it("submits stay below a third of a second though waiting took long once", async () => {
  // The second wait is that of the idle device.
  const submits = await submitsOf(400, 5, (doneAt, wait) => doneAt + (wait === 1 ? 3000 : 0));
  expect(Math.max(...submits) * 5).toBeLessThan(333);
});
