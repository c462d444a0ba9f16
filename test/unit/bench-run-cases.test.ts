// Rows of cases made up, on the CPU reference: what is measured, what is skipped, what fails, and what is freed.

import { describe, expect, it } from "vitest";
import type { BenchCase, Budget, Prepared } from "../../bench/bench-case.ts";
import { rowOf, runCases } from "../../bench/run-cases.ts";
import { billionsPerSecond } from "../../bench/statistics.ts";
import { add, type Device, ones, zeros } from "../../engine/index.ts";

const budget: Budget = {
  sampleMs: 0.01,
  totalMs: 1,
  minSamples: 3,
  maxSamples: 3,
  minIterations: 1,
  maxIterations: 1,
};

let open = 0;
const prepared = (device: Device, more: Partial<Prepared> = {}): Prepared => {
  const x = zeros([250], { device });
  open++;
  return {
    run: () => add(x, 1).dispose(),
    dispose: () => {
      open--;
      x.dispose();
    },
    ...more,
  };
};
const caseOf = (name: string, more: Partial<BenchCase> = {}): BenchCase => ({
  name,
  phase: "forward",
  prepare: (device) => prepared(device),
  ...more,
});

describe("cases", () => {
  it("become a row each; those that fail or are left out are told, and the others go on", async () => {
    const begun: string[] = [];
    const { rows, skipped } = await runCases(
      [
        caseOf("first", { flops: 250, at: 7 }),
        caseOf("left out", { skip: { cpu: "too slow", webgpu: "not this one" } }),
        caseOf("not here", { skipOn: ({ backend }) => `not on ${backend}` }),
        caseOf("broken", {
          prepare: () => {
            throw new TypeError("it can't be made");
          },
        }),
        caseOf("breaks", {
          prepare: (device) =>
            prepared(device, {
              run: () => {
                throw new Error("it can't be run");
              },
            }),
        }),
        caseOf("other", { skip: { webgpu: "only there" } }),
      ],
      "cpu",
      { budget, version: "1.2.3", onCase: ({ name }, backend) => begun.push(`${name} on ${backend}`) },
    );
    expect(begun).toHaveLength(6);
    expect(begun[0]).toBe("first on cpu");
    expect(rows.map((row) => row.case)).toEqual(["first", "other"]);
    expect(rows[0]).toMatchObject({
      backend: "cpu",
      phase: "forward",
      version: "1.2.3",
      dispatches: 1,
      samples: 3,
      at: 7,
    });
    expect(rows[0].gflops).toBe(billionsPerSecond(250, rows[0].medianMs));
    expect(rows[0].gbPerSecond).toBeUndefined();
    expect(skipped).toEqual([
      { case: "left out", backend: "cpu", phase: "forward", reason: "too slow", isFailure: false },
      { case: "not here", backend: "cpu", phase: "forward", reason: "not on cpu", isFailure: false },
      {
        case: "broken",
        backend: "cpu",
        phase: "forward",
        reason: "TypeError: it can't be made",
        isFailure: true,
      },
      { case: "breaks", backend: "cpu", phase: "forward", reason: "Error: it can't be run", isFailure: true },
    ]);
    expect(open).toBe(0);
  });

  it("of the phase host are timed without waiting, one run a sample", async () => {
    let rests = 0;
    const { rows } = await runCases(
      [
        caseOf("host", {
          phase: "host",
          prepare: (device) => prepared(device, { rest: () => void rests++, iterations: 4 }),
        }),
        caseOf("cold", {
          phase: "cold",
          prepare: (device) => prepared(device, { rest: () => void rests++ }),
        }),
      ],
      "cpu",
      { budget },
    );
    expect(rows.map(({ samples, iterations }) => [samples, iterations])).toEqual([
      [41, 4],
      [3, 1],
    ]);
    expect(rests).toBe(61);
  });

  it("on a device of their own tell its peak, without their data", async () => {
    const { rows } = await runCases(
      [
        caseOf("with data", { ownDevice: true, prepare: (device) => prepared(device, { dataBytes: 1000 }) }),
        caseOf("without", { ownDevice: true }),
        caseOf("shared"),
        caseOf("by itself", {
          ownDevice: true,
          measure: async (device, { isQuick }) => {
            ones([250], { device }).dispose();
            const base = { minMs: 1, q1Ms: 1, q3Ms: 1, samples: 1, timesMs: [1], iterations: 1 };
            return { ...base, medianMs: isQuick ? 2 : 1, dispatches: 0, submits: 0 };
          },
        }),
      ],
      "cpu",
      { budget, isQuick: true },
    );
    const [withData, without, shared, byItself] = rows.map(({ peakBytes }) => peakBytes);
    expect(without! - withData!).toBe(1000);
    expect(shared).toBeUndefined();
    expect(byItself).toBeGreaterThan(0);
    expect(rows[3].medianMs).toBe(2);
  });
});

describe("a row", () => {
  it("has the rates of its median", () => {
    const measurement = { medianMs: 2, minMs: 1, q1Ms: 1.5, q3Ms: 4, samples: 3, timesMs: [1, 2, 4] };
    const place = { adapter: "an adapter", driver: "a driver", isSoftware: true };
    const row = rowOf(
      { name: "a case", phase: "forward", flops: 4e9, bytes: 6e9 },
      "webgpu",
      { ...measurement, iterations: 1, dispatches: 1, submits: 1 },
      place,
    );
    expect(row).toMatchObject({
      case: "a case",
      backend: "webgpu",
      gflops: 2000,
      gbPerSecond: 3000,
      ...place,
    });
  });
});
