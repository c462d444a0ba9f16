// What the bench says of two runs, of how samples are taken in turn, and of where a run is kept: on rows made up.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { allCases } from "../../bench/cases/all.ts";
import { type OpName, sampled, valuesOf } from "../../bench/cases/op-spec.ts";
import { compareRuns } from "../../bench/compare-runs.ts";
import { describeDifference, describeOtherFit } from "../../bench/peers/agreement.ts";
import { hasPeers } from "../../bench/peers/compare.ts";
import { type Contestant, runsFor, takeTurns } from "../../bench/peers/race.ts";
import { readRuns } from "../../bench/read-runs.ts";
import { bestControls, finishRows, peaksOf } from "../../bench/report.ts";
import { renderComparison } from "../../bench/reporters/comparison.ts";
import * as nn from "../../nn/index.ts";
import { makeControls, makeReport, makeRow } from "../support/bench-rows.ts";

const verdicts = (...args: Parameters<typeof compareRuns>) =>
  compareRuns(...args).changes.map(({ verdict }) => verdict);

describe("two runs", () => {
  const old = makeReport([makeRow({ medianMs: 10 })]);

  it("differ where the time is beyond what samples and machine explain", () => {
    expect(verdicts(old, makeReport([makeRow({ medianMs: 10.5 })]))).toEqual(["same"]);
    expect(verdicts(old, makeReport([makeRow({ medianMs: 13 })]))).toEqual(["slower"]);
    expect(verdicts(old, makeReport([makeRow({ medianMs: 7 })]))).toEqual(["faster"]);
  });

  it("may differ more where samples spread more, or are too few to tell", () => {
    const spread = makeRow({ medianMs: 13, q1Ms: 10, q3Ms: 16 });
    expect(verdicts(old, makeReport([spread]))).toEqual(["same"]);
    expect(verdicts(old, makeReport([makeRow({ medianMs: 13, samples: 1 })]))).toEqual(["same"]);
    expect(verdicts(old, makeReport([makeRow({ medianMs: 20, samples: 1 })]))).toEqual(["slower"]);
  });

  it("are judged by how fast the machine was in each", () => {
    const busy = { start: makeControls(1.5), end: makeControls(1.5) };
    const slower = makeRow({ medianMs: 14 });
    expect(verdicts(old, makeReport([slower], { controls: busy }))).toEqual(["same"]);
    expect(verdicts(old, makeReport([makeRow({ medianMs: 20 })], { controls: busy }))).toEqual(["slower"]);
    // A machine that is slower now need not have shown in every case.
    expect(verdicts(old, makeReport([makeRow({ medianMs: 10 })], { controls: busy }))).toEqual(["same"]);
    // The control allows what it explains, in its own direction only.
    expect(verdicts(old, makeReport([makeRow({ medianMs: 7 })], { controls: busy }))).toEqual(["faster"]);
    // The better end of a run is what its machine could do.
    const mixed = { start: makeControls(1.5), end: makeControls(1) };
    expect(verdicts(old, makeReport([slower], { controls: mixed }))).toEqual(["slower"]);
  });

  it("are allowed what the best of each run's controls says, and no more", () => {
    const row = makeRow();
    const noise = compareRuns(old, old).changes[0].allowed[1];
    const base = makeControls();
    const bounds = (start: typeof base, end = base, backend: "webgpu" | "cpu" = "webgpu") => {
      const then = makeReport([{ ...row, backend }], { controls: { start: base, end: base } });
      const now = makeReport([{ ...row, backend }], { controls: { start, end } });
      return compareRuns(then, now).changes[0].allowed.map((bound) => bound / noise);
    };
    const slowed = (what: "hostMs" | "fmaGflops" | "copyGBs", factor: number) =>
      what === "hostMs"
        ? { ...base, hostMs: base.hostMs * factor }
        : { ...base, peaks: { ...base.peaks, [what]: base.peaks[what] / factor } };
    for (const what of ["hostMs", "fmaGflops", "copyGBs"] as const) {
      // One end alone was slow: the machine could do better, and nothing more is allowed.
      expect(bounds(slowed(what, 2))[1], `${what}, one end`).toBeCloseTo(1);
      expect(bounds(slowed(what, 2), slowed(what, 3))[1], `${what}, both ends`).toBeCloseTo(2);
      expect(bounds(slowed(what, 0.5))[0] * noise, `${what}, faster`).toBeCloseTo(0.5 / noise);
      expect(bounds(slowed(what, 0.5))[1], `${what}, faster`).toBeCloseTo(1);
      expect(bounds(slowed(what, 2), slowed(what, 2), "cpu")[1]).toBeCloseTo(what === "hostMs" ? 2 : 1);
    }
    // Of all controls together the one that explains most.
    const all = { hostMs: base.hostMs * 1.2, peaks: { ...base.peaks, fmaGflops: 10, copyGBs: 5 } };
    expect(bounds(all, all)[1]).toBeCloseTo(4);
    // The spreads of both runs count, whichever of them is larger.
    const wide = makeRow({ q1Ms: 9, q3Ms: 11 });
    const high = (a: typeof row, b: typeof row) =>
      compareRuns(makeReport([a]), makeReport([b])).changes[0].allowed[1];
    const deviation = 0.2 / 1.349;
    const narrow = 0.02 / 1.349;
    expect(high(wide, row)).toBeCloseTo(1.1 * Math.exp(3 * Math.hypot(deviation, narrow)));
    expect(high(row, wide)).toBeCloseTo(high(wide, row));
    expect(high(wide, wide)).toBeCloseTo(1.1 * Math.exp(3 * Math.hypot(deviation, deviation)));
  });

  it("are judged on the processor by the processor alone", () => {
    const rows = (medianMs: number) => [makeRow({ backend: "cpu", medianMs })];
    const { start } = makeReport([]).controls;
    const slowAdapter = { ...start, peaks: makeControls(2).peaks };
    const controls = { start: slowAdapter, end: slowAdapter };
    expect(verdicts(makeReport(rows(10)), makeReport(rows(15), { controls }))).toEqual(["slower"]);
  });

  it("tell of dispatches whatever the time, and of rows that only one has", () => {
    const now = makeReport([makeRow({ dispatches: 25 }), makeRow({ case: "new/case" })]);
    const then = makeReport([makeRow({}), makeRow({ case: "old/case" })]);
    const comparison = compareRuns(then, now);
    expect(comparison.changes).toMatchObject([{ verdict: "same", dispatches: [22, 25] }]);
    expect(comparison.onlyOld).toEqual(["old/case step webgpu"]);
    expect(comparison.onlyNew).toEqual(["new/case step webgpu"]);
  });

  it("are shown with what is beyond noise marked, the worst first", () => {
    const then = makeReport(["a", "b", "c"].map((name) => makeRow({ case: name })));
    const now = makeReport([
      makeRow({ case: "a", medianMs: 5 }),
      makeRow({ case: "b", medianMs: 10 }),
      makeRow({ case: "c", medianMs: 20, adapter: "an adapter" }),
    ]);
    const text = renderComparison(compareRuns(then, now), "old.json");
    expect(text).toMatch(/SLOWER +c +step +webgpu +10\.0 +20\.0 +2\.00x .*\nFASTER +a/);
    expect(text).not.toMatch(/^ +b /m);
    expect(text).toContain("1 slower and 1 faster beyond noise; 1 within it (median of all: 1.00x the time)");
    expect(text).toContain("the machine itself, now against then: plain JavaScript +0 %");
  });

  it("are shown with what asks for more dispatches, however quick, and counted on the right side", () => {
    const names = ["a", "b", "c", "d"];
    const then = makeReport(names.map((name) => makeRow({ case: name })));
    const times = [20, 30, 5, 10];
    const now = makeReport(
      names.map((name, i) => makeRow({ case: name, medianMs: times[i], dispatches: name === "d" ? 40 : 22 })),
    );
    const text = renderComparison(compareRuns(then, now), "old.json");
    expect(text).toContain("2 slower and 1 faster beyond noise; 1 within it");
    expect(text).toMatch(/^ +d .* 22\.0 -> 40\.0$/m);
  });

  it("are not called comparable where they are not", () => {
    const other = makeReport([makeRow({ adapter: "another adapter" })], {
      options: { filter: "", isQuick: true, hasPeers: false },
    });
    const { notes } = compareRuns(old, other);
    expect(notes.join("\n")).toMatch(/adapters differ: an adapter.*another adapter/);
    expect(notes.join("\n")).toMatch(/--quick/);
    const without = { ...old, controls: undefined } as unknown as typeof old;
    expect(compareRuns(without, old).notes.join()).toMatch(/no controls/);
    const peers = makeReport([makeRow()], { options: { filter: "", isQuick: false, hasPeers: true } });
    expect(compareRuns(old, peers).notes.join()).toMatch(/with --peers now and alone then/);
    expect(compareRuns(peers, peers).notes.join()).not.toMatch(/peers/);
  });

  it("are judged and told by the same controls, the better end of each", () => {
    const [quick, slow] = [makeControls(1), makeControls(2)];
    // The end has the faster host and the slower adapter.
    const crossed = { start: { ...quick, hostMs: slow.hostMs }, end: { ...slow, hostMs: quick.hostMs } };
    const { notes, changes } = compareRuns(old, makeReport([makeRow()], { controls: crossed }));
    expect(notes.join()).toContain("plain JavaScript +0 %, FMA peak +0 %, copy rate +0 %");
    expect(changes[0].allowed).toEqual(compareRuns(old, old).changes[0].allowed);
    expect(changes[0].allowed[1]).toBeLessThan(1.5);
  });

  it("tell how much passes for noise, where that is much", () => {
    expect(compareRuns(old, old).notes.join()).not.toMatch(/passes for noise/);
    const noisy = makeReport([makeRow({ samples: 1 })]);
    expect(compareRuns(old, noisy).notes.join()).toMatch(/from 0\.5\dx to 1\.\d\dx the time/);
  });

  it("are compared by medians, whatever the quickest sample was", () => {
    expect(verdicts(old, makeReport([makeRow({ medianMs: 10, minMs: 3 })]))).toEqual(["same"]);
    expect(verdicts(old, makeReport([makeRow({ medianMs: 20, minMs: 9.8 })]))).toEqual(["slower"]);
  });

  it("tell on which side much passes for noise, and whether the processors differ", () => {
    const slow = { start: makeControls(2), end: makeControls(2) };
    for (const [before, after] of [
      [old, makeReport([makeRow()], { controls: slow })],
      [makeReport([makeRow()], { controls: slow }), old],
    ]) {
      expect(compareRuns(before, after).notes.join()).toMatch(/much passes for noise/);
    }
    const machine = { ...old.machine, processor: "another processor" };
    const { notes } = compareRuns(old, { ...old, machine });
    expect(notes).toContain("the processors differ: a processor then, another processor now");
    expect(compareRuns(old, old).notes.join()).not.toMatch(/processors|noise/);
    expect(compareRuns(old, makeReport([makeRow()], { controls: slow })).notes.join()).toMatch(
      /plain JavaScript -50 %, FMA peak -50 %, copy rate -50 %/,
    );
  });

  it("leave out rows without a time, and say so", () => {
    const bare = { case: "bare", backend: "webgpu", phase: "forward" } as never;
    const { changes, notes, onlyOld, onlyNew } = compareRuns(
      makeReport([bare]),
      makeReport([makeRow({}), bare]),
    );
    expect(changes).toEqual([]);
    expect(notes.join("\n")).toMatch(/no medianMs then: bare forward webgpu\n.*no medianMs now: bare/);
    expect([onlyOld, onlyNew]).toEqual([[], ["train/N1 step webgpu"]]);
    const half = { ...makeRow(), q3Ms: undefined } as never;
    expect(compareRuns(old, makeReport([half])).changes[0].allowed.every(Number.isFinite)).toBe(true);
  });

  it("do not list as missing what has no time in the other", () => {
    for (const medianMs of [Number.NaN, Number.POSITIVE_INFINITY, 0, undefined as unknown as number]) {
      const untimed = makeReport([makeRow({ medianMs: 10 }), { ...makeRow({ case: "a/b" }), medianMs }]);
      const timed = makeReport([makeRow({ medianMs: 10 }), makeRow({ case: "a/b" })]);
      for (const comparison of [compareRuns(untimed, timed), compareRuns(timed, untimed)]) {
        expect(comparison.changes.map((change) => change.case)).toEqual(["train/N1"]);
        expect([comparison.onlyOld, comparison.onlyNew]).toEqual([[], []]);
        expect(comparison.notes.join()).toMatch(/no medianMs (then|now): a\/b step webgpu/);
      }
    }
  });

  it("do not list as missing what one of them was told to leave out", () => {
    const named = makeReport([makeRow()], {
      options: { filter: "^train/N1$", isQuick: false, hasPeers: false },
    });
    const both = makeReport([makeRow(), makeRow({ case: "train/N2" })]);
    expect(compareRuns(both, named).onlyOld).toEqual([]);
    // Its name alone matches, its name and phase do not: it could have been there.
    expect(compareRuns(both, { ...named, rows: [] }).onlyOld).toEqual(["train/N1 step webgpu"]);
    const all = makeReport([
      makeRow({}),
      makeRow({ backend: "cpu" }),
      makeRow({ backend: "tfjs-wasm" }),
      makeRow({ case: "b", phase: "forward" }),
      makeRow({ case: "gone" }),
    ]);
    const only = (options: object) => {
      const now = makeReport([], { options: { filter: "", isQuick: false, hasPeers: true, ...options } });
      return compareRuns(all, now).onlyOld.map((key) => key.replace(/ (step|forward)/, ""));
    };
    expect(only({})).toHaveLength(5);
    expect(only({ filter: "^b forward$" })).toEqual(["b webgpu"]);
    expect(only({ device: "cpu" })).toEqual(["train/N1 cpu", "train/N1 tfjs-wasm"]);
    expect(only({ hasPeers: false })).toHaveLength(4);
    expect(only({ isQuick: true })).toEqual([]);
    expect(only({ isInterrupted: true })).toEqual([]);
  });
});

