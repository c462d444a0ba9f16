// What the bench reads from its command line and what it prints.

import { describe, expect, it } from "vitest";
import { parseBenchArguments, UsageError } from "../../bench/arguments.ts";
import type { Row } from "../../bench/bench-case.ts";
import { renderTable, showMs } from "../../bench/reporters/table.ts";

const row = (values: Partial<Row>): Row => ({
  case: "train/N1",
  backend: "webgpu",
  phase: "step",
  medianMs: 12.345,
  minMs: 11,
  samples: 9,
  dispatches: 120,
  submits: 1.25,
  adapter: "an adapter",
  driver: "a driver",
  isSoftware: true,
  iterations: 5,
  ...values,
});

describe("bench arguments", () => {
  it("default to every case on both backends", () => {
    const parsed = parseBenchArguments([]);
    expect(parsed.backends).toEqual(["webgpu", "cpu"]);
    expect(parsed.filter.test("anything")).toBe(true);
  });

  it("are read", () => {
    const parsed = parseBenchArguments([
      "--filter",
      "^train/N[12]$",
      "--device",
      "cpu",
      "--json",
      "out/bench.json",
    ]);
    expect(parsed).toMatchObject({ backends: ["cpu"], json: "out/bench.json", isList: false });
    expect(parsed.filter.test("train/N1")).toBe(true);
    expect(parsed.filter.test("train/N3")).toBe(false);
  });

  it.each([
    [["--filter", "("], /--filter/],
    [["--device", "cup"], /--device is "cup".*cpu/],
    [["--jsn", "x"], /--jsn/],
    [["train"], /train/],
    [["--json="], /--json needs/],
  ])("refuse %j", (args, message) => {
    expect(() => parseBenchArguments(args)).toThrow(UsageError);
    expect(() => parseBenchArguments(args)).toThrow(message);
  });
});

describe("the table", () => {
  it("puts the backends side by side, in columns of one width", () => {
    const lines = renderTable(
      [
        row({}),
        row({ backend: "cpu", medianMs: 98.76, minMs: 97, samples: 2, dispatches: 80, submits: 0 }),
        row({ case: "dense/512x512x512", phase: "forward", medianMs: 0.01234, gflops: 21.756 }),
      ],
      [{ case: "dense/512x512x512", backend: "cpu", phase: "forward", reason: "too slow", isFailure: false }],
    )
      .trimEnd()
      .split("\n");
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(
      /^case +phase +webgpu ms +min +n +dispatches +submits +rate +cpu ms +min +n +cpu\/webgpu$/,
    );
    expect(lines[2]).toMatch(
      /^train\/N1 +step +12\.3 +11\.0 +9 +120 +1\.25 +81\.0 steps\/s +98\.8 +97\.0 +2 +8\.00x$/,
    );
    expect(lines[3]).toMatch(/^dense\/512x512x512 +forward +0\.0123 .* 21\.8 GFLOP\/s +skipped$/);
    const end = lines[0].indexOf("webgpu ms") + "webgpu ms".length;
    for (const line of lines.slice(2)) expect(line.slice(0, end)).toMatch(/\d$/);
  });

  it("shows one backend alone, with its rate", () => {
    const text = renderTable([row({ backend: "cpu", medianMs: 250 })], []);
    expect(text).not.toContain("webgpu");
    expect(text).toContain("4.00 steps/s");
  });

  it("shows times to three digits", () => {
    expect([1234.5, 99.94, 9.876, 0.98765, 0.012345].map(showMs)).toEqual([
      "1235",
      "99.9",
      "9.88",
      "0.988",
      "0.0123",
    ]);
  });
});
