// Joins kernels with what their compilers made of them: a row a kernel, with figures and an estimate by GPU.

import type { Gpu } from "./gpus.ts";
import { codeKey, type KernelCase } from "./kernels.ts";
import type { Compiled } from "./log.ts";
import {
  barrierMicroseconds,
  dispatchMicroseconds,
  type Estimate,
  estimate,
  type Figures,
  figuresOf,
} from "./model.ts";
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

/** Each kernel's code once, under a name of its own. */
export function ordersOf(cases: readonly KernelCase[]): {
  orders: Order[];
  nameOf: (each: KernelCase) => string;
} {
  const names = new Map<string, string>();
  const orders: Order[] = [];
  for (const each of cases) {
    const key = codeKey(each);
    if (names.has(key)) continue;
    const name = `${orders.length}`;
    names.set(key, name);
    orders.push({ name, call: each.call });
  }
  return { orders, nameOf: (each) => names.get(codeKey(each))! };
}

/** The rows of all kernels; `compiled` has each GPU's code, by the orders' names. */
export function rowsOf(
  cases: readonly KernelCase[],
  nameOf: (each: KernelCase) => string,
  compiled: ReadonlyMap<Gpu, ReadonlyMap<string, Compiled>>,
): Row[] {
  const disassembled = [...compiled].filter(([gpu]) => gpu.isDisassembled).at(-1)?.[1];
  const rows = new Map<string, Row>();
  for (const each of cases) {
    const { group, name, shader, work } = each;
    const key = JSON.stringify([group, name, nameOf(each), work]);
    const before = rows.get(key);
    if (before !== undefined) {
      rows.set(key, { ...before, times: before.times + 1 });
      continue;
    }
    const on: Record<string, Figures & Estimate> = {};
    for (const [gpu, all] of compiled) {
      const own = all.get(nameOf(each))!;
      const like = gpu.isDisassembled ? own : (disassembled?.get(nameOf(each)) ?? own);
      const figures = figuresOf(gpu, own, like);
      on[gpu.name] = { ...figures, ...estimate(gpu, figures, like.code, work) };
    }
    rows.set(key, { group, name, shader, times: 1, on });
  }
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
  };
}
