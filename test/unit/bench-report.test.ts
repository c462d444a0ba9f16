// What the bench reads from its command line and what it prints.

import { describe, expect, it } from "vitest";
import { parseBenchArguments, UsageError } from "../../bench/arguments.ts";
import { cutInside, fitColumns, wrap } from "../../bench/reporters/columns.ts";
import { renderSkipped, renderTable, showMs, showRate, showShare } from "../../bench/reporters/table.ts";
import { makeRow as row } from "../support/bench-rows.ts";

describe("bench arguments", () => {
  it("default to every case on both backends", () => {
    const parsed = parseBenchArguments([]);
    expect(parsed.backends).toEqual(["webgpu", "cpu"]);
    expect(parsed.filter.test("anything")).toBe(true);
    expect(parsed).toMatchObject({
      isQuick: false,
      isRecord: false,
      hasPeers: false,
      peerLimitMs: 1_800_000,
    });
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
    [["--device", "cup"], /--device is "cup".*did you mean cpu/],
    [["--device", "gpu"], /--device is "gpu".*did you mean webgpu/],
    [["--json", "out/a", "--html", "./out/a"], /--json and --html both name out\/a/],
    [["--jsn", "x"], /--jsn/],
    [["train"], /train/],
    [["--json="], /--json needs/],
    [["--html="], /--html needs/],
    [["--compare="], /--compare needs/],
    [["--from="], /--from needs/],
    [["--from", "a.json", "--peers"], /--from shows a run that was made: --peers/],
    [["--from", "a.json", "--device", "cpu"], /--from .*: --device/],
    [["--peers", "--peer-limit", "soon"], /--peer-limit is "soon"/],
    [["--peers", "--peer-limit", "0"], /--peer-limit is "0"/],
  ])("refuse %j", (args, message) => {
    expect(() => parseBenchArguments(args)).toThrow(UsageError);
    expect(() => parseBenchArguments(args)).toThrow(message);
  });
});

