// npm run bench: chooses cases, runs them on each backend, prints the table, writes the files. Measures nothing itself.

import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { type DeviceInfo, dispose, init } from "../engine/index.ts";
import { type BenchArguments, parseBenchArguments, UsageError, usage } from "./arguments.ts";
import { type BenchCase, type OwnBackend, peerBackends, type Row, type Skipped } from "./bench-case.ts";
import { allCases } from "./cases/all.ts";
import { compareRuns } from "./compare-runs.ts";
import { type Controls, measureControls } from "./controls.ts";
import { describeMachine, type Machine } from "./machine.ts";
import { comparePeers, workOf } from "./peers/compare.ts";
import { recordName } from "./record.ts";
import { type Report, readReport } from "./report.ts";
import { renderComparison } from "./reporters/comparison.ts";
import { renderHtml } from "./reporters/html/page.ts";
import { columnsOf, type Progress, progressOn } from "./reporters/progress.ts";
import { ratiosOf, renderFloors, renderRatios } from "./reporters/ratios.ts";
import { renderTable, trim } from "./reporters/table.ts";
import { runCases } from "./run-cases.ts";

const noAdapter = "no WebGPU adapter";

const print = (text: string) => process.stdout.write(`${text}\n`);

/** The adapter of a backend, or undefined where there is none. */
async function probe(backend: OwnBackend): Promise<DeviceInfo | undefined> {
  const found = await init({ device: backend === "cpu" ? "cpu" : "auto" });
  const { info, kind } = found;
  dispose();
  return kind === backend ? info : undefined;
}

function describeAdapter({ backend, adapter, driver, isSoftware }: DeviceInfo): string {
  if (backend === "cpu") return "cpu      the reference: plain loops in float64, one thread";
  return `webgpu   ${adapter}${isSoftware ? ", a SOFTWARE adapter (no GPU)" : ""}; driver: ${driver}`;
}

function describeControls({ hostMs, peaks }: Controls): string {
  const host = `plain JavaScript ${trim(hostMs)} ms`;
  if (peaks === undefined) return `control  ${host}`;
  return `control  FMA peak ${trim(peaks.fmaGflops)} GFLOP/s, copy ${trim(peaks.copyGBs)} GB/s (by command ${trim(peaks.copyBufferGBs)}), a dispatch ${trim(peaks.dispatchMicroseconds)} us, ${host}`;
}

/** The cases that the arguments ask for; throws where they leave none. */
function chooseCases({ filter, isQuick, hasPeers }: BenchArguments): BenchCase[] {
  const cases = allCases.filter(
    ({ name, phase, isQuick: quick }) =>
      (filter.test(name) || filter.test(`${name} ${phase}`)) && (!isQuick || quick),
  );
  if (cases.length === 0) {
    const what = isQuick ? "--quick with --filter" : "--filter";
    throw new UsageError(`${what} ${filter.source}: no case has such a name; --list shows them`);
  }
  if (hasPeers && !cases.some((each) => workOf(each) !== undefined))
    throw new UsageError(
      `--peers times ops' forward passes and train/N1 to train/N4; --filter ${filter.source} leaves them out`,
    );
  return cases;
}

/** Whether a case is timed in turn with the peers, and so not by itself. A cold start is a process anyway. */
const isRaced = (benchCase: BenchCase) => benchCase.phase !== "cold" && workOf(benchCase) !== undefined;

interface Run {
  readonly args: BenchArguments;
  readonly cases: readonly BenchCase[];
  readonly machine: Machine;
  readonly start: Controls;
  readonly progress: Progress;
  readonly rows: Row[];
  readonly skipped: Skipped[];
}

/** Runs the cases on one backend, with the peers beside it where they are asked for. */
async function runBackend(backend: OwnBackend, info: DeviceInfo | undefined, run: Run): Promise<void> {
  const { args, cases, machine, start, progress, rows, skipped } = run;
  if (info === undefined) {
    const entry = { backend, reason: noAdapter, isFailure: false };
    skipped.push(...cases.map(({ name, phase }) => ({ case: name, phase, ...entry })));
    return;
  }
  const withPeers = args.hasPeers && backend === "webgpu";
  const shared = { peaks: start.peaks, version: machine.gradgpu, isQuick: args.isQuick };
  const alone = withPeers ? cases.filter((each) => !isRaced(each)) : cases;
  const outcome = await runCases(alone, backend, {
    ...shared,
    onCase: ({ name, phase }) => progress.begin(`${backend} ${name} ${phase}`),
  });
  rows.push(...outcome.rows);
  skipped.push(...outcome.skipped);
  if (withPeers) {
    const comparison = await comparePeers({
      ...shared,
      cases,
      backends: peerBackends,
      limitMs: args.peerLimitMs,
      onStage: (what) => progress.note(what),
      onCase: (benchCase) => {
        if (isRaced(benchCase)) progress.begin(`${benchCase.name} ${benchCase.phase}, beside the peers`);
      },
    });
    rows.push(...comparison.rows);
    skipped.push(...comparison.skipped);
  }
}

