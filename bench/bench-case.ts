// What a bench case is: plain data with a way to prepare the work on a device; and what is written down of it.

import type { Device, DeviceInfo, InitOptions } from "../engine/index.ts";
import type { WorkSpec } from "./cases/work-spec.ts";

/** Where gradgpu itself runs. */
export type OwnBackend = "webgpu" | "cpu";

/** Libraries timed beside it with `--peers`, each with the backend it runs on. */
export const peerBackends = [
  "tfjs-webgpu",
  "jax-js-webgpu",
  "ort-webgpu",
  "tfjs-wasm",
  "jax-js-wasm",
  "tfjs-cpu",
  "torch-cpu",
] as const;
export type PeerBackend = (typeof peerBackends)[number];

export type BackendName = OwnBackend | PeerBackend;

/**
 * - `forward`, `backward`: one op, or one layer. Backward is the tape's walk alone.
 * - `gradient`: both in one, traced: what every library can be asked for, and none gives the second half alone.
 * - `step`: a whole training step.
 * - `cold`: the first training step of a process that finds no compiled shader anywhere, model building included.
 * - `host`: asking for the work, submit included, without waiting for it.
 * - `epoch`: one epoch of `fit`.
 */
export type Phase = "forward" | "backward" | "gradient" | "step" | "cold" | "host" | "epoch";

/** How long and how often a case is sampled. */
export interface Budget {
  /** A sample is made of as many iterations as take about this long. */
  sampleMs: number;
  /** No new sample begins when all of them together have taken this long. */
  totalMs: number;
  minSamples: number;
  maxSamples: number;
  minIterations: number;
  maxIterations: number;
}

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
  /** Bytes on the device that are the case's data rather than its work: left out of the peak. */
  readonly dataBytes?: number;
  /** What one run computes, tensor by tensor, to be compared with what others compute. */
  result?(): Promise<readonly ArrayLike<number>[]>;
  dispose(): void;
}

export interface BenchCase {
  /** As in "matmul/nn/512" or "train/N1"; the part before the first slash is its family. `--filter` chooses by it. */
  readonly name: string;
  readonly phase: Phase;
  prepare(device: Device): Prepared | Promise<Prepared>;
  /** Measures by itself instead, where samples around {@link prepare}'s work will not do: a process, an epoch. */
  measure?(device: Device, options: MeasureOptions): Promise<Measurement>;
  /** The same as data, for peers; absent where they take no part. */
  readonly spec?: WorkSpec;
  /** Floating-point operations of one iteration: gives GFLOP/s. */
  readonly flops?: number;
  /** Bytes that one iteration must at least read and write as f32: gives GB/s. */
  readonly bytes?: number;
  /** Examples that one iteration trains on. */
  readonly batchSize?: number;
  /** Where it lies on the axis that its family varies: width, depth, batch, rows. */
  readonly at?: number;
  /** Opens a device of its own; others share one. */
  readonly ownDevice?: boolean;
  /** What `init` is told besides, where it opens one of its own. */
  readonly openWith?: Pick<InitOptions, "matmulPrecision">;
  /** Among the few that `--quick` runs. */
  readonly isQuick?: boolean;
  /** How it is sampled, where that is not as its phase is by default. */
  readonly budget?: Partial<Budget>;
  /** Why the case is not run on a backend, by backend. */
  readonly skip?: Partial<Record<OwnBackend, string>>;
  /** Why the case is not run on this adapter, if it is not. */
  readonly skipOn?: (info: DeviceInfo) => string | undefined;
}

export interface MeasureOptions {
  readonly isQuick: boolean;
}

/** What was measured, per iteration. Times in milliseconds. */
export interface Measurement {
  readonly medianMs: number;
  readonly minMs: number;
  /** The quartiles: half of the samples lie between. */
  readonly q1Ms: number;
  readonly q3Ms: number;
  readonly samples: number;
  /** The samples, in the order in which they were taken. */
  readonly timesMs: readonly number[];
  /** Iterations in one sample, the device synchronised after the last. */
  readonly iterations: number;
  readonly dispatches: number;
  readonly submits: number;
  /** Bytes of device buffers at their most, pooled ones included, the case's data left out. */
  readonly peakBytes?: number;
  /** Of a cold start. */
  readonly compiledPipelines?: number;
  readonly compileMs?: number;
}

/** One line of the result. */
export interface Row extends Measurement {
  readonly case: string;
  readonly backend: BackendName;
  readonly phase: Phase;
  readonly adapter: string;
  readonly driver: string;
  readonly isSoftware: boolean;
  /** Of gradgpu, or of the peer. */
  readonly version?: string;
  readonly flops?: number;
  readonly bytes?: number;
  readonly gflops?: number;
  readonly gbPerSecond?: number;
  /** Of the adapter's measured FMA peak and of its best copying kernel, 0 to 1; on WebGPU. */
  readonly fmaShare?: number;
  readonly copyShare?: number;
  readonly at?: number;
  /** Whether a peer's result was waited for after each iteration, where that is its faster way, or once in a sample. */
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

export const isPeerBackend = (backend: string): backend is PeerBackend =>
  (peerBackends as readonly string[]).includes(backend);

/** "matmul" of "matmul/nn/512". */
export const familyOf = (name: string) => name.split("/")[0];
