// How kernels of rows share a row among the threads of a workgroup, as GPUs want it: the functions that specialising puts
// in the place of those in `own-rows.wgsl`, by which a thread has a row of its own, as software adapters want it.

import type { AdapterProfile } from "../kernel.ts";

/** Threads of a workgroup: 8 on software adapters, one wave; 64 on GPUs. */
export const rowWorkgroup = (isSoftware: boolean) => (isSoftware ? 8 : 64);

/** Steps of a thread that a row must take to be shared. */
const sharedSteps = 32;

/** Whether a row that one thread walks in so many steps is shared by a workgroup. */
export const isSharedRow = (steps: number, { isSoftware }: AdapterProfile) =>
  !isSoftware && steps >= sharedSteps;

/** The consts of `own-rows.wgsl`. */
export const rowConsts = (workgroup: number, isShared: boolean): Record<"WORKGROUP" | "LANES", string> => ({
  WORKGROUP: `${workgroup}u`,
  LANES: isShared ? `${workgroup}u` : "1u",
});

/** Where a workgroup's row is, and where a thread begins in it. */
export const sharedPlaces: Readonly<Record<"row_of" | "first_of", string>> = {
  row_of: "fn row_of(group: u32, lane: u32) -> u32 {\n  return group;\n}",
  first_of: "fn first_of(lane: u32) -> u32 {\n  return lane;\n}",
};

/** A function `name(part, lane)` that gives all threads what joining all their parts gives: `both` joins `a` and `b`. */
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
