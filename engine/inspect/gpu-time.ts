// A lower bound of what a jitted function's programs take on a GPU that need not be there, and what binds each dispatch.

import type { Place, Plan, PlanStep } from "../backend/program.ts";
import { ArgumentError, kindOf, unknownName } from "../base/errors.ts";
import type { Jitted } from "../jit/jitted.ts";
import { barrierMicroseconds, dispatchMicroseconds, type GpuPeaks, knownGpus } from "./gpus.ts";
import { bytesOf, multiplyAddsOf } from "./work.ts";

/** One dispatch, or copy, of a program. */
export interface DispatchBound {
  readonly name: string;
  readonly bytes: number;
  /** Of products, convolutions and recurrent layers; 0 for others, which their bytes bind. */
  readonly multiplyAdds: number;
  /** The larger of the times for its bytes and for its multiply-adds. */
  readonly microseconds: number;
  readonly boundBy: "memory" | "arithmetic";
  /** Whether it waits for one before it, that wrote what it reads or binds what it writes. */
  readonly waits: boolean;
}

/** One program of a jitted function. */
export interface ProgramBound {
  readonly signature: string;
  readonly gpu: GpuPeaks;
  readonly dispatches: readonly DispatchBound[];
  readonly barriers: number;
  /** Of all dispatches, of all barriers, of the work in the dispatches, and their sum. */
  readonly dispatchMicroseconds: number;
  readonly barrierMicroseconds: number;
  readonly workMicroseconds: number;
  readonly microseconds: number;
}

/** The peaks of a GPU by its name, or those that are given. */
export function peaksOf(call: string, gpu: string | GpuPeaks): GpuPeaks {
  if (typeof gpu === "string") {
    const found = knownGpus.find(({ name }) => name === gpu);
    if (found !== undefined) return found;
    throw unknownName(
      "GPU",
      gpu,
      knownGpus.map(({ name }) => name),
    );
  }
  for (const key of ["teraflops", "memoryGBs"] as const) {
    const value = gpu?.[key];
    if (typeof value !== "number" || !(value > 0 && value < Number.POSITIVE_INFINITY)) {
      throw new ArgumentError(
        `${call}: gpu must be a name, as in "navi31", or peaks, as in { name: "mine", teraflops: 20, memoryGBs: 400 }; its ${key} is ${value === undefined ? "missing" : kindOf(value)}`,
      );
    }
  }
  return gpu;
}

/** What a place is a part of: WebGPU has dispatches wait by whole buffers. */
const bufferOf = (place: Place): unknown =>
  place.kind === "slot" ? `slot${place.slot}` : place.kind === "input" ? `input${place.index}` : place.memory;

const placesOf = (step: PlanStep): { readonly place: Place; readonly isWritten: boolean }[] =>
  step.kind === "copy"
    ? [
        { place: step.from, isWritten: false },
        { place: step.to, isWritten: true },
      ]
    : step.places.map((place, k) => ({ place, isWritten: step.call.operands[k].access === "read_write" }));

/** By step, whether it waits; what was bound before a barrier is forgotten. */
function waitsOf(steps: readonly PlanStep[]): boolean[] {
  let isBoundWritten = new Map<unknown, boolean>();
  return steps.map((step) => {
    const places = placesOf(step);
    const waits = places.some(({ place, isWritten }) => {
      const before = isBoundWritten.get(bufferOf(place));
      return before !== undefined && (before || isWritten);
    });
    if (waits) isBoundWritten = new Map();
    for (const { place, isWritten } of places) {
      const buffer = bufferOf(place);
      isBoundWritten.set(buffer, isWritten || isBoundWritten.get(buffer) === true);
    }
    return waits;
  });
}

