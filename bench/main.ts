// npm run bench: chooses cases, runs them on each backend, prints the table, writes the files. Measures nothing itself.

import { type DeviceInfo, dispose, init } from "../engine/index.ts";
import { type BenchArguments, parseBenchArguments, UsageError, usage } from "./arguments.ts";
import { Attempts } from "./attempts.ts";
import { type BenchCase, type OwnBackend, peerBackends, type Row, type Skipped } from "./bench-case.ts";
import { allCases } from "./cases/all.ts";
import { describeNet, nets } from "./cases/nets.ts";
import { closestRun, compareRuns } from "./compare-runs.ts";
import { type Controls, measureControls } from "./controls.ts";
import {
  interruptedCode,
  interruption,
  isInterrupted,
  stoppable,
  turn,
  unlessInterrupted,
  watchSignals,
} from "./interrupt.ts";
import { describeMachine, type Machine } from "./machine.ts";
import { checkOutputs, writeFiles } from "./output.ts";
import { comparePeers, hasPeers as meetsPeers } from "./peers/compare.ts";
import { readRuns } from "./read-runs.ts";
import { describeRun } from "./record.ts";
import { finishRows, type Report } from "./report.ts";
import { wrap } from "./reporters/columns.ts";
import { renderComparison } from "./reporters/comparison.ts";
import { columnsOf, type Progress, progressOn } from "./reporters/progress.ts";
import { ratiosOf, renderFloors, renderRatios } from "./reporters/ratios.ts";
import { renderSkipped, renderTable, trim } from "./reporters/table.ts";
import { runCases } from "./run-cases.ts";

const noAdapter = "no WebGPU adapter";

const print = (text: string) => process.stdout.write(`${text}\n`);

/** Backends and their adapters, undefined where there is none. */
type Infos = Map<OwnBackend, DeviceInfo | undefined>;

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
  const matching = allCases.filter(({ name, phase }) => filter.test(name) || filter.test(`${name} ${phase}`));
  if (matching.length === 0)
    throw new UsageError(`--filter ${filter.source}: no case has such a name; --list shows them`);
  const cases = matching.filter((each) => !isQuick || each.isQuick);
  if (cases.length === 0)
    throw new UsageError(
      `--quick leaves out all that --filter ${filter.source} matches (${matching[0].name} is the first); run it without --quick`,
    );
  if (hasPeers && !cases.some(meetsPeers))
    throw new UsageError(
      `--peers: no peer takes part in what --filter ${filter.source} leaves; docs/performance.md tells in which cases they do`,
    );
  return cases.map(stoppable);
}

/** Whether a case is timed in turn with the peers, and so not by itself. A cold start is a process anyway. */
const isRaced = (benchCase: BenchCase) => benchCase.phase !== "cold" && meetsPeers(benchCase);

interface Run {
  readonly args: BenchArguments;
  readonly cases: readonly BenchCase[];
  readonly machine: Machine;
  readonly progress: Progress;
  readonly rows: Row[];
  readonly skipped: Skipped[];
}

/** Runs the cases on one backend, with the peers beside it where they are asked for. */
async function runBackend(backend: OwnBackend, info: DeviceInfo | undefined, run: Run): Promise<void> {
  const { args, cases, machine, progress, rows, skipped } = run;
  if (info === undefined) {
    const entry = { backend, reason: noAdapter, isFailure: false };
    skipped.push(...cases.map(({ name, phase }) => ({ case: name, phase, ...entry })));
    return;
  }
  const withPeers = args.hasPeers && backend === "webgpu";
  // What the adapter can do at best is known at the end: shares are left to that.
  const shared = { version: machine.gradgpu, isQuick: args.isQuick, into: { rows, skipped } };
  const alone = withPeers ? cases.filter((each) => !isRaced(each)) : cases;
  await runCases(alone, backend, {
    ...shared,
    betweenSamples: turn,
    onCase: ({ name, phase }) => {
      if (!isInterrupted()) progress.begin(`${backend} ${name} ${phase}`);
    },
  });
  if (withPeers && !isInterrupted()) {
    await comparePeers({
      ...shared,
      cases,
      backends: peerBackends,
      limitMs: args.peerLimitMs,
      onStage: (what) => {
        if (!isInterrupted()) progress.note(what);
      },
      onCase: (benchCase) => {
        if (isRaced(benchCase) && !isInterrupted())
          progress.begin(`${benchCase.name} ${benchCase.phase}, beside the peers`);
      },
    });
  }
}

