// What a dispatch has to do, whatever the GPU: multiply-adds of products, and bytes of what it binds.

import type { Place, Plan, PlanStep } from "../backend/program.ts";
import { sizeOf } from "../base/shape.ts";
import type { KernelCall } from "../kernel/kernel.ts";
import { encodeSizes } from "../kernel/sizes.ts";
import { specialize } from "../kernel/specialize.ts";

/** Multiply-adds of the products of a dispatch, those of all steps of a recurrent layer included; undefined for other kernels. */
export function multiplyAddsOf(call: KernelCall): number | undefined {
  if (/^recurrence-/.test(call.shader.name)) {
    const [steps, batch, units] = encodeSizes(call.sizes);
    return steps * batch * units * 4 * units;
  }
  if (!/^(matmul|window)-(?!split-sum|sum)/.test(call.shader.name)) return undefined;
  const words = encodeSizes(call.sizes);
  const fields = fieldsOf(call);
  const at = (field: string) => words[fields.indexOf(field)];
  const [m, n, k] = ["m", "n", "k"].map(at);
  const matrices = at("tiles") / (at("row_tiles") * at("column_tiles"));
  return m * n * k * matrices;
}

/** The scalar fields of a shader's `Sizes`, in order; what stands behind the first vector is left out. */
function fieldsOf({ shader, hooks }: KernelCall): string[] {
  const [, body = ""] = /struct Sizes \{([^}]*)\}/.exec(specialize(shader, hooks)) ?? [];
  return [...body.replace(/\/\/[^\n]*/g, "").matchAll(/(\w+)\s*:\s*(?:u32|f32)/g)].map(([, name]) => name);
}

function bytesAt(place: Place, plan: Plan): number {
  if (place.row !== undefined) return place.row.bytes;
  if (place.kind === "slot") return place.bytes;
  if (place.kind === "input") return 4 * sizeOf(plan.inputs[place.index].shape);
  return place.memory.byteLength ?? 0;
}

/** Kernels that may read a part of what they bind. */
const picks = /gather|slice|embedding|split|concat|pad/;

/** Bytes that a step moves at least: each buffer once, and where parts are picked from one, no more than it writes. */
export function bytesOf(step: PlanStep, plan: Plan): number {
  if (step.kind === "copy") return 2 * 4 * sizeOf(step.spec.shape);
  const { call, places, name } = step;
  const bytes = places.map((place, k) => call.operands[k].part?.size ?? bytesAt(place, plan));
  const isWritten = (k: number) => call.operands[k].access === "read_write";
  const written = bytes.reduce((sum, each, k) => sum + (isWritten(k) ? each : 0), 0);
  const mayPick = picks.test(name) || picks.test(call.shader.name);
  const read = bytes.map((each, k) => (isWritten(k) ? 0 : mayPick ? Math.min(each, written) : each));
  return written + read.reduce((sum, each) => sum + each, 0);
}
