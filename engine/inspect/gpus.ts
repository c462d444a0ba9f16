// GPUs that times are bounded for, with what their makers publish of them.

/** What a GPU can do at most. */
export interface GpuPeaks {
  readonly name: string;
  /** Of f32, 10¹² operations a second, a multiply-add being two. */
  readonly teraflops: number;
  /** Of its memory, 10⁹ bytes a second. */
  readonly memoryGBs: number;
}

export interface KnownGpu extends GpuPeaks {
  readonly architecture: string;
  /** A card that is sold with it, which the numbers are of. */
  readonly card: string;
  readonly computeUnits: number;
  /** Boost clock. */
  readonly ghz: number;
  /** Multiply-adds of f32 that a lane can issue a clock: 2 where two may share an instruction. */
  readonly issue: 1 | 2;
}

/** Lanes of f32 of a compute unit. */
export const lanes = 64;

const known = (gpu: Omit<KnownGpu, "teraflops">): KnownGpu => ({
  ...gpu,
  teraflops: (2 * gpu.computeUnits * lanes * gpu.ghz * gpu.issue) / 1e3,
});

/** By the names that Mesa gives them. */
export const knownGpus: readonly KnownGpu[] = [
  known({
    name: "vega10",
    architecture: "GCN 5",
    card: "Radeon RX Vega 64",
    computeUnits: 64,
    ghz: 1.546,
    memoryGBs: 484,
    issue: 1,
  }),
  known({
    name: "navi21",
    architecture: "RDNA 2",
    card: "Radeon RX 6900 XT",
    computeUnits: 80,
    ghz: 2.25,
    memoryGBs: 512,
    issue: 1,
  }),
  known({
    name: "navi31",
    architecture: "RDNA 3",
    card: "Radeon RX 7900 XTX",
    computeUnits: 96,
    ghz: 2.5,
    memoryGBs: 960,
    issue: 2,
  }),
  known({
    name: "gfx1201",
    architecture: "RDNA 4",
    card: "Radeon RX 9070 XT",
    computeUnits: 64,
    ghz: 2.97,
    memoryGBs: 640,
    issue: 2,
  }),
];

/** Microseconds between a dispatch and the next: assumed, of no GPU in particular. */
export const dispatchMicroseconds = 5;
/** Microseconds more where a dispatch waits for what others wrote: assumed, too. */
export const barrierMicroseconds = 2;
