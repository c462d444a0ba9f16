// Finds the op that made the first NaN or infinity.

import type { Backend } from "../backend/backend.ts";
import { isFloat } from "../base/dtype.ts";
import { NumericsError } from "../base/errors.ts";
import { currentScope } from "../base/name-scope.ts";
import { showShape, sizeOf } from "../base/shape.ts";
import { captureSource, type SourceLine } from "../base/source-line.ts";
import type { Spec } from "../kernel/kernel.ts";
import type { Places } from "../kernel/kernel-op.ts";
import type { Memory } from "../kernel/memory.ts";
import type { Device } from "../tensor/device.ts";
import type { Op } from "../tensor/op.ts";
import type { TapeNode } from "../tensor/tape-node.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { OpWatch } from "../tensor/watches.ts";
import { type Contents, lanesFor, readReport, reportSpec, scanOp } from "./scan.ts";

// Every op's f32 results, and inputs that no op made, are scanned on the device as they come; a check reads all
// reports at once and blames the first op whose inputs were sound and whose result is not.

/** Where an op was called. */
interface Origin {
  readonly op: string;
  readonly scope: string;
  readonly source: SourceLine;
}

/** A value that was scanned: where its report lies. */
interface Scan {
  readonly chunk: number;
  readonly firstWord: number;
  readonly words: number;
  readonly spec: Spec;
  /** How errors name a value that no op made. */
  readonly leaf: string | undefined;
}

/** Whole numbers that address, read back as they were when the op ran. */
interface PlacesRead extends Places {
  readonly values: Promise<ArrayLike<number>>;
}

interface Call {
  readonly origin: Origin;
  readonly places: PlacesRead | undefined;
  /** The op that this one is a part of. */
  readonly part: string | undefined;
  /** The forward call whose backward rule this op belongs to. */
  readonly backwardOf: { readonly op: string; readonly origin: Origin | undefined } | undefined;
  readonly inputs: readonly (Scan | undefined)[];
  readonly outputs: readonly (Scan | undefined)[];
}

/** Words of a buffer of reports: room for 512 scans of ordinary size. */
const chunkWords = 128 * 1024;
/** Forward calls remembered for the backward pass. */
const maxOrigins = 20_000;

class DeviceLog {
  readonly backend: Backend;
  calls: Call[] = [];
  /** By tensor id; a variable's also says of which version. */
  readonly scans = new Map<number, { scan: Scan; version: number | undefined }>();
  readonly chunks: Memory[] = [];
  used = 0;
  /** Words taken of the last chunk in use. */
  fill = 0;

  constructor(backend: Backend) {
    this.backend = backend;
  }

  reset(): void {
    this.calls = [];
    this.scans.clear();
    this.used = 0;
    this.fill = 0;
  }
}

export class NumericsWatch implements OpWatch {
  readonly #logs = new Map<Device, DeviceLog>();
  /** By a result's id: the forward call that made it. */
  readonly #origins = new Map<number, Origin>();
  #part: string | undefined;
  #backward: Call["backwardOf"];

