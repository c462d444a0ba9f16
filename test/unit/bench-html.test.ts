// The bench's HTML report, made of rows made up: it needs nothing but itself, draws what it has, and lets nothing through
// that is no text.

import { describe, expect, it } from "vitest";
import type { Row } from "../../bench/bench-case.ts";
import { allCases } from "../../bench/cases/all.ts";
import { compareRuns } from "../../bench/compare-runs.ts";
import { renderHtml as render } from "../../bench/reporters/html/page.ts";
import { makeReport, makeRow } from "../support/bench-rows.ts";

const rows: Row[] = [
  makeRow({}),
  makeRow({ backend: "tfjs-webgpu", medianMs: 70, version: "4.22.0" }),
  makeRow({ case: "train/N1", phase: "cold", medianMs: 2000, compiledPipelines: 14, compileMs: 1500 }),
  makeRow({ case: "matmul/nn/256", phase: "forward", flops: 3e7, bytes: 8e5, gflops: 12, fmaShare: 0.3 }),
  ...[64, 256].map((at) =>
    makeRow({ case: `scale-width/${at}`, at, medianMs: at / 10, peakBytes: at * 2 ** 20 }),
  ),
  makeRow({ case: "steady/N3-100k-steps" }),
];
const renderHtml = (report: Parameters<typeof render>[0], comparison?: Parameters<typeof render>[2]) =>
  render(report, allCases, comparison);
const headings = (html: string) => [...html.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, title]) => title);

describe("the HTML report", () => {
  const html = renderHtml(makeReport(rows, { options: { filter: "a<b", isQuick: false, hasPeers: true } }));

  it("draws every chart that it has rows for, wide and narrow", () => {
    expect(headings(html)).toEqual([
      "Training steps a second",
      "Beside the peers, case by case",
      "Roofline",
      "Scaling",
      "From a cold start",
      "All rows",
      "Machine",
    ]);
    const charts = html.match(/class="chart wide"/g)!.length;
    expect(charts).toBe(6);
    expect(html.match(/class="chart narrow"/g)).toHaveLength(charts);
    expect(html.match(/<svg/g)).toHaveLength(2 * charts);
    expect(html).toContain("software adapter");
    expect(html).toContain("14 pipelines");
  });

  it("asks nothing of a network and escapes what it is given", () => {
    expect(html).not.toMatch(/<script|<link|<img|@import|url\((?!#)/);
    expect(html.replaceAll("http://www.w3.org/", "")).not.toMatch(/https?:/);
    expect(html).toContain("a&#60;b");
  });

  it("leaves out what there is nothing of", () => {
    const few = renderHtml(makeReport([makeRow({ backend: "cpu", case: "dense/1x1x1", phase: "forward" })]));
    expect(headings(few)).toEqual(["All rows", "Machine"]);
    expect(few).not.toContain("software adapter");
    expect(headings(renderHtml(makeReport([])))).toEqual(["All rows", "Machine"]);
  });

  it("tells what changed, and what failed", () => {
    const now = makeReport([makeRow({ medianMs: 30 })], {
      skipped: [
        { case: "x/y", backend: "webgpu", phase: "forward", reason: "it broke\nhere", isFailure: true },
      ],
    });
    const text = renderHtml(now, compareRuns(makeReport([makeRow({})]), now));
    expect(headings(text)).toContain("Since the earlier run");
    expect(text).toContain("1 are slower and 0 faster");
    expect(text).toMatch(/<td class="bad">3\.00x<\/td>/);
    expect(text).toContain("failed: it broke");
  });
});
