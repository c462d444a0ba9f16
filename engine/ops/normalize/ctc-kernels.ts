// The dispatches of CTC losses and their gradients: a workgroup walks the states of a sample step by step.

import ctcSource from "../../../shaders/ctc.wgsl";
import gradientSource from "../../../shaders/ctc-gradient.wgsl";
import expLogSource from "../../../shaders/exp-log.wgsl";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import {
  grid,
  input,
  type KernelCall,
  type KernelContext,
  type KernelPlan,
  type Operand,
  output,
  type Spec,
  scratch,
  shader,
} from "../../kernel/kernel.ts";

const walkShader = shader("ctc", [expLogSource, ctcSource].join("\n"));
const gradientShader = shader("ctc-gradient", [expLogSource, gradientSource].join("\n"));

export interface CtcAttrs {
  readonly blank: number;
  /** Whether a loss is 0 where no way leads to the labels, and not infinite. */
  readonly zeroInfinity: boolean;
}

const infinityBits = 0x7f800000;

/** The walks of all samples to their labels, `ways` 2: and of all back from there. */
function walkCall(
  { inputs, attrs, profile }: KernelContext<CtcAttrs>,
  ways: 1 | 2,
  kept: number,
  lattice: Operand,
  losses: Operand,
): KernelCall {
  const [{ shape }, labels] = inputs;
  const [batch, steps, classes] = shape;
  const unreachable = attrs.zeroInfinity ? 0 : infinityBits;
  return {
    shader: walkShader,
    hooks: { consts: { WORKGROUP: `${numbersOf(profile).workgroup}u` } },
    sizes: [batch, batch * ways, steps, classes, labels.shape[1], kept, attrs.blank, unreachable],
    operands: [input(0), input(1), input(2), input(3), lattice, losses],
    workgroups: grid(batch * ways, profile),
  };
}

/** A step needs the one before only, so two are kept. */
export function lossKernels(context: KernelContext<CtcAttrs>): KernelPlan {
  const [logProbabilities, labels] = context.inputs;
  const batch = logProbabilities.shape[0];
  if (batch === 0) return { calls: [] };
  const lattice: Spec = { shape: [batch, 2, 2 * labels.shape[1] + 1], dtype: "f32" };
  return { calls: [walkCall(context, 1, 2, scratch(0, "read_write"), output(0))], scratch: [lattice] };
}

/** Both walks at once, then what they say of each step. */
export function gradientKernels(context: KernelContext<CtcAttrs>): KernelPlan {
  const [logProbabilities, labels] = context.inputs;
  const [batch, steps, classes] = logProbabilities.shape;
  if (batch === 0) return { calls: [] };
  const { attrs, profile } = context;
  const { workgroup } = numbersOf(profile);
  const rows = batch * steps;
  return {
    calls: [
      walkCall(context, 2, steps, scratch(0, "read_write"), scratch(1, "read_write")),
      {
        shader: gradientShader,
        hooks: { consts: { WORKGROUP: `${workgroup}u` } },
        sizes: [rows, batch, steps, classes, labels.shape[1], attrs.blank],
        operands: [...[0, 1, 2, 3, 4].map(input), scratch(0, "read"), output(0)],
        workgroups: grid(Math.ceil(rows / workgroup), profile),
      },
    ],
    scratch: [
      { shape: [2, batch, steps, 2 * labels.shape[1] + 1], dtype: "f32" },
      { shape: [2, batch], dtype: "f32" },
    ],
  };
}
