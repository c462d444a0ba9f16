// profile: time by kernel of whatever a function asks a device to do, as a table and as a trace. Knows how to sum up
// and to print; how a dispatch is timed is the backend's business.

import type { Backend, WorkCounters } from "../backend/backend.ts";
import type { DispatchTime, ProfileClock, ProfileSession } from "../backend/timing.ts";
import { gpuProfiler } from "../backend/webgpu/gpu-profiler.ts";
import { ArgumentError, checkFunction, checkOptions, type OptionNames } from "../base/errors.ts";
import { importByName, nodeProcess } from "../base/host.ts";
import { sizeOf } from "../base/shape.ts";
import type { KernelCall } from "../kernel/kernel.ts";
import { type Device, device as defaultDevice } from "../tensor/device.ts";
import { type AdapterPeaks, measurePeaks } from "./adapter-peaks.ts";

export interface ProfileOptions {
  /** Which device; default: the default one. */
  device?: Device;
  /** Default: timestamps where the adapter has them. */
  clock?: "timestamps" | "wall";
  /** Measure what the adapter can do, once a device, some hundred milliseconds after `fn` is done. Default true. */
  peaks?: boolean;
}

const profileOptions: OptionNames<ProfileOptions> = { device: true, clock: true, peaks: true };

/** All dispatches of one kernel: one name, one shader, and for matmuls one size. */
export interface KernelProfile {
  readonly name: string;
  /** The shader file's name, "" on the reference. */
  readonly shader: string;
  /** m x n x k of a matmul, and how many matrices where they are several. */
  readonly size: string | undefined;
  readonly count: number;
  readonly ms: number;
  /** Of the time of all kernels, 0 to 1. */
  readonly share: number;
  /** Bytes of the buffer ranges bound, summed: an upper bound, for a kernel need not touch all that it binds. */
  readonly bytes: number;
  /** {@link bytes} by time: an upper bound too. */
  readonly gigabytesPerSecond: number;
  /** Floating-point operations, where they are known: 2mnk of a matmul, whatever is fused to it left out. */
  readonly flops: number | undefined;
  readonly gigaflopsPerSecond: number | undefined;
  /** {@link gigabytesPerSecond} by what a copying kernel reaches on this adapter: an upper bound, may exceed 1. */
  readonly copyShare: number | undefined;
  /** {@link gigaflopsPerSecond} by what multiply-adds in registers reach on this adapter. */
  readonly fmaShare: number | undefined;
}

/** A trace in Chrome's JSON format, which Perfetto opens too. Times are microseconds. */
export interface ProfileTrace {
  readonly displayTimeUnit: "ms";
  readonly traceEvents: readonly TraceEvent[];
}

export interface TraceEvent {
  readonly name: string;
  /** "X": an event with a duration; "M": a name for the process or the thread. */
  readonly ph: "X" | "M";
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly args: Readonly<Record<string, unknown>>;
}

export class Profile {
  readonly clock: ProfileClock;
  /** The adapter's name. */
  readonly adapter: string;
  /** From the function's start until the device was done, the profile's own cost included. */
  readonly wallMs: number;
  /** Every dispatch, in order. */
  readonly dispatches: readonly DispatchTime[];
  /** By kernel, the longest first. */
  readonly kernels: readonly KernelProfile[];
  /** All kernels together, as if they were one named "total". */
  readonly total: KernelProfile;
  /** What the adapter can do; undefined on the reference, and where it was not to be measured. */
  readonly peaks: AdapterPeaks | undefined;
  /** Time of all kernels together. */
  readonly kernelMs: number;
  /** What else the device was asked to do meanwhile: submits, uploads, copies, ... */
  readonly counters: WorkCounters;

  /** @internal */
  constructor(
    adapter: string,
    clock: ProfileClock,
    wallMs: number,
    dispatches: readonly DispatchTime[],
    counters: WorkCounters,
    peaks?: AdapterPeaks,
  ) {
    this.adapter = adapter;
    this.clock = clock;
    this.wallMs = wallMs;
    this.dispatches = dispatches;
    this.counters = counters;
    this.peaks = peaks;
    this.kernelMs = sum(dispatches.map((dispatch) => dispatch.ms));
    this.kernels = byKernel(dispatches, this.kernelMs, peaks);
    this.total = totalOf(this.kernels, this.kernelMs, peaks);
  }

  /** Dispatches that could not be timed: see `docs/profiling.md`. */
  get untimed(): number {
    return this.dispatches.filter(({ ms }) => Number.isNaN(ms)).length;
  }

  /** The step of the clock in ms where it is coarse (Dawn and Chrome round stamps to 65.5 or 100 µs), else 0. */
  get resolutionMs(): number {
    if (this.clock !== "timestamps") return 0;
    const steps = this.dispatches.flatMap(({ startMs, ms }) => [startMs, ms]).filter((ms) => ms > 0);
    return (
      [65_536, 100_000]
        .map((ns) => ns / 1e6)
        .find((unit) => {
          const isWhole = (ms: number) => Math.abs(ms / unit - Math.round(ms / unit)) < 1e-6;
          return steps.length > 0 && steps.every(isWhole);
        }) ?? 0
    );
  }

