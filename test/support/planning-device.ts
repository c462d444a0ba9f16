// A device on which jit plans as on an adapter of a few numbers, without one: its programs compute nothing.

import { PlanningBackend } from "../../bench/gpu-report/planning.ts";
import type { Plan, PreparedProgram } from "../../engine/backend/program.ts";
import type { AdapterProfile } from "../../engine/kernel/kernel.ts";
import type { TrialCall } from "../../engine/kernel/variants.ts";
import { Device } from "../../engine/tensor/device.ts";

const profile: AdapterProfile = {
  isSoftware: true,
  subgroupSize: 8,
  hasF16: false,
  workgroupTarget: 64,
  maxWorkgroupsPerDimension: 65535,
  maxStorageBuffers: 8,
};

class CountingBackend extends PlanningBackend {
  /** Programs that were made and not freed. */
  programs = 0;

  override prepare(plan: Plan): PreparedProgram {
    this.programs++;
    return {
      ...super.prepare(plan),
      dispose: () => {
        this.programs--;
      },
    };
  }
}

/** Notes what it is asked to measure, and has warm-ups plan anew. */
class MeasuringBackend extends CountingBackend {
  readonly measured: string[] = [];

  async tune(calls: readonly TrialCall[]): Promise<boolean> {
    this.measured.push(...calls.map(({ op }) => op.name));
    return true;
  }

  async prepareAhead(plan: Plan) {
    return { program: this.prepare(plan), pipelines: 0 };
  }
}

export const measuringDevice = (): Device => new Device(new MeasuringBackend(profile), 1);
export const measuredBy = ({ backend }: Device): readonly string[] => (backend as MeasuringBackend).measured;

export const planningDevice = (): Device => new Device(new CountingBackend(profile), 1);
export const programsOf = ({ backend }: Device): number => (backend as CountingBackend).programs;
export const mostBuffers = profile.maxStorageBuffers;
