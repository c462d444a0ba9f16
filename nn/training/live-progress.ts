// The live bar of a terminal. What bundles for pages take in its place is live-progress.browser.ts.

import type { Logs } from "./history.ts";
import { LiveLine, terminal } from "./live-line.ts";
import { LiveReader } from "./live-reader.ts";
import { ofTotal, type Progress, showLogs } from "./progress-text.ts";
import type { Trainer } from "./trainer.ts";

/** A bar on the terminal that the program writes to; undefined where it writes to none. */
export function liveProgress(epochs: number): Progress | undefined {
  const found = terminal();
  return found && new LiveProgress(new LiveLine(found), epochs);
}

/** Milliseconds between two drawings, so that the time is seen to pass. */
const tickMs = 100;
const barCells = { most: 25, fewest: 5 };

/** The same, drawn over while the epoch goes on: with a bar if there is room, time left, or what is being compiled. */
class LiveProgress implements Progress {
  readonly reader = (trainer: Trainer) => new LiveReader(trainer);
  readonly #line: LiveLine;
  readonly #epochs: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #epoch = 0;
  #total = 0;
  #begun = 0;
  #step = 0;
  /** When the first steps were taken, and how many they were: those before compile and say nothing of the rest. */
  #first: { readonly at: number; readonly step: number } | undefined;
  /** Of the bar; those that were given to the text are not taken back in the epoch. */
  #cells = barCells.most;
  /** What is going on instead of steps. */
  #stage = "";
  /** The kernel that is being compiled. */
  #kernel = "";
  #logs: Logs | undefined;

  constructor(line: LiveLine, epochs: number) {
    this.#line = line;
    this.#epochs = epochs;
  }

  begin(epoch: number, steps: number): void {
    this.#epoch = epoch;
    this.#total = steps;
    this.#begun = performance.now();
    this.#step = 0;
    this.#first = undefined;
    this.#cells = barCells.most;
    // The first step is traced, and then compiled.
    this.#stage = epoch === 0 ? "preparing" : "";
    this.#kernel = "";
    this.#logs = undefined;
    this.#draw();
    this.#timer ??= setInterval(() => this.#draw(), tickMs);
    // A program that has nothing else to do need not wait for a drawing.
    (this.#timer as { unref?(): void }).unref?.();
  }

  compiling(done: number, total: number, kernel?: string): void {
    if (total === 0) return;
    this.#stage = `compiling kernels ${done}/${total}`;
    this.#kernel = kernel === undefined ? "" : `: ${kernel}`;
  }

  update(step: number, logs: Logs | undefined): void {
    this.#stage = "";
    this.#step = step;
    this.#first ??= { at: performance.now(), step };
    this.#logs = logs ?? this.#logs;
  }

  validating(step: number, total: number): void {
    this.#stage = `validating ${ofTotal(step, total)}`;
    this.#kernel = "";
  }

  end(logs: Logs, seconds: number, steps: number): void {
    const perStep = (seconds * 1000) / steps;
    const time = `${seconds.toFixed(1)}s ${perStep.toFixed(perStep < 10 ? 1 : 0)}ms/step`;
    this.#clear(`${this.#head} - ${ofTotal(steps, this.#total)} - ${time} - ${showLogs(logs)}`);
  }

  stop(): void {
    this.#clear();
  }

  #clear(text?: string): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#line.end(text);
  }

  get #head(): string {
    return `Epoch ${this.#epoch + 1}/${this.#epochs}`;
  }

  #draw(): void {
    const now = performance.now();
    const elapsed = showSeconds((now - this.#begun) / 1000);
    const counts = ofTotal(this.#step, this.#total);
    const logs = this.#logs === undefined ? "" : ` - ${showLogs(this.#logs)}`;
    const kept = `${this.#head} - ${counts} - ${elapsed}${this.#stage && ` - ${this.#stage}`}${logs}`;
    if (this.#stage !== "") {
      this.#line.draw(`${this.#head} ${counts} ${elapsed} ${this.#stage}${this.#kernel}${logs}`, kept);
      return;
    }
    const left = this.#secondsLeft(now);
    const time = `${elapsed}${left === undefined ? "" : `, ${showSeconds(left)} left`}`;
    const rest = ` ${time}${logs}`;
    const free = this.#line.width - this.#head.length - counts.length - rest.length - 4;
    this.#cells = Math.min(this.#cells, free < barCells.fewest ? 0 : free);
    const filled = Math.round((this.#cells * this.#step) / this.#total);
    const bar = this.#cells === 0 ? "" : ` [${"=".repeat(filled)}${".".repeat(this.#cells - filled)}]`;
    this.#line.draw(`${this.#head} ${counts}${bar}${rest}`, kept);
  }

  /** Of the epoch's steps; undefined until their pace is known. */
  #secondsLeft(now: number): number | undefined {
    const isKnown = Number.isFinite(this.#total);
    if (!isKnown || this.#first === undefined || this.#step === this.#first.step) return undefined;
    const pace = (now - this.#first.at) / (this.#step - this.#first.step);
    return (pace * (this.#total - this.#step)) / 1000;
  }
}

/** "3.2s", "42s", "3m05s", "2h07m" */
export function showSeconds(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  const two = (count: number) => String(Math.floor(count)).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${two((whole % 3600) / 60)}m`;
}