/** How what a signal stopped ends; esbuild, which bundles for peers and cold starts, gets a terminal's Ctrl-C too. */
const stopped = [interruption, "The service is no longer running"];

/** What a signal stopped has not failed. */
const withoutFailure = (entry: Skipped): Skipped =>
  isInterrupted() && stopped.some((reason) => entry.reason.endsWith(reason))
    ? { ...entry, reason: interruption, isFailure: false }
    : entry;

async function runAll(infos: Infos, run: Run, attempts: Attempts): Promise<void> {
  for (const [backend, info] of infos)
    await attempts.run(`the run on ${backend}`, () => runBackend(backend, info, run));
}

/** What is skipped in a run that was interrupted, the cases that it did not come to included. */
function skippedByNow({ cases, rows, skipped }: Run, infos: Infos): Skipped[] {
  const missing = [...infos.keys()].flatMap((backend) =>
    cases
      .filter(({ name, phase }) =>
        [...rows, ...skipped].every(
          (known) => known.case !== name || known.phase !== phase || known.backend !== backend,
        ),
      )
      .map(({ name, phase }) => ({ case: name, phase, backend, reason: interruption, isFailure: false })),
  );
  return [...skipped.map(withoutFailure), ...missing];
}

const legend =
  "ms: median of n samples of many iterations each, synchronised; ±: half of their interquartile range; dispatches and submits: per iteration; share: of the adapter's measured FMA peak or copy rate, whichever is more; GB/s: each operand counted once; peak: of the device's buffers, the data set left out; cold: one first step in a process with an empty shader cache, compiling included, and how many pipelines were compiled in what time; host: asking, not waiting.";
/** Without a terminal's width: what reads us has lines of its own. */
const legendWidth = 118;

/** Columns of the terminal that shows the table; undefined where it goes into a file or a pipe. */
const tableWidth = () => (process.stdout.isTTY ? process.stdout.columns || 80 : undefined);

function printReport(report: Report, cases: readonly BenchCase[]): void {
  const { rows, skipped, controls, seconds, options } = report;
  print("");
  const order = cases.map(({ name, phase }) => ({ case: name, phase }));
  const present = skipped.filter(({ reason }) => reason !== noAdapter && reason !== interruption);
  const width = tableWidth();
  process.stdout.write(renderTable(rows, present, order, width));
  print(`\n${wrap(legend, width ?? legendWidth)}`);
  for (const net of nets)
    if (rows.some((row) => row.case.endsWith(net.name))) print(`${net.name}: ${describeNet(net)}`);
  process.stdout.write(renderSkipped(present, width ?? legendWidth));
  const comparison = renderRatios(rows, width);
  if (comparison !== "") process.stdout.write(`\n${comparison}`);
  process.stdout.write(renderFloors(rows));
  if (!options.isInterrupted) print(wrap(`at the end: ${describeControls(controls.end)}`, width));
  print(
    `took ${seconds.toFixed(0)} s${options.isInterrupted ? "; INTERRUPTED, what came after is missing" : ""}`,
  );
}

/** A reader that goes away (`| head`) ends a run that only prints; one that writes files goes on. */
function outliveReader({ json, html, isRecord }: BenchArguments): void {
  const writes = json !== undefined || html !== undefined || isRecord;
  process.stdout.on("error", () => {
    if (!writes) process.exit(0);
  });
  process.stderr.on("error", () => {});
}

const say = (text: string) => process.stderr.write(`bench: ${text}\n`);

/** The adapter of each backend, printed. */
async function probeAll(backends: readonly OwnBackend[]): Promise<Infos> {
  const infos: Infos = new Map();
  for (const backend of backends) {
    const info = await probe(backend);
    infos.set(backend, info);
    if (info !== undefined) print(describeAdapter(info));
    else if (backends.length > 1)
      print("webgpu   no adapter found (npm run doctor tells why): its cases are skipped");
  }
  return infos;
}

