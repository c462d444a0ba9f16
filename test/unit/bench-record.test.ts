// The record in bench/results/: what it keeps of a run, and that whoever reads a run's file reads it too.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Row } from "../../bench/bench-case.ts";
import { allCases } from "../../bench/cases/all.ts";
import { closestRun, compareRuns } from "../../bench/compare-runs.ts";
import { readRuns } from "../../bench/read-runs.ts";
import { type BenchRecord, recordName, recordText, runsOf, withRun } from "../../bench/record.ts";
import { finishRows, type Report } from "../../bench/report.ts";
import { renderComparison } from "../../bench/reporters/comparison.ts";
import { renderHtml } from "../../bench/reporters/html/page.ts";
import { ratiosOf, renderRatios } from "../../bench/reporters/ratios.ts";
import { renderSkipped, renderTable } from "../../bench/reporters/table.ts";
import { makeReport, makeRow } from "../support/bench-rows.ts";

const rows: Row[] = [
  makeRow({ medianMs: 10.123456, dispatches: 22.123456, peakBytes: 12345, version: "0.1.0" }),
  makeRow({ backend: "tfjs-webgpu", medianMs: 71, version: "4.22.0", readsEach: true, isSoftware: false }),
  makeRow({ phase: "cold", medianMs: 2000, samples: 1, compiledPipelines: 14, compileMs: 1500.5 }),
  makeRow({ case: "matmul/nn/256", phase: "forward", flops: 3e7, bytes: 8e5, gflops: 3, gbPerSecond: 0.08 }),
  makeRow({ case: "scale-width/64", at: 64, medianMs: 0.00123456 }),
  makeRow({ case: "steady/N3-100k-steps" }),
];
const skipped: Report["skipped"] = [
  { case: "a/b", backend: "webgpu", phase: "forward", reason: "too large\nfor it", isFailure: false },
  { case: "a/c", backend: "cpu", phase: "step", reason: "too large", isFailure: false },
  { case: "a/d", backend: "cpu", phase: "step", reason: "it broke", isFailure: true },
];
const whole = makeReport(rows, { skipped });
const finished: Report = { ...whole, rows: finishRows(rows, whole) };

let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-record-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

const write = (name: string, text: string) => {
  const file = path.join(folder, name);
  fs.writeFileSync(file, text);
  return file;
};

