// What a bench case is: plain data with a way to prepare the work on a device. Knows nothing of clocks.

import type { Device } from "../engine/index.ts";

/** Where gradgpu itself runs. */
export type OwnBackend = "webgpu" | "cpu";

/** Libraries timed beside it with `--peers`, each with the backend it runs on. */
export const peerBackends = ["tfjs-webgpu", "jax-js-webgpu", "tfjs-wasm", "jax-js-wasm"] as const;
export type PeerBackend = (typeof peerBackends)[number];

export type BackendName = OwnBackend | PeerBackend;

/**
 * - `forward`, `backward`: one op, or the ops of one layer.
 * - `step`: a whole training step.
 * - `cold`: the first training step on a device just opened, building and compiling included.
 * - `host`: asking for the work, submit included, without waiting for it.
 */
export type Phase = "forward" | "backward" | "step" | "cold" | "host";

/** Work that is ready to be timed. */
export interface Prepared {
  /** Asks for the work. A promise is awaited before the next run begins. */
  run(): void | Promise<void>;
  /** Iterations that one run makes; default 1. */
  readonly iterations?: number;
  /** Makes ready for the next sample, outside the clock; in the phase `host` only. */
  rest?(): void | Promise<void>;
  /** What an iteration asks for, where the device's own counters can't know. */
  readonly work?: { readonly dispatches: number; readonly submits: number };
  dispose(): void;
}

export interface BenchCase {
  /** As in "dense/128x784x64" or "train/N1"; `--filter` chooses by it. */
  readonly name: string;
  readonly phase: Phase;
  prepare(device: Device): Prepared | Promise<Prepared>;
  /** Floating-point operations of one iteration: gives GFLOP/s. */
  readonly flops?: number;
  /** Bytes that one iteration must at least read and write as f32: gives GB/s. */
  readonly bytes?: number;
  /** Examples that one iteration trains on. */
  readonly batchSize?: number;
  /** Opens a device of its own; others share one. */
  readonly ownDevice?: boolean;
  /** Why the case is not run on a backend, by backend. */
  readonly skip?: Partial<Record<OwnBackend, string>>;
}

/** What was measured, per iteration. Times in milliseconds. */
export interface Measurement {
  readonly medianMs: number;
  readonly minMs: number;
  readonly samples: number;
  /** Iterations in one sample, the device synchronised after the last. */
  readonly iterations: number;
  readonly dispatches: number;
  readonly submits: number;
}

/** One line of the result. */
export interface Row {
  readonly case: string;
  readonly backend: BackendName;
  readonly phase: Phase;
  readonly medianMs: number;
  readonly minMs: number;
  readonly samples: number;
  /** Per iteration; a fraction where what happens is not the same in each. */
  readonly dispatches: number;
  readonly submits: number;
  readonly adapter: string;
  readonly driver: string;
  readonly isSoftware: boolean;
  readonly iterations: number;
  readonly gflops?: number;
  readonly gbPerSecond?: number;
  /** Of a peer. */
  readonly version?: string;
  /** Whether a peer's loss was read after each step, where that is its faster way, or once in a sample. */
  readonly readsEach?: boolean;
}

/** A case that was not run, or failed. */
export interface Skipped {
  readonly case: string;
  readonly backend: BackendName;
  readonly phase: Phase;
  readonly reason: string;
  readonly isFailure: boolean;
}
