// The two variants of kernels of rows: a thread has a row of its own, or the threads of a workgroup share a row.

import ownRowsSource from "../../../shaders/own-rows.wgsl";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import type { AdapterProfile, Shader, Variants } from "../../kernel/kernel.ts";
import { chosen, powerOfTwo } from "../../kernel/variants.ts";

// Software adapters and short rows want the first, GPUs the second: of short rows a workgroup takes several at once.

/** Steps from which on a GPU may give up on a thread that has a row of its own, so it is not measured. */
const longestSteps = 2 ** 16;

/**
 * The variants for so many rows of `length` elements, which one thread would walk in so many steps. GPUs share all whose loads
 * one thread would not have on their way together.
 */
export function rowVariants(
  family: string,
  { name }: Shader,
  { rows, length, steps }: { readonly rows: number; readonly length: number; readonly steps: number },
  profile: AdapterProfile,
): Variants {
  const { sharesRows, loadsAhead } = numbersOf(profile);
  const isShared = sharesRows && steps > (steps < length ? 1 : 2) * loadsAhead;
  return {
    family,
    problem: steps < longestSteps ? `${name} ${powerOfTwo(rows)}x${powerOfTwo(length)}` : undefined,
    names: isShared ? ["shared-row", "own-row"] : ["own-row", "shared-row"],
  };
}

/** Steps from which on 256 threads share a row: each has four of their loads on its way then. */
const longSteps = 1024;

/** Threads from which on SIMDs hold as many subgroups as registers let them: half the loads let them hold more. */
const manyThreads = 2 ** 16;

export interface RowHooks {
  readonly workgroup: number;
  /** Threads that share a row. */
  readonly lanes: number;
  readonly consts: Readonly<Record<"WORKGROUP" | "LANES" | "AHEAD", string>>;
  /** `joins`, which join what threads have, where they share a row. */
  readonly functions: Readonly<Record<string, string>>;
  /** Workgroups for all rows. */
  readonly groups: number;
}

/**
 * What is put into a kernel behind `own-rows.wgsl`, where one thread would walk a row in `steps` loads of `width` elements.
 * Of long rows 256 threads share one, since there may be few: another dispatch, in which many workgroups have parts of a row,
 * would cost more than they lose up to 10^5 vec4s or so.
 */
export function rowHooks(
  variants: Variants | undefined,
  usualWorkgroup: number,
  { rows, steps, width }: { readonly rows: number; readonly steps: number; readonly width: 1 | 4 },
  joins: Readonly<Record<string, string>>,
  profile: AdapterProfile,
): RowHooks {
  const isShared = (variants && chosen(variants, profile)) === "shared-row";
  const workgroup = isShared && steps >= longSteps ? 256 : usualWorkgroup;
  const { loadsAhead, walkers } = numbersOf(profile);
  // Where elements come singly a thread has twice as many loads on their way, which are half as many bytes.
  const times = width === 1 && loadsAhead > 1 ? 2 : 1;
  const most = loadsAhead * times;
  let lanes = isShared ? workgroup : 1;
  // As few threads for a row as leave none idle and have all their loads on the way together, while rows fill a GPU by them.
  const padded = (lanes: number) => Math.ceil(steps / lanes) * lanes;
  for (let few = lanes / 2; few > 1 && steps * 2 <= few * most * times; few /= 2)
    if (padded(few) < padded(lanes) || rows * few >= walkers) lanes = few;
  const each = Math.ceil(steps / lanes);
  let ahead = rows * lanes < manyThreads ? most : Math.ceil(most / 2);
  if (each <= ahead) ahead = each || 1;
  // A quarter of what goes together may be behind the row's end.
  while (Math.ceil(each / ahead) * ahead * 4 > each * 5) ahead /= 2;
  return {
    workgroup,
    lanes,
    consts: { WORKGROUP: `${workgroup}u`, LANES: `${lanes}u`, AHEAD: `${ahead}u` },
    functions: isShared ? joins : {},
    groups: Math.ceil((rows * lanes) / workgroup),
  };
}

/**
 * A function `name(part, lane)` for shared rows that gives all threads what joining all their parts gives: `both` joins `a`
 * and `b`.
 */
export const joined = (
  name: string,
  type: string,
  both: string,
): string => `fn ${name}(part: ${type}, lane: u32) -> ${type} {
  ${name}_parts[lane] = part;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane % LANES < half) {
      let a = ${name}_parts[lane];
      let b = ${name}_parts[lane + half];
      ${name}_parts[lane] = ${both};
    }
    workgroupBarrier();
  }
  let whole = ${name}_parts[lane - lane % LANES];
  workgroupBarrier();
  return whole;
}
var<workgroup> ${name}_parts: array<${type}, WORKGROUP>;`;

/** What all variants of rows depend on, for their families' `sources`. */
export const rowSources: string = ownRowsSource + joined("", "", "");
