// npm run bench: chooses cases, runs them on each backend, prints the table, writes the JSON. Measures nothing
// itself.

import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { type DeviceInfo, dispose, init } from "../engine/index.ts";
import { parseBenchArguments, UsageError, usage } from "./arguments.ts";
import { type OwnBackend, peerBackends, type Row, type Skipped } from "./bench-case.ts";
import { allCases } from "./cases/all.ts";
import { nets } from "./cases/nets.ts";
import { describeMachine } from "./machine.ts";
import { comparePeers } from "./peers/compare.ts";
import { progressOn } from "./reporters/progress.ts";
import { ratiosOf, renderFloors, renderRatios } from "./reporters/ratios.ts";
import { renderTable } from "./reporters/table.ts";
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

async function main(args: readonly string[]): Promise<number> {
  const { filter, backends, json, hasPeers, isList, isHelp } = parseBenchArguments(args);
  if (isHelp) {
    process.stdout.write(usage);
    return 0;
  }
  const cases = allCases.filter(({ name }) => filter.test(name));
  if (cases.length === 0)
    throw new UsageError(`--filter ${filter.source}: no case has such a name; --list shows them`);
  if (isList) {
    for (const name of new Set(cases.map(({ name }) => name))) print(name);
    return 0;
  }
  const machine = describeMachine();
  print(
    `${machine.cores} x ${machine.processor}, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}`,
  );
  const rows: Row[] = [];
  const skipped: Skipped[] = [];
  const started = performance.now();
  const progress = progressOn(process.stderr, cases.length * backends.length);
  const compared = hasPeers ? nets.filter(({ name }) => filter.test(`train/${name}`)) : [];
  if (hasPeers && compared.length === 0)
    throw new UsageError(`--peers times train/N1 to train/N4; --filter ${filter.source} leaves them out`);
  // What is timed in turn with the peers is not timed twice.
  const isCompared = (name: string, phase: string) =>
    phase === "step" && compared.some((net) => name === `train/${net.name}`);
  for (const backend of backends) {
    const info = await probe(backend);
    if (info === undefined) {
      print("webgpu   no adapter found (npm run doctor tells why): its cases are skipped");
      const entry = { backend, reason: noAdapter, isFailure: false };
      skipped.push(...cases.map(({ name, phase }) => ({ case: name, phase, ...entry })));
      continue;
    }
    print(describeAdapter(info));
    const alone = backend === "webgpu" ? cases.filter(({ name, phase }) => !isCompared(name, phase)) : cases;
    const outcome = await runCases(alone, backend, {
      onCase: ({ name, phase }) => progress.begin(`${backend} ${name} ${phase}`),
    });
    progress.end();
    rows.push(...outcome.rows);
    skipped.push(...outcome.skipped);
    if (backend === "webgpu" && compared.length > 0) {
      const onStage = (what: string) => progress.note(what);
      const comparison = await comparePeers({ nets: compared, backends: peerBackends, onStage });
      progress.end();
      rows.push(...comparison.rows);
      skipped.push(...comparison.skipped);
    }
  }
  const seconds = (performance.now() - started) / 1000;
  print("");
  const order = cases.map(({ name, phase }) => ({ case: name, phase }));
  const present = skipped.filter(({ reason }) => reason !== noAdapter);
  process.stdout.write(renderTable(rows, present, order));
  print("");
  print(
    "ms: median of n samples of many iterations each, synchronised; dispatches and submits: per iteration;",
  );
  print("GB/s: each operand counted once; cold: one first step on a device just opened, compiling included;");
  print("host: asking for the work and submitting it, not waiting.");
  for (const { case: name, backend, phase, reason, isFailure } of present) {
    print(
      `${isFailure ? "FAILED " : "skipped"} ${backend} ${name} ${phase}: ${reason.trimEnd().split("\n")[0]}`,
    );
  }
  const comparison = renderRatios(rows);
  if (comparison !== "") process.stdout.write(`\n${comparison}`);
  process.stdout.write(renderFloors(rows));
  print(`took ${seconds.toFixed(0)} s`);
  if (json !== undefined) {
    await mkdir(path.dirname(path.resolve(json)), { recursive: true });
    await writeFile(
      json,
      `${JSON.stringify({ machine, rows, skipped, ratios: ratiosOf(rows) }, undefined, 1)}\n`,
    );
    print(`wrote ${json}`);
  }
  return skipped.some(({ isFailure }) => isFailure) ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`bench: ${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
