// What each fusion of the reference nets' steps saves on a GPU, by the report's bound on time.

import type { Plan } from "../../engine/backend/program.ts";
import { gpuTime } from "../../engine/inspect/gpu-time.ts";
import { barrierMicroseconds, dispatchMicroseconds } from "../../engine/inspect/gpus.ts";
import type { Program } from "../../engine/jit/jitted.ts";
import type { AdapterProfile } from "../../engine/kernel/kernel.ts";
import { nets } from "../cases/nets.ts";
import { type Fusion, fusionsOf, type Planned, planUnfused, planWithout } from "./fusions.ts";
import type { Gpu } from "./gpus.ts";
import { casesOf, codeKey, type KernelCase, type Work } from "./kernels.ts";
import type { Compiled } from "./log.ts";
import { estimate, figuresOf } from "./model.ts";
import { withStep } from "./net-steps.ts";

/** What of a plan its time depends on. */
export interface Outline {
  readonly dispatches: number;
  readonly barriers: number;
  readonly copiedBytes: number;
  /** By their numbers among the kernels of all outlines. */
  readonly kernels: readonly { readonly number: number; readonly work: Work }[];
}

/** A net's step as jit plans it, without each of its fusions, and without all. */
export interface FusedStep {
  readonly net: string;
  readonly fused: Outline;
  readonly unfused: Outline;
  readonly without: readonly { readonly fusion: Fusion; readonly outline: Outline }[];
}

/** The steps for a profile, and each kernel of their plans once. */
export interface FusedSteps {
  readonly steps: readonly FusedStep[];
  readonly cases: readonly KernelCase[];
}

/** Kernels by their code. */
export class Kernels {
  readonly cases: KernelCase[] = [];
  readonly #numbers = new Map<string, number>();

  /** Most kernels are those of the plan before: what makes their code is compared before the code itself. */
  numberOf(kernel: KernelCase): number {
    const { shader, hooks, constants, operands } = kernel.call;
    const kinds = operands.map(({ access, moves }) => [access, moves]);
    return this.#number(JSON.stringify([shader.name, hooks, constants, kinds]), () =>
      this.#number(codeKey(kernel), () => this.cases.push(kernel) - 1),
    );
  }

  #number(key: string, otherwise: () => number): number {
    const number = this.#numbers.get(key) ?? otherwise();
    this.#numbers.set(key, number);
    return number;
  }
}

function outlineOf(net: string, plan: Plan, kernels: Kernels): Outline {
  // Which steps wait for others is the same on all GPUs.
  const [{ dispatches, barriers }] = gpuTime({ programs: new Map([["", { plan } as Program]]) }, "navi31");
  const copies = dispatches.filter((_, i) => plan.steps[i].kind === "copy");
  return {
    dispatches: dispatches.length,
    barriers,
    copiedBytes: copies.reduce((sum, { bytes }) => sum + bytes, 0),
    kernels: casesOf(net, plan).map((each) => ({ number: kernels.numberOf(each), work: each.work })),
  };
}

/** Plans a program once for each of its fusions. */
export function fusedStep(net: string, program: Planned, kernels: Kernels): FusedStep {
  const outline = (plan: Plan) => outlineOf(net, plan, kernels);
  const { fusions, plan } = fusionsOf(program);
  return {
    net,
    fused: outline(plan),
    unfused: outline(planUnfused(program)),
    without: fusions.map((fusion) => ({ fusion, outline: outline(planWithout(program, fusion)) })),
  };
}

/** The same for the reference nets' steps, planned for a profile. */
export async function fusedSteps(profile: AdapterProfile): Promise<FusedSteps> {
  const kernels = new Kernels();
  const steps: FusedStep[] = [];
  for (const net of nets)
    steps.push(await withStep(net, profile, (_, planned) => fusedStep(net.name, planned, kernels)));
  return { steps, cases: kernels.cases };
}

/** What a fusion saves on a GPU; less than nothing where the plan without it would take less. */
export interface Saving {
  readonly pass: Fusion["pass"];
  readonly name: string;
  readonly microseconds: number;
  /** How many dispatches the plan without it has more. */
  readonly dispatches: number;
  /** Of the kernels alone: without the assumed cost of dispatches and barriers. */
  readonly inKernels: number;
}

/** A net's fusions on a GPU. */
export interface FusionsOn {
  readonly net: string;
  readonly gpu: string;
  readonly dispatches: number;
  readonly microseconds: number;
  readonly unfusedDispatches: number;
  readonly unfusedMicroseconds: number;
  readonly savings: readonly Saving[];
}

/**
 * The time of each plan: what its kernels take by the report's bound, and the assumed cost of dispatches and barriers.
 *
 * @param compiledOf what the GPU's compiler made of a kernel
 * @param like the same for a GPU whose machine code is printed, where this one's is not
 */
export function fusionsOn(
  gpu: Gpu,
  { steps, cases }: FusedSteps,
  compiledOf: (code: string) => Compiled,
  like: (code: string) => Compiled = compiledOf,
): FusionsOn[] {
  const made = cases.map((each) => {
    const code = codeKey(each);
    const [compiled, alike] = [compiledOf(code), like(code)];
    return { figures: figuresOf(gpu, compiled, alike), code: alike.code };
  });
  const inKernels = ({ kernels, copiedBytes }: Outline): number =>
    kernels.reduce(
      (sum, { number, work }) => {
        const { figures, code } = made[number];
        return sum + estimate(gpu, figures, code, work).microseconds;
      },
      copiedBytes / gpu.memoryGBs / 1e3,
    );
  const assumed = ({ dispatches, barriers }: Outline): number =>
    dispatches * dispatchMicroseconds + barriers * barrierMicroseconds;
  return steps.map(({ net, fused, unfused, without }) => {
    const kernelsFused = inKernels(fused);
    return {
      net,
      gpu: gpu.name,
      dispatches: fused.dispatches,
      microseconds: kernelsFused + assumed(fused),
      unfusedDispatches: unfused.dispatches,
      unfusedMicroseconds: inKernels(unfused) + assumed(unfused),
      savings: without.map(({ fusion: { pass, name }, outline }): Saving => {
        const saved = inKernels(outline) - kernelsFused;
        return {
          pass,
          name,
          microseconds: saved + assumed(outline) - assumed(fused),
          dispatches: outline.dispatches - fused.dispatches,
          inKernels: saved,
        };
      }),
    };
  });
}
