// Counts a program's timers that wait, so that its thread lives as long as they do.

type Timer = (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => number;

/** The thread, or what stands for it in a test. */
export interface Timers {
  setTimeout: Timer;
  setInterval: Timer;
  clearTimeout(id?: number): void;
  clearInterval(id?: number): void;
}

export interface TimerCount {
  readonly areWaiting: boolean;
  /** Resolves when none waits any more. */
  done(): Promise<void>;
}

/** Puts counting timers in the place of the thread's. */
export function countTimers(thread: Timers): TimerCount {
  const { setTimeout, setInterval, clearTimeout } = thread;
  const waiting = new Set<number>();
  let told: (() => void)[] = [];
  // What a callback awaits without a delay may set another timer.
  const look = () =>
    setTimeout.call(thread, () => {
      if (waiting.size > 0) return;
      for (const tell of told) tell();
      told = [];
    });
  const end = (id: number | undefined) => {
    if (id !== undefined && waiting.delete(id) && waiting.size === 0) look();
  };
  thread.setTimeout = (callback, ms, ...args) => {
    const id: number = setTimeout.call(
      thread,
      () => {
        try {
          callback(...args);
        } finally {
          end(id);
        }
      },
      ms,
    );
    waiting.add(id);
    return id;
  };
  thread.setInterval = (callback, ms, ...args) => {
    const id = setInterval.call(thread, callback, ms, ...args);
    waiting.add(id);
    return id;
  };
  // They are of one list of numbers: either ends both.
  thread.clearTimeout = thread.clearInterval = (id) => {
    clearTimeout.call(thread, id);
    end(id);
  };
  return {
    get areWaiting() {
      return waiting.size > 0;
    },
    done: () =>
      waiting.size === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            told.push(resolve);
          }),
  };
}
