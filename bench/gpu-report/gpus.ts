// The GPUs that kernels are compiled for, with what their makers publish of them.

export interface Gpu {
  /** As Mesa's RADV_FORCE_FAMILY names it. */
  readonly name: string;
  readonly architecture: string;
  /** A card that is sold with it, which the numbers are of. */
  readonly card: string;
  readonly computeUnits: number;
  /** Boost clock. */
  readonly ghz: number;
  readonly memoryGBs: number;
  /** The most subgroups of 64 lanes that a SIMD holds. */
  readonly mostWaves: number;
  /** Lanes of what "Subgroups per SIMD" counts. */
  readonly countedLanes: 32 | 64;
  /** Of a compute unit. */
  readonly simds: 2 | 4;
  /** The smallest and the largest subgroup that a kernel may ask for, where it has a choice. */
  readonly subgroupSizes?: readonly [least: number, most: number];
  /** Multiply-adds of f32 that a lane can issue a clock: 2 where two may share an instruction. */
  readonly issue: 1 | 2;
  /** Multiply-adds of f16, summed in f32, that the matrix units of a compute unit do a clock; 0 where none are offered. */
  readonly matrixRate: number;
  /** Whether Mesa's disassembler of Debian 12 knows its machine code. */
  readonly isDisassembled: boolean;
}

/** Bytes a clock that workgroup memory gives a compute unit, on all of them. */
export const sharedBytesAClock = 128;
/** Lanes of f32 a compute unit, on all of them. */
export const lanes = 64;

export const gpus: readonly Gpu[] = [
  {
    name: "vega10",
    architecture: "GCN 5",
    card: "Radeon RX Vega 64",
    computeUnits: 64,
    ghz: 1.546,
    memoryGBs: 484,
    mostWaves: 10,
    countedLanes: 64,
    simds: 4,
    issue: 1,
    matrixRate: 0,
    isDisassembled: true,
  },
  {
    name: "navi21",
    architecture: "RDNA 2",
    card: "Radeon RX 6900 XT",
    computeUnits: 80,
    ghz: 2.25,
    memoryGBs: 512,
    mostWaves: 16,
    countedLanes: 32,
    simds: 2,
    subgroupSizes: [32, 64],
    issue: 1,
    matrixRate: 0,
    isDisassembled: true,
  },
  {
    name: "navi31",
    architecture: "RDNA 3",
    card: "Radeon RX 7900 XTX",
    computeUnits: 96,
    ghz: 2.5,
    memoryGBs: 960,
    mostWaves: 16,
    countedLanes: 32,
    simds: 2,
    subgroupSizes: [32, 64],
    issue: 2,
    matrixRate: 256,
    isDisassembled: true,
  },
  {
    name: "gfx1201",
    architecture: "RDNA 4",
    card: "Radeon RX 9070 XT",
    computeUnits: 64,
    ghz: 2.97,
    memoryGBs: 640,
    mostWaves: 16,
    countedLanes: 32,
    simds: 2,
    subgroupSizes: [32, 64],
    issue: 2,
    matrixRate: 0,
    isDisassembled: false,
  },
];

/** Multiply-adds of f32 a second, two instructions never sharing one. */
export const singleIssuePeak = ({ computeUnits, ghz }: Gpu): number => computeUnits * lanes * ghz * 1e9;
