// The clock that waits for each dispatch, where the device fails in the middle.

import { expect, it } from "vitest";
import { WallClock } from "../../engine/backend/webgpu/timestamps.ts";

it("lets go of all who wait for it when the device fails", async () => {
  const device = {
    createCommandEncoder: () => ({ finish: () => ({}) }),
    queue: { submit: () => {}, onSubmittedWorkDone: () => Promise.reject(new Error("gone")) },
  } as unknown as GPUDevice;
  const clock = new WallClock(device);
  clock.copy(() => {});
  const first = clock.drain();
  clock.copy(() => {});
  const second = clock.drain();
  await expect(first).rejects.toThrow("gone");
  await expect(second).resolves.toBeUndefined();
  // And works on.
  await clock.drain();
});
