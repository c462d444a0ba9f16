// Reads the bench's command line. Prints nothing: what is wrong comes back as an error to show.

import path from "node:path";
import { parseArgs } from "node:util";
import { nearest } from "../engine/internal.ts";
import type { OwnBackend } from "./bench-case.ts";

export const usage = `npm run bench -- [options]

Times kernels, layers, training steps and epochs on WebGPU and on the CPU reference.

  --filter REGEX       only cases whose name matches, as in --filter '^train/', or whose name and phase do, as in
                       --filter '^train/N1 step$' (--list shows them)
  --quick              a few small cases with few samples, in about a minute
  --device NAME        webgpu, cpu or all (the default)
  --peers              beside ours, time tfjs, jax-js and onnxruntime-web (installed on first use) in turn, and for nets
                       PyTorch on the CPU, where python3-torch is installed
  --peer-limit MINUTES how long one answer of a peer may take (default 30: some compile for minutes)
  --json FILE          also write machine, controls, rows, skipped and ratios as JSON
  --html FILE          also write a report with plots, as one file that needs nothing else
  --record             also keep the figures in bench/results/ADAPTER.json, in the place of an earlier run of the same
                       kind; samples are kept by --json alone, and reports are made from a run
  --compare OLD.json   mark what differs by more than noise from an earlier run: one that --json wrote, or the closest of
                       a record (OLD.json#2 is its second)
  --from RUN.json      show a run that --json wrote, or one of a record (RUN.json#2), instead of making one: prints the
                       table, and writes what --html, --json and --compare ask for
  --list               print the names of the cases and end
  --help               print this and end
`;

export interface BenchArguments {
  filter: RegExp;
  /** What was typed for it, "" for all cases. */
  pattern: string;
  device: OwnBackend | "all";
  backends: OwnBackend[];
  json?: string;
  html?: string;
  /** The earlier run's JSON. */
  compare?: string;
  /** A run's file, to be shown in the place of a new run. */
  from?: string;
  isRecord: boolean;
  isQuick: boolean;
  hasPeers: boolean;
  peerLimitMs: number;
  isList: boolean;
  isHelp: boolean;
}

/** Thrown for a command line that makes no sense; its message is for the person who typed it. */
export class UsageError extends Error {}

const devices = ["all", "webgpu", "cpu"];

/** What is nearest in letters to names of GPUs is "cpu". */
const nearestDevice = (name: string) =>
  /gpu|cuda|metal|vulkan|d3d/i.test(name) ? "webgpu" : nearest(name, devices);

const isSameFile = (a: string, b: string) => path.resolve(a) === path.resolve(b);

export function parseBenchArguments(args: readonly string[]): BenchArguments {
  const options = {
    filter: { type: "string", default: "" },
    device: { type: "string", default: "all" },
    json: { type: "string" },
    html: { type: "string" },
    compare: { type: "string" },
    from: { type: "string" },
    record: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    "peer-limit": { type: "string", default: "30" },
    peers: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options; strict: true }>>["values"];
  try {
    ({ values } = parseArgs({ args: [...args], options, strict: true, allowPositionals: false }));
  } catch (error) {
    throw new UsageError((error as Error).message.split(". ")[0]);
  }
  if (!devices.includes(values.device)) {
    const hint = nearestDevice(values.device);
    throw new UsageError(
      `--device is "${values.device}"; it must be one of ${devices.join(", ")}${hint ? ` (did you mean ${hint}?)` : ""}`,
    );
  }
  for (const name of ["json", "html"] as const) {
    if (values[name] === "") throw new UsageError(`--${name} needs the name of the file to write`);
  }
  if (values.compare === "") throw new UsageError("--compare needs the JSON file of an earlier run");
  if (values.from === "") throw new UsageError("--from needs the JSON file of a run");
  const others = ["filter", "quick", "peers", "record", "list"] as const;
  const other = values.device === "all" ? others.find((name) => values[name]) : "device";
  if (values.from !== undefined && other !== undefined)
    throw new UsageError(`--from shows a run that was made: --${other} is of one that is to be made`);
  const minutes = Number(values["peer-limit"]);
  if (!(minutes > 0 && Number.isFinite(minutes)))
    throw new UsageError(`--peer-limit is "${values["peer-limit"]}"; it must be a number of minutes above 0`);
  if (values.peers && values.device === "cpu")
    throw new UsageError("--peers compares with ours on WebGPU, which --device cpu leaves out");
  if (values.json !== undefined && values.html !== undefined && isSameFile(values.json, values.html))
    throw new UsageError(`--json and --html both name ${values.json}; give each a file of its own`);
  let filter: RegExp;
  try {
    filter = new RegExp(values.filter);
  } catch (error) {
    throw new UsageError(`--filter: ${(error as Error).message}`);
  }
  return {
    filter,
    pattern: values.filter,
    device: values.device as BenchArguments["device"],
    backends: values.device === "all" ? ["webgpu", "cpu"] : [values.device as OwnBackend],
    json: values.json,
    html: values.html,
    compare: values.compare,
    from: values.from,
    isRecord: values.record,
    isQuick: values.quick,
    hasPeers: values.peers,
    peerLimitMs: minutes * 60_000,
    isList: values.list,
    isHelp: values.help,
  };
}
