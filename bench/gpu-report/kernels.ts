// The kernels that the report is about: every variant of every family at sizes that nets have, and all that a training
// step of the reference nets dispatches.

import type { Place, Plan } from "../../engine/backend/program.ts";
import { sizeOf } from "../../engine/base/shape.ts";
import { multiplyAddsOf } from "../../engine/inspect/work.ts";
import type { AdapterProfile, KernelCall, KernelPlan, Spec, Variants } from "../../engine/kernel/kernel.ts";
import type { KernelOp } from "../../engine/kernel/kernel-op.ts";
import { specialize } from "../../engine/kernel/specialize.ts";
import { familyNamed, registeredFamilies } from "../../engine/kernel/variants.ts";
import { nets } from "../cases/nets.ts";
import { withStep } from "./net-steps.ts";
import { gpuProfile, memoryBytes } from "./planning.ts";

/** What a dispatch has to do, whatever the GPU. */
export interface Work {
  readonly workgroups: number;
  /** Multiply-adds, where the kernel is a product. */
  readonly multiplyAdds?: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

export interface KernelCase {
  /** The net, or family and variant. */
  readonly group: string;
  /** What is computed, at which size. */
  readonly name: string;
  readonly call: KernelCall;
  /** The file of the kernel. */
  readonly shader: string;
  readonly work: Work;
}

const workOf = (
  call: KernelCall,
  bytes: readonly { readonly isWritten: boolean; readonly bytes: number }[],
): Work => {
  const sum = (isWritten: boolean) =>
    bytes.filter((each) => each.isWritten === isWritten).reduce((total, each) => total + each.bytes, 0);
  return {
    workgroups: call.workgroups.reduce((a, b) => a * b),
    multiplyAdds: multiplyAddsOf(call),
    bytesRead: sum(false),
    bytesWritten: sum(true),
  };
};

/** The dispatches of a plan that jit made. */
export function casesOf(group: string, plan: Plan): KernelCase[] {
  const bytesAt = (place: Place): number => {
    if (place.row !== undefined) return place.row.bytes;
    if (place.kind === "slot") return place.bytes;
    if (place.kind === "input") return 4 * sizeOf(plan.inputs[place.index].shape);
    return memoryBytes.get(place.memory) ?? 0;
  };
  return plan.steps.flatMap((step): KernelCase[] => {
    if (step.kind !== "dispatch") return [];
    const { call, name, places } = step;
    const bytes = places.map((place, k) => ({
      isWritten: call.operands[k].access === "read_write",
      bytes: bytesAt(place),
    }));
    return [{ group, name, call, shader: call.shader.name, work: workOf(call, bytes) }];
  });
}

/** The training step of each reference net, as jit plans it for a GPU. */
export async function netCases(profile: AdapterProfile = gpuProfile): Promise<KernelCase[]> {
  const found: KernelCase[] = [];
  for (const net of nets)
    found.push(...(await withStep(net, profile, ({ plan }) => casesOf(net.name, plan))));
  return found;
}

/** An op on inputs of these shapes. */
export interface Call {
  readonly op: KernelOp;
  readonly inputs: readonly Spec[];
  readonly attrs: object;
}

function callCases({ op, inputs, attrs }: Call, profile: AdapterProfile): KernelCase[] {
  const outputs = op.infer(inputs, attrs);
  const context = { inputs, outputs, attrs, profile };
  const variants = op.variants?.(context);
  if (variants === undefined) return [];
  const { family } = variants;
  const shapes = inputs.map(({ shape }) => shape.join("x")).join(" ");
  return variants.names.flatMap((variant) => {
    const choose = (asked: Variants) => (asked.family === family ? variant : asked.names[0]);
    const plan: KernelPlan = op.kernels!({ ...context, profile: { ...profile, choices: { choose } } });
    return plan.calls.map((call) => {
      const bytes = call.operands.map(({ role, index, access }) => {
        const specs = { input: inputs, output: outputs, scratch: plan.scratch ?? [] }[role];
        return { isWritten: access === "read_write", bytes: 4 * sizeOf(specs[index].shape) };
      });
      const name = `${op.name} ${shapes}${"transposeA" in attrs && attrs.transposeA ? " A^T" : ""}`;
      return {
        group: `${family}/${variant}`,
        name,
        call,
        shader: call.shader.name,
        work: workOf(call, bytes),
      };
    });
  });
}

const f32 = (...shape: number[]): Spec => ({ shape, dtype: "f32" });

/** Products beside those that the families' own checks have: squares from small to large, thin ones, A transposed. */
const products: readonly (readonly [m: number, k: number, n: number, transposeA?: boolean])[] = [
  [128, 784, 64],
  [100, 512, 512],
  [256, 256, 256],
  [1024, 1024, 1024],
  [4096, 4096, 4096],
  [512, 100, 512, true],
];

/** Rows that networks have, for the families along rows. */
const rows: readonly (readonly [number, number])[] = [
  [128, 10],
  [1024, 64],
  [1024, 100],
  [1024, 128],
  [1024, 256],
  [1024, 1000],
  [16, 65536],
];

/** What each family is tried with: its own checks, and sizes that nets have. */
export function familyCalls(profile: AdapterProfile): Call[] {
  const [{ op: matmul }] = familyNamed("matmul")!.checks(profile);
  const ofProducts = products.map(([m, k, n, transposeA = false]) => ({
    op: matmul,
    inputs: [transposeA ? f32(k, m) : f32(m, k), f32(k, n)],
    attrs: { transposeA, transposeB: false },
  }));
  const ofChecks = registeredFamilies()
    .filter(({ name }) => name !== "matmul")
    .flatMap((family) => {
      const checks = family.checks(profile).map(({ op, inputs, attrs = {} }) => ({
        op,
        inputs: inputs.map(({ shape, dtype = "f32" }): Spec => ({ shape, dtype })),
        attrs,
      }));
      return checks.flatMap((check) => [check, ...largerThan(check)]);
    });
  return [...ofProducts, ...ofChecks];
}

/** Every variant of every family that such calls may take. */
export const familyCases = (profile: AdapterProfile = gpuProfile): KernelCase[] =>
  familyCalls(profile).flatMap((call) => callCases(call, profile));

/** Products by the matrix units of a GPU that lists some, with operands rounded to f16. */
export function matrixCases(profile: AdapterProfile): KernelCase[] {
  const [{ op }] = familyNamed("matmul")!.checks(profile);
  const square = f32(4096, 4096);
  const calls = [false, true].flatMap((transposeA) =>
    callCases({ op, inputs: [square, square], attrs: { transposeA, transposeB: false } }, profile),
  );
  return calls.filter(({ group }) => group.startsWith("matmul/matrix"));
}

/** The same call on rows of the sizes that networks have, where its inputs are two axes or fewer. */
function largerThan({ op, inputs, attrs }: Call): Call[] {
  const [x] = inputs;
  if (x.shape.length !== 2) return [];
  return rows.flatMap(([height, width]): Call[] => {
    const larger = inputs.map(({ shape, dtype }): Spec => {
      const lengths = shape.map((length) =>
        length === x.shape[0] ? height : length === x.shape[1] ? width : length,
      );
      return { shape: lengths, dtype };
    });
    const wider = "inner" in attrs && attrs.inner === x.shape[1] ? { ...attrs, inner: width } : attrs;
    try {
      op.infer(larger, wider);
      return [{ op, inputs: larger, attrs: wider }];
    } catch {
      return [];
    }
  });
}

/** Cases that are compiled as one: the same code, constants and bindings. */
export const codeKey = ({ call }: KernelCase): string =>
  JSON.stringify([
    specialize(call.shader, call.hooks),
    call.constants ?? {},
    call.operands.map(({ access, moves = false }) => [access, moves]),
  ]);
