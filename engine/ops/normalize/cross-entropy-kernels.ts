// The dispatches of softmax cross-entropy: how rows are shared among threads, how targets are read, over what grid. What
// is computed, and its gradient, is cross-entropy.ts's business.

import crossEntropySource from "../../../shaders/cross-entropy.wgsl";
import gradientSource from "../../../shaders/cross-entropy-gradient.wgsl";
import summarySource from "../../../shaders/cross-entropy-summary.wgsl";
import totalSource from "../../../shaders/exponential-total.wgsl";
import logitRowsSource from "../../../shaders/logit-rows.wgsl";
import ownRowsSource from "../../../shaders/own-rows.wgsl";
import { sizeOf } from "../../base/shape.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import type { Variants } from "../../kernel/kernel.ts";
import {
  type AdapterProfile,
  grid,
  type Hooks,
  input,
  type KernelCall,
  type KernelContext,
  type KernelPlan,
  type Operand,
  output,
  type Shader,
  type Spec,
  scratch,
  shader,
} from "../../kernel/kernel.ts";
import { longSumSource, manyTerms, plainSums, termAliases } from "../../kernel/long-sums.ts";
import { sumCalls } from "../reduce/reduce.ts";
import { joined, type RowHooks, rowHooks, rowSources, rowVariants } from "../reduce/shared-rows.ts";

const rowsShader = (name: string, source: string) =>
  shader(name, [totalSource, longSumSource, ownRowsSource, logitRowsSource, source].join("\n"));
const crossEntropyShader = rowsShader("cross-entropy", crossEntropySource);
const gradientShader = rowsShader("cross-entropy-gradient", gradientSource);
const summaryShader = rowsShader("cross-entropy-summary", summarySource);

/** How rows of logits, the first input, can be shared out: alike for all kernels, so that what is measured of one is true of all. */
export const rowsVariants = ({
  inputs: [{ shape }],
  profile,
}: Pick<KernelContext, "inputs" | "profile">): Variants => {
  const length = shape[shape.length - 1];
  const size = { rows: sizeOf(shape) / length, length, steps: length };
  return rowVariants("crossEntropy", crossEntropyShader, size, profile);
};

export const crossEntropySources: string = [
  ...[crossEntropyShader, gradientShader, summaryShader].map(({ source }) => source),
  rowSources,
].join("\n");

/** The dispatch of a kernel that takes row after row of logits, and targets with them. */
function rowsCall(
  kernel: Shader,
  inputs: readonly Spec[],
  operands: readonly Operand[],
  profile: AdapterProfile,
): KernelCall {
  const [logits, targets] = inputs;
  const classes = logits.shape[logits.shape.length - 1];
  const rows = sizeOf(logits.shape) / classes;
  const sharing = { rows, steps: classes, width: 1 } as const;
  const hooks = rowHooks(
    rowsVariants({ inputs, profile }),
    numbersOf(profile).workgroup,
    sharing,
    joins,
    profile,
  );
  return {
    shader: kernel,
    hooks: logitHooks(hooks, targets, classes / hooks.lanes >= manyTerms),
    sizes: [rows, classes, 0, 0],
    operands,
    workgroups: grid(hooks.groups, profile),
  };
}

/** How rows are shared, and how targets that are integer labels are read. */
function logitHooks({ consts, functions }: RowHooks, targets: Spec, isLong: boolean): Hooks {
  const isSparse = targets.dtype !== "f32";
  return {
    aliases: termAliases("f32"),
    consts,
    bindings: isSparse ? [{ name: "in1", binding: 2, access: "read", type: `array<${targets.dtype}>` }] : [],
    functions: {
      ...(isLong ? {} : plainSums),
      ...functions,
      ...(isSparse ? labelFunctions : {}),
    },
  };
}

const joins: Readonly<Record<string, string>> = {
  largest_of: joined("largest_of", "Largest", "larger(a, b)"),
  total_of: joined("total_of", "f32", "a + b"),
};

const summaryJoins: Readonly<Record<string, string>> = {
  ...joins,
  // Not of a row: of the whole workgroup.
  total_of_all: joined("total_of_all", "vec2f", "a + b").replaceAll("LANES", "WORKGROUP"),
};

/** What the kernels ask of targets, answered from integer labels; none asks all of it. */
const labelFunctions = {
  row_loss:
    "fn row_loss(row: u32, lane: u32, largest: f32, log_total: f32) -> f32 {\n  let label = u32(in1[row]);\n" +
    "  if (label >= sizes.classes) {\n    return 0.0;\n  }\n" +
    "  return log_total - (in0[row * sizes.classes + label] - largest);\n}",
  target_total:
    "fn target_total(row: u32, lane: u32) -> f32 {\n  return select(0.0, 1.0, u32(in1[row]) < sizes.classes);\n}",
  target_class: "fn target_class(row: u32, lane: u32) -> u32 {\n  return u32(in1[row]);\n}",
  target_at: "fn target_at(row: u32, k: u32) -> f32 {\n  return select(0.0, 1.0, u32(in1[row]) == k);\n}",
};

/** One loss a row. */
export function lossKernels({ inputs, profile }: KernelContext): KernelPlan {
  if (sizeOf(inputs[0].shape) === 0) return { calls: [] };
  const operands = [input(0), input(1), output(0)];
  return {
    calls: [rowsCall(crossEntropyShader, inputs, operands, profile)],
  };
}

/** The gradient with respect to the logits, times a factor a row. */
export function gradientKernels({ inputs, profile }: KernelContext): KernelPlan {
  if (sizeOf(inputs[0].shape) === 0) return { calls: [] };
  const operands = [input(0), input(1), input(2), output(0)];
  return { calls: [rowsCall(gradientShader, inputs, operands, profile)] };
}

/** The sums and the gradient of a batch; sums of several workgroups are added up by further kernels. */
export function summaryKernels({ inputs, profile }: KernelContext): KernelPlan {
  const [logits, targets] = inputs;
  const [rows, classes] = logits.shape;
  const { summaryLogits, prefersOneKernel } = numbersOf(profile);
  const shares = (rows * classes) / summaryLogits;
  const hooks = rowHooks(
    rowsVariants({ inputs, profile }),
    shares > 1 || prefersOneKernel ? 64 : 256,
    { rows, steps: classes, width: 1 },
    summaryJoins,
    profile,
  );
  // Beyond one workgroup's share a GPU has as many as there can be.
  const groupsWanted =
    shares <= 1 || prefersOneKernel
      ? Math.ceil(shares)
      : Math.min(hooks.groups, profile.maxWorkgroupsPerDimension);
  const segment = Math.ceil(rows / Math.max(1, groupsWanted));
  const groups = Math.max(1, Math.ceil(rows / Math.max(1, segment)));
  const summary = (loss: typeof output, hits: typeof output): KernelCall => ({
    shader: summaryShader,
    hooks: logitHooks(hooks, targets, Math.max(rows, classes / hooks.lanes) >= manyTerms),
    sizes: [rows, classes, segment, 0],
    operands: [input(0), input(1), loss(0), hits(1), output(2)],
    workgroups: [groups, 1, 1],
  });
  if (groups === 1) return { calls: [summary(output, output)] };
  const partial: Spec = { shape: [groups], dtype: "f32" };
  const write = (k: number) => scratch(k, "read_write");
  const scratchSpecs = [partial, partial];
  const totals = [0, 1].flatMap((k) =>
    sumCalls(partial, [0], scratch(k, "read"), output(k), scratchSpecs, profile),
  );
  return { calls: [summary(write, write), ...totals], scratch: scratchSpecs };
}
