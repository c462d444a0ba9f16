// Opens a WebGPU adapter's device with its real limits and the optional features that pay.

import { DeviceError } from "../../base/errors.ts";
import type { MatrixConfig, MatrixProducts } from "../../kernel/kernel.ts";
import type { Backend, DeviceInfo } from "../backend.ts";
import { Tuner, type TunerOptions } from "../tuning/tuner.ts";
import { adapterProfile } from "./adapter-profile.ts";
import { ceilingFor } from "./ceiling.ts";
import { findGpu } from "./gpu.ts";
import { WebgpuBackend } from "./webgpu.ts";

const sizeFeature = "subgroup-size-control";
const wantedFeatures: readonly string[] = ["shader-f16", "subgroups", sizeFeature, "timestamp-query"];
/** Products by the GPU's matrix units. Dawn offers it behind a flag, and only those who allow f16 have a use for it. */
const matrixFeature = "chromium-experimental-subgroup-matrix";

export interface OpenOptions extends TunerOptions {
  readonly matrixProducts?: MatrixProducts;
  readonly memoryLimit?: number;
}

/** Opens the adapter, or gives undefined (with `required`, throws a DeviceError that says what to do). */
export async function openWebgpu(required: boolean, options: OpenOptions): Promise<Backend | undefined> {
  const { matrixProducts } = options;
  const allowsF16 = matrixProducts !== undefined;
  const found = await findGpu(allowsF16);
  const { gpu } = found;
  const adapter = await requestAdapter(gpu);
  if (gpu === undefined || adapter === null) {
    const { whyNoAdapter } = await import("./missing.ts");
    const missing = `init: ${whyNoAdapter(found)}`;
    const { cause } = found;
    if (required) throw new DeviceError(`${missing}, or use init({ device: "cpu" })`, { cause });
    warnOnce(missing);
    return undefined;
  }
  const limits = readLimits(adapter);
  const wanted = allowsF16 ? [...wantedFeatures, matrixFeature] : wantedFeatures;
  const features = wanted.filter((feature) => adapter.features.has(feature));
  const info = describe(adapter, features, limits, matrixProducts);
  const requestDevice = (from: GPUAdapter, label: string) =>
    from.requestDevice({ label, requiredFeatures: features as GPUFeatureName[], requiredLimits: limits });
  const openDevice = async (label: string) => {
    const again = await requestAdapter(gpu);
    return again === null ? undefined : requestDevice(again, label);
  };
  const naps = info.isSoftware ? found.naps : undefined;
  const openTrial = async () => {
    const trial = await openDevice("gradgpu, trying kernels");
    return trial === undefined ? undefined : new WebgpuBackend(trial, info, { naps, matrixProducts });
  };
  const device = await requestDevice(adapter, "gradgpu");
  const tuner = await Tuner.open(info, adapterProfile(info, matrixProducts), openTrial, options);
  // lavapipe compiles at a pipeline's first dispatch, and its devices share what they compiled.
  const gainsByHelpers = /llvmpipe|lavapipe/i.test(info.adapter + info.driver);
  const openHelper = gainsByHelpers ? () => openDevice("gradgpu, compiling ahead") : undefined;
  const ceiling = ceilingFor(info, options.memoryLimit);
  const backendOn = (opened: GPUDevice): Backend =>
    new WebgpuBackend(opened, info, { openHelper, tuner, naps, ceiling, reopen, matrixProducts });
  const reopen = async () => {
    const again = await requestAdapter(gpu);
    if (again === null) throw new DeviceError("the system gives no adapter");
    const other = describe(again, features, limits, matrixProducts);
    if (other.adapter !== info.adapter || other.driver !== info.driver)
      throw new DeviceError(`the system gives another adapter, ${other.adapter} (it was ${info.adapter})`);
    return backendOn(await requestDevice(again, "gradgpu"));
  };
  return backendOn(device);
}

let hasWarned = false;

/** Who asked for whatever there is gets the reference, which works, but not as fast as they may think. */
function warnOnce(missing: string): void {
  if (!hasWarned)
    console.warn(
      `gradgpu: ${missing}. Computing on the CPU reference, which is slow; init({ device: "cpu" }) does so without this warning`,
    );
  hasWarned = true;
}

const requestAdapter = async (gpu: GPU | undefined): Promise<GPUAdapter | null> =>
  (await gpu?.requestAdapter({ powerPreference: "high-performance" })) ?? null;

/** The adapter's own limits, all of them but those that only matter to rendering. */
function readLimits(adapter: GPUAdapter): Record<string, number> {
  const names = [
    "maxBufferSize",
    "maxStorageBufferBindingSize",
    "maxUniformBufferBindingSize",
    "maxStorageBuffersPerShaderStage",
    "maxDynamicStorageBuffersPerPipelineLayout",
    "maxComputeWorkgroupStorageSize",
    "maxComputeInvocationsPerWorkgroup",
    "maxComputeWorkgroupSizeX",
    "maxComputeWorkgroupSizeY",
    "maxComputeWorkgroupSizeZ",
    "maxComputeWorkgroupsPerDimension",
    "minStorageBufferOffsetAlignment",
    "minUniformBufferOffsetAlignment",
  ] as const;
  return Object.fromEntries(names.map((name) => [name, adapter.limits[name]]));
}

function describe(
  adapter: GPUAdapter,
  features: readonly string[],
  limits: Record<string, number>,
  matrixProducts: MatrixProducts | undefined,
): DeviceInfo {
  const info = adapter.info as GPUAdapterInfo & {
    subgroupMinSize?: number;
    subgroupMaxSize?: number;
    // `@webgpu/types` knows nothing of them yet.
    subgroupMatrixConfigs?: Iterable<MatrixConfig>;
  };
  const text = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.toLowerCase();
  const fixed = info.subgroupMinSize === info.subgroupMaxSize;
  return {
    backend: "webgpu",
    adapter: info.device || info.description || info.architecture || "unknown adapter",
    driver: info.description,
    vendor: info.vendor,
    isSoftware:
      (info as { isFallbackAdapter?: boolean }).isFallbackAdapter === true ||
      /llvmpipe|lavapipe|swiftshader|software|subzero|microsoft basic/.test(text),
    features,
    limits: {
      ...limits,
      subgroupSize: features.includes("subgroups") && fixed ? (info.subgroupMinSize ?? 0) : 0,
      ...(features.includes(sizeFeature) && !fixed
        ? { subgroupMinSize: info.subgroupMinSize ?? 0, subgroupMaxSize: info.subgroupMaxSize ?? 0 }
        : {}),
    },
    matrixUnit: features.includes(matrixFeature)
      ? matrixProducts?.unitOf(info.subgroupMatrixConfigs ?? [])
      : undefined,
  };
}
