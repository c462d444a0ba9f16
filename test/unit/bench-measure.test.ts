// The bench's own arithmetic: medians, sample sizes, counts per iteration; on a device made of counters, by a clock that
// only the work moves.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { budgetOf, measure, measureHost, runsFor, sample } from "../../bench/measure.ts";
import { median, quantile, summarise } from "../../bench/statistics.ts";

const budget = {
  sampleMs: 20,
  totalMs: 60,
  minSamples: 1,
  maxSamples: 5,
  minIterations: 1,
  maxIterations: 50,
};

/** Counts what a device would; `sync` ends the work asked for. */
function fakeDevice() {
  const counts = {
    dispatches: 0,
    submits: 0,
    uploads: 0,
    uploadedBytes: 0,
    readbacks: 0,
    pipelines: 0,
    bindGroups: 0,
    copies: 0,
  };
  return {
    counts,
    counters: () => ({ ...counts }),
    sync: async () => {
      counts.submits++;
    },
  };
}

describe("median", () => {
  it("is the middle, or the mean of the two", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([5])).toBe(5);
    // By value, not by their digits.
    expect(median([9, 100, 10])).toBe(10);
  });
});

describe("a row's spread", () => {
  it("is told by quartiles between the nearest values", () => {
    expect(quantile([4, 1, 3, 2, 5], 0.25)).toBe(2);
    expect(quantile([1, 2, 3, 4], 0.25)).toBe(1.75);
    expect(quantile([7], 0.75)).toBe(7);
    expect(quantile([], 0.5)).toBeNaN();
    expect(summarise([3, 1, 2])).toEqual({
      medianMs: 2,
      minMs: 1,
      q1Ms: 1.5,
      q3Ms: 2.5,
      samples: 3,
      timesMs: [3, 1, 2],
    });
    expect(summarise([1.23456789]).timesMs).toEqual([1.2346]);
  });
});

describe("a budget", () => {
  it("is the phase's, then the case's, and smaller when quick", () => {
    const plain = budgetOf({ phase: "step" }, "webgpu");
    expect(budgetOf({ phase: "step", budget: { minSamples: 2 } }, "webgpu")).toEqual({
      ...plain,
      minSamples: 2,
    });
    expect(budgetOf({ phase: "forward" }, "webgpu").sampleMs).toBeLessThan(plain.sampleMs);
    const quick = budgetOf({ phase: "step" }, "webgpu", true);
    expect(quick.totalMs).toBeLessThan(plain.totalMs);
    expect(quick.sampleMs).toBe(plain.sampleMs / 5);
    expect(quick.minSamples).toBe(3);
    expect(
      budgetOf({ phase: "step", budget: { minSamples: 2, maxSamples: 4 } }, "webgpu", true),
    ).toMatchObject({ minSamples: 2, maxSamples: 4 });
    expect(quick.minSamples).toBeGreaterThanOrEqual(1);
    expect(quick.maxSamples).toBeGreaterThanOrEqual(quick.minSamples);
  });
});

describe("a sample", () => {
  it("is as many iterations as fill its time, at least one", () => {
    expect(runsFor(1, budget)).toBe(20);
    expect(runsFor(1000, budget)).toBe(1);
    expect(runsFor(0.001, budget)).toBe(50);
    expect(runsFor(1000, { ...budget, minIterations: 4 })).toBe(4);
    expect(runsFor(1000, { ...budget, minIterations: 4 }, 16)).toBe(1);
    expect(runsFor(0.1, budget, 16)).toBe(3);
    // A part of an iteration more is an iteration more; more than the most is none.
    expect(runsFor(1.5, budget)).toBe(14);
    expect(runsFor(19, budget)).toBe(2);
    expect(runsFor(0.001, { ...budget, maxIterations: 47 }, 16)).toBe(2);
    expect(runsFor(1000, { ...budget, minIterations: 17 }, 16)).toBe(2);
  });
});

