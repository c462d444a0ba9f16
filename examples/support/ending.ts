// Ends a program by a signal, Ctrl-C or SIGTERM, when it has kept what it has.

const signals = ["SIGINT", "SIGTERM"] as const;
export type EndingSignal = (typeof signals)[number];

/** A Ctrl-C may come by the terminal and once more from a parent that passes it on: what comes at once is one. */
const oneSignalMs = 500;

/** Ends the process as the signal would have: a shell then says 130 or 143. */
export function endBy(signal: EndingSignal): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

/**
 * Has the first signal call `onFirst`, which keeps what there is and then calls {@link endBy}. A second one ends the
 * process at once. The function given back leaves signals to the system again.
 */
export function watchSignals(onFirst: (signal: EndingSignal) => void): () => void {
  let firstAt: number | undefined;
  const notice = (signal: EndingSignal) => {
    const now = performance.now();
    if (firstAt !== undefined && now - firstAt > oneSignalMs) endBy(signal);
    if (firstAt !== undefined) return;
    firstAt = now;
    onFirst(signal);
  };
  for (const signal of signals) process.on(signal, notice);
  return () => {
    for (const signal of signals) process.off(signal, notice);
  };
}