  /** For `chrome://tracing` and ui.perfetto.dev: every dispatch as an event. */
  get trace(): ProfileTrace {
    const named = (kind: string, name: string): TraceEvent => ({
      name: kind,
      ph: "M",
      pid: 1,
      tid: 1,
      ts: 0,
      args: { name },
    });
    return {
      displayTimeUnit: "ms",
      traceEvents: [
        named("process_name", this.adapter),
        named("thread_name", `kernels (${this.clock})`),
        ...this.dispatches
          .filter(({ ms }) => !Number.isNaN(ms))
          .map((dispatch): TraceEvent => {
            const { name, call, bytes, startMs, ms } = dispatch;
            return {
              name,
              ph: "X",
              cat: "kernel",
              pid: 1,
              tid: 1,
              ts: startMs * 1000,
              dur: ms * 1000,
              args: { shader: shaderOf(dispatch), workgroups: call?.workgroups, bytes, ...matmulOf(call) },
            };
          }),
      ],
    };
  }

  /** Writes {@link trace} to a file. In Node only; elsewhere make JSON of `trace`. */
  async writeTrace(file: string): Promise<void> {
    if (nodeProcess()?.versions?.node === undefined) {
      throw new ArgumentError(
        "writeTrace: there are no files here; use JSON.stringify(profile.trace), in a download for instance",
      );
    }
    const { writeFile } = await importByName<{ writeFile(file: string, text: string): Promise<void> }>(
      "node:fs/promises",
    );
    await writeFile(file, JSON.stringify(this.trace));
  }