describe("measure", () => {
  let now = 0;
  beforeEach(() => {
    vi.spyOn(performance, "now").mockImplementation(() => now);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
  const takes = async (ms: number) => {
    now += ms;
  };

  it("counts dispatches and submits per iteration, the warm-up left out", async () => {
    const device = fakeDevice();
    let runs = 0;
    const result = await measure(
      device,
      {
        run: () => {
          device.counts.dispatches += runs++ === 0 ? 1000 : 3;
          now += 0.5;
        },
        dispose: () => {},
      },
      budget,
    );
    expect(result.dispatches).toBe(3);
    expect(result.submits).toBeCloseTo(1 / result.iterations);
    expect(result.iterations).toBe(40);
    expect(result.samples).toBe(3);
    expect(result.medianMs).toBe(0.5);
    expect(result.minMs).toBe(0.5);
  });

  it("takes slow work once after warming up", async () => {
    const device = fakeDevice();
    let runs = 0;
    const run = () => takes(runs++ === 0 ? 90 : 70);
    const result = await measure(device, { run, dispose: () => {} }, budget);
    expect(result.samples).toBe(1);
    expect(result.iterations).toBe(1);
    expect(runs).toBe(2);
  });

  it("divides by the iterations of a run", async () => {
    const device = fakeDevice();
    const run = () => {
      device.counts.dispatches += 48;
      return takes(32);
    };
    const result = await measure(device, { run, iterations: 16, dispose: () => {} }, budget);
    expect(result).toMatchObject({ dispatches: 3, submits: 1 / 16, iterations: 16 });
    expect(result.medianMs).toBe(2);
  });

  it("takes no fewer samples and iterations than it should", async () => {
    const run = () => takes(25);
    const few = { ...budget, totalMs: 10, minSamples: 2, minIterations: 3 };
    const result = await measure(fakeDevice(), { run, dispose: () => {} }, few);
    expect(result).toMatchObject({ samples: 2, iterations: 3 });
  });

  it("takes no more samples than it should, though there be time", async () => {
    const result = await measure(
      fakeDevice(),
      { run: () => takes(20), dispose: () => {} },
      { ...budget, totalMs: 1e6 },
    );
    expect(result.samples).toBe(5);
  });

  it("waits for each run that asks for it, and for the device at the end", async () => {
    const device = fakeDevice();
    const order: string[] = [];
    const run = async () => {
      order.push("begun");
      await Promise.resolve();
      await Promise.resolve();
      order.push("done");
      now += 7;
    };
    const sync = async () => {
      order.push("sync");
      now += 1;
    };
    expect(await sample({ ...device, sync }, { run, dispose: () => {} }, 2)).toBe(15);
    expect(order).toEqual(["begun", "done", "begun", "done", "sync"]);
  });

  it("believes work that tells what it asks for, where the counters can't know", async () => {
    const told = { dispatches: 7, submits: 2 };
    const work = { run: () => takes(20), work: told, dispose: () => {} };
    expect(await measure(fakeDevice(), work, budget)).toMatchObject(told);
    const host = { run: () => void (now += 1), work: told, dispose: () => {} };
    expect(await measureHost(fakeDevice(), host)).toMatchObject(told);
  });

  it("of the host times the asking alone, once V8 has compiled it, with a rest after each", async () => {
    const device = fakeDevice();
    let [runs, rests] = [0, 0];
    const sync = async () => {
      now += 100;
      device.counts.submits++;
    };
    const result = await measureHost(
      { ...device, sync },
      {
        iterations: 2,
        run: () => {
          // Slow and full of dispatches until it is warm.
          const isCold = runs++ < 20;
          now += isCold ? 50 : 4;
          device.counts.dispatches += isCold ? 1000 : 6;
        },
        rest: () => {
          rests++;
          now += 10;
        },
        dispose: () => {},
      },
    );
    expect(result).toMatchObject({ medianMs: 2, minMs: 2, q3Ms: 2, samples: 41, iterations: 2 });
    expect(Math.max(...result.timesMs)).toBe(2);
    expect(result).toMatchObject({ dispatches: 3, submits: 0.5 });
    expect([runs, rests]).toEqual([61, 61]);
  });
});