function boundOf(signature: string, plan: Plan, gpu: GpuPeaks): ProgramBound {
  const waits = waitsOf(plan.steps);
  const dispatches = plan.steps.map((step, i): DispatchBound => {
    const bytes = bytesOf(step, plan);
    const multiplyAdds = step.kind === "copy" ? 0 : (multiplyAddsOf(step.call) ?? 0);
    const memory = bytes / gpu.memoryGBs / 1e3;
    const arithmetic = (2 * multiplyAdds) / gpu.teraflops / 1e6;
    return {
      name: step.kind === "copy" ? "copy" : step.name,
      bytes,
      multiplyAdds,
      microseconds: Math.max(memory, arithmetic),
      boundBy: arithmetic > memory ? "arithmetic" : "memory",
      waits: waits[i],
    };
  });
  const barriers = waits.filter(Boolean).length;
  const ofDispatches = dispatches.length * dispatchMicroseconds;
  const ofBarriers = barriers * barrierMicroseconds;
  const ofWork = dispatches.reduce((sum, { microseconds }) => sum + microseconds, 0);
  return {
    signature,
    gpu,
    dispatches,
    barriers,
    dispatchMicroseconds: ofDispatches,
    barrierMicroseconds: ofBarriers,
    workMicroseconds: ofWork,
    microseconds: ofDispatches + ofBarriers + ofWork,
  };
}

/**
 * What each program of a function made by jit() takes at least on a GPU, one run: 5 microseconds a dispatch and 2 for each
 * that waits for another (both assumed), and for each dispatch the larger of its bytes by the GPU's memory and its
 * multiply-adds by the GPU's arithmetic, as its maker publishes them. No measurement, and no kernel reaches it. The
 * dispatches are those planned for the function's own device: a GPU would get some others.
 *
 * @param gpu "vega10", "navi21", "navi31" or "gfx1201", or the peaks of another
 * @returns one for each signature traced so far
 * @throws ArgumentError for what jit() didn't make, an unknown name, or peaks that are no positive numbers
 */
export function gpuTime(
  target: Pick<Jitted<never[], unknown>, "programs">,
  gpu: string | GpuPeaks,
): ProgramBound[] {
  const programs = target?.programs;
  if (programs === undefined) {
    throw new ArgumentError(`gpuTime: takes a function made by jit(), got ${kindOf(target)}`);
  }
  const peaks = peaksOf("gpuTime", gpu);
  return [...programs].map(([signature, { plan }]) => boundOf(signature, plan, peaks));
}

const amount = (value: number): string =>
  value >= 100 || value === 0 ? value.toFixed(0) : String(Number(value.toPrecision(2)));
const inBytes = (bytes: number): string =>
  bytes >= 1e6 ? `${amount(bytes / 1e6)} MB` : `${amount(bytes / 1e3)} KB`;

/** Dispatches that explain lists. */
const mostListed = 20;

/** Lines of explain: the sum, then the dispatches that take most. */
export function gpuTimeLines(bound: ProgramBound): string[] {
  const { gpu, dispatches, barriers, workMicroseconds, microseconds } = bound;
  const sorted = dispatches
    .map((dispatch, i) => ({ ...dispatch, number: i + 1 }))
    .sort((a, b) => b.microseconds - a.microseconds);
  const rest = sorted.slice(mostListed);
  const ofRest = rest.reduce((sum, each) => sum + each.microseconds, 0);
  return [
    `  ${amount(microseconds)} us: ${dispatches.length} dispatches ${amount(bound.dispatchMicroseconds)}, ${barriers} barriers ${amount(bound.barrierMicroseconds)} (assumed), work ${amount(workMicroseconds)} by ${amount(gpu.memoryGBs)} GB/s and ${amount(gpu.teraflops)} TFLOP/s`,
    ...sorted.slice(0, mostListed).map((each) => {
      const { multiplyAdds } = each;
      const arithmetic = multiplyAdds > 0 ? `, ${amount(multiplyAdds / 1e6)} million multiply-adds` : "";
      return `  ${each.number}. ${each.name}  ${amount(each.microseconds)} us by ${each.boundBy}: ${inBytes(each.bytes)}${arithmetic}${each.waits ? ", waits" : ""}`;
    }),
    ...(rest.length > 0 ? [`  ${rest.length} more  ${amount(ofRest)} us`] : []),
  ];
}
