// The live bar on a stream that says it is a terminal: it tells that kernels are being compiled, then how training goes.

import { Writable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { makeProgress } from "../../nn/training/progress.ts";

class FakeTerminal extends Writable {
  readonly isTTY = true;
  readonly columns = 120;
  text = "";

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }

  /** What was written since it was last asked for. */
  take(): string {
    const { text } = this;
    this.text = "";
    return text;
  }
}

const stdout = Object.getOwnPropertyDescriptor(process, "stdout") as PropertyDescriptor;
const terminalIs = (stream: NodeJS.WritableStream) =>
  Object.defineProperty(process, "stdout", { ...stdout, get: () => stream });

/** Longer than the bar waits between two looks. */
const pass = () => vi.advanceTimersByTime(250);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  Object.defineProperty(process, "stdout", stdout);
  vi.useRealTimers();
});

describe("the live bar", () => {
  it("counts compiled kernels before the first step, and steps from then on", async () => {
    const terminal = new FakeTerminal();
    terminalIs(terminal as unknown as NodeJS.WritableStream);
    const progress = await makeProgress(1, 3);
    expect(progress.isLive).toBe(true);
    progress.begin(0, 50);
    pass();
    expect(terminal.take()).not.toContain("compiling");
    progress.compiling(0, 14);
    pass();
    expect(terminal.take()).toMatch(/Epoch 1\/3 0\/50 \[\.+\] compiling kernels 0\/14/);
    progress.compiling(12, 14);
    pass();
    expect(terminal.take()).toContain("compiling kernels 12/14");
    progress.update(20, { loss: 0.5 });
    pass();
    const training = terminal.take();
    expect(training).toMatch(/20\/50 \[=+\.+\] - loss: 0\.5000/);
    expect(training).not.toContain("compiling");
    progress.end({ loss: 0.25, accuracy: 0.5 }, 2);
    expect(terminal.take()).toMatch(/50\/50 \[=+\] 2\.0s 40ms\/step - loss: 0\.2500 - accuracy: 0\.5000/);
    progress.begin(1, 50);
    pass();
    expect(terminal.take()).toMatch(/Epoch 2\/3 0\/50/);
    progress.stop();
  });

  it("says nothing of compiling where nothing is new", async () => {
    const terminal = new FakeTerminal();
    terminalIs(terminal as unknown as NodeJS.WritableStream);
    const progress = await makeProgress(1, 1);
    progress.begin(0, 5);
    progress.compiling(0, 0);
    pass();
    progress.stop();
    expect(terminal.take()).not.toContain("compiling");
  });

  it("is lines where there is no terminal, or a printer is given", async () => {
    const terminal = new FakeTerminal();
    Object.defineProperty(terminal, "isTTY", { value: false });
    terminalIs(terminal as unknown as NodeJS.WritableStream);
    expect((await makeProgress(1, 1)).isLive).toBe(false);
    Object.defineProperty(terminal, "isTTY", { value: true });
    const lines: string[] = [];
    const progress = await makeProgress(1, 2, (line) => lines.push(line));
    expect(progress.isLive).toBe(false);
    progress.begin(0, 10);
    progress.compiling(3, 4);
    progress.end({ loss: 1 }, 1.25);
    expect(lines).toEqual(["Epoch 1/2 - 10/10 - 1.3s - loss: 1.0000"]);
  });
});
