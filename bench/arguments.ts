// Reads the bench's command line. Prints nothing: what is wrong comes back as an error to show.

import { parseArgs } from "node:util";
import { nearest } from "../engine/index.ts";
import type { OwnBackend } from "./bench-case.ts";

export const usage = `npm run bench -- [options]

Times kernels and training steps on WebGPU and on the CPU reference.

  --filter REGEX   only cases whose name matches, as in --filter '^train/' (--list shows the names)
  --device NAME    webgpu, cpu or all (the default)
  --peers          beside ours, time the training steps of tfjs and jax-js (installed on first use), in turn
  --json FILE      also write { machine, rows, skipped, ratios } as JSON
  --list           print the names of the cases and end
  --help           print this and end
`;

export interface BenchArguments {
  filter: RegExp;
  backends: OwnBackend[];
  json?: string;
  hasPeers: boolean;
  isList: boolean;
  isHelp: boolean;
}

/** Thrown for a command line that makes no sense; its message is for the person who typed it. */
export class UsageError extends Error {}

const devices = ["all", "webgpu", "cpu"];

export function parseBenchArguments(args: readonly string[]): BenchArguments {
  const options = {
    filter: { type: "string", default: "" },
    device: { type: "string", default: "all" },
    json: { type: "string" },
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
    const hint = nearest(values.device, devices);
    throw new UsageError(
      `--device is "${values.device}"; it must be one of ${devices.join(", ")}${hint ? ` (did you mean ${hint}?)` : ""}`,
    );
  }
  if (values.json === "") throw new UsageError("--json needs the name of the file to write");
  if (values.peers && values.device === "cpu")
    throw new UsageError("--peers compares with ours on WebGPU, which --device cpu leaves out");
  let filter: RegExp;
  try {
    filter = new RegExp(values.filter);
  } catch (error) {
    throw new UsageError(`--filter: ${(error as Error).message}`);
  }
  return {
    filter,
    backends: values.device === "all" ? ["webgpu", "cpu"] : [values.device as OwnBackend],
    json: values.json,
    hasPeers: values.peers,
    isList: values.list,
    isHelp: values.help,
  };
}