  ran(op: Op, attrs: unknown, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
    const device = outputs[0]?.device;
    if (device === undefined || device.isTracing) return;
    const log = this.#logOf(device);
    const origin: Origin = { op: op.name, scope: currentScope(), source: captureSource() };
    if (this.#backward === undefined) this.#remember(origin, outputs);
    // What a view shows, and what a composed op returns, has been scanned.
    if (op.compose !== undefined) return;
    if (op.kernels === undefined) {
      const scan = this.#scanOf(log, inputs[0], true);
      if (scan !== undefined) log.scans.set(outputs[0].id, { scan, version: undefined });
      return;
    }
    log.calls.push({
      origin,
      places: this.#placesOf(op, attrs, inputs),
      part: this.#part,
      backwardOf: this.#backward,
      inputs: inputs.map((tensor) => this.#scanOf(log, tensor, true)),
      outputs: outputs.map((tensor) => this.#scanOf(log, tensor, false)),
    });
  }

  /**
   * The op's places, on their way to the host. Ops within ops and backward rules may mean what is out of range, or were
   * told of it forward.
   */
  #placesOf(op: Op, attrs: unknown, inputs: readonly Tensor[]): PlacesRead | undefined {
    if (this.#part !== undefined || this.#backward !== undefined) return undefined;
    const places = op.places?.(inputs, attrs);
    if (places === undefined) return undefined;
    const { device, memory, dtype, size } = inputs[places.input];
    const values = device.backend.read(memory, dtype, size);
    // The check gets the error; there may be none.
    values.catch(() => {});
    return { ...places, values };
  }

  inside<T>(op: Op, fn: () => T): T {
    const outer = this.#part;
    this.#part = outer ?? op.name;
    try {
      return fn();
    } finally {
      this.#part = outer;
    }
  }

  backward<T>(node: TapeNode, fn: () => T): T {
    const outer = this.#backward;
    this.#backward = { op: node.op.name, origin: this.#origins.get(node.outputIds[0]) };
    try {
      return fn();
    } finally {
      this.#backward = outer;
    }
  }

  async check(device: Device): Promise<void> {
    const log = this.#logs.get(device);
    if (log === undefined || log.backend !== device.realBackend || log.calls.length === 0) return;
    const { calls } = log;
    // The chunks are this check's: what runs meanwhile gets new ones.
    const chunks = log.chunks.splice(0, log.used);
    log.reset();
    try {
      const words = await Promise.all(chunks.map((chunk) => device.backend.read(chunk, "u32", chunkWords)));
      const outside = new Map<Call, string>();
      for (const call of calls) {
        const found = call.places && outsideOf(call.places, await call.places.values);
        if (found !== undefined) outside.set(call, `${whoOf(call)} ${found}`);
      }
      const culprit = firstCulprit(calls, outside, (scan) =>
        readReport(words[scan.chunk].subarray(scan.firstWord, scan.firstWord + scan.words)),
      );
      if (culprit !== undefined) throw new NumericsError(culprit);
    } finally {
      if (device.isUsable && log.backend === device.realBackend) log.chunks.push(...chunks);
    }
  }

  /** Gives back what the watch holds on devices. */
  dispose(): void {
    for (const [device, log] of this.#logs)
      if (device.isUsable) for (const chunk of log.chunks) chunk.release();
    this.#logs.clear();
  }

  #logOf(device: Device): DeviceLog {
    let log = this.#logs.get(device);
    // What was scanned on a device that was lost is lost too.
    if (log?.backend !== device.realBackend)
      this.#logs.set(device, (log = new DeviceLog(device.realBackend)));
    return log;
  }

  #remember(origin: Origin, outputs: readonly Tensor[]): void {
    for (const { id } of outputs) {
      this.#origins.set(id, origin);
      if (this.#origins.size > maxOrigins) this.#origins.delete(this.#origins.keys().next().value!);
    }
  }

  /** Scans a value unless that was done. */
  #scanOf(log: DeviceLog, tensor: Tensor, isInput: boolean): Scan | undefined {
    if (!isFloat(tensor.dtype) || sizeOf(tensor.shape) === 0) return undefined;
    const { version } = tensor as { version?: number };
    const known = log.scans.get(tensor.id);
    if (known !== undefined && known.version === version) return known.scan;
    const { backend } = tensor.device;
    const report = reportSpec(tensor);
    const words = sizeOf(report.shape);
    if (log.used === 0 || log.fill + words > chunkWords) {
      if (log.used === log.chunks.length)
        log.chunks.push(backend.allocate({ shape: [chunkWords], dtype: "u32" }, "reports of debug()"));
      log.used++;
      log.fill = 0;
    }
    const scan: Scan = {
      chunk: log.used - 1,
      firstWord: log.fill,
      words,
      spec: { shape: tensor.shape, dtype: tensor.dtype },
      leaf: isInput ? tensor.describe() : undefined,
    };
    const target = backend.slice(log.chunks[scan.chunk], scan.firstWord * 4, report);
    const input = { specs: [scan.spec], memories: [tensor.memory] };
    backend.run(scanOp, { lanes: lanesFor(tensor) }, input, { specs: [report], memories: [target] });
    target.release();
    log.fill += words;
    log.scans.set(tensor.id, { scan, version });
    return scan;
  }
}

/** The sentence about the first op that is to blame, if one is. */
function firstCulprit(
  calls: readonly Call[],
  outside: ReadonlyMap<Call, string>,
  contentsOf: (scan: Scan) => Contents,
): string | undefined {
  const seen = new Map<Scan, Contents>();
  const look = (scan: Scan | undefined): Contents | undefined => {
    if (scan === undefined) return undefined;
    let contents = seen.get(scan);
    if (contents === undefined) seen.set(scan, (contents = contentsOf(scan)));
    return contents;
  };
  for (const call of calls) {
    const wrongPlace = outside.get(call);
    if (wrongPlace !== undefined) return wrongPlace;
    const given = call.inputs.map(look);
    // An infinity from outside may be meant (a mask); a NaN is not.
    const bad = call.inputs.findIndex((scan, k) => scan?.leaf !== undefined && given[k]!.nans > 0);
    if (bad >= 0) {
      const { leaf, spec } = call.inputs[bad]!;
      return `${whoOf(call)} was given ${counted(given[bad]!, spec)}: its input ${bad + 1}, ${leaf}, held them before any op ran on it; look at where that comes from`;
    }
    const hadNaN = given.some((contents) => contents !== undefined && contents.nans > 0);
    const hadInfinity = given.some((contents) => contents !== undefined && contents.infinities > 0);
    for (const scan of call.outputs) {
      const made = look(scan);
      if (scan === undefined || made === undefined) continue;
      const isCulprit = (made.nans > 0 && !hadNaN) || (made.infinities > 0 && !hadNaN && !hadInfinity);
      if (isCulprit)
        return `${whoOf(call)} made ${counted(made, scan.spec)}${whenOf(call)}; ${inputsOf(call, given)}`;
    }
  }
  return undefined;
}

/** What is wrong with places, if something is. */
function outsideOf({ input, count, outside }: Places, values: ArrayLike<number>): string | undefined {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value >= 0 && value < count) continue;
    return `was given ${value} at position ${i} of its input ${input + 1}, which is out of range: it must be from 0 to ${count - 1}, and now ${outside}`;
  }
  return undefined;
}

