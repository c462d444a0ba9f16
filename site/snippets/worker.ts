// The thread that a program of the docs runs in: the page stays alive whatever it does, and ends it by ending the thread.

import { bounded, endOfStack, shortened } from "./printed.ts";
import { line } from "./shown.ts";
import { countTimers, type Timers } from "./timers.ts";

export type FromProgram =
  | { readonly kind: "printed"; readonly text: string }
  | { readonly kind: "failed"; readonly text: string; readonly stack: string }
  /** Its last line is done, and timers of it wait. */
  | { readonly kind: "waiting" }
  | { readonly kind: "ended" };

export interface ToProgram {
  /** The program's module. */
  readonly url: string;
  readonly device: "auto" | "cpu";
}

const post = (message: FromProgram): void => self.postMessage(message);
const timers = countTimers(self as unknown as Timers);
const print = bounded((text) => post({ kind: "printed", text }));
for (const name of ["log", "info", "warn", "error", "debug"] as const)
  console[name] = (...values: unknown[]) => print(line(values));

const failed = (reason: unknown): void =>
  post({
    kind: "failed",
    text: shortened(line([reason])),
    stack: reason instanceof Error ? endOfStack(reason.stack ?? "") : "",
  });
self.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  failed(event.reason);
});

self.addEventListener("message", async ({ data }: MessageEvent<ToProgram>) => {
  // The program itself asks for "auto", which is the CPU reference where there is no WebGPU.
  if (data.device === "cpu") Object.defineProperty(navigator, "gpu", { value: undefined });
  try {
    await import(/* @vite-ignore */ data.url);
    if (timers.areWaiting) {
      post({ kind: "waiting" });
      await timers.done();
    }
    post({ kind: "ended" });
  } catch (error) {
    failed(error);
  }
});
