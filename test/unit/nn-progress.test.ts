// The live bar on a stream that says it is a terminal, as a person sees it: what is being compiled, how training goes,
// and each finished epoch in full.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { wrapped } from "../../nn/training/live-line.ts";
import { showSeconds } from "../../nn/training/live-progress.ts";
import { makeProgress } from "../../nn/training/progress.ts";
import { Screen } from "../support/screen.ts";

/** A stream that draws on a screen. */
class FakeTerminal {
  isTTY = true;
  readonly screen: Screen;

  constructor(readonly columns: number) {
    this.screen = new Screen(columns);
  }

  write(text: string): boolean {
    // As terminals do.
    this.screen.write(text.replaceAll("\n", "\r\n"));
    return true;
  }

  /** What stands on the line that is drawn over. */
  get live(): string {
    return this.screen.lines.at(-1) ?? "";
  }
}

const stdout = Object.getOwnPropertyDescriptor(process, "stdout") as PropertyDescriptor;

function terminalOf(columns: number): FakeTerminal {
  const terminal = new FakeTerminal(columns);
  Object.defineProperty(process, "stdout", { ...stdout, get: () => terminal });
  return terminal;
}

const events = ["SIGINT", "SIGTERM", "exit", "uncaughtExceptionMonitor"];
const listening = () => events.map((event) => process.listenerCount(event));

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  Object.defineProperty(process, "stdout", stdout);
  vi.useRealTimers();
});

const logs = { loss: 0.3754, accuracy: 0.8913, valLoss: 0.1503, valAccuracy: 0.9541 };

