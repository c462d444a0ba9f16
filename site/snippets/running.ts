// One run of a program in a thread of its own: what it prints, how it ended, and what it prints after that.

import { shortened } from "./printed.ts";
import type { FromProgram, ToProgram } from "./worker.ts";

export interface Ending {
  /** What went wrong, and the stack trace of it; undefined: nothing. */
  readonly failure?: { readonly text: string; readonly stack: string };
  readonly seconds: number;
}

/** Milliseconds without a word after its end until its thread goes: what nobody awaits may print later. */
const lingerMs = 10_000;

export interface Listener {
  print(text: string): void;
  /** Its last line is done, and timers of it wait. */
  onWait(seconds: number): void;
  /** Told a second time where what nobody awaited fails after the end. */
  onEnd(ending: Ending): void;
}

/** @returns what ends it, before its time too; nothing is told after that */
export function runProgram(url: string, { print, onWait, onEnd }: Listener): () => void {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1000;
  let isOver = false;
  let isEnded = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = () => {
    isOver = true;
    clearTimeout(timer);
    worker.terminate();
  };
  const linger = () => {
    clearTimeout(timer);
    timer = setTimeout(stop, lingerMs);
  };
  const fail = (failure: Ending["failure"]) => {
    if (isOver) return;
    stop();
    onEnd({ failure, seconds: seconds() });
  };
  worker.addEventListener("message", ({ data }: MessageEvent<FromProgram | null>) => {
    // A program may send messages of its own.
    if (isOver || data === null) return;
    if (isEnded) linger();
    if (data.kind === "printed") print(data.text);
    if (data.kind === "failed") fail(data);
    if (data.kind === "waiting") onWait(seconds());
    if (data.kind === "ended" && !isEnded) {
      isEnded = true;
      linger();
      onEnd({ seconds: seconds() });
    }
  });
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    fail({
      text: shortened(event.message || "The program could not be loaded: reload the page."),
      stack: `${event.filename}:${event.lineno}`,
    });
  });
  const message: ToProgram = {
    url,
    device: new URLSearchParams(location.search).get("device") === "cpu" ? "cpu" : "auto",
  };
  worker.postMessage(message);
  return stop;
}
