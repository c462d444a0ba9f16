// Shows how training goes: a live bar on a terminal, one line an epoch elsewhere, or nothing. Only text.

import { ArgumentError } from "../../engine/index.ts";
import { printable, showGiven } from "../../engine/internal.ts";
import type { Logs } from "./history.ts";

/** 0: silent. 1: a live bar on a terminal, else as 2. 2: one line an epoch. */
export type Verbosity = 0 | 1 | 2;

export interface Progress {
  /** Whether {@link Progress.update} shows anything: if not, nobody need read numbers for it. */
  readonly isLive: boolean;
  begin(epoch: number, steps: number): void;
  /** Kernels are being compiled before the first step. */
  compiling(done: number, total: number): void;
  /** @param logs loss and metrics so far, as often as they are known */
  update(step: number, logs: Logs | undefined): void;
  end(logs: Logs, seconds: number): void;
  /** Clears what is on the screen after an error. */
  stop(): void;
}

const silent: Progress = { isLive: false, begin() {}, compiling() {}, update() {}, end() {}, stop() {} };

/** What we use of cli-progress's SingleBar. */
interface Bar {
  start(total: number, value: number, payload: object): void;
  update(value: number, payload: object): void;
  stop(): void;
}

type MakeBar = (format: string) => Bar;

/** @param print takes the lines; without it they go to the console, and a terminal gets the live bar */
export async function makeProgress(
  verbose: Verbosity,
  epochs: number,
  print?: (line: string) => void,
): Promise<Progress> {
  if (![0, 1, 2].includes(verbose)) {
    throw new ArgumentError(
      `verbose must be 0 (silent), 1 (live) or 2 (a line an epoch), got ${showGiven(verbose)}`,
    );
  }
  if (verbose === 0) return silent;
  if (verbose === 1 && print === undefined) {
    const makeBar = await findBar();
    if (makeBar !== undefined) return liveProgress(makeBar, epochs);
  }
  return lineProgress(epochs, print ?? ((line) => console.log(line)));
}

/** "Epoch 1/10 - 469/469 - 3.2s - loss: 0.3014 - accuracy: 0.9101 - valLoss: ..." */
function lineProgress(epochs: number, print: (line: string) => void): Progress {
  let head = "";
  return {
    ...silent,
    begin(epoch, steps) {
      head = `Epoch ${epoch + 1}/${epochs} - ${steps}/${steps}`;
    },
    end(logs, seconds) {
      print(`${head} - ${seconds.toFixed(1)}s - ${showLogs(logs)}`);
    },
  };
}

function liveProgress(makeBar: MakeBar, epochs: number): Progress {
  let bar: Bar | undefined;
  let total = 0;
  let shown = "";
  return {
    isLive: true,
    begin(epoch, steps) {
      total = steps;
      shown = "";
      bar = makeBar(`Epoch ${epoch + 1}/${epochs} {value}/{total} [{bar}]{time}{logs}`);
      bar.start(steps, 0, { time: "", logs: "" });
    },
    compiling(done, total) {
      if (total > 0) bar?.update(0, { time: ` compiling kernels ${done}/${total}`, logs: "" });
    },
    update(step, logs) {
      if (logs !== undefined) shown = ` - ${showLogs(logs)}`;
      bar?.update(step, { time: "", logs: shown });
    },
    end(logs, seconds) {
      const perStep = (seconds * 1000) / total;
      const time = ` ${seconds.toFixed(1)}s ${perStep.toFixed(perStep < 10 ? 1 : 0)}ms/step`;
      bar?.update(total, { time, logs: ` - ${showLogs(logs)}` });
      bar?.stop();
      bar = undefined;
    },
    stop() {
      bar?.stop();
      bar = undefined;
    },
  };
}

/** The optional package cli-progress, in Node on a terminal. */
async function findBar(): Promise<MakeBar | undefined> {
  const stdout = (globalThis as { process?: { stdout?: { isTTY?: boolean } } }).process?.stdout;
  if (!stdout?.isTTY) return undefined;
  try {
    // A name that bundlers don't see: browsers never load it.
    const name = "cli-progress";
    const found = await import(/* @vite-ignore */ /* webpackIgnore: true */ name);
    const { SingleBar } = (found.default ?? found) as { SingleBar: new (options: object) => Bar };
    const style = { barCompleteChar: "=", barIncompleteChar: ".", barsize: 25, hideCursor: true };
    return (format) => new SingleBar({ ...style, format, stream: stdout, fps: 10, gracefulExit: true });
  } catch {
    return undefined;
  }
}

/** "loss: 0.3014 - valLoss: 0.1203": the names as logs and history have them, digits as Keras shows them. */
export function showLogs(logs: Logs): string {
  return Object.entries(logs)
    .map(
      ([name, value]) =>
        `${printable(name)}: ${Math.abs(value) > 1e-3 || value === 0 ? value.toFixed(4) : value.toExponential(4)}`,
    )
    .join(" - ");
}