async function main(argv: readonly string[]): Promise<number> {
  const args = parseBenchArguments(argv);
  outliveReader(args);
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
  const earlier = args.compare === undefined ? undefined : await readAsked("--compare", args.compare);
  await checkOutputs(args);
  if (args.from !== undefined) return showRun(args.from, earlier, args);
  const machine = describeMachine();
  print(
    `${machine.cores} x ${machine.processor}, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}`,
  );
  const started = performance.now();
  const infos = await probeAll(args.backends);
  const hasAdapter = infos.get("webgpu") !== undefined;
  if (!hasAdapter && args.device === "webgpu") {
    say(
      "--device webgpu wants a WebGPU adapter and none was found; npm run doctor tells why, --device cpu times the reference",
    );
    return 1;
  }
  const total = cases.length * args.backends.length;
  const progress = progressOn(process.stderr, total, columnsOf(process.stderr));
  watchSignals(() => {
    progress.end();
    say("interrupted: what was measured until now is told; again to end at once");
  });
  const attempts = new Attempts();
  const run: Run = { args, cases, machine, progress, rows: [], skipped: [] };
  const start = await unlessInterrupted(measureControls(hasAdapter));
  if (start !== undefined) {
    print(wrap(describeControls(start), tableWidth()));
    await unlessInterrupted(runAll(infos, run, attempts));
  }
  progress.end();
  // A signal after this loses nothing any more.
  const isCut = isInterrupted();
  if (start === undefined || (isCut && run.rows.length === 0)) {
    say("interrupted before anything was measured: nothing is written");
    return interruptedCode();
  }
  // An adapter that is gone after hours takes the second controls with it, and no more; who interrupts won't wait.
  const again = () => measureControls(hasAdapter);
  const end = isCut ? undefined : await attempts.run("measuring the controls again", again);
  const controls = { start, end: end ?? start };
  // Copies: a case that was left running may still add its own.
  const rows = finishRows([...run.rows], { machine, controls });
  const skipped = isCut ? skippedByNow(run, infos) : [...run.skipped];
  const report: Report = {
    machine,
    controls,
    options: {
      filter: args.pattern,
      isQuick: args.isQuick,
      hasPeers: args.hasPeers,
      device: args.device,
      ...(isCut ? { isInterrupted: true } : {}),
    },
    seconds: (performance.now() - started) / 1000,
    rows,
    skipped,
    ratios: ratiosOf(rows),
  };
  const { problems } = attempts;
  await tell(report, cases, earlier, args, attempts);
  for (const problem of problems) say(problem);
  if (isInterrupted()) return interruptedCode();
  return problems.length > 0 || skipped.some(({ isFailure }) => isFailure) ? 1 : 0;
}

/** Writes the files, then prints: what is wrong with the one is no reason to lose the other. */
async function tell(
  report: Report,
  cases: readonly BenchCase[],
  earlier: readonly Report[] | undefined,
  args: BenchArguments,
  attempts: Attempts,
): Promise<void> {
  const then = earlier && closestRun(earlier, report);
  const comparison =
    then && (await attempts.run(`comparing with ${args.compare}`, () => compareRuns(then, report)));
  const compared =
    earlier && earlier.length > 1 ? `${args.compare}, the run of ${describeRun(then!)}` : args.compare;
  const written = await writeFiles(report, comparison, args, attempts);
  await attempts.run("printing the table", () => printReport(report, cases));
  if (comparison)
    await attempts.run("printing the comparison", () =>
      process.stdout.write(`\n${renderComparison(comparison, compared!, tableWidth())}`),
    );
  for (const file of written) print(`wrote ${file}`);
}

async function readAsked(option: string, file: string): Promise<Report[]> {
  try {
    return await readRuns(file);
  } catch (error) {
    throw new UsageError(`${option}: ${(error as Error).message}`);
  }
}

/** A run from its file, told as one that was just made. */
async function showRun(
  file: string,
  earlier: readonly Report[] | undefined,
  args: BenchArguments,
): Promise<number> {
  const runs = await readAsked("--from", file);
  if (runs.length > 1) {
    const list = runs.map((run, i) => `  ${file}#${i + 1}  ${describeRun(run)}, ${run.rows.length} rows`);
    throw new UsageError(`--from: ${file} holds several runs; name one of them:\n${list.join("\n")}`);
  }
  const [report] = runs;
  const { machine } = report;
  print(
    `${machine.cores} x ${machine.processor}, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}`,
  );
  print(wrap(`a run of ${describeRun(report)}`, tableWidth()));
  const attempts = new Attempts();
  await tell(report, allCases, earlier, args, attempts);
  for (const problem of attempts.problems) say(problem);
  return attempts.problems.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
  // A case that was left running would go on.
  if (isInterrupted()) process.exit();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  say(`${error.message}\n(npm run bench -- --help lists the options)`);
  process.exitCode = 2;
}