describe("the table", () => {
  it("puts the backends side by side, in columns of one width", () => {
    const lines = renderTable(
      [
        row({ medianMs: 12.345, minMs: 11, samples: 9, dispatches: 120, submits: 1.25, fmaShare: 0.213 }),
        row({ backend: "cpu", medianMs: 98.76, minMs: 97, samples: 2, dispatches: 80, submits: 0 }),
        row({
          case: "dense/512x512x512",
          phase: "forward",
          medianMs: 0.01234,
          gflops: 21.756,
          peakBytes: 3 * 2 ** 20,
        }),
      ],
      [{ case: "dense/512x512x512", backend: "cpu", phase: "forward", reason: "too slow", isFailure: false }],
    )
      .trimEnd()
      .split("\n");
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(/^ +webgpu +dis- +peak +cpu +cpu by$/);
    expect(lines[1]).toMatch(
      /^case +phase +ms +± +min +n +patches +submits +rate +share +MiB +ms +± +n +webgpu$/,
    );
    expect(lines[3]).toMatch(
      /^train\/N1 +step +12\.3 +1% +11\.0 +9 +120 +1\.25 +81\.0 steps\/s +21% FMA +98\.8 +2 +8\.00x$/,
    );
    expect(lines[4]).toMatch(/^dense\/512x512x512 +forward +0\.0123 .* 21\.8 GFLOP\/s +3\.00 +skipped$/);
    const end = lines[0].indexOf("webgpu") + "webgpu".length;
    for (const line of lines.slice(3)) expect(line.slice(0, end)).toMatch(/\d$/);
  });

  it("leaves out what matters least where a terminal is narrow, says so, and shortens names inside", () => {
    const name = "layer/Conv2DTranspose-16x3x3/32x14x14x32";
    const rows = [
      row({ case: name, phase: "gradient", peakBytes: 1e6, fmaShare: 0.213, gflops: 21.7, flops: 1e9 }),
      row({ case: name, phase: "gradient", backend: "cpu", medianMs: 123_456, q1Ms: 1e5, q3Ms: 2e5 }),
    ];
    const at = (width?: number) => renderTable(rows, [], [], width);
    expect(at()).toContain(name);
    expect(at()).not.toContain("left out");
    for (const width of [120, 80]) {
      for (const line of at(width).split("\n")) expect(line.length, line).toBeLessThanOrEqual(width);
      expect(at(width)).toMatch(/^layer\/Conv.*x14x14x32 +gradient +10\.0 .*21\.7 GFLOP\/s.* 123456/m);
    }
    expect(at(120)).toMatch(/left out to fit 120 columns: cpu n, cpu ±/);
    expect(at(80)).toMatch(/layer\/Conv\w+…[^ ]*x14x14x32/);
    expect(at(80).split("left out")[1]).toMatch(/dispatches/);
    // The times stay, however narrow it is.
    expect(at(10)).toMatch(/10\.0/);
  });

  it("tells what was skipped in one sentence, by reason, and each failure in a line", () => {
    const gap = (name: string, reason: string, isFailure = false) =>
      ({ case: name, backend: "webgpu", phase: "forward", reason, isFailure }) as const;
    expect(renderSkipped([])).toBe("");
    const many = Array.from({ length: 15 }, (_, i) => gap(`a/${i}`, i < 10 ? "too large" : "no units"));
    expect(renderSkipped([...many, gap("a/b", "it broke\nhere", true)])).toBe(
      "FAILED  webgpu a/b forward: it broke\nskipped 15 cases, 10 on webgpu: too large; 5 on webgpu: no units\n",
    );
    expect(renderSkipped([gap("a", "too large")])).toBe("skipped 1 case, 1 on webgpu: too large\n");
  });

  it("shows one backend alone, with its rate", () => {
    const text = renderTable([row({ backend: "cpu", medianMs: 250 })], []);
    expect(text).not.toContain("webgpu");
    expect(text).toContain("4.00 steps/s");
  });

  it("shows the rate that limits a case, and the larger of its shares", () => {
    const moving = row({ phase: "forward", flops: 100, bytes: 800, gflops: 1, gbPerSecond: 8 });
    expect(showRate(moving)).toBe("8.00 GB/s");
    expect(showRate({ ...moving, flops: 8000, gflops: 80 })).toBe("80.0 GFLOP/s");
    expect(showRate(row({ phase: "cold", compiledPipelines: 14, compileMs: 1500 }))).toBe(
      "14 pipelines in 1500 ms",
    );
    expect(showShare(row({ fmaShare: 0.02, copyShare: 0.871 }))).toBe("87% copy");
    expect(showShare(row({ fmaShare: 0.0213 }))).toBe("2.1% FMA");
    expect(showShare(row({}))).toBe("");
  });

  it("shortens a name no more than it must, inside, and breaks lines where they are full", () => {
    expect(cutInside("abcdefgh", 8)).toBe("abcdefgh");
    expect(cutInside("abcdefgh", 7)).toBe("abc…fgh");
    expect(wrap("aaa bbb ccc", 7)).toBe("aaa bbb\nccc");
    expect(wrap("aaa bbb ccc", 6)).toBe("aaa\nbbb\nccc");
    expect(wrap("aaa\nbbb ccc", 20)).toBe("aaa\nbbb ccc");
    const columns = [
      { title: "case", align: "left" as const, cells: ["a/long/name/of/a/case"], least: 8 },
      { title: "ms", align: "right" as const, cells: ["1.00"] },
    ];
    // As much of the name as there is room for.
    for (const width of [14, 18, 24, 27]) {
      const { columns: fitted, leftOut } = fitColumns(columns, width);
      expect(fitted[0].cells[0]).toHaveLength(Math.min(21, width - 6));
      expect(leftOut).toEqual([]);
    }
  });

  it("shows times to three digits", () => {
    expect([1234.5, 123.4, 99.94, 9.876, 0.98765, 0.012345].map(showMs)).toEqual([
      "1235",
      "123",
      "99.9",
      "9.88",
      "0.988",
      "0.0123",
    ]);
  });
});
