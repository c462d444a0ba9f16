// PyTorch on the processor, where Debian's python3-torch or another is installed: a Python process that is told by lines of
// JSON, each with the bytes of its arrays behind it, and answers by lines.

import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { shapesOf } from "../cases/nets.ts";
import { endWithUs, ownGroup } from "../interrupt.ts";
import { adam, batchesOf, batchShape, joinedBlock, lengthsOf, weightsOf } from "./net-data.ts";
import type { PeerReply, PeerRequest } from "./peer.ts";
import { PeerProcess, type PeerProcessOptions } from "./process.ts";

/** Debian's Python has Debian's packages, which one that stands before it in PATH does not see. */
const pythons = ["/usr/bin/python3", "python3"];
const remedy = "python3-torch is not installed: apt-get install python3-torch brings it";

interface SentArray {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

/** A message as it goes over the pipe: a line that says what arrays follow, and their bytes. */
export function framesOf(id: number, request: object, arrays: readonly SentArray[]): Uint8Array[] {
  const told = arrays.map(({ shape, values }) => ({
    shape,
    dtype: values instanceof Float32Array ? "float32" : "int32",
  }));
  return [
    new TextEncoder().encode(`${JSON.stringify({ id, request, arrays: told })}\n`),
    ...arrays.map(({ values }) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  ];
}

/** What a line says: an answer or an error to the message of that number; undefined where it is no reply of ours. */
export function parseReply(line: string): PeerReply | undefined {
  if (!line.startsWith("{")) return undefined;
  let found: { id?: unknown; answer?: unknown; error?: unknown };
  try {
    // Python writes what JSON has no word for; no number agrees with NaN.
    found = JSON.parse(line.replace(/(?<=[[,: ])(NaN|-?Infinity)(?=[\],}])/g, '"NaN"'), (_, value) =>
      value === "NaN" ? Number.NaN : value,
    );
  } catch {
    return undefined;
  }
  const { id, answer, error } = found;
  if (typeof id !== "number") return undefined;
  if (typeof error === "string") return { id, error };
  return answer === undefined ? undefined : ({ id, answer } as PeerReply);
}

/** Why a Python process ended without an answer, told by its last words. */
export function describeEnd(said: string): string | undefined {
  if (/ModuleNotFoundError: No module named '(torch|numpy)'/.test(said)) return remedy;
  return said.trimEnd().split("\n").at(-1) || undefined;
}

/** A request with the net's weights and data. */
export function withArrays(request: PeerRequest): { request: object; arrays: SentArray[] } {
  if (request.call !== "prepare") return { request, arrays: [] };
  const { work } = request;
  if (work.kind !== "net") throw new Error("PyTorch is asked for nets only");
  const { net } = work;
  const shapes = shapesOf(net);
  const weights = weightsOf(net).map((list, i) =>
    net.layers[i].kind === "block" ? joinedBlock(list) : list,
  );
  const batches = batchesOf(net);
  const described = {
    layers: net.layers.map((layer, i) =>
      layer.kind === "flatten" ? { ...layer, images: shapes[i] } : layer,
    ),
    weights: weights.map(({ length }) => length),
    lengths: batches.map(({ x }) => (net.tokens?.shortest === undefined ? null : lengthsOf(net, x))),
    steps: net.inputs,
    adam,
  };
  const shape = batchShape(net);
  const arrays = [
    ...weights.flat(),
    ...batches.flatMap(({ x, y }) => [
      { shape, values: x },
      { shape: [y.length], values: y },
    ]),
  ].map(({ shape, values }): SentArray => ({ shape, values }));
  return { request: { ...request, work: undefined, net: described }, arrays };
}

export async function openTorch(options: PeerProcessOptions): Promise<PeerProcess> {
  let problem = remedy;
  for (const python of pythons) {
    const started = startTorch(python, options);
    try {
      await started.call({ call: "release" });
      return started;
    } catch (error) {
      problem = (error as Error).message;
      await started.close();
    }
  }
  throw new Error(problem);
}

function startTorch(python: string, options: PeerProcessOptions): PeerProcess {
  const file = path.join(process.cwd(), "bench", "peers", "torch-worker.py");
  const child = endWithUs(
    spawn(python, [file], { env: options.env ?? process.env, stdio: ["pipe", "pipe", "pipe"], ...ownGroup }),
  );
  const peer = new PeerProcess(
    child,
    (id, asked) => {
      const { request, arrays } = withArrays(asked);
      for (const frame of framesOf(id, request, arrays)) child.stdin.write(frame);
    },
    { ...options, describeEnd },
  );
  child.stdin.on("error", () => {});
  createInterface({ input: child.stdout }).on("line", (line) => {
    const reply = parseReply(line);
    if (reply !== undefined) peer.receive(reply);
  });
  return peer;
}
