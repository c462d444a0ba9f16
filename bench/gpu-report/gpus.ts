// The GPUs that kernels are compiled for: what their makers publish, and what their compiler's figures count.

import { type KnownGpu, knownGpus, lanes } from "../../engine/inspect/gpus.ts";
import type { MatrixShape } from "../../engine/kernel/kernel.ts";

export { lanes };

interface CompilerFacts {
  /** The most subgroups of 64 lanes that a SIMD holds. */
  readonly mostWaves: number;
  /** Lanes of what "Subgroups per SIMD" counts. */
  readonly countedLanes: 32 | 64;
  /** Of a compute unit. */
  readonly simds: 2 | 4;
  /** The smallest and the largest subgroup that a kernel may ask for, where it has a choice. */
  readonly subgroupSizes?: readonly [least: number, most: number];
  /** Multiply-adds of f16, summed in f32, that the matrix units of a compute unit do a clock; 0 where none are offered. */
  readonly matrixRate: number;
  /** What they multiply, as the adapter lists it: matrices of f16, summed in f32. */
  readonly matrixUnit?: MatrixShape;
  /** Whether Mesa's disassembler of Debian 12 knows its machine code. */
  readonly isDisassembled: boolean;
}

/** Its name is the one that Mesa's RADV_FORCE_FAMILY knows. */
export type Gpu = KnownGpu & CompilerFacts;

/** Bytes a clock that workgroup memory gives a compute unit, on all of them. */
export const sharedBytesAClock = 128;

const rdna: CompilerFacts = {
  mostWaves: 16,
  countedLanes: 32,
  simds: 2,
  subgroupSizes: [32, 64],
  matrixRate: 0,
  isDisassembled: true,
};

const facts: Readonly<Record<string, CompilerFacts>> = {
  vega10: { mostWaves: 10, countedLanes: 64, simds: 4, matrixRate: 0, isDisassembled: true },
  navi21: rdna,
  navi31: { ...rdna, matrixRate: 256, matrixUnit: { m: 16, n: 16, k: 16 } },
  gfx1201: { ...rdna, isDisassembled: false },
};

export const gpus: readonly Gpu[] = knownGpus.map((gpu) => ({ ...gpu, ...facts[gpu.name] }));

/** Multiply-adds of f32 a second, two instructions never sharing one. */
export const singleIssuePeak = ({ computeUnits, ghz }: Gpu): number => computeUnits * lanes * ghz * 1e9;

/** The same where two may share an instruction: what makers publish. */
export const publishedPeak = (gpu: Gpu): number => gpu.issue * singleIssuePeak(gpu);

/** Multiply-adds of a matrix instruction, and the clocks for which it keeps a SIMD. */
export function matrixInstruction({ matrixUnit, matrixRate, simds }: Gpu): { macs: number; clocks: number } {
  const { m, n, k } = matrixUnit ?? { m: 0, n: 0, k: 0 };
  const macs = m * n * k;
  return { macs, clocks: macs === 0 ? 1 : macs / (matrixRate / simds) };
}
