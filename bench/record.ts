// The record of an adapter: the figures of its runs, a line a case, small enough to be kept with the sources. What a run
// holds beyond that, every sample, is in the file that `--json` writes.

import { familyOf, type Row } from "./bench-case.ts";
import { finishRows, type Report, type ReportOptions } from "./report.ts";
import { ratiosOf } from "./reporters/ratios.ts";
import { billionsPerSecond } from "./statistics.ts";

/** Of each row, in this order; what else a row has stands in an object behind them. */
const columns = [
  "medianMs",
  "q1Ms",
  "q3Ms",
  "minMs",
  "samples",
  "iterations",
  "dispatches",
  "submits",
] as const;
/** The same for all rows of a backend in one run. */
const ofBackend = ["adapter", "driver", "isSoftware", "version"] as const;
/** The same for all rows of a case. */
const ofCase = ["flops", "bytes", "at"] as const;
/** Worked out again when a record is read. */
const derived = ["gflops", "gbPerSecond", "fmaShare", "copyShare", "node", "dawn"] as const;

const ofRow: ReadonlySet<string> = new Set([
  ...["case", "phase", "backend", "timesMs"],
  ...columns,
  ...ofBackend,
  ...ofCase,
  ...derived,
]);

interface RecordedCase {
  readonly case: string;
  readonly phase: string;
  readonly [backendOrFact: string]: unknown;
}

interface RecordedRun extends Pick<Report, "machine" | "controls" | "options" | "seconds"> {
  readonly backends: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly skipped: readonly { reason: string; isFailure: boolean; cases: readonly string[] }[];
  readonly cases: readonly RecordedCase[];
}

export interface BenchRecord {
  readonly about: string;
  readonly columns: readonly string[];
  readonly runs: readonly RecordedRun[];
}

const about =
  "Runs of the bench on one adapter, made by npm run bench -- --record: of each case and backend the columns below, then what else was measured. npm run bench -- --from FILE#NUMBER shows a run, --compare FILE compares with one.";

export const isRecord = (value: unknown): value is BenchRecord =>
  typeof value === "object" && value !== null && "runs" in value && Array.isArray(value.runs);

const digits = (value: unknown, count: number) =>
  typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(count)) : value;

const pick = (row: object, fields: readonly string[]) =>
  Object.fromEntries(Object.entries(row).filter(([field, value]) => fields.includes(field) && value != null));

const caseKey = ({ case: name, phase }: { case: string; phase: string }) => `${name} ${phase}`;

/** A run in brief. */
export function recordedRun({ machine, controls, options, seconds, rows, skipped }: Report): RecordedRun {
  const backends: Record<string, object> = {};
  const cases = new Map<string, Record<string, unknown>>();
  for (const row of rows) {
    backends[row.backend] ??= pick(row, ofBackend);
    const key = caseKey(row);
    const entry = cases.get(key) ?? { case: row.case, phase: row.phase, ...pick(row, ofCase) };
    cases.set(key, entry);
    entry[row.backend] = numbersOf(row);
  }
  const reasons = new Map<string, { reason: string; isFailure: boolean; cases: string[] }>();
  for (const { reason, isFailure, backend, ...which } of skipped) {
    const first = reason.trimEnd().split("\n")[0];
    const entry = reasons.get(`${isFailure} ${first}`) ?? { reason: first, isFailure, cases: [] };
    reasons.set(`${isFailure} ${first}`, entry);
    entry.cases.push(`${backend} ${caseKey(which)}`);
  }
  return {
    machine,
    controls: JSON.parse(JSON.stringify(controls, (_, value) => digits(value, 6))),
    options,
    seconds: Math.round(seconds),
    backends: backends as RecordedRun["backends"],
    skipped: [...reasons.values()],
    cases: [...cases.values()] as unknown as RecordedCase[],
  };
}

function numbersOf(row: Row): unknown[] {
  const numbers = columns.map((column) => digits(row[column], 5));
  const others: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(row))
    if (!ofRow.has(field) && value != null && value !== false) others[field] = digits(value, 5);
  // Samples tell nothing but their spread, except where they show how a time changes as the run goes on.
  if (familyOf(row.case) === "steady") others.timesMs = row.timesMs;
  return Object.keys(others).length === 0 ? numbers : [...numbers, others];
}