const legend = `ms: median of n samples of many iterations each, synchronised; ±: half of their interquartile range;
dispatches and submits: per iteration; share: of the adapter's measured FMA peak or copy rate, whichever is more;
GB/s: each operand counted once; peak: of the device's buffers, the data set left out;
cold: one first step in a process with an empty shader cache, compiling included; host: asking, not waiting.`;

function printReport(report: Report, cases: readonly BenchCase[]): void {
  const { rows, skipped, controls, seconds } = report;
  print("");
  const order = cases.map(({ name, phase }) => ({ case: name, phase }));
  const present = skipped.filter(({ reason }) => reason !== noAdapter);
  process.stdout.write(renderTable(rows, present, order));
  print(`\n${legend}`);
  for (const { case: name, backend, phase, reason, isFailure } of present) {
    const first = reason.trimEnd().split("\n")[0];
    print(`${isFailure ? "FAILED " : "skipped"} ${backend} ${name} ${phase}: ${first}`);
  }
  const comparison = renderRatios(rows);
  if (comparison !== "") process.stdout.write(`\n${comparison}`);
  process.stdout.write(renderFloors(rows));
  print(`at the end: ${describeControls(controls.end)}`);
  print(`took ${seconds.toFixed(0)} s`);
}

async function writeTo(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(path.resolve(file)), { recursive: true });
  await writeFile(file, text);
  print(`wrote ${file}`);
}

async function main(argv: readonly string[]): Promise<number> {
  const args = parseBenchArguments(argv);
  if (args.isHelp) {
    process.stdout.write(usage);
    return 0;
  }
  const cases = chooseCases(args);
  if (args.isList) {
    for (const name of new Set(cases.map(({ name }) => name))) {
      const phases = cases.filter((each) => each.name === name).map(({ phase }) => phase);
      print(`${name}  ${phases.join(" ")}`);
    }
    return 0;
  }
  // An earlier run that can't be read is told before a long one is made.
  const earlier = args.compare === undefined ? undefined : await readEarlier(args.compare);
  const machine = describeMachine();
  print(
    `${machine.cores} x ${machine.processor}, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}`,
  );
  const started = performance.now();
  const infos = new Map<OwnBackend, DeviceInfo | undefined>();
  for (const backend of args.backends) {
    const info = await probe(backend);
    infos.set(backend, info);
    print(
      info === undefined
        ? "webgpu   no adapter found (npm run doctor tells why): its cases are skipped"
        : describeAdapter(info),
    );
  }
  const hasAdapter = infos.get("webgpu") !== undefined;
  const start = await measureControls(hasAdapter);
  print(describeControls(start));
  const total = cases.length * args.backends.length;
  const progress = progressOn(process.stderr, total, columnsOf(process.stderr));
  const run: Run = { args, cases, machine, start, progress, rows: [], skipped: [] };
  for (const [backend, info] of infos) await runBackend(backend, info, run);
  progress.end();
  const { rows, skipped } = run;
  const report: Report = {
    machine,
    controls: { start, end: await measureControls(hasAdapter) },
    options: { filter: args.pattern, isQuick: args.isQuick, hasPeers: args.hasPeers },
    seconds: (performance.now() - started) / 1000,
    rows,
    skipped,
    ratios: ratiosOf(rows),
  };
  printReport(report, cases);
  const comparison = earlier && compareRuns(earlier, report);
  if (comparison) process.stdout.write(`\n${renderComparison(comparison, args.compare!)}`);
  const json = `${JSON.stringify(report, undefined, 1)}\n`;
  if (args.json !== undefined) await writeTo(args.json, json);
  if (args.html !== undefined || args.isRecord) {
    const html = renderHtml(report, comparison);
    if (args.html !== undefined) await writeTo(args.html, html);
    if (args.isRecord) {
      const stem = path.join("bench", "results", recordName(report));
      await writeTo(`${stem}.json`, json);
      await writeTo(`${stem}.html`, html);
    }
  }
  return skipped.some(({ isFailure }) => isFailure) ? 1 : 0;
}

async function readEarlier(file: string): Promise<Report> {
  try {
    return await readReport(file);
  } catch (error) {
    throw new UsageError(`--compare: ${(error as Error).message}`);
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`bench: ${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
