// Pointwise work at the end of structured kernels: writes the kernel's `store` function anew, so that it computes a
// chain on the value before anything is stored. Knows the kernels only by how they name row, column and result.

import type { DType } from "../../base/dtype.ts";
import { sizeOf } from "../../base/shape.ts";
import type { EpilogueChain } from "../../kernel/chain.ts";
import type { HookBinding, KernelCall, KernelPlan, Operand, Spec } from "../../kernel/kernel.ts";
import type { Companion, EpilogueSite } from "../../kernel/kernel-op.ts";
import type { Op } from "../../tensor/op.ts";
import { chainCode, scalarTypes, splatCode, storeCode, vectorTypes } from "./pointwise-code.ts";

/** How a kernel's store function is written. */
interface StoreForm {
  /** As in `fn store(row: u32, column: u32, value: vec4f)`. */
  readonly parameters: string;
  /** WGSL of the row's number and the first column's, and the elements in a row. */
  readonly row: string;
  readonly column: string;
  readonly width: string;
  /** Condition under which anything is stored. */
  readonly guard?: string;
  /** The result's binding: its name, and its place among the last call's operands (default: where output 0 is). */
  readonly result: { readonly name: string; readonly operand?: number };
  /** Whether rows are whole vec4s; else the value's lanes are stored one by one. */
  readonly isAligned: boolean;
  /** A kernel that stores one value at a time, of this dtype. */
  readonly scalar?: DType;
  readonly inputNames?: readonly (string | undefined)[];
  /** Of a kernel that stores one column only: the function that it calls before, which loads what rows are read for it. */
  readonly holdingRows?: (held: readonly Held[]) => Readonly<Record<string, string>>;
}

/** What is read once for all rows: its variable, and the WGSL that loads it. */
interface Held {
  readonly name: string;
  readonly type: string;
  readonly code: string;
}

type Reach = "same" | "scalar" | "row" | "column" | "whole" | "raw";

/** How an input of shape `read` lies to an output of shape `out` seen as [rows, width]. */
function reachOf(read: Spec, out: Spec): Reach | undefined {
  const [size, total] = [sizeOf(read.shape), sizeOf(out.shape)];
  const width = out.shape[out.shape.length - 1] ?? 1;
  if (size === total) return "same";
  if (size === 1) return "scalar";
  const last = read.shape[read.shape.length - 1];
  if (size === width && last === width) return "row";
  const rank = read.shape.length;
  const isColumn =
    last === 1 &&
    rank === out.shape.length &&
    read.shape.every((length, axis) => axis === rank - 1 || length === out.shape[axis]);
  return isColumn ? "column" : undefined;
}

function loadAligned(spec: Spec, name: string, reach: Reach, form: StoreForm): string {
  switch (reach) {
    case "same":
      return `${name}[i]`;
    case "row":
      return `${name}[${form.column} / 4u]`;
    case "whole":
      return `${name}[0]`;
    case "scalar":
      return splatCode(spec.dtype, `${name}[0]`);
    default:
      return splatCode(spec.dtype, `${name}[${form.row}]`);
  }
}

function loadLane(spec: Spec, name: string, reach: Reach, form: StoreForm): string {
  const index = {
    same: "e",
    row: `${form.column} + lane`,
    scalar: "0",
    whole: "0",
    raw: "0",
    column: form.row,
  }[reach];
  return splatCode(spec.dtype, `${name}[${index}]`);
}

