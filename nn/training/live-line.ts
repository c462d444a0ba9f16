// A line on the terminal that is drawn over again and again, and left whole however the program ends: the terminal's
// cursor and line wrap stay as they are, and signals stay the program's.

/** What is used of a stream that ends at a terminal. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** What is used of Node's process. */
interface Host {
  readonly pid: number;
  readonly stdout?: Terminal;
  kill(pid: number, signal: string): void;
  on(event: string, listener: (signal: string) => void): unknown;
  prependListener(event: string, listener: (signal: string) => void): unknown;
  off(event: string, listener: (signal: string) => void): unknown;
  listenerCount(event: string): number;
}

const host = () => (globalThis as unknown as { process?: Host }).process;

/** The terminal that the program writes to, where it does. */
export function terminal(): Terminal | undefined {
  const stdout = host()?.stdout;
  return stdout?.isTTY ? stdout : undefined;
}

/** Left free at the end of a line, for the `^C` that terminals write behind it. */
const reserved = 3;
const clear = "\r\x1b[K";

/** After a signal the program mostly ends: what it leaves is not drawn over at once. */
const pauseMs = 1000;
let pausedUntil = 0;

export class LiveLine {
  readonly #terminal: Terminal;
  #kept = "";

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Columns that {@link draw} has. */
  get width(): number {
    return Math.max(20, this.#terminal.columns || 80) - reserved;
  }

  /**
   * Shows a line in place of the one before, cut to the terminal's width.
   *
   * @param kept what stays of it if the program ends now
   */
  draw(line: string, kept: string): void {
    if (performance.now() < pausedUntil) return;
    watch(this);
    this.#kept = kept;
    this.#terminal.write(`${clear}${line.slice(0, this.width)}`);
  }

  /** Ends the line with a text, or else with what is to be kept of it, if it is drawn. */
  end(text?: string): void {
    const isDrawn = unwatch(this);
    if (text === undefined && !isDrawn) return;
    this.#terminal.write(`${clear}${wrapped(text ?? this.#kept, this.#terminal.columns || 80)}\n`);
  }
}

/** Broken before " - " where it is too wide for the terminal. */
export function wrapped(text: string, columns: number): string {
  const lines: string[] = [];
  for (const part of text.split(/(?= - )/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + part.length <= columns) lines[lines.length - 1] += part;
    else lines.push(last === undefined ? part : `   ${part}`);
  }
  return lines.join("\n");
}

/** Lines that are on the screen; while there are some, we listen. */
const drawn = new Set<LiveLine>();
const signals = ["SIGINT", "SIGTERM"];

function watch(line: LiveLine): void {
  if (drawn.size === 0) {
    const process = host();
    // First of all listeners, so that those which look whether they are alone (signal-exit's) don't see it any more.
    for (const signal of signals) process?.prependListener(signal, onSignal);
    process?.on("exit", endAll);
    process?.on("uncaughtExceptionMonitor", endAll);
  }
  drawn.add(line);
}

/** Whether it was drawn. */
function unwatch(line: LiveLine): boolean {
  if (!drawn.delete(line)) return false;
  if (drawn.size > 0) return true;
  const process = host();
  for (const signal of signals) process?.off(signal, onSignal);
  process?.off("exit", endAll);
  process?.off("uncaughtExceptionMonitor", endAll);
  return true;
}

function endAll(): void {
  for (const line of [...drawn]) line.end();
}

/** What a signal does is up to the program; where it has no listener for it, the system ends it as if we had none. */
function onSignal(signal: string): void {
  endAll();
  pausedUntil = performance.now() + pauseMs;
  const process = host();
  if (process?.listenerCount(signal) === 0) process.kill(process.pid, signal);
}