describe("a record", () => {
  it("keeps a run but for its samples, to five digits", async () => {
    const [read] = await readRuns(write("one.json", recordText(withRun(undefined, finished))));
    const places = new Map(read.rows.map((row) => [`${row.case} ${row.phase} ${row.backend}`, row]));
    expect(places.size).toBe(rows.length);
    for (const row of finished.rows) {
      const { timesMs, ...kept } = places.get(`${row.case} ${row.phase} ${row.backend}`)!;
      const isSteady = row.case.startsWith("steady/");
      expect(timesMs).toEqual(isSteady ? row.timesMs : []);
      for (const [field, value] of Object.entries({ ...row, timesMs: undefined })) {
        const now = kept[field as keyof typeof kept];
        if (typeof value !== "number") expect(now, `${row.case} ${field}`).toBe(value);
        else expect(Math.abs((now as number) / value - 1), `${row.case} ${field}`).toBeLessThan(6e-5);
      }
    }
    expect(read.skipped).toEqual(skipped.map((entry) => ({ ...entry, reason: entry.reason.split("\n")[0] })));
    const [best] = ratiosOf(rows).map(({ bestWebgpuPeer }) => bestWebgpuPeer!);
    expect(read.ratios.map(({ bestWebgpuPeer }) => bestWebgpuPeer)).toEqual([
      { backend: "tfjs-webgpu", ratio: expect.closeTo(best.ratio, 2) },
    ]);
    const { machine, controls, options } = read;
    expect({ machine, controls, options }).toMatchObject({
      machine: whole.machine,
      controls: whole.controls,
      options: whole.options,
    });
  });

  it("has whole seconds, and nothing of what is not so", () => {
    const row = makeRow({ readsEach: false });
    const text = recordText(withRun(undefined, makeReport([row], { seconds: 12.7 })));
    expect(JSON.parse(text).runs[0].seconds).toBe(13);
    expect(text).not.toContain("readsEach");
    expect(recordText(withRun(undefined, makeReport([{ ...row, readsEach: true }])))).toContain("readsEach");
  });

  it("is compared with as the run itself is", async () => {
    const [read] = await readRuns(write("two.json", recordText(withRun(undefined, finished))));
    const now = makeReport(rows.map((row) => makeRow({ ...row, medianMs: row.medianMs * 1.3 })));
    const [direct, kept] = [finished, read].map((then) => compareRuns(then, now));
    expect(kept.changes.length).toBe(rows.length);
    for (const change of kept.changes) {
      const same = direct.changes.find(
        (each) => each.case === change.case && each.phase === change.phase && each.backend === change.backend,
      )!;
      expect(change.verdict).toBe(same.verdict);
      expect(change.ratio).toBeCloseTo(same.ratio, 3);
    }
    expect(kept.changes.some(({ verdict }) => verdict === "slower")).toBe(true);
    expect(kept.notes).toEqual(direct.notes);
  });

  it("holds one run of each kind: a later one takes the place of the earlier", () => {
    const options = (more: object) => ({ ...whole.options, ...more });
    let record: BenchRecord | undefined;
    for (const run of [
      makeReport([makeRow({ medianMs: 1 })]),
      makeReport([makeRow({ medianMs: 2 })], { options: options({ hasPeers: true }) }),
      makeReport([makeRow({ medianMs: 3 })], { options: options({ filter: "^train/" }) }),
      makeReport([makeRow({ medianMs: 4 })], { options: options({ device: "all" }) }),
      makeReport([makeRow({ medianMs: 5 })], { options: options({ isInterrupted: true }) }),
      makeReport([makeRow({ medianMs: 6 })], { options: options({ hasPeers: true }) }),
    ])
      record = withRun(record, run);
    expect(runsOf(record!).map((run) => run.rows[0].medianMs)).toEqual([4, 6, 3, 5]);
  });

  it("gives a comparison the run that is closest: beside peers or alone as it is, with the most rows", () => {
    const run = (names: string[], hasPeers = false, medianMs = 10) =>
      makeReport(
        names.map((name) => makeRow({ case: name, medianMs })),
        { options: { filter: "", isQuick: false, hasPeers } },
      );
    const now = run(["a", "b"]);
    const pick = (runs: Report[]) => runs.indexOf(closestRun(runs, now));
    expect(pick([run(["a"]), run(["a", "b"]), run(["b"])])).toBe(1);
    expect(pick([run(["a", "b"], true), run(["a"])])).toBe(1);
    expect(pick([run(["a", "b"], true), run(["c"])])).toBe(0);
    expect(pick([run(["a"]), run(["a"]), run(["c"])])).toBe(1);
    // Alone as it is counts for more than any rows, but where none of the rows is the same.
    expect(pick([run(["a"]), run(["a", "b", "c"], true)])).toBe(0);
    expect(pick([run(["a"], true), run(["c", "d"])])).toBe(0);
  });

  it("is read a run at a time, and refused where it is none", async () => {
    const peers = makeReport(rows, { options: { ...whole.options, hasPeers: true } });
    const record = recordText(withRun(withRun(undefined, whole), peers));
    const file = write("three.json", record);
    expect(await readRuns(file)).toHaveLength(2);
    expect((await readRuns(`${file}#2`)).map(({ options }) => options.hasPeers)).toEqual([true]);
    await expect(readRuns(`${file}#3`)).rejects.toThrow(/three\.json#3: .* holds runs 1 to 2/);
    await expect(readRuns(`${file}#0`)).rejects.toThrow(/holds runs 1 to 2/);
    await expect(readRuns(write("none.json", '{"runs": [3]}'))).rejects.toThrow(
      /none\.json: it is no record/,
    );
    const broken = JSON.parse(record);
    broken.runs[1].controls.start.hostMs = "fast";
    await expect(readRuns(write("broken.json", JSON.stringify(broken)))).rejects.toThrow(
      /broken\.json: .*controls\.start/,
    );
  });

  it("is named after the adapter", () => {
    const row = makeRow({ adapter: "llvmpipe (LLVM 19.1.7, 256 bits)" });
    expect(recordName(makeReport([makeRow({ backend: "cpu" }), row]))).toBe("llvmpipe-llvm-19-1-7-256-bits");
    expect(recordName(makeReport([makeRow({ backend: "cpu" })]))).toBe("cpu-reference");
  });
});

const results = path.resolve(import.meta.dirname, "../../bench/results");
const kept = fs.readdirSync(results).filter((file) => file.endsWith(".json"));

describe("what is kept in bench/results", () => {
  it("is a record an adapter, under 300 KB together", async () => {
    expect(kept.length).toBeGreaterThan(0);
    const bytes = fs.readdirSync(results).map((file) => fs.statSync(path.join(results, file)).size);
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(300_000);
    for (const file of kept)
      for (const run of await readRuns(path.join(results, file)))
        expect(`${recordName(run)}.json`).toBe(file);
  });

  it.each(kept)("%s is shown on terminals of 120 and 80 columns, whole lines each", async (file) => {
    for (const run of await readRuns(path.join(results, file))) {
      const faster = makeReport(run.rows.map((row) => ({ ...row, medianMs: row.medianMs / 9 })));
      const comparison = compareRuns(run, faster);
      for (const width of [120, 80]) {
        const texts = [
          renderTable(run.rows, run.skipped, [], width),
          renderSkipped(run.skipped, width),
          renderRatios(run.rows, width),
          renderComparison(comparison, file, width),
        ];
        const tooLong = texts.flatMap((text) => text.split("\n")).filter((line) => line.length > width);
        expect(tooLong).toEqual([]);
        expect(texts[0]).toMatch(/^case +phase +ms /m);
        if (renderRatios(run.rows) !== "") expect(texts[2]).toMatch(/ours\/best/);
        expect(texts[3]).toMatch(/^FASTER/m);
      }
      // Without a terminal nothing is left out.
      expect(renderTable(run.rows, run.skipped)).not.toMatch(/left out/);
    }
  });

  it.each(kept)("%s makes reports", async (file) => {
    for (const run of await readRuns(path.join(results, file)))
      expect(renderHtml(run, allCases).match(/<svg/g)!.length).toBeGreaterThan(1);
  });
});
