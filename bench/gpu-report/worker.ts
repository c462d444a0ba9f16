// A child process on one GPU: compiles what it is sent, one pipeline at a time, each announced in the compiler's log.

import fs from "node:fs";
import { findGpu } from "../../engine/backend/webgpu/gpu.ts";
import { PipelineCache } from "../../engine/backend/webgpu/pipelines.ts";
import type { KernelCall } from "../../engine/kernel/kernel.ts";
import { announcement } from "./log.ts";

/** What is compiled, under the name that the log has it by. */
export interface Order {
  readonly name: string;
  readonly call: KernelCall;
}

export type WorkerReply =
  | { readonly done: number; readonly adapter: string; readonly failed: readonly string[] }
  | { readonly error: string };

/** Statistics are printed on standard error, behind whose buffer nothing may wait. */
const announce = (name: string) => fs.writeSync(2, `\n${announcement}${name}\n`);

/** Those that kernels need more of than every device has. */
const limits = [
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxStorageBufferBindingSize",
  "maxDynamicStorageBuffersPerPipelineLayout",
] as const;

async function compileAll(orders: readonly Order[]): Promise<WorkerReply> {
  const { gpu } = await findGpu(true);
  const adapter = await gpu?.requestAdapter();
  if (adapter == null) return { error: "Dawn finds no adapter" };
  const wanted = [
    "shader-f16",
    "subgroups",
    "subgroup-size-control",
    "chromium-experimental-subgroup-matrix",
  ];
  const features = wanted.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[];
  const device = await adapter.requestDevice({
    requiredFeatures: features,
    requiredLimits: Object.fromEntries(limits.map((limit) => [limit, adapter.limits[limit]])),
  });
  const pipelines = new PipelineCache(device, () => {});
  const failed: string[] = [];
  for (const { name, call } of orders) {
    announce(name);
    try {
      await pipelines.compile([{ call, name }]);
    } catch (error) {
      failed.push(`${name}: ${(error as Error).message.split("\n", 2).join(" ")}`);
    }
  }
  return { done: orders.length, adapter: adapter.info.description, failed };
}

process.once("message", async (orders: readonly Order[]) => {
  const reply = await compileAll(orders).catch((error: Error): WorkerReply => ({ error: error.message }));
  // A device that has nothing behind it is not waited for.
  process.send!(reply, () => process.exit());
});
process.on("disconnect", () => process.exit());