function attach(plan: KernelPlan, chain: EpilogueChain, form: StoreForm): KernelPlan {
  const last = plan.calls.length - 1;
  const call = plan.calls[last];
  const operands: Operand[] = [...call.operands];
  const bindings: HookBinding[] = [...(call.hooks?.bindings ?? [])];
  const resultOperand =
    form.result.operand ?? call.operands.findIndex(({ role, index }) => role === "output" && index === 0);
  const vector = form.isAligned;
  const reaches = chain.inputs.map((spec, k): Reach => {
    if (spec.raw !== undefined) return "raw";
    return chain.wholeInputs?.includes(k) ? "whole" : reachOf(spec, chain.target)!;
  });
  const own = form.scalar === undefined ? "vec4f(value[lane])" : splatCode(form.scalar, "value");
  const held: Held[] = [];
  const loads: string[] = [`let x0 = ${vector ? "value" : own};`];
  chain.inputs.slice(1).forEach((spec, k) => {
    const shared = chain.sharedInputs[k + 1];
    if (shared !== undefined) {
      loads.push(`let x${k + 1} = ${form.inputNames![shared]}[i];`);
      return;
    }
    const name = `extra${k}`;
    const reach = reaches[k + 1];
    const isVector = vector && (reach === "same" || reach === "row" || reach === "whole");
    const access = chain.outputs.some((out) => out.inPlaceOf === k + 1) ? "read_write" : "read";
    operands.push({ ...chain.inputOperands[k]!, access });
    bindings.push({
      name,
      binding: operands.length,
      access,
      type: spec.raw ?? `array<${(isVector ? vectorTypes : scalarTypes)[spec.dtype]}>`,
    });
    if (reach === "raw") return;
    let code = vector ? loadAligned(spec, name, reach, form) : loadLane(spec, name, reach, form);
    if (vector && reach === "row" && form.holdingRows !== undefined) {
      held.push({ name: `held${k}`, type: vectorTypes[spec.dtype], code });
      code = `held${k}`;
    }
    loads.push(`let x${k + 1} = ${spec.dtype === "bool" ? `(${code} != vec4u())` : code};`);
  });
  const { lines, values, helpers } = chainCode(
    chain.steps,
    chain.inputs.map((_, k) => `x${k}`),
    chain.inputs.map((spec, k) => (spec.raw === undefined ? undefined : `extra${k - 1}`)),
  );
  const stores: string[] = [];
  if (chain.keepsResult)
    stores.push(
      `${form.result.name}${vector ? "[i] = value;" : form.scalar === undefined ? "[e] = value[lane];" : "[e] = value;"}`,
    );
  let isResultFree = !chain.keepsResult;
  chain.outputs.forEach((out, k) => {
    const value = values[chain.inputs.length + out.step];
    if (out.inPlaceOf !== undefined) {
      const replaced = `extra${out.inPlaceOf - 1}`;
      stores.push(vector ? storeCode(out.dtype, replaced, value) : storeLane(out.dtype, replaced, value));
      return;
    }
    const name = `result${k}`;
    // The first output takes the place of a result that is not kept.
    const place = isResultFree ? resultOperand : operands.length;
    isResultFree = false;
    operands[place] = chain.outputOperands[k];
    bindings.push({
      name,
      binding: place + 1,
      access: "read_write",
      type: `array<${(vector ? vectorTypes : scalarTypes)[out.dtype]}>`,
    });
    stores.push(vector ? storeCode(out.dtype, name, value) : storeLane(out.dtype, name, value));
  });
  // Nothing else to store there: the result's own buffer serves, unread.
  if (isResultFree) stores.push(vector ? `${form.result.name}[i] = x0;` : `${form.result.name}[e] = x0.x;`);
  const body = [...loads, ...lines, ...stores].join("\n    ");
  // As in elementwise.wgsl, hidden behind a number that only the run knows: the length of a binding that is stored to.
  const stored =
    chain.keepsResult || chain.outputs.length === 0
      ? form.result.name
      : bindings.findLast((b) => b.access === "read_write")!.name;
  const nonFinite: Record<string, string> = body.includes("non_finite(")
    ? {
        non_finite: `fn non_finite(bits: u32) -> u32 {\n  return select(bits, 1u, arrayLength(&${stored}) == 0xffffffffu);\n}`,
      }
    : {};
  let element = vector
    ? `let i = (${form.row} * ${form.width} + ${form.column}) / 4u;\n    ${body}`
    : `for (var lane = 0u; lane < min(4u, ${form.width} - ${form.column}); lane++) {\n    let e = ${form.row} * ${form.width} + ${form.column} + lane;\n    ${body}\n    }`;
  if (form.scalar !== undefined) element = `let e = ${form.row};\n    ${body}`;
  const guarded = form.guard === undefined ? element : `if (${form.guard}) {\n    ${element}\n  }`;
  const next: KernelCall = {
    ...call,
    hooks: {
      ...call.hooks,
      bindings,
      functions: {
        ...call.hooks?.functions,
        store: `fn store(${form.parameters}) {\n  ${guarded}\n}`,
        ...form.holdingRows?.(held),
        ...nonFinite,
      },
      helpers: { ...call.hooks?.helpers, ...helpers },
    },
    operands,
  };
  return { ...plan, calls: [...plan.calls.slice(0, last), next] };
}

function storeLane(dtype: Spec["dtype"], name: string, value: string): string {
  return `${name}[e] = ${dtype === "bool" ? `select(0u, 1u, ${value}.x)` : `${value}.x`};`;
}

function site(form: StoreForm): EpilogueSite {
  return {
    output: 0,
    knowsElement: form.isAligned,
    inputNames: form.inputNames,
    reaches: (read, out) => {
      const reach = read.dtype === "u8" ? undefined : reachOf(read, out);
      return form.scalar === undefined ? reach !== undefined : reach === "same" || reach === "scalar";
    },
    attach: (plan, chain) => attach(plan, chain, form),
  };
}

