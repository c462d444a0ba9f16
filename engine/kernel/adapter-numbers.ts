// What kernels aim at on software adapters and on GPUs: the one place that tells the two apart by numbers.

import type { AdapterProfile } from "./kernel.ts";

/** Numbers by which kernels are cut into workgroups, threads and tiles. */
export interface AdapterNumbers {
  /** Threads of a workgroup in which each has a row, a column or a place of its own. */
  readonly workgroup: number;
  /** Threads beyond which such workgroups have 64 threads all the same. */
  readonly smallWorkgroupsUpTo: number;
  /** Threads that fill the adapter where each walks all of a list, or a part of a column. */
  readonly walkers: number;
  /** Threads that fill the adapter where each adds up a part of a sum. */
  readonly summers: number;
  /** The same where a workgroup shares a row, in workgroups. */
  readonly rowSharers: number;
  /** Rounds of 64 vec4s that a workgroup of a pointwise kernel walks at least, while there are workgroups for four cores. */
  readonly pointwiseRounds: number;
  /** Rows and columns of a product that one tile computes, about. */
  readonly productTile: number;
  /** Tiles that fill the adapter where a convolution's weights get their gradient: each goes over many places. */
  readonly weightTiles: number;
  /** Logits that one workgroup of the cross-entropy's summary takes: to add up what several leave takes more dispatches. */
  readonly summaryLogits: number;
  /** Workgroups that fill the adapter; more buy nothing for kernels that loop. */
  readonly workgroups: number;
  /** Lanes of a subgroup with which copying along runs is quicker than element by element. */
  readonly lanesThatCopyRuns: number | undefined;
  /** Whether tiles of products lie in workgroup memory; else each thread's lie in registers. */
  readonly sharesTiles: boolean;
  /** Whether the threads of a workgroup share long rows. */
  readonly sharesRows: boolean;
  /** Loads of vec4s along a row that a thread has on their way together. */
  readonly loadsAhead: 1 | 4;
  /** Whether one kernel with more work is quicker than several that share it out. */
  readonly prefersOneKernel: boolean;
  /** Whether compiling a kernel takes so long that only what is needed is compiled to be checked or measured. */
  readonly compilesSlowly: boolean;
}

/** CPUs that pretend to be GPUs: waves of 4 or 8 lanes, a few cores, and a loop costs less than a workgroup. */
const software: AdapterNumbers = {
  workgroup: 8,
  smallWorkgroupsUpTo: 512,
  walkers: 64,
  summers: 128,
  rowSharers: 128,
  pointwiseRounds: 8,
  productTile: 32,
  weightTiles: 8,
  summaryLogits: 1 << 16,
  workgroups: 64,
  lanesThatCopyRuns: 8,
  sharesTiles: false,
  sharesRows: false,
  loadsAhead: 1,
  prefersOneKernel: true,
  compilesSlowly: true,
};

const gpu: AdapterNumbers = {
  workgroup: 64,
  smallWorkgroupsUpTo: 0,
  walkers: 16384,
  summers: 16384,
  rowSharers: 1024,
  pointwiseRounds: 1,
  productTile: 64,
  weightTiles: 256,
  summaryLogits: 1 << 14,
  workgroups: 2048,
  lanesThatCopyRuns: undefined,
  sharesTiles: true,
  sharesRows: true,
  loadsAhead: 4,
  prefersOneKernel: false,
  compilesSlowly: false,
};

export const numbersOf = ({ isSoftware }: Pick<AdapterProfile, "isSoftware">): AdapterNumbers =>
  isSoftware ? software : gpu;

/** Threads of a workgroup where so many have a row, a column or a place each. */
export function workgroupFor(threads: number, profile: AdapterProfile): number {
  const { workgroup, smallWorkgroupsUpTo } = numbersOf(profile);
  return threads <= smallWorkgroupsUpTo ? workgroup : 64;
}
