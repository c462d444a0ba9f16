// The two variants of kernels of rows: a thread has a row of its own, or the threads of a workgroup share a row.

import ownRowsSource from "../../../shaders/own-rows.wgsl";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import type { AdapterProfile, Shader, Variants } from "../../kernel/kernel.ts";
import { chosen, powerOfTwo } from "../../kernel/variants.ts";

// Software adapters and short rows want the first, which stands in the shader files, behind `own-rows.wgsl`. GPUs want
// the second, by functions that specialising puts in the place of those.

/** Steps of a thread that a row must take for GPUs to share it, and steps from which on they do where rows are few. */
const sharedSteps = 32;
const fewestSharedSteps = 8;
/**
 * Rows a step that are few: a thread waits for each step's load, and while there are no more threads nothing else is done
 * meanwhile, but a workgroup costs as much as sharing saves once there are many.
 */
const fewRows = 512;
/** Steps from which on a GPU may give up on a thread that has a row of its own, so it is not measured. */
const longestSteps = 2 ** 16;

/** The variants for so many rows of `length` elements, which one thread would walk in so many steps. */
export function rowVariants(
  family: string,
  { name }: Shader,
  { rows, length, steps }: { readonly rows: number; readonly length: number; readonly steps: number },
  profile: AdapterProfile,
): Variants {
  const isLong = steps >= sharedSteps || (steps >= fewestSharedSteps && rows <= fewRows * steps);
  const isShared = numbersOf(profile).sharesRows && isLong;
  return {
    family,
    problem: steps < longestSteps ? `${name} ${powerOfTwo(rows)}x${powerOfTwo(length)}` : undefined,
    names: isShared ? ["shared-row", "own-row"] : ["own-row", "shared-row"],
  };
}

/** Whether a workgroup shares a row. */
export const isSharedRow = (variants: Variants | undefined, profile: AdapterProfile): boolean =>
  variants !== undefined && chosen(variants, profile) === "shared-row";

/** Steps from which on 256 threads share a row: each has four of their loads on its way then. */
const longSteps = 1024;

/**
 * Threads of a workgroup: `usual`, or more where a row that they share is long, since there may be few of them. Another
 * dispatch, in which many workgroups have parts of a row, would cost more than 256 threads lose up to 10^5 vec4s or so.
 */
export const rowWorkgroup = (usual: number, isShared: boolean, steps: number): number =>
  isShared && steps >= longSteps ? 256 : usual;

/** How many steps go together, of so many that a thread takes: a quarter of them may be behind the row's end. */
function aheadOf(steps: number, width: 1 | 4, profile: AdapterProfile): number {
  const { loadsAhead } = numbersOf(profile);
  // Where elements come singly twice as many, which are half as many bytes.
  let ahead = loadsAhead > 1 && width === 1 ? 2 * loadsAhead : loadsAhead;
  while (Math.ceil(steps / ahead) * ahead * 4 > steps * 5) ahead /= 2;
  return ahead;
}

export interface RowHooks {
  readonly workgroup: number;
  readonly consts: Readonly<Record<"WORKGROUP" | "LANES" | "AHEAD", string>>;
  /** In the place of those of `own-rows.wgsl`; `joins`, which join what threads have, where they share a row. */
  readonly functions: Readonly<Record<string, string>>;
  /** Workgroups for so many rows. */
  readonly groups: (rows: number) => number;
}

/** What is put into a kernel behind `own-rows.wgsl`, where one thread would walk a row in `steps` loads of `width` elements. */
export function rowHooks(
  isShared: boolean,
  usualWorkgroup: number,
  { steps, width }: { readonly steps: number; readonly width: 1 | 4 },
  joins: Readonly<Record<string, string>>,
  profile: AdapterProfile,
): RowHooks {
  const workgroup = rowWorkgroup(usualWorkgroup, isShared, steps);
  const ahead = aheadOf(Math.ceil(steps / (isShared ? workgroup : 1)), width, profile);
  return {
    workgroup,
    consts: {
      WORKGROUP: `${workgroup}u`,
      LANES: isShared ? `${workgroup}u` : "1u",
      AHEAD: `${ahead}u`,
    },
    functions: { ...(isShared ? { ...sharedPlaces, ...joins } : {}), ...(ahead > 1 ? aheadPlaces : {}) },
    groups: (rows) => (isShared ? rows : Math.ceil(rows / workgroup)),
  };
}

/** Where a workgroup's row is, and where a thread begins in it. */
const sharedPlaces = {
  row_of: "fn row_of(group: u32, lane: u32) -> u32 {\n  return group;\n}",
  first_of: "fn first_of(lane: u32) -> u32 {\n  return lane;\n}",
};

/** Where steps that go together with others read, and which of them count. */
const aheadPlaces = {
  within: "fn within(step: u32, last: u32) -> u32 {\n  return min(step, last);\n}",
  counts: "fn counts(step: u32, last: u32) -> bool {\n  return step <= last;\n}",
};

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
    if (lane < half) {
      let a = ${name}_parts[lane];
      let b = ${name}_parts[lane + half];
      ${name}_parts[lane] = ${both};
    }
    workgroupBarrier();
  }
  let whole = ${name}_parts[0];
  workgroupBarrier();
  return whole;
}
var<workgroup> ${name}_parts: array<${type}, LANES>;`;

/** What all variants of rows depend on, for their families' `sources`. */
export const rowSources = [
  ownRowsSource,
  ...Object.values({ ...sharedPlaces, ...aheadPlaces }),
  joined("", "", ""),
].join("\n");
