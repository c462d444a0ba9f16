// Pipelines to compile before a program's first step, and how all are compiled side by side.

import type { KernelCall } from "../../kernel/kernel.ts";

/** A pipeline to be compiled by its own device. */
export interface WarmUpJob {
  readonly name: string;
  readonly call: KernelCall;
  run(): Promise<void>;
}

/** @param onDone told after each job */
export async function runAll(jobs: readonly WarmUpJob[], onDone: () => void): Promise<void> {
  // All of them to the end, since what they bind is freed after a failure.
  throwFirst(
    await Promise.allSettled(
      jobs.map(async (job) => {
        await job.run();
        onDone();
      }),
    ),
  );
}

export function throwFirst(ends: readonly PromiseSettledResult<void>[]): void {
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}
