// The bench's HTML report, made of rows made up: it needs nothing but itself, draws what it has, and lets nothing through
// that is no text.

import { describe, expect, it } from "vitest";
import { familyOf, type Row } from "../../bench/bench-case.ts";
import { allCases } from "../../bench/cases/all.ts";
import { compareRuns } from "../../bench/compare-runs.ts";
import { ratioChart, rooflineChart } from "../../bench/reporters/html/charts.ts";
import type { Chart } from "../../bench/reporters/html/draw.ts";
import { renderHtml as render } from "../../bench/reporters/html/page.ts";
import { familyColours } from "../../bench/reporters/html/palette.ts";
import { scalingChart } from "../../bench/reporters/html/scaling-charts.ts";
import { style } from "../../bench/reporters/html/style.ts";
import { makeControls, makeReport, makeRow } from "../support/bench-rows.ts";

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
const option = (chart: Chart) => chart.option({ width: 1000, isNarrow: false });
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

  it("says what N1 is, and counts one as one", () => {
    expect(html).toContain("<strong>N1</strong>: 784-64-BN-64-BN-64-BN-dropout 0.2-10, batches of 128");
    expect(html).not.toContain("<strong>N2</strong>");
    expect(html).toContain("Over many steps: N3, 784-100-10, batches of 32");
    const one = renderHtml(
      makeReport([makeRow({ phase: "cold", compiledPipelines: 1, compileMs: 5 })], {}),
      compareRuns(makeReport([]), makeReport([])),
    );
    expect(one).toContain("1 pipeline");
    expect(one).toContain("<span>1 row</span>");
    for (const text of [html, one]) expect(text).not.toMatch(/\b1 (rows|pipelines|cases)\b/);
  });

  it("gives each family of the roofline a colour of its own", () => {
    const families = new Set(allCases.filter((c) => c.flops && c.bytes).map(({ name }) => familyOf(name)));
    expect(families).toContain("layer");
    expect(families.size).toBeLessThanOrEqual(familyColours.length);
    expect(new Set(familyColours).size).toBe(familyColours.length);
    for (const colour of familyColours) expect(style.split(`${colour.slice(4, -1)}:`)).toHaveLength(3);
    const known = [...families].map((family) =>
      makeRow({ case: `${family}/a`, phase: "forward", flops: 1e6, bytes: 1e6, gflops: 1 }),
    );
    const { series } = option(rooflineChart(known, makeControls().peaks)!) as {
      series: { type: string; color: string }[];
    };
    const colours = series.filter(({ type }) => type === "scatter").map(({ color }) => color);
    expect(new Set(colours).size).toBe(families.size);
  });

  it("has no point on the frame of a chart, also where values are powers of ten", () => {
    type Ends = { min: number; max: number };
    const inside = ({ min, max }: Ends, values: readonly number[]) => {
      expect(min).toBeLessThan(Math.min(...values));
      expect(max).toBeGreaterThan(Math.max(...values));
    };
    const roof = [0.1, 100].map((rate) =>
      makeRow({ case: "matmul/a", phase: "forward", flops: rate * 1e6, bytes: 1e6, gflops: rate }),
    );
    const roofline = option(rooflineChart(roof, { ...makeControls().peaks, fmaGflops: 10 })!);
    inside(roofline.xAxis as unknown as Ends, [0.1, 100]);
    inside(roofline.yAxis as unknown as Ends, [0.1, 100]);
    const peers = [1, 1000].map((medianMs) =>
      makeRow({ backend: medianMs > 1 ? "tfjs-wasm" : "webgpu", medianMs }),
    );
    inside(option(ratioChart(peers, ["step"])!).xAxis as unknown as Ends, [1, 1000]);
    const sizes = [1, 100].map((at) =>
      makeRow({ case: `scale-width/${at}`, at, medianMs: at, peakBytes: at * 2 ** 20 }),
    );
    const scaling = option(scalingChart(sizes, "scale-width", "units")!);
    inside(scaling.xAxis as unknown as Ends, [1, 100]);
    for (const axis of scaling.yAxis as unknown as Ends[]) inside(axis, [1, 100]);
  });

  it("names each figure where a phone shows a row as a paragraph", () => {
    const cells = [...html.matchAll(/<td([^>]*)>(?!<)/g)].map(([, attributes]) => attributes);
    const labels = cells.map((cell) => /data-label="([^"]*)"/.exec(cell)?.[1]);
    for (const label of ["ms", "±", "n", "share", "dispatches", "submits"]) expect(labels).toContain(label);
    expect(style).toMatch(/td\[data-label\]::before \{ content: attr\(data-label\)/);
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
    expect(text).toContain("Of 1 row in both, <strong>1 slower and 0 faster</strong>");
    expect(text).toMatch(/<td class="bad" data-label="time">3\.00x<\/td>/);
    expect(text).toContain("failed: it broke");
  });
});
