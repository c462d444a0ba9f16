// Joins kernels with what their compilers made of them: a row a kernel, with figures and an estimate by GPU.

import { barrierMicroseconds, dispatchMicroseconds } from "../../engine/inspect/gpus.ts";
import { compileFor } from "./compile.ts";
import type { Gpu } from "./gpus.ts";
import { codeKey, type KernelCase } from "./kernels.ts";
import type { Compiled } from "./log.ts";
import { type Estimate, estimate, type Figures, figuresOf } from "./model.ts";
import type { Order } from "./worker.ts";

export interface Row {
  readonly group: string;
  readonly name: string;
  readonly shader: string;
  /** How often the group has it. */
  readonly times: number;
  /** By GPU. */
  readonly on: Readonly<Record<string, Figures & Estimate>>;
}

/** What is compiled for a GPU: on all of them the same kernels in the same order, though their code may differ. */
export interface Build {
  readonly gpu: Gpu;
  readonly cases: readonly KernelCase[];
  /** By the cases' code. */
  readonly compiled: ReadonlyMap<string, Compiled>;
}

/** Has a GPU's compiler compile each kernel's code once. */
export async function build(gpu: Gpu, cases: readonly KernelCase[]): Promise<Build> {
  const calls = new Map(cases.map((each) => [codeKey(each), each.call]));
  const orders: Order[] = [...calls.values()].map((call, index) => ({ name: `${index}`, call }));
  const found = await compileFor(gpu, orders);
  const compiled = new Map([...calls.keys()].map((key, index) => [key, found.get(`${index}`)!]));
  return { gpu, cases, compiled };
}

/** The rows of all kernels: those of a group that are alike on every GPU are one. */
export function rowsOf(builds: readonly Build[]): Row[] {
  const disassembled = builds.filter(({ gpu }) => gpu.isDisassembled).at(-1)?.compiled;
  const rows = new Map<string, Row>();
  builds[0].cases.forEach(({ group, name, shader }, index) => {
    const every = builds.map(({ cases }) => cases[index]);
    const key = JSON.stringify([group, name, every.map((each) => [codeKey(each), each.work])]);
    const before = rows.get(key);
    if (before !== undefined) {
      rows.set(key, { ...before, times: before.times + 1 });
      return;
    }
    const on: Record<string, Figures & Estimate> = {};
    for (const { gpu, cases, compiled } of builds) {
      const code = codeKey(cases[index]);
      const own = compiled.get(code)!;
      const like = gpu.isDisassembled ? own : (disassembled?.get(code) ?? own);
      const figures = figuresOf(gpu, own, like);
      on[gpu.name] = { ...figures, ...estimate(gpu, figures, like.code, cases[index].work) };
    }
    rows.set(key, { group, name, shader, times: 1, on });
  });
  return [...rows.values()];
}

/** What a group's kernels take together, one after the other, with the assumed cost of dispatches and barriers. */
export function stepOf(rows: readonly Row[], gpu: string) {
  const sum = (of: (row: Row) => number) => rows.reduce((total, row) => total + row.times * of(row), 0);
  const dispatches = sum(() => 1);
  const overhead = dispatches * (dispatchMicroseconds + barrierMicroseconds);
  return {
    dispatches,
    microseconds: sum((row) => row.on[gpu].microseconds) + overhead,
    floorMicroseconds: sum((row) => row.on[gpu].floorMicroseconds) + overhead,
    overheadMicroseconds: overhead,
    /** The larger of each kernel's floors, and the same overhead. */
    largerMicroseconds:
      sum(({ on }) => Math.max(on[gpu].floorMicroseconds, on[gpu].arithmeticMicroseconds)) + overhead,
    /** Bytes and multiply-adds at the GPU's peaks, one after the other, and the same overhead. */
    goalMicroseconds: sum(({ on }) => on[gpu].floorMicroseconds + on[gpu].arithmeticMicroseconds) + overhead,
  };
}
