// What a backend that times its dispatches gives to a profile.

import type { KernelCall } from "../kernel/kernel.ts";

/**
 * - `"timestamps"`: the GPU's own, before and after each dispatch.
 * - `"wall"`: each dispatch is submitted alone and waited for; its time includes that round trip.
 * - `"reference"`: the CPU reference runs ops one by one; each is timed where it is called.
 */
export type ProfileClock = "timestamps" | "wall" | "reference";

/** One dispatch, as the backend timed it. */
export interface DispatchTime {
  /** The op's name, or the fused unit's. */
  readonly name: string;
  /** What was dispatched; the reference dispatches nothing. */
  readonly call: KernelCall | undefined;
  /** Bytes of all that the kernel binds. */
  readonly bytes: number;
  /** Since the first dispatch began; NaN where it could not be timed. */
  startMs: number;
  ms: number;
}

/** What a backend that can time its dispatches gives. */
export interface ProfileSession {
  readonly clock: ProfileClock;
  stop(): Promise<DispatchTime[]>;
}

/**
 * What times a GPU's dispatches. Profiles bring it, so that programs that ask for none do without it; the backend hands it
 * what it works with.
 */
export type GpuProfiler = (gpu: unknown, clock?: ProfileClock) => ProfileSession;