/** The runs of a record as reports; their samples are missing. */
export function runsOf({ columns: named, runs }: BenchRecord): Report[] {
  return runs.map(({ machine, controls, options, seconds, backends, skipped, cases }) => {
    const rows = cases.flatMap(({ case: name, phase, ...rest }) =>
      Object.keys(backends)
        .filter((backend) => rest[backend] !== undefined)
        .map((backend) => {
          const numbers = rest[backend] as unknown[];
          const others = (numbers[named.length] ?? {}) as object;
          return withRates({
            case: name,
            backend,
            phase,
            ...Object.fromEntries(named.map((column, i) => [column, numbers[i]])),
            timesMs: [],
            ...backends[backend],
            ...pick(rest, ofCase),
            ...others,
          } as unknown as Row);
        }),
    );
    return {
      machine,
      controls,
      options,
      seconds,
      rows: finishRows(rows, { machine, controls }),
      skipped: skipped.flatMap(({ reason, isFailure, cases: left }) =>
        left.map((text) => {
          const [backend, name, phase] = text.split(" ") as [Row["backend"], string, Row["phase"]];
          return { case: name, backend, phase, reason, isFailure };
        }),
      ),
      ratios: ratiosOf(rows),
    };
  });
}

function withRates(row: Row): Row {
  const rate = (amount: number | undefined) =>
    amount === undefined ? undefined : billionsPerSecond(amount, row.medianMs);
  return { ...row, gflops: rate(row.flops), gbPerSecond: rate(row.bytes) };
}

/** What a run was asked to do: a later one of the same kind takes its place. */
const kindOf = ({ filter, isQuick, hasPeers, device = "all", isInterrupted = false }: ReportOptions) =>
  JSON.stringify([filter, isQuick, hasPeers, device, isInterrupted]);

/** The record with a run added, or in the place of an earlier one of its kind. */
export function withRun(record: BenchRecord | undefined, report: Report): BenchRecord {
  const run = recordedRun(report);
  const kind = kindOf(run.options);
  const runs = [...(record?.runs ?? [])];
  const at = runs.findIndex(({ options }) => kindOf(options) === kind);
  runs.splice(at < 0 ? runs.length : at, 1, run);
  return { about, columns, runs };
}

/** As a file: a line a case, so that a change of one is a change of one line. */
export function recordText({ about, columns, runs }: BenchRecord): string {
  const lines = (list: readonly unknown[]) =>
    list.length === 0 ? "[]" : `[\n${list.map((each) => `  ${JSON.stringify(each)}`).join(",\n")}\n ]`;
  const texts = runs.map(({ cases, skipped, ...rest }) => {
    const head = Object.entries(rest).map(([name, value]) => ` "${name}": ${JSON.stringify(value)}`);
    return `{\n${[...head, ` "skipped": ${lines(skipped)}`, ` "cases": ${lines(cases)}`].join(",\n")}\n}`;
  });
  const head = `"about": ${JSON.stringify(about)},\n"columns": ${JSON.stringify(columns)}`;
  return `{\n${head},\n"runs": [\n${texts.join(",\n")}\n]\n}\n`;
}

/** "llvmpipe-llvm-19-1-7-256-bits" of the adapter, or "cpu-reference". */
export function recordName({ rows }: Pick<Report, "rows">): string {
  const adapter = rows.find(({ backend }) => backend === "webgpu")?.adapter ?? "cpu reference";
  return adapter
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
}

/** In a few words: when a run was made, and of what. */
export function describeRun({ machine, options }: Pick<Report, "machine" | "options">): string {
  const { filter, isQuick, hasPeers, isInterrupted } = options ?? {};
  return [
    machine.date?.slice(0, 16).replace("T", " "),
    hasPeers ? "with the peers" : "without peers",
    filter ? `cases ${filter}` : "all cases",
    ...(isQuick ? ["--quick"] : []),
    ...(isInterrupted ? ["interrupted"] : []),
  ]
    .filter(Boolean)
    .join(", ");
}
