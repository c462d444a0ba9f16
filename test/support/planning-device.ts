// A device on which jit plans as on an adapter of a few numbers, without one: its programs compute nothing.

import { CpuBackend } from "../../engine/backend/cpu.ts";
import type { Plan, PreparedProgram } from "../../engine/backend/program.ts";
import type { AdapterProfile } from "../../engine/kernel/kernel.ts";
import { Device } from "../../engine/tensor/device.ts";

const profile: AdapterProfile = {
  isSoftware: true,
  subgroupSize: 8,
  hasF16: false,
  workgroupTarget: 64,
  maxWorkgroupsPerDimension: 65535,
  maxStorageBuffers: 8,
};

class PlanningBackend extends CpuBackend {
  readonly profile = profile;
  /** Programs that were made and not freed. */
  programs = 0;

  prepare(plan: Plan): PreparedProgram {
    this.programs++;
    return {
      run: () => {},
      outputs: () => plan.outputs.map(({ spec }) => this.allocate(spec, "a result")),
      bytes: 0,
      dispose: () => {
        this.programs--;
      },
    };
  }
}

export const planningDevice = (): Device => new Device(new PlanningBackend(), 1);
export const programsOf = ({ backend }: Device): number => (backend as PlanningBackend).programs;
export const mostBuffers = profile.maxStorageBuffers;
