// One run of a program in a thread of its own: what it prints, and how it ended.

import { shortened } from "./printed.ts";
import type { FromProgram, ToProgram } from "./worker.ts";

export interface Ending {
  /** What went wrong, and the stack trace of it; undefined: nothing. */
  readonly failure?: { readonly text: string; readonly stack: string };
  readonly seconds: number;
}

/** @returns what ends it before its time; `onEnd` is not called then */
export function runProgram(
  url: string,
  print: (text: string) => void,
  onEnd: (ending: Ending) => void,
): () => void {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  const begun = performance.now();
  let isOver = false;
  const end = (failure?: Ending["failure"]) => {
    if (isOver) return;
    isOver = true;
    worker.terminate();
    onEnd({ failure, seconds: (performance.now() - begun) / 1000 });
  };
  worker.addEventListener("message", ({ data }: MessageEvent<FromProgram | null>) => {
    // A program may send messages of its own.
    if (isOver || data === null) return;
    if (data.kind === "printed") print(data.text);
    if (data.kind === "failed") end(data);
    if (data.kind === "ended") end();
  });
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    end({
      text: shortened(event.message || "The program could not be loaded: reload the page."),
      stack: `${event.filename}:${event.lineno}`,
    });
  });
  const message: ToProgram = {
    url,
    device: new URLSearchParams(location.search).get("device") === "cpu" ? "cpu" : "auto",
  };
  worker.postMessage(message);
  return () => {
    isOver = true;
    worker.terminate();
  };
}
