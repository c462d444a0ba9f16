// What a peer's adapter offers, and what parent and child process say to each other.

import type { PeerBackend } from "../bench-case.ts";
import type { FitSpec, WorkSpec } from "../cases/work-spec.ts";
import type { NetData } from "./net-data.ts";

/** What is asked of a library itself: an op, or training steps of a net. */
export type LibraryWork = Extract<WorkSpec, { kind: "op" | "net" }>;

/** A peer's work, its data on its device. */
export interface PeerWork {
  /** Asks for one training step on the next batch, or for the op once; keeps the result on the device. */
  run(): void | Promise<void>;
  /** Waits until all that was asked for is done. */
  wait(): Promise<unknown>;
  /** What the last run computed, tensor by tensor: a step's loss, or the op's result. */
  read(): Promise<readonly ArrayLike<number | bigint>[]>;
  /** Of a net: asks for a training step on a batch that comes from the host. */
  train?(batch: NetData): void;
  dispose(): void;
}

/** The part of a library's backend that its adapter needs to know. */
export interface PeerLibrary {
  /** Of the library, as it says itself or as its package file does. */
  readonly version: string;
  /** Throws where the library can't do it. */
  prepare(work: LibraryWork): PeerWork | Promise<PeerWork>;
}

/** How an adapter gets at a library: packages by name, and what it may need of WebGPU. */
export interface PeerHost {
  readonly backend: "webgpu" | "wasm" | "cpu";
  /** By `require`, as a CommonJS program would. */
  require(name: string): unknown;
  /** A file of a package, as a module. */
  importFile(name: string, file: string): Promise<unknown>;
  /** A package's package.json. */
  packageOf(name: string): { readonly version: string; readonly module?: string };
}

export type PeerRequest =
  | { readonly call: "open"; readonly backend: PeerBackend; readonly packages: string }
  | { readonly call: "prepare"; readonly work: LibraryWork }
  /** A run, and its results as of "read". */
  | { readonly call: "step" }
  /** Milliseconds of `runs` runs; waited for after each, or only after the last. */
  | { readonly call: "sample"; readonly runs: number; readonly readsEach: boolean }
  /** The first run alone, waited for, and what it asks for: counting costs nothing beside compiling. */
  | { readonly call: "first" }
  /** The result of the last run, of which a large one is sampled. */
  | { readonly call: "read" }
  /** Dispatches and submits of a run, counted over some. */
  | { readonly call: "count"; readonly runs: number }
  /** Most bytes of GPU buffers since it was prepared. */
  | { readonly call: "memory" }
  /** Milliseconds of epochs; refused where one would take longer than `longestMs`. */
  | { readonly call: "fit"; readonly fit: FitSpec; readonly longestMs: number }
  | { readonly call: "release" };

export interface PeerAnswers {
  open: { version: string; adapter: string };
  prepare: null;
  step: number[][];
  sample: number;
  first: { ms: number; dispatches: number; submits: number };
  read: number[][];
  count: { dispatches: number; submits: number };
  memory: { peakBytes: number };
  /** Loss, dispatches and submits are those of some steps after the last epoch. */
  fit: { ms: number[]; loss: number; dispatches: number; submits: number };
  release: null;
}

export type PeerReply = { readonly id: number } & (
  | { readonly answer: PeerAnswers[keyof PeerAnswers] }
  | { readonly error: string }
);
