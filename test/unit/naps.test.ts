// Naps: the event loop turns seldom while something is waited for, and not at all otherwise.

import { afterEach, describe, expect, it, vi } from "vitest";
import { Naps } from "../../engine/backend/webgpu/naps.ts";

function countedLoop() {
  const loop = {
    turns: 0,
    setImmediate(callback: () => void) {
      loop.turns++;
      return setImmediate(callback);
    },
  };
  return loop;
}

/** Ends when the loop has turned so many times more; where it does not turn, the test hangs. */
async function turned(loop: { turns: number }, times: number): Promise<void> {
  const wanted = loop.turns + times;
  while (loop.turns < wanted) await delay(1);
}

const delay = (ms: number) => new Promise<string>((resolve) => setTimeout(() => resolve("done"), ms));

afterEach(() => vi.restoreAllMocks());

/** An event loop that turns when the test says so, under a clock that only naps and the test move. */
function turnedByHand() {
  let now = 5000;
  let due: (() => void)[] = [];
  const taken: number[] = [];
  vi.spyOn(performance, "now").mockImplementation(() => now);
  vi.spyOn(Atomics, "wait").mockImplementation(
    (_cell: unknown, _at: unknown, _value: unknown, ms?: number) => {
      taken.push(ms!);
      now += ms!;
      return "timed-out";
    },
  );
  return {
    setImmediate: (callback: () => void) => due.push(callback),
    /** Lets so much time pass, and then the loop turn once. Gives the nap that the turn took; 0 for none. */
    turnAfter: (ms: number) => {
      now += ms;
      const before = taken.length;
      const callbacks = due;
      due = [];
      for (const callback of callbacks) callback();
      expect(taken.length - before).toBeLessThanOrEqual(1);
      return taken.length === before ? 0 : taken[taken.length - 1];
    },
    scheduled: () => due.length,
  };
}

describe("naps", () => {
  it("take an eighth of the time waited so far, and two milliseconds at most", async () => {
    const loop = turnedByHand();
    let end = () => {};
    const waiting = new Naps(loop).during(new Promise<void>((resolve) => (end = resolve)));
    expect(loop.turnAfter(0)).toBe(0);
    expect(loop.turnAfter(0.5)).toBeCloseTo(0.5 / 8);
    expect(loop.turnAfter(8 - 0.5 * 1.125)).toBeCloseTo(1);
    expect(loop.turnAfter(100)).toBe(2);
    expect(loop.turnAfter(10_000)).toBe(2);
    end();
    await waiting;
    expect(loop.turnAfter(1)).toBe(0);
    expect(loop.scheduled()).toBe(0);
  });

  it("count from the first of several waits, or from the last that ended, and share one turn", async () => {
    const loop = turnedByHand();
    const naps = new Naps(loop);
    const ends: (() => void)[] = [];
    const wait = () => naps.during(new Promise<void>((resolve) => ends.push(resolve)));
    const first = wait();
    loop.turnAfter(4);
    const second = wait();
    expect(loop.scheduled()).toBe(1);
    expect(loop.turnAfter(4)).toBeCloseTo((4 + 0.5 + 4) / 8);
    ends[1]();
    await second;
    expect(loop.turnAfter(1)).toBeCloseTo(1 / 8);
    ends[0]();
    await first;
    expect(loop.turnAfter(1000)).toBe(0);
    const third = wait();
    expect(loop.turnAfter(1)).toBeCloseTo(1 / 8);
    ends[2]();
    await third;
  });

  it("turn the event loop some hundred times in a tenth of a second, not some ten thousand times", async () => {
    const loop = countedLoop();
    const naps = new Naps(loop);
    expect(await naps.during(delay(100))).toBe("done");
    expect(loop.turns).toBeLessThan(400);
    // It does turn, however late timers are.
    await naps.during(turned(loop, 10));
  });

  it("end with the wait, also with one that fails", async () => {
    const loop = countedLoop();
    const naps = new Naps(loop);
    await expect(naps.during(Promise.reject(new Error("lost")))).rejects.toThrow("lost");
    await naps.during(delay(5));
    await delay(5);
    const { turns } = loop;
    await delay(30);
    expect(loop.turns).toBe(turns);
  });

  it("go on until the last of several waits is over", async () => {
    const loop = countedLoop();
    const naps = new Naps(loop);
    let end = () => {};
    const long = naps.during(new Promise<void>((resolve) => (end = resolve)));
    await naps.during(delay(10));
    await turned(loop, 10);
    end();
    await long;
  });
});
