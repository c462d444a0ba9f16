// The report as one HTML file that needs nothing else: plots, tables, machine.

import type { BenchCase, Phase, Row } from "../../bench-case.ts";
import { describeNet, nets } from "../../cases/nets.ts";
import type { Comparison } from "../../compare-runs.ts";
import { peaksOf, type Report } from "../../report.ts";
import { counted } from "../columns.ts";
import { winsIn } from "../ratios.ts";
import { trim } from "../table.ts";
import { coldChart, ratioChart, rooflineChart, trainingChart } from "./charts.ts";
import { type Chart, draw, escapeHtml } from "./draw.ts";
import { backendTitles } from "./palette.ts";
import { scalingChart, steadyChart } from "./scaling-charts.ts";
import { style } from "./style.ts";
import { changeTable, ratioTable, rowTables, skippedTable } from "./tables.ts";

/** A case as its place among others is told by. */
type Place = Pick<BenchCase, "name" | "phase">;

/** @param order rows come as these stand: with peers, they were timed in another order */
export function renderHtml(report: Report, order: readonly Place[], comparison?: Comparison): string {
  const { skipped } = report;
  const rows = inOrder(report.rows, order);
  const parts = [
    head(report),
    comparison === undefined ? "" : changes(comparison),
    section(
      "Training steps a second",
      `Forward, backward and Adam, several steps in a row and then waited for. Each network has a scale of its own.${rows.some((row) => row.readsEach) ? " *: waited for after each step, which is faster there." : ""}`,
      trainingChart(rows),
    ),
    beside(rows),
    section(
      "Roofline",
      "What each kernel and layer whose operations are counted reaches, below what this adapter was measured to do at best: copying on the slope, multiply-adds in registers on the flat. Bytes count each operand once, so that work which stays in a cache may rise above the slope.",
      rooflineChart(rows, peaksOf(report)),
    ),
    scaling(report),
    section(
      "From a cold start",
      `The first training step in a process that finds no compiled shader anywhere; ${compilingIn(rows)}`,
      coldChart(rows),
    ),
    `<h2>All rows</h2><p>Medians in milliseconds; ± is half of the interquartile range. Share is that of the measured FMA peak or copy rate, whichever is more.${rows.some((row) => row.readsEach) ? " *: waited for after each iteration, which is that peer's faster way." : ""}</p>${rowTables(rows)}`,
    skipped.length === 0 ? "" : `<h2>Left out</h2>${skippedTable(skipped)}`,
    machine(report),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>gradgpu bench: ${escapeHtml(adapterOf(report)?.adapter ?? "CPU reference")}</title>
<style>${style}</style>
</head>
<body>
${parts.filter(Boolean).join("\n")}
</body>
</html>
`;
}

/** What N1 to N4 are, as far as cases are named after them; "" without any. */
function netsIn(rows: Report["rows"]): string {
  const told = nets.filter(({ name }) => rows.some((row) => new RegExp(`\\b${name}\\b`).test(row.case)));
  if (told.length === 0) return "";
  const list = told
    .map((net) => `<strong>${net.name}</strong>: ${escapeHtml(describeNet(net))}<br>`)
    .join("");
  return `<p class="nets">${list}Numbers are units of dense layers, the first that of inputs; BN is batch normalization.</p>`;
}

const adapterOf = ({ rows }: Report) => rows.find(({ backend }) => backend === "webgpu");

function inOrder(rows: Report["rows"], order: readonly Place[]): Row[] {
  const places = new Map(order.map(({ name, phase }, i) => [`${name} ${phase}`, i]));
  const place = (row: Row) => places.get(`${row.case} ${row.phase}`) ?? places.size;
  return [...rows].sort((a, b) => place(a) - place(b));
}

/** What the cold chart's first part is; drivers that compile at first use hide it in the rest. */
function compilingIn(rows: Report["rows"]): string {
  const isTold = (row: Row) =>
    row.backend === "webgpu" && row.phase === "cold" && row.compileMs !== undefined;
  const isLazy = rows.some((row) => isTold(row) && row.compileMs! < row.medianMs / 10);
  return isLazy
    ? "of ours, the first part is the making of pipelines, which is far less than the rest: this driver compiles when a pipeline is first used."
    : "of ours, the first, stronger part is compiling.";
}

const section = (title: string, caption: string, chart: Chart | undefined) =>
  chart === undefined ? "" : `<h2>${title}</h2><p>${caption}</p>${draw(chart)}`;

function head(report: Report): string {
  const { machine: on, rows, options, seconds } = report;
  const adapter = adapterOf(report);
  const peaks = peaksOf(report);
  const badge = adapter?.isSoftware ? ' <span class="badge">software adapter: no GPU</span>' : "";
  const tiles: [value: string, what: string][] = [];
  for (const net of nets) {
    const row = rows.find(
      (r) => r.case === `train/${net.name}` && r.phase === "step" && r.backend === "webgpu",
    );
    if (row !== undefined) tiles.push([trim(1000 / row.medianMs), `${net.name} steps/s`]);
  }
  if (peaks !== undefined) {
    tiles.push(
      [trim(peaks.fmaGflops), "GFLOP/s FMA peak"],
      [trim(peaks.copyGBs), "GB/s kernel copy"],
      [trim(peaks.dispatchMicroseconds), "µs a dispatch"],
    );
  }
  const quick = options.isQuick
    ? " With <strong class='whole'>--quick</strong>: few samples, small sizes."
    : "";
  const cut = options.isInterrupted ? " <strong>Interrupted: what came after is missing.</strong>" : "";
  const only =
    options.filter === "" ? "" : ` Only cases that match <strong>${escapeHtml(options.filter)}</strong>.`;
  return `<h1>gradgpu bench</h1>
<p><span class="lead">${escapeHtml(adapter?.adapter ?? "CPU reference")}</span>${badge}<br>
${escapeHtml(on.processor)}, ${on.cores} cores &middot; ${escapeHtml(on.date.slice(0, 16).replace("T", " "))} UTC &middot; ${escapeHtml(`gradgpu ${on.gradgpu ?? ""} ${on.commit ?? ""}`.trim())} &middot; ${counted(rows.length, "row")} in ${seconds.toFixed(0)} s.${quick}${only}${cut}</p>
<div class="tiles">${tiles.map(([value, what]) => `<div class="tile"><b>${value}</b><span>${what}</span></div>`).join("")}</div>${netsIn(rows)}`;
}

function changes(comparison: Comparison): string {
  const of = (verdict: string) => comparison.changes.filter((change) => change.verdict === verdict).length;
  const notes = comparison.notes.map((note) => `<li>${escapeHtml(note)}</li>`).join("");
  return `<h2>Since the earlier run</h2><p>Of ${counted(comparison.changes.length, "row")} in both, <strong>${of("slower")} slower and ${of("faster")} faster</strong> by more than noise: the spread of the samples, and how much faster or slower the machine itself was.</p><ul>${notes}</ul>${changeTable(comparison)}`;
}

function beside(rows: Report["rows"]): string {
  const kinds: [title: string, phases: readonly Phase[]][] = [
    ["Training steps and epochs", ["step", "epoch"]],
    ["Forward passes, updates and chains", ["forward"]],
    ["Gradients: forward and backward in one", ["gradient"]],
  ];
  const charts = kinds.flatMap(([title, phases]) => {
    const chart = ratioChart(rows, phases);
    return chart === undefined ? [] : [`<h3>${title}</h3>${draw(chart)}`];
  });
  if (charts.length === 0) return "";
  const sums = winsIn(rows).map((line) => `<li>${escapeHtml(line)}</li>`);
  return `<h2>Beside the peers, case by case</h2><p>Each dot is a peer's time divided by ours, after both were seen to compute the same, from samples taken in turn (epochs one after the other). Right of the line ours is faster.</p><ul>${sums.join("")}</ul>${charts.join("\n")}<details><summary>The ratios as numbers</summary>${ratioTable(rows)}</details>`;
}

function scaling({ rows }: Report): string {
  const charts: [title: string, chart: Chart | undefined][] = [
    ["Width: 784-w-w-10, batch 128", scalingChart(rows, "scale-width", "units")],
    ["Depth: layers of 64, batch 128", scalingChart(rows, "scale-depth", "hidden layers")],
    [`Batch: N1, ${describeNet(nets[0], false)}`, scalingChart(rows, "scale-batch", "batch size")],
    ["Width of a GPT: four blocks over 128 tokens, batch 16", scalingChart(rows, "scale-gpt", "width")],
    [`Data: fit on N3, ${describeNet(nets[2], false)}, batch 128`, scalingChart(rows, "scale-rows", "rows")],
  ];
  const drawn = charts.filter(([, chart]) => chart !== undefined);
  const steady = steadyChart(rows);
  if (drawn.length === 0 && steady === undefined) return "";
  const pairs = drawn.map(([title, chart]) => `<div><h3>${title}</h3>${draw(chart!)}</div>`).join("\n");
  const over =
    steady === undefined ? "" : `<h3>Over many steps: N3, ${describeNet(nets[2])}</h3>${draw(steady)}`;
  return `<h2>Scaling</h2><p>Time of a training step (solid, left) and the peak of our device memory (dashed, right) as one thing grows. The data set is counted only where it is what grows.</p><div class="pair">${pairs}</div>${over}`;
}

function machine(report: Report): string {
  const { machine: on, controls, rows } = report;
  const adapter = adapterOf(report);
  const versions = [
    ...new Set(
      rows.filter((row) => row.version).map((row) => `${backendTitles[row.backend]} ${row.version}`),
    ),
  ];
  const control = ({ hostMs, peaks }: Report["controls"]["start"]) =>
    `${peaks === undefined ? "" : `FMA peak ${trim(peaks.fmaGflops)} GFLOP/s, copy ${trim(peaks.copyGBs)} GB/s, by command ${trim(peaks.copyBufferGBs)} GB/s, a dispatch ${trim(peaks.dispatchMicroseconds)} µs; `}plain JavaScript ${trim(hostMs)} ms`;
  const facts: [string, string | undefined][] = [
    ["Adapter", adapter && `${adapter.adapter}${adapter.isSoftware ? " (software)" : ""}`],
    ["Driver", adapter?.driver],
    ["Processor", `${on.processor}, ${on.cores} cores, ${on.memoryGiB} GiB`],
    ["System", on.system],
    ["Node", on.node],
    ["Dawn", on.webgpu && `webgpu ${on.webgpu}`],
    ["Versions", versions.join(", ")],
    ["Controls at the start", control(controls.start)],
    ["Controls at the end", control(controls.end)],
  ];
  const list = facts.flatMap(([name, value]) =>
    value ? [`<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`] : [],
  );
  return `<h2>Machine</h2><dl>${list.join("")}</dl>`;
}