describe("the live bar", () => {
  it("tells what is compiled, then steps, time and time left, then the validation", () => {
    const terminal = terminalOf(120);
    const progress = makeProgress(1, 3);
    expect(progress.reader).toBeDefined();
    progress.begin(0, 50);
    expect(terminal.live).toBe("Epoch 1/3 0/50 0.0s preparing");
    progress.compiling(0, 14, "matmul+relu");
    vi.advanceTimersByTime(1000);
    expect(terminal.live).toBe("Epoch 1/3 0/50 1.0s compiling kernels 0/14: matmul+relu");
    vi.advanceTimersByTime(12_000);
    // Nothing new to tell, but it is seen to live.
    expect(terminal.live).toBe("Epoch 1/3 0/50 13s compiling kernels 0/14: matmul+relu");
    progress.compiling(12, 14);
    vi.advanceTimersByTime(100);
    expect(terminal.live).toBe("Epoch 1/3 0/50 13s compiling kernels 12/14");
    progress.update(1, undefined);
    vi.advanceTimersByTime(2000);
    expect(terminal.live).toBe("Epoch 1/3 1/50 [=........................] 15s");
    progress.update(21, { loss: 0.5 });
    vi.advanceTimersByTime(100);
    // 20 steps in 2.1 s; 29 are left.
    expect(terminal.live).toBe("Epoch 1/3 21/50 [===========..............] 15s, 3.0s left - loss: 0.5000");
    progress.update(50, { loss: 0.25 });
    progress.validating(3, 10);
    vi.advanceTimersByTime(100);
    expect(terminal.live).toBe("Epoch 1/3 50/50 15s validating 3/10 - loss: 0.2500");
    progress.end({ loss: 0.25, accuracy: 0.5 }, 2, 50);
    expect(terminal.screen.text).toBe("Epoch 1/3 - 50/50 - 2.0s 40ms/step - loss: 0.2500 - accuracy: 0.5000");
    progress.begin(1, 50);
    expect(terminal.live).toBe("Epoch 2/3 0/50 [.........................] 0.0s");
    progress.stop();
  });

  it.each([
    [
      80,
      "Epoch 1/10 - 469/469 - 3.3s 7.0ms/step - loss: 0.3754 - accuracy: 0.8913\n    - valLoss: 0.1503 - valAccuracy: 0.9541",
    ],
    [
      120,
      "Epoch 1/10 - 469/469 - 3.3s 7.0ms/step - loss: 0.3754 - accuracy: 0.8913 - valLoss: 0.1503 - valAccuracy: 0.9541",
    ],
  ])("at %i columns a finished epoch is whole, and a running one stays on its line", (columns, line) => {
    const terminal = terminalOf(columns);
    const progress = makeProgress(1, 10);
    progress.begin(0, 469);
    progress.compiling(3, 14, "a".repeat(200));
    vi.advanceTimersByTime(100);
    expect(terminal.screen.lines).toHaveLength(1);
    // Room for the ^C that the terminal writes behind it.
    expect(terminal.live).toHaveLength(columns - 3);
    for (let step = 1; step <= 469; step += 12) {
      progress.update(step, step > 30 ? { loss: 0.3754, accuracy: 0.8913 } : undefined);
      vi.advanceTimersByTime(100);
      expect(terminal.screen.lines).toHaveLength(1);
      expect(terminal.live.length).toBeLessThanOrEqual(columns - 3);
      if (step > 30) expect(terminal.live).toMatch(/, [\d.]+s left - loss: 0\.3754 - accuracy: 0\.8913$/);
    }
    progress.end(logs, 3.283, 469);
    expect(terminal.screen.text).toBe(line);
    expect(terminal.screen.isAtLineStart).toBe(true);
    expect(terminal.screen.state).toEqual({ cursor: true, wrap: true });
  });

  it("leaves whole what it was at when it is stopped, once, and no listener", () => {
    const before = listening();
    const terminal = terminalOf(80);
    const progress = makeProgress(1, 10);
    progress.begin(4, 469);
    expect(listening()).toEqual(before.map((count) => count + 1));
    progress.update(12, { loss: 0.5, accuracy: 0.75 });
    vi.advanceTimersByTime(100);
    terminal.write("^C");
    progress.stop();
    progress.stop();
    vi.advanceTimersByTime(1000);
    expect(terminal.screen.text).toBe("Epoch 5/10 - 12/469 - 0.1s - loss: 0.5000 - accuracy: 0.7500");
    expect(listening()).toEqual(before);
  });

  it("listens once for two that train side by side", () => {
    const before = listening();
    terminalOf(80);
    const [one, other] = [makeProgress(1, 1), makeProgress(1, 1)];
    one.begin(0, 5);
    other.begin(0, 5);
    expect(listening()).toEqual(before.map((count) => count + 1));
    one.stop();
    expect(listening()).toEqual(before.map((count) => count + 1));
    other.end({ loss: 1 }, 1, 5);
    expect(listening()).toEqual(before);
  });

  it("says nothing of compiling where nothing is new", () => {
    const terminal = terminalOf(80);
    const progress = makeProgress(1, 1);
    progress.begin(0, 5);
    progress.compiling(0, 0);
    vi.advanceTimersByTime(200);
    expect(terminal.live).not.toContain("compiling");
    progress.stop();
  });

  it("is lines where there is no terminal, or a printer is given", () => {
    const terminal = terminalOf(80);
    terminal.isTTY = false;
    expect(makeProgress(1, 1).reader).toBeUndefined();
    terminal.isTTY = true;
    const lines: string[] = [];
    const progress = makeProgress(1, 2, (line) => lines.push(line));
    expect(progress.reader).toBeUndefined();
    progress.begin(0, 10);
    progress.compiling(3, 4);
    progress.end({ loss: 1 }, 1.25, 10);
    progress.begin(1, 10);
    progress.end({ loss: 1 }, 1.25, 4);
    expect(lines).toEqual([
      "Epoch 1/2 - 10/10 - 1.3s - loss: 1.0000",
      "Epoch 2/2 - 4/10 - 1.3s - loss: 1.0000",
    ]);
  });
});

it("long lines break before a name, never inside one", () => {
  expect(wrapped("one - two: 2 - three: 3", 80)).toBe("one - two: 2 - three: 3");
  expect(wrapped("one - two: 2 - three: 3", 13)).toBe("one - two: 2\n    - three: 3");
  expect(wrapped("one - two: 2 - three: 3", 5)).toBe("one\n    - two: 2\n    - three: 3");
});

it("times are as long as they need be", () => {
  expect([0, 3.25, 9.96, 59.6, 65, 3600, 7625].map(showSeconds)).toEqual([
    "0.0s",
    "3.3s",
    "10s",
    "1m00s",
    "1m05s",
    "1h00m",
    "2h07m",
  ]);
});
