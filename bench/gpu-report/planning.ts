// A device that plans as on a GPU and computes nothing: what jit would dispatch there, without the GPU.

import { CpuBackend } from "../../engine/backend/cpu.ts";
import type { Plan, PreparedProgram } from "../../engine/backend/program.ts";
import { sizeOf } from "../../engine/base/shape.ts";
import { float16Products } from "../../engine/index.ts";
import type { AdapterProfile, Spec } from "../../engine/kernel/kernel.ts";
import type { Memory } from "../../engine/kernel/memory.ts";
import { Device } from "../../engine/tensor/device.ts";
import type { Gpu } from "./gpus.ts";

/** Of memory of a planning device: how many bytes the tensor in it has. */
export const memoryBytes = new WeakMap<Memory, number>();

/** Keeps values as the CPU reference does, and programs not at all. */
export class PlanningBackend extends CpuBackend {
  readonly profile: AdapterProfile;
  readonly #onPlan: ((plan: Plan) => void) | undefined;

  constructor(profile: AdapterProfile, onPlan?: (plan: Plan) => void) {
    super();
    this.profile = profile;
    this.#onPlan = onPlan;
  }

  override allocate(spec: Spec, what: string): Memory {
    const memory = super.allocate(spec, what);
    memoryBytes.set(memory, 4 * sizeOf(spec.shape));
    return memory;
  }

  override slice(memory: Memory, byteOffset: number, spec: Spec): Memory {
    const part = super.slice(memory, byteOffset, spec);
    memoryBytes.set(part, 4 * sizeOf(spec.shape));
    return part;
  }

  prepare(plan: Plan): PreparedProgram {
    this.#onPlan?.(plan);
    return {
      run: () => {},
      outputs: () => plan.outputs.map(({ spec }) => this.allocate(spec, "a result")),
      bytes: 0,
      dispose: () => {},
    };
  }
}

/** A device with the profile; `onPlan` is told each plan that jit makes on it. */
export const planningDevice = (profile: AdapterProfile, onPlan: (plan: Plan) => void): Device =>
  new Device(new PlanningBackend(profile, onPlan), 1);

/** What kernels know of a GPU with Dawn's usual limits; subgroups of AMD's have no fixed size. */
export const gpuProfile: AdapterProfile = {
  isSoftware: false,
  subgroupSize: 0,
  hasF16: true,
  workgroupTarget: 2048,
  maxWorkgroupsPerDimension: 65535,
  maxStorageBuffers: 10,
  maxMovingBuffers: 8,
};

/** The same of one GPU. */
export const profileOf = ({ subgroupSizes }: Gpu): AdapterProfile => ({ ...gpuProfile, subgroupSizes });

/** Where products may round their operands to f16 for its matrix units. */
export const matrixProfileOf = (gpu: Gpu): AdapterProfile => ({
  ...profileOf(gpu),
  matrixUnit: gpu.matrixUnit,
  matrixProducts: float16Products,
});
