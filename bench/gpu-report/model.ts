// A lower bound of a kernel's time on a GPU from what its compiler made of it: bytes, instructions issued, workgroup
// memory, the last round of workgroups, and what loads wait for each other.

import { type Gpu, lanes, matrixInstruction, publishedPeak, sharedBytesAClock } from "./gpus.ts";
import type { Work } from "./kernels.ts";
import type { Compiled } from "./log.ts";
import { type CodeMix, codeMix, type Mix } from "./loops.ts";

/** From a load's issue to its use, where caches that all compute units share have it: assumed, of no GPU in particular. */
export const loadMicroseconds = 0.15;

export interface Figures {
  readonly registers: number;
  readonly spills: number;
  /** Subgroups that a SIMD holds at once, as the code's registers and workgroup memory let it; of 64 lanes, or of 32. */
  readonly waves: number;
  readonly lanes: 32 | 64;
  readonly sharedBytes: number;
  readonly threads: number;
  /** Multiply-adds a vector instruction in the hottest loop; undefined where the machine code is not known. */
  readonly fmaShare?: number;
  /** Multiply-adds for each dword that the loop reads from workgroup memory. */
  readonly fmasPerSharedDword?: number;
  /** 16-byte loads from memory that a round of the loop has a thread ask for. */
  readonly loadsInFlight?: number;
  /** Of the clocks in which the hottest loop issues vector instructions, those of matrix instructions. */
  readonly matrixShare?: number;
  /** The compiler's own, which guesses how often loops go round. */
  readonly inverseThroughput: number;
}

export interface Estimate {
  readonly microseconds: number;
  readonly binds: "memory" | "issue" | "workgroup memory" | "latency";
  /** By memory alone. */
  readonly floorMicroseconds: number;
  /** By multiply-adds alone, at the rate that the GPU's maker publishes. */
  readonly arithmeticMicroseconds: number;
}

/** What the compiler says of a kernel; `like` has the machine code where this GPU's is not printed. */
export function figuresOf(gpu: Gpu, compiled: Compiled, like: Compiled = compiled): Figures {
  const { statistics } = compiled;
  const mix = codeMix(like.code);
  const hot = mix?.hot;
  const codeLanes = mix?.lanes ?? 64;
  const perWave = gpu.countedLanes === 32 && codeLanes === 64 ? 2 : 1;
  return {
    registers: statistics.VGPRs,
    spills: statistics["Spilled VGPRs"] + statistics["Spilled SGPRs"],
    waves: Math.floor(statistics["Subgroups per SIMD"] / perWave),
    lanes: codeLanes,
    sharedBytes: statistics["LDS size"],
    threads: like.threads ?? 64,
    ...(hot !== undefined && hot.fmas > 0 ? { fmaShare: hot.fmas / hot.issued } : {}),
    ...(hot !== undefined && hot.fmas > 0 && hot.sharedLoadDwords > 0
      ? { fmasPerSharedDword: hot.fmas / hot.sharedLoadDwords }
      : {}),
    ...(hot !== undefined && hot.counts.matrix > 0
      ? { matrixShare: 1 - (hot.issued - hot.counts.matrix) / clocksOf(gpu, hot) }
      : {}),
    ...(mix === undefined ? {} : { loadsInFlight: (hot ?? mix.whole).globalDwords / 4 }),
    inverseThroughput: statistics["Inverse Throughput"],
  };
}

/** Clocks in which a SIMD issues a subgroup's vector instructions, of as many lanes as it has. */
const clocksOf = (gpu: Gpu, { issued, counts }: Mix): number =>
  issued + counts.matrix * (matrixInstruction(gpu).clocks - 1);

/** How often a thread goes round the hottest loop: as often as the work asks for. */
function tripsOf(gpu: Gpu, { hot, lanes }: CodeMix, work: Work, threads: number): number {
  if (hot === undefined) return 0;
  const multiplyAdds = hot.fmas + (hot.counts.matrix * matrixInstruction(gpu).macs) / lanes;
  if (work.multiplyAdds !== undefined && multiplyAdds > 0)
    return work.multiplyAdds / (threads * multiplyAdds);
  if (hot.globalDwords > 0)
    return Math.max(1, (work.bytesRead + work.bytesWritten) / 4 / (threads * hot.globalDwords));
  return 1;
}

/** The bound, without the cost of a dispatch. */
export function estimate(gpu: Gpu, figures: Figures, code: readonly string[], work: Work): Estimate {
  const memory = ((work.bytesRead + work.bytesWritten) / gpu.memoryGBs) * 1e-3;
  const mix = codeMix(code);
  const arithmetic = ((work.multiplyAdds ?? 0) / publishedPeak(gpu)) * 1e6;
  const floors = { floorMicroseconds: memory, arithmeticMicroseconds: arithmetic };
  if (mix === undefined) return { microseconds: memory, binds: "memory", ...floors };
  const threads = work.workgroups * figures.threads;
  const trips = tripsOf(gpu, mix, work, threads);
  const { whole, hot } = mix;
  const amount = (of: (mix: Mix) => number) =>
    of(whole) + Math.max(0, trips - 1) * (hot === undefined ? 0 : of(hot));
  // A workgroup of one subgroup keeps one SIMD busy. The last round of workgroups keeps those waiting that have none.
  const waves = Math.ceil(figures.threads / figures.lanes);
  const share = Math.min(1, (waves * figures.lanes) / 64 / gpu.simds);
  const rounds = (work.workgroups * share) / gpu.computeUnits;
  const tail = Math.ceil(rounds) / rounds;
  const clock = gpu.ghz * 1e3;
  const perUnit = (threads * tail) / gpu.computeUnits;
  const issue = (amount((mix) => clocksOf(gpu, mix)) * perUnit) / lanes / clock;
  const sharedDwords = amount((mix) => mix.sharedLoadDwords + mix.sharedStoreDwords);
  const shared = (sharedDwords * 4 * perUnit) / sharedBytesAClock / clock;
  // A round of the loop lasts until what it loads is there. Subgroups that a SIMD holds together wait together.
  const held = Math.max(1, (figures.waves * gpu.simds * gpu.computeUnits) / waves);
  const chain = 1 + (hot !== undefined && hot.counts["global load"] > 0 ? trips : 0);
  const latency =
    whole.counts["global load"] === 0 ? 0 : Math.ceil(work.workgroups / held) * chain * loadMicroseconds;
  const bounds = { memory, issue, "workgroup memory": shared, latency };
  const microseconds = Math.max(...Object.values(bounds));
  const [binds] = Object.entries(bounds).find(([, bound]) => bound === microseconds)!;
  return { microseconds, binds: binds as Estimate["binds"], ...floors };
}
