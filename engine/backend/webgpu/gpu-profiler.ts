// What a profile of a WebGPU device runs: it puts a clock into the recorder, and takes it out again.

import { ArgumentError } from "../../base/errors.ts";
import type { DeviceInfo } from "../backend.ts";
import type { GpuProfiler } from "../timing.ts";
import type { Recorder } from "./recorder.ts";
import { TimestampClock, WallClock } from "./timestamps.ts";

/** Times the dispatches of a WebgpuBackend until it is stopped. */
export const gpuProfiler: GpuProfiler = (gpu, clock) => {
  const { device, recorder, info } = gpu as { device: GPUDevice; recorder: Recorder; info: DeviceInfo };
  if (recorder.clock !== undefined) {
    throw new ArgumentError("profile: another profile of this device is running; await it first");
  }
  const hasTimestamps = info.features.includes("timestamp-query");
  if (clock === "timestamps" && !hasTimestamps) {
    throw new ArgumentError(
      'profile: the adapter has no timestamp queries (feature "timestamp-query"); use { clock: "wall" }',
    );
  }
  recorder.flush();
  const chosen = clock ?? (hasTimestamps ? "timestamps" : "wall");
  const timer = chosen === "timestamps" ? new TimestampClock(device) : new WallClock(device);
  recorder.clock = timer;
  return {
    clock: chosen,
    stop: async () => {
      try {
        recorder.flush();
        await timer.drain();
      } finally {
        recorder.flush();
        timer.settle();
        recorder.clock = undefined;
      }
      return timer.finish();
    },
  };
};