describe("a run's file", () => {
  it("is read back, and refused where it is something else", async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-report-"));
    const file = path.join(directory, "run.json");
    fs.writeFileSync(file, JSON.stringify(makeReport([makeRow()])));
    expect((await readRuns(file)).map(({ rows }) => rows.length)).toEqual([1]);
    fs.writeFileSync(file, "[]");
    await expect(readRuns(file)).rejects.toThrow(/holds no machine and rows/);
    await expect(readRuns(path.join(directory, "none.json"))).rejects.toThrow(/can't be read .*ENOENT/);
    const whole = makeReport([makeRow()]);
    for (const [broken, message] of [
      [{ machine: null, rows: [] }, /run\.json: .*machine is null/],
      [{ ...whole, rows: { 0: 1 } }, /rows is \{"0":1\}, not a list/],
      [{ ...whole, rows: [makeRow(), null] }, /rows\[1\] is null, .*case, backend and phase/],
      [{ ...whole, rows: [null] }, /rows\[0\] is null/],
      [{ ...whole, rows: [{ ...makeRow(), phase: 3 }] }, /rows\[0\] is .*case, backend and phase/],
      [{ ...whole, rows: [{ ...makeRow(), backend: undefined }] }, /rows\[0\] is .*case, backend and phase/],
      [{ ...whole, controls: {} }, /controls\.start is missing/],
      [
        { ...whole, controls: { start: makeControls(), end: { hostMs: "1" } } },
        /controls\.end is \{"hostMs"/,
      ],
      [{ ...whole, controls: { start: { hostMs: 1, peaks: {} }, end: { hostMs: 1 } } }, /controls\.start/],
      [{ ...whole, options: 3 }, /options is 3/],
      [{ ...whole, options: { filter: "(" } }, /options\.filter is "\("/],
    ] as const) {
      fs.writeFileSync(file, JSON.stringify(broken));
      await expect(readRuns(file)).rejects.toThrow(message);
    }
    // From before there were controls.
    fs.writeFileSync(file, JSON.stringify({ ...whole, controls: undefined }));
    expect(await readRuns(file)).toHaveLength(1);
    fs.writeFileSync(file, "{");
    await expect(readRuns(file)).rejects.toThrow(/run\.json is no JSON/);
    fs.rmSync(directory, { recursive: true });
  });

  it("takes the better end of its controls for peaks", () => {
    const controls = { start: makeControls(2), end: makeControls(1) };
    expect(peaksOf({ controls })?.fmaGflops).toBe(makeControls(1).peaks.fmaGflops);
    expect(peaksOf({ controls: { start: { hostMs: 1 }, end: { hostMs: 1 } } })).toBeUndefined();
  });

  it("has the peaks of either end where the other has none, and the quicker dispatch", () => {
    const [slow, quick] = [makeControls(2), makeControls(1)];
    slow.peaks.dispatchMicroseconds = 20;
    quick.peaks.dispatchMicroseconds = 5;
    for (const controls of [
      { start: slow, end: quick },
      { start: quick, end: slow },
    ])
      expect(bestControls({ controls })).toEqual({ hostMs: quick.hostMs, peaks: quick.peaks });
    const cutOff = { start: slow } as { start: typeof slow; end: typeof slow };
    expect(bestControls({ controls: cutOff })).toEqual({ hostMs: slow.hostMs, peaks: slow.peaks });
    const hostOnly = { start: slow, end: { hostMs: quick.hostMs } };
    expect(bestControls({ controls: hostOnly })).toEqual({ hostMs: quick.hostMs, peaks: slow.peaks });
  });

  it("has rows that tell their shares of those peaks, and the versions", () => {
    const controls = { start: makeControls(2), end: makeControls(1) };
    const machine = { ...makeReport([]).machine, webgpu: "0.6.2" };
    const rates = { gflops: 10, gbPerSecond: 2 };
    const [ours, cpu] = finishRows([makeRow(rates), makeRow({ ...rates, backend: "cpu" })], {
      machine,
      controls,
    });
    expect(ours).toMatchObject({ fmaShare: 0.25, copyShare: 0.25, node: "v20.0.0", dawn: "webgpu 0.6.2" });
    expect(cpu).toMatchObject({ fmaShare: undefined, copyShare: undefined, node: "v20.0.0" });
    expect(cpu.dawn).toBeUndefined();
  });
});

describe("samples in turn", () => {
  const pace = {
    sampleMs: 100,
    minRuns: 4,
    maxRuns: 50,
    totalMs: 1000,
    minRounds: 2,
    maxRounds: 6,
    restMs: 0,
  };

  it("are of as many runs as fill their time, of one where that takes long", () => {
    expect(runsFor(10, pace)).toBe(10);
    expect(runsFor(0.1, pace)).toBe(50);
    expect(runsFor(100, pace)).toBe(4);
    expect(runsFor(1500, pace)).toBe(1);
    // A part of a run more is a run more; of what takes long, as many as end in time.
    expect(runsFor(15, pace)).toBe(7);
    expect(runsFor(700, pace)).toBe(2);
    expect(runsFor(999, pace)).toBe(2);
    expect(runsFor(1001, pace)).toBe(1);
  });

  it("alternate, lose who fails, and end with the time", async () => {
    let clock = 0;
    const log: string[] = [];
    const make = (name: string, ms: number, fails = false): Contestant => ({
      runs: 2,
      times: [],
      taken: 0,
      sample: async () => {
        log.push(name);
        clock += ms;
        if (fails && log.length > 3) throw new Error("gone");
        return ms;
      },
    });
    const [a, b, c] = [make("a", 600), make("b", 100), make("c", 50, true)];
    const dropped: unknown[] = [];
    const left = await takeTurns(
      [a, b, c],
      pace,
      (who) => dropped.push(who),
      () => clock,
    );
    // Short samples are taken twice, of which the second counts.
    expect(log.join("")).toMatch(/^abbcabb$/);
    expect(dropped).toEqual([c]);
    expect(left).toEqual([a, b]);
    expect(a.times.every((ms) => ms === 300)).toBe(true);
    expect(b.taken).toBe(2 * b.times.length);
    expect(a.times.length).toBeLessThan(pace.maxRounds);
  });

  it("take as many rounds as they must though time is up, and judge a sample by all of its runs", async () => {
    let clock = 0;
    const of = (ms: number, runs: number): Contestant => ({
      runs,
      times: [],
      taken: 0,
      sample: async () => {
        clock += ms;
        return ms;
      },
    });
    const late = of(1_000, 1);
    await takeTurns(
      [late],
      { ...pace, totalMs: 1, minRounds: 4, maxRounds: 6 },
      () => {},
      () => clock,
    );
    expect(late.times).toHaveLength(4);
    const many = of(5_000, 50);
    await takeTurns(
      [many],
      { ...pace, totalMs: 1e9, maxRounds: 6 },
      () => {},
      () => clock,
    );
    expect(many.times).toEqual([100, 100, 100]);
  });

  it("begin a while after the one before, whose threads may still spin", async () => {
    let ended = performance.now();
    const rests: number[] = [];
    const of = (): Contestant => ({
      runs: 1,
      times: [],
      taken: 0,
      sample: async () => {
        rests.push(performance.now() - ended);
        ended = performance.now();
        return 600;
      },
    });
    await takeTurns([of(), of()], { ...pace, maxRounds: 2, restMs: 30 }, () => {});
    expect(rests).toHaveLength(4);
    expect(Math.min(...rests)).toBeGreaterThan(25);
  });

  it("leave out of the later rounds who takes seconds", async () => {
    const slow: Contestant = { runs: 1, times: [], taken: 0, sample: async () => 5000 };
    const slower: Contestant = { runs: 1, times: [], taken: 0, sample: async () => 20_000 };
    const quick: Contestant = { runs: 1, times: [], taken: 0, sample: async () => 1 };
    await takeTurns(
      [slow, slower, quick],
      pace,
      () => {},
      () => 0,
    );
    expect(slow.times).toHaveLength(3);
    expect(slower.times).toHaveLength(1);
    expect(quick.times).toHaveLength(pace.maxRounds);
  });
});

describe("what peers are told", () => {
  const told = allCases.filter(hasPeers);

  it("is every op and layer, forward and as gradients, every net's steps, and epochs", () => {
    const untold = allCases.filter((each) => !hasPeers(each));
    const missing = untold.filter(({ phase }) => phase !== "backward").map(({ name }) => name);
    // Layers that say themselves how they are tried, in no line that names what peers call them.
    const byThemselves = Object.values<unknown>({ ...nn }).flatMap((each) =>
      typeof each === "function" && each.prototype instanceof nn.Layer && Object.hasOwn(each, "samples")
        ? [`layer/${each.name}`]
        : [],
    );
    const isTold = (name: string) => !byThemselves.includes(name.split("/").slice(0, 2).join("/"));
    // WebGPU itself, what the host pays for our own replay, views, a hundred thousand steps, f16, files, and data sets.
    const wanted = missing.filter(
      (name) => !/^(floor|host|steady|matmul-f16|save|fit-dataset)\//.test(name) && isTold(name),
    );
    expect(wanted).toEqual(["layer/Flatten/128x28x28", "layer/Reshape/128x28x28"]);
    expect(told.filter(({ phase }) => phase === "gradient").length).toBeGreaterThan(50);
    for (const kind of ["op", "net", "fit"] as const)
      expect(
        told.some(({ spec }) => spec!.kind === kind),
        kind,
      ).toBe(true);
  });

  it("can be sent to another process", () => {
    for (const { spec } of told) expect(structuredClone(spec)).toEqual(spec);
  });

  it("gives the same numbers to everybody, and compares samples of all of a result", () => {
    const spec = {
      op: "gather",
      inputs: [{ shape: [4, 3] }, { shape: [5], fill: "whole", limit: 4 }],
    } as const;
    const [x, rows] = valuesOf(spec);
    expect(valuesOf(spec)).toEqual([x, rows]);
    expect(x).toHaveLength(12);
    expect([...rows].every((row) => Number.isInteger(row) && row >= 0 && row < 4)).toBe(true);
    expect(sampled([1, 2, 3])).toEqual([1, 2, 3]);
    const many = sampled(Float32Array.from({ length: 100_000 }, (_, i) => i));
    expect(many.length).toBeLessThan(6000);
    expect([many[0], many.at(-1)]).toEqual([0, 99_999]);
  });

  it("is refused where it computes something else", () => {
    const differ = (ours: number[][], theirs: number[][], isGradient = false, op: OpName = "exp") =>
      describeDifference({ kind: "op", op: { op, inputs: [], isGradient } }, ours, theirs);
    expect(differ([[1, 100]], [[1.05, 100]])).toBeUndefined();
    expect(differ([[1, 100]], [[1.2, 100]])).toMatch(
      /sampled value 0 of its result is 1\.20000, ours 1\.00000/,
    );
    expect(differ([[1, -100]], [[1.05, -100]])).toBeUndefined();
    expect(differ([[1, 2]], [[1]])).toMatch(/1 values sampled, ours 2/);
    expect(differ([[1]], [[Number.NaN]])).toMatch(/does not compute the same/);
    expect(differ([[1]], [[1], [2]])).toMatch(/gives 2 results, we 1/);
    // Each gradient by its own largest value: a small one is not lost beside a large one.
    expect(differ([[1000], [1]], [[1000.5], [1.0005]], true)).toBeUndefined();
    expect(differ([[1000], [1]], [[1000], [1.01]], true)).toMatch(/its gradient 1/);
    // What random numbers are like: mean, mean square and zeros.
    expect(differ([[0.5, 0.33, 0]], [[0.501, 0.34, 0]], false, "randomUniform")).toBeUndefined();
    expect(differ([[0.5, 0.33, 0]], [[0, 1, 0]], false, "randomUniform")).toMatch(/not compute the same/);
  });

  it("agrees with no NaN, and with an infinity only where it is the same", () => {
    const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
    const op = (ours: number[], theirs: number[], name: OpName = "exp", isGradient = false) =>
      describeDifference({ kind: "op", op: { op: name, inputs: [], isGradient } }, [ours], [theirs]);
    for (const [name, isGradient] of [
      ["exp", false],
      ["exp", true],
      ["randomUniform", false],
    ] as const) {
      for (let i = 0; i < 3; i++) {
        const broken = [1, 2, 3].map((value, at) => (at === i ? nan : value));
        expect(op([1, 2, 3], broken, name, isGradient), `theirs, ${name} ${i}`).toMatch(
          /not compute the same/,
        );
        expect(op(broken, [1, 2, 3], name, isGradient), `ours, ${name} ${i}`).toMatch(/not compute the same/);
        expect(op(broken, broken, name, isGradient), `both, ${name} ${i}`).toMatch(/not compute the same/);
      }
    }
    expect(op([1, infinity], [1, infinity])).toBeUndefined();
    expect(op([1, infinity], [1, 5])).toMatch(/sampled value 1/);
    expect(op([1, infinity], [1, -infinity])).toMatch(/sampled value 1/);
    expect(op([1, infinity], [2, infinity])).toMatch(/sampled value 0/);
    expect(op([1, 5], [1, infinity])).toMatch(/sampled value 1/);
    const net = allCases.map(({ spec }) => spec).find((spec) => spec?.kind === "net")!;
    const losses = (ours: number[], theirs: number[]) =>
      describeDifference(
        net as never,
        ours.map((loss) => [loss]),
        theirs.map((loss) => [loss]),
      );
    expect(losses([1, 2, 3, 4], [1, 2, 3, 4])).toBeUndefined();
    for (let i = 0; i < 4; i++) {
      for (const value of [nan, infinity]) {
        const broken = [1, 2, 3, 4].map((loss, at) => (at === i ? value : loss));
        expect(losses([1, 2, 3, 4], broken)).toMatch(new RegExp(`loss of step ${i + 1}`));
        expect(losses(broken, [1, 2, 3, 4])).toMatch(new RegExp(`loss of step ${i + 1}`));
      }
    }
  });

  it("is refused where epochs teach it something else", () => {
    expect(describeOtherFit(0.2, 0.9)).toMatch(/its loss is 0\.900, ours 0\.200/);
    expect(describeOtherFit(0.2, 0.3)).toBeUndefined();
    expect(describeOtherFit(0.2, 2.3)).toMatch(/its loss is 2\.30, ours 0\.200/);
    expect(describeOtherFit(0.2, Number.NaN)).toMatch(/does not learn the same/);
    expect(describeOtherFit(Number.NaN, 0.2)).toMatch(/does not learn the same/);
    expect(describeOtherFit(Number.POSITIVE_INFINITY, 0.2)).toMatch(/does not learn the same/);
  });
});
