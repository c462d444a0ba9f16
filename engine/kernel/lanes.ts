// Kernels whose subgroups have a size of their own choosing, on adapters that offer several.

import { type AdapterProfile, type Shader, shader } from "./kernel.ts";

/** Whether subgroups may have so many lanes, and would not have them anyway. */
export const mayHaveLanes = (lanes: number, { subgroupSizes }: AdapterProfile): boolean =>
  subgroupSizes !== undefined && subgroupSizes[0] <= lanes && lanes <= subgroupSizes[1];

/** The shader with subgroups of so many lanes. */
export const ofLanes = ({ name, source }: Shader, lanes: number): Shader =>
  shader(
    name,
    `enable subgroups;\nenable subgroup_size_control;\n${source.replace("@compute", `@compute @subgroup_size(${lanes})`)}`,
  );