/** Kernels that store four neighbouring columns with `store(row, column, value)`, as batch-norm.wgsl does. */
export function columnwiseSite(
  resultOperand: number,
  inputNames: readonly (string | undefined)[],
  width = "(sizes.width * 4u)",
): EpilogueSite {
  return site({
    parameters: "row: u32, column: u32, value: vec4f",
    row: "row",
    column: "column",
    width,
    result: { name: "c", operand: resultOperand },
    isAligned: true,
    inputNames,
  });
}

/** A product's kernel that adds up the columns of B on its way. */
export const withSums = (call: KernelCall): KernelCall => ({
  ...call,
  hooks: { ...call.hooks, consts: { ...call.hooks?.consts, has_sums: "true" } },
});

/** A kernel that stores such sums in `target`, at WGSL `at` those of the columns from `column` on. */
export const keepingSums = (call: KernelCall, at: string, target: Operand): KernelCall => ({
  ...call,
  hooks: {
    ...call.hooks,
    functions: {
      ...call.hooks?.functions,
      keep_sums: `fn keep_sums(part: u32, column: u32, value: vec4f) {
  for (var k = 0u; k < 4u; k++) {
    if (column + k < sizes.n) {
      sums[${at} + k] = value[k];
    }
  }
}`,
    },
    bindings: [
      ...(call.hooks?.bindings ?? []),
      { name: "sums", binding: call.operands.length + 1, access: "read_write", type: "array<f32>" },
    ],
  },
  operands: [...call.operands, target],
});

/**
 * The sums of B's columns inside A^T B: with B the gradient of a layer's output, the gradient of its bias beside that
 * of its weights. `sum` is asked for late, because reductions have epilogues themselves. Every tile walks whole columns of
 * B; those of the first row of tiles add them up.
 */
export const columnSums = (sum: () => Op): Companion<{ transposeA: boolean; transposeB: boolean }> => ({
  accepts({ transposeA, transposeB }, inputs, k, other, otherAttrs, [read]) {
    if (!transposeA || transposeB || k !== 1 || other !== sum() || inputs[0].shape.length !== 2) return false;
    const { axes } = otherAttrs as { axes: readonly number[] };
    const rank = read.shape.length;
    const isOverRows = axes.length === rank - 1 && axes.every((axis, i) => axis === i);
    return inputs[1].shape.length === 2 && isOverRows && read.shape[rank - 1] === inputs[1].shape[1];
  },
  attach(plan, target) {
    const calls = [...plan.calls];
    calls[0] = withSums(calls[0]);
    // Where K was split, the second kernel adds up the parts' sums as it does C's.
    calls.push(keepingSums(calls.pop()!, "column", target));
    return { ...plan, calls };
  },
});

/**
 * The matmul kernels: `store(matrix, row, column, value)`, guarded at the edges of C.
 *
 * @param isAligned whether the kernel stores rows in whole vec4s
 */
export function matmulSite(isAligned: boolean): EpilogueSite {
  return site({
    parameters: "matrix: u32, row: u32, column: u32, value: vec4f",
    row: "(matrix * sizes.m + row)",
    column: "column",
    width: "sizes.n",
    guard: "row < sizes.m && column < sizes.n",
    result: { name: "c" },
    isAligned,
  });
}

/**
 * The kernels of window products: `store(matrix, row, column, value)`, the row being the result's and the column one of
 * the workgroup's group.
 *
 * @param preparesRows whether the kernel is one that calls `prepare`
 */
export function windowSite(isAligned: boolean, preparesRows: boolean): EpilogueSite {
  return site({
    parameters: "matrix: u32, row: u32, column: u32, value: vec4f",
    row: "row",
    column: "(own_group * sizes.n + column)",
    width: "sizes.window.columns",
    guard: "row < sizes.window.rows && column < sizes.n",
    result: { name: "c" },
    isAligned,
    holdingRows: preparesRows ? preparedRows : undefined,
  });
}

const preparedRows = (held: readonly Held[]): Record<string, string> =>
  held.length === 0
    ? {}
    : {
        prepare: `${held.map(({ name, type }) => `var<private> ${name}: ${type};`).join("\n")}
fn prepare(column: u32) {
  ${held.map(({ name, code }) => `${name} = ${code};`).join("\n  ")}
}`,
      };

/** Kernels that store one value of `dtype` at a time with `store(index, value)`, as the reductions do. */
export function valuewiseSite(resultName: string, resultOperand: number, dtype: DType): EpilogueSite {
  return site({
    parameters: `index: u32, value: ${scalarTypes[dtype]}`,
    row: "index",
    column: "0u",
    width: "1u",
    result: { name: resultName, operand: resultOperand },
    isAligned: false,
    scalar: dtype,
  });
}