  /** A table, one kernel a line, the longest first. */
  toString(): string {
    const percent = (share: number | undefined) =>
      share === undefined ? "" : `${(share * 100).toFixed(1)}%`;
    const cellsOf = (row: KernelProfile): string[] => [
      row.name,
      row.shader,
      row.size ?? "",
      String(row.count),
      row.ms.toFixed(3),
      percent(row.share),
      (row.bytes / 1e6).toFixed(3),
      row.gigabytesPerSecond.toFixed(2),
      percent(row.copyShare),
      row.flops === undefined ? "" : (row.flops / 1e6).toFixed(2),
      row.gigaflopsPerSecond?.toFixed(2) ?? "",
      percent(row.fmaShare),
    ];
    const rows = this.kernels.map(cellsOf);
    const sums = cellsOf(this.total);
    const head = [
      "kernel",
      "shader",
      "m x n x k",
      "count",
      "ms",
      "share",
      "MB <=",
      "GB/s <=",
      "of copy <=",
      "MFLOP",
      "GFLOP/s",
      "of FMA",
    ];
    const widths = head.map((title, i) =>
      Math.max(title.length, ...[...rows, sums].map((row) => row[i].length)),
    );
    const line = (cells: readonly string[]) =>
      cells
        .map((cell, i) => (i < 3 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
        .join("  ")
        .trimEnd();
    const notes = [
      `${this.adapter}: ${this.dispatches.length} dispatches in ${this.kernelMs.toFixed(3)} ms, ${this.wallMs.toFixed(3)} ms by the wall clock`,
      clockNotes[this.clock],
    ];
    const { resolutionMs, untimed } = this;
    if (resolutionMs > 0) {
      notes.push(
        `stamps are rounded to ${(resolutionMs * 1000).toFixed(1)} us: profile many runs and trust the sums, not single dispatches`,
      );
    }
    if (untimed > 0) notes.push(`${untimed} dispatches could not be timed`);
    if (this.peaks !== undefined) {
      const { fmaGflops, copyGBs, copyBufferGBs, dispatchMicroseconds } = this.peaks;
      notes.push(
        `the adapter, measured: ${fmaGflops.toFixed(1)} GFLOP/s of FMAs in registers, ${copyGBs.toFixed(1)} GB/s by a copying kernel, ${copyBufferGBs.toFixed(1)} GB/s by copyBufferToBuffer, ${dispatchMicroseconds.toFixed(1)} us a dispatch`,
      );
    }
    const rule = line(widths.map((width) => "-".repeat(width)));
    return [line(head), rule, ...rows.map(line), rule, line(sums), "", ...notes].join("\n");
  }
}

const clockNotes: Readonly<Record<ProfileClock, string>> = {
  timestamps: "timed by the GPU's timestamps, one pass a dispatch",
  wall: "timed by the wall clock, one submit a dispatch, its round trip included",
  reference: "timed by the wall clock, op by op",
};

/**
 * Runs `fn` and times each kernel that it has the device run, eager or jitted; whatever else the device is asked to do
 * meanwhile counts too. Results stay valid; the run itself is slower than without. The first run of a kernel may
 * include its compiling: run `fn` once before, or `jitted.warmUp(...)`.
 */
export async function profile(fn: () => unknown, options: ProfileOptions = {}): Promise<Profile> {
  checkOptions("profile", options, profileOptions);
  checkFunction("profile", fn, "does what is timed, as in () => step(x, y)", "it is run and timed");
  const { device = defaultDevice(), clock, peaks = true } = options;
  if (clock !== undefined && !["timestamps", "wall"].includes(clock)) {
    throw new ArgumentError(`profile: clock must be "timestamps" or "wall", got ${JSON.stringify(clock)}`);
  }
  await device.sync();
  const before = device.counters();
  const session = start(device.backend, clock);
  let dispatches: DispatchTime[] = [];
  let wallMs = 0;
  const started = performance.now();
  try {
    await fn();
    await device.sync();
    wallMs = performance.now() - started;
  } finally {
    dispatches = await session.stop();
  }
  const counters = Object.fromEntries(
    Object.entries(device.counters()).map(([name, count]) => [
      name,
      count - before[name as keyof WorkCounters],
    ]),
  ) as unknown as WorkCounters;
  // Last, so that it neither counts as fn's work nor runs inside another profile.
  const measured = peaks && device.kind === "webgpu" ? await measurePeaks(device) : undefined;
  return new Profile(device.info.adapter, session.clock, wallMs, dispatches, counters, measured);
}

function start(backend: Backend, clock: ProfileClock | undefined): ProfileSession {
  return backend.startProfile?.(gpuProfiler, clock) ?? startReference(backend);
}

/** The reference computes at once, so that a clock around each op is all it needs. */
function startReference(backend: Backend): ProfileSession {
  if (Object.hasOwn(backend, "run"))
    throw new ArgumentError("profile: another profile of this device is running; await it first");
  const dispatches: DispatchTime[] = [];
  let first: number | undefined;
  const timed: Backend["run"] = (op, attrs, inputs, outputs) => {
    const started = performance.now();
    first ??= started;
    Object.getPrototypeOf(backend).run.call(backend, op, attrs, inputs, outputs);
    const ms = performance.now() - started;
    const bytes = 8 * sum([...inputs.specs, ...outputs.specs].map((spec) => sizeOf(spec.shape)));
    dispatches.push({ name: op.name, call: undefined, bytes, startMs: started - first, ms });
  };
  backend.run = timed;
  return {
    clock: "reference",
    stop: async () => {
      delete (backend as { run?: unknown }).run;
      return dispatches;
    },
  };
}

function byKernel(
  dispatches: readonly DispatchTime[],
  kernelMs: number,
  peaks: AdapterPeaks | undefined,
): KernelProfile[] {
  const groups = new Map<string, DispatchTime[]>();
  for (const dispatch of dispatches) {
    const key = `${dispatch.name}|${shaderOf(dispatch)}|${matmulOf(dispatch.call)?.size}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [dispatch]);
    else group.push(dispatch);
  }
  return [...groups.values()]
    .map((group): KernelProfile => {
      const ms = sum(group.map((dispatch) => dispatch.ms));
      const matmul = matmulOf(group[0].call);
      return {
        name: group[0].name,
        shader: shaderOf(group[0]),
        size: matmul?.size,
        count: group.length,
        ms,
        share: kernelMs > 0 ? ms / kernelMs : 0,
        ...ratesOf(sum(group.map(({ bytes }) => bytes)), matmul && matmul.flops * group.length, ms, peaks),
      };
    })
    .sort((a, b) => b.ms - a.ms);
}

function totalOf(
  kernels: readonly KernelProfile[],
  ms: number,
  peaks: AdapterPeaks | undefined,
): KernelProfile {
  const known = kernels.map(({ flops }) => flops).filter((flops) => flops !== undefined);
  return {
    name: "total",
    shader: "",
    size: undefined,
    count: sum(kernels.map(({ count }) => count)),
    ms,
    share: ms > 0 ? 1 : 0,
    ...ratesOf(sum(kernels.map(({ bytes }) => bytes)), known.length > 0 ? sum(known) : undefined, ms, peaks),
  };
}

function ratesOf(bytes: number, flops: number | undefined, ms: number, peaks: AdapterPeaks | undefined) {
  const rate = (amount: number) => (ms > 0 ? amount / ms / 1e6 : 0);
  const gigaflopsPerSecond = flops === undefined ? undefined : rate(flops);
  return {
    bytes,
    gigabytesPerSecond: rate(bytes),
    flops,
    gigaflopsPerSecond,
    copyShare: peaks && rate(bytes) / peaks.copyGBs,
    fmaShare: peaks && gigaflopsPerSecond && gigaflopsPerSecond / peaks.fmaGflops,
  };
}

/** NaN, of what could not be timed, counts as nothing. */
const sum = (values: readonly number[]) => values.reduce((total, value) => total + (value || 0), 0);

const shaderOf = ({ call }: DispatchTime) => call?.shader.name ?? "";

/** Sizes of a matmul, as `shaders/matmul-*.wgsl` declare them; undefined for all other kernels. */
function matmulOf(call: KernelCall | undefined): { size: string; flops: number } | undefined {
  if (call === undefined || !call.shader.name.startsWith("matmul")) return undefined;
  const [m, n, k, rowTiles, columnTiles, tiles] = call.sizes as number[];
  const matrices = tiles / (rowTiles * columnTiles);
  return {
    size: `${m}x${n}x${k}${matrices > 1 ? ` x${matrices}` : ""}`,
    flops: 2 * m * n * k * matrices,
  };
}