/** The op, its layer and its line; in a backward pass, those of the forward op. */
function whoOf({ origin, part, backwardOf }: Call): string {
  if (backwardOf === undefined) {
    const name = part === undefined ? origin.op : `${origin.op}, a part of ${part},`;
    return name + placeOf(origin);
  }
  const place = backwardOf.origin === undefined ? "" : placeOf(backwardOf.origin);
  return `the backward rule of ${backwardOf.op}${place}`;
}

const whenOf = ({ origin, backwardOf }: Call): string =>
  backwardOf === undefined ? " in its forward pass" : `, in ${origin.op}`;

function placeOf({ scope, source }: Origin): string {
  const parts = [scope === "" ? "" : `layer ${scope}`, source.toString()].filter((part) => part !== "");
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

function counted({ nans, infinities }: Contents, spec: Spec): string {
  const kinds = [
    nans > 0 ? `${nans} NaN` : "",
    infinities > 0 ? `${infinities} ${infinities === 1 ? "infinity" : "infinities"}` : "",
  ].filter((kind) => kind !== "");
  const size = sizeOf(spec.shape);
  return `${kinds.join(" and ")} of ${size} ${size === 1 ? "value" : "values"}`;
}

function inputsOf(call: Call, given: readonly (Contents | undefined)[]): string {
  const texts = call.inputs.flatMap((scan, k) =>
    scan === undefined ? [] : [`${showShape(scan.spec.shape)}${rangeOf(given[k]!, scan.spec)}`],
  );
  if (texts.length === 0) return "it has no f32 input";
  return texts.length === 1 ? `its input was ${texts[0]}` : `its inputs were ${texts.join(" and ")}`;
}

function rangeOf({ nans, infinities, minimum, maximum }: Contents, spec: Spec): string {
  const show = (x: number) => String(Number(x.toPrecision(4)));
  const held =
    nans + infinities > 0 ? ` holding ${counted({ nans, infinities, minimum, maximum }, spec)}` : "";
  if (Number.isNaN(minimum)) return held;
  const range =
    minimum === maximum
      ? ` of ${show(minimum)}`
      : ` with minimum ${show(minimum)} and maximum ${show(maximum)}`;
  return range + held;
}
