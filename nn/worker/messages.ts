// What the two sides of `inWorker` send each other. Each message has its kind under "gradgpu": others are somebody else's.

import type { SentError } from "./sent-errors.ts";

/** Hooks of `fit` that the caller may listen to. */
export type RelayedHook = "onEpochBegin" | "onEpochEnd" | "onStepsEnd";
export type LogLevel = "debug" | "error" | "info" | "log" | "warn";

export type ToWorker =
  | {
      readonly gradgpu: "start";
      readonly data: unknown;
      readonly hooks: readonly RelayedHook[];
      /** Whether the console's lines are to be sent. */
      readonly sendsLogs: boolean;
      /** Columns of the terminal that the lines go to; undefined where they go to none. */
      readonly columns: number | undefined;
      /** Whether the caller said stop() already. */
      readonly isStopped: boolean;
    }
  | { readonly gradgpu: "abort"; readonly reason: SentError }
  | { readonly gradgpu: "stop" };

export type FromWorker =
  | { readonly gradgpu: "ready" }
  /** A GPU's device was opened. */
  | { readonly gradgpu: "device" }
  | { readonly gradgpu: "log"; readonly level: LogLevel; readonly text: string }
  | { readonly gradgpu: "hook"; readonly name: RelayedHook; readonly told: readonly unknown[] }
  | { readonly gradgpu: "message"; readonly message: unknown }
  | { readonly gradgpu: "done"; readonly result: unknown }
  /** `isReason`: it is what the task was aborted with. */
  | { readonly gradgpu: "failed"; readonly error: SentError; readonly isReason: boolean };

export const isMessage = (message: unknown): message is ToWorker | FromWorker =>
  typeof (message as { gradgpu?: unknown } | null | undefined)?.gradgpu === "string";
