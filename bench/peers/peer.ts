// What a peer's adapter offers, and what parent and child process say to each other.

import type { PeerBackend } from "../bench-case.ts";
import type { NetSpec } from "../cases/nets.ts";

/** A net of a peer, its data and weights on its device. */
export interface PeerNet {
  /** Asks for one training step on the next batch, and keeps its loss on the device. */
  step(): void;
  /** The loss of the last step: waits until it is there. */
  readLoss(): Promise<number>;
  dispose(): void;
}

export interface PeerLibrary {
  /** Of the library, as it says itself or as its package file does. */
  readonly version: string;
  prepare(spec: NetSpec): PeerNet | Promise<PeerNet>;
}

export type PeerRequest =
  | { readonly call: "open"; readonly backend: PeerBackend; readonly packages: string }
  /** Losses of the first `steps` steps of a net, which is thrown away. */
  | { readonly call: "check"; readonly spec: NetSpec; readonly steps: number }
  | { readonly call: "prepare"; readonly spec: NetSpec }
  /** Milliseconds of `steps` steps; their losses read after each, or only after the last. */
  | { readonly call: "sample"; readonly steps: number; readonly readsEach: boolean }
  /** Dispatches and submits of a step. */
  | { readonly call: "count" }
  | { readonly call: "release" };

export interface PeerAnswers {
  open: { version: string; adapter: string };
  check: number[];
  prepare: null;
  sample: number;
  count: { dispatches: number; submits: number };
  release: null;
}

export type PeerReply = { readonly id: number } & (
  | { readonly answer: PeerAnswers[keyof PeerAnswers] }
  | { readonly error: string }
);
