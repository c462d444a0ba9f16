// What kernels are chosen by: the profile of an adapter, from what it says of itself.

import { numbersOf } from "../../kernel/adapter-numbers.ts";
import type { AdapterProfile, MatrixProducts } from "../../kernel/kernel.ts";
import { mostChainInputs } from "../../kernel/sizes.ts";
import type { DeviceInfo } from "../backend.ts";

function subgroupSizesOf({ limits }: DeviceInfo): AdapterProfile["subgroupSizes"] {
  const { subgroupMinSize: least, subgroupMaxSize: most } = limits;
  return least === undefined ? undefined : [least, most];
}

export function adapterProfile(info: DeviceInfo, matrixProducts?: MatrixProducts): AdapterProfile {
  return {
    isSoftware: info.isSoftware,
    subgroupSize: info.limits.subgroupSize,
    subgroupSizes: subgroupSizesOf(info),
    hasF16: info.features.includes("shader-f16"),
    matrixUnit: info.matrixUnit,
    matrixProducts,
    workgroupTarget: numbersOf(info).workgroups,
    maxWorkgroupsPerDimension: info.limits.maxComputeWorkgroupsPerDimension,
    // A chain has room for so many inputs, and binds at least one output beside them.
    maxStorageBuffers: Math.min(info.limits.maxStorageBuffersPerShaderStage, mostChainInputs + 1),
    maxMovingBuffers: info.limits.maxDynamicStorageBuffersPerPipelineLayout,
  };
}
