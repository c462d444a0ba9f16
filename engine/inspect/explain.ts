// explain: a traced program, or the graph behind a loss, as text for people. Reads graph, groups and plan; changes
// nothing.

import type { Place, Plan, PlanStep } from "../backend/program.ts";
import { ArgumentError, checkOptions, kindOf, type OptionNames } from "../base/errors.ts";
import { showShape, sizeOf } from "../base/shape.ts";
import type { Graph, Node, Use, Value } from "../jit/graph.ts";
import { isLiteral } from "../jit/graph.ts";
import { halvesOf } from "../jit/half-storage.ts";
import type { Jitted, Program } from "../jit/jitted.ts";
import { unitName } from "../jit/kernels.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type ExplainLossOptions, explainLoss } from "./explain-loss.ts";
import { gpuTime, gpuTimeLines, type ProgramBound } from "./gpu-time.ts";
import type { GpuPeaks } from "./gpus.ts";
import { refusalText } from "./refusals.ts";

export interface ExplainOptions extends ExplainLossOptions {
  /** Of a jitted function: list the graph's nodes too; default true. */
  graph?: boolean;
  /** Of a jitted function: what it takes at least on a GPU, by name ("navi31") or peaks; see `gpuTime`. */
  gpu?: string | GpuPeaks;
}

const explainOptions: OptionNames<ExplainOptions> = { tape: true, graph: true, gpu: true };

/**
 * A graph as text. Of a loss that a tape recorded: every value that leads to it, with op, inputs, shape, dtype, layer
 * and line. Of a function made by jit(): for each signature traced so far the graph, the kernels with the ops in each,
 * the dispatches with what they bind, the memory, why neighbours were not fused and, with `gpu`, a lower bound of its time
 * on a GPU that need not be there.
 *
 * @throws ArgumentError for anything else, a loss whose tape is not known, or an unknown GPU
 */
export function explain(
  target: Tensor | Pick<Jitted<never[], unknown>, "programs">,
  options: ExplainOptions = {},
): string {
  checkOptions("explain", options, explainOptions);
  if (target instanceof Tensor) return explainLoss(target, options);
  const programs = target?.programs;
  if (programs === undefined) {
    throw new ArgumentError(`explain: takes a loss or a function made by jit(), got ${kindOf(target)}`);
  }
  const bounds = options.gpu === undefined ? [] : gpuTime({ programs }, options.gpu);
  if (programs.size === 0) return "Nothing traced yet: call the function once.";
  return [...programs]
    .map(([signature, program], i) => explainProgram(signature, program, options, bounds[i]))
    .join("\n\n");
}

function explainProgram(
  signature: string,
  program: Program,
  { graph = true }: ExplainOptions,
  bound: ProgramBound | undefined,
): string {
  const { plan, fused } = program;
  const dispatches = plan.steps.filter((step) => step.kind === "dispatch").length;
  const copies = plan.steps.length - dispatches;
  const lines = [
    `program(${signature})`,
    `${program.tracedNodes} ops traced, ${program.graph.nodes.length} after clean-up, ${fused.units.length} kernels, ${dispatches} dispatches${copies > 0 ? `, ${copies} copies` : ""}`,
  ];
  if (graph) lines.push("", "Graph", ...graphLines(program.graph));
  lines.push(
    "",
    "Kernels",
    ...fused.units.map((unit, i) => `  ${i + 1}. ${unitName(unit, Number.POSITIVE_INFINITY)}`),
  );
  lines.push("", "Plan", ...planLines(plan.steps));
  lines.push("", "Memory", ...memoryLines(plan, program.graph));
  if (fused.refusals.length > 0) {
    lines.push("", "Not fused", ...[...new Set(fused.refusals.map(refusalText))].map((why) => `  ${why}`));
  }
  if (bound !== undefined) lines.push("", `At least on ${bound.gpu.name}`, ...gpuTimeLines(bound));
  return lines.join("\n");
}

function graphLines(graph: Graph): string[] {
  const halves = halvesOf(graph);
  const lines = graph.nodes.map(
    (node) => `  ${outputsText(node, halves)} = ${node.op.name}(${node.inputs.map(useText).join(", ")})`,
  );
  for (const effect of graph.effects)
    lines.push(
      `  assign ${effect.spec.dtype} ${showShape(effect.spec.shape)} <- ${valueText(effect.source)}`,
    );
  if (graph.outputs.length > 0) lines.push(`  return ${graph.outputs.map(useText).join(", ")}`);
  return lines;
}

const outputsText = (node: Node, halves: ReadonlyMap<Value, number>) =>
  node.outputs
    .map((value) => {
      const bytes = halves.get(value);
      const kept = bytes === undefined ? "" : ` kept as f16 in ${bytes} bytes`;
      return `${valueText(value)}: ${value.spec.dtype} ${showShape(value.spec.shape)}${kept}`;
    })
    .join(", ");

function useText(use: Use): string {
  const isReshaped = String(use.shape) !== String(use.value.spec.shape) && !isLiteral(use.value);
  return isReshaped ? `${valueText(use.value)} as ${showShape(use.shape)}` : valueText(use.value);
}

/** Values of the function are v1 and on, those that rewriting made r1 and on. */
function valueText(value: Value): string {
  const { origin } = value;
  switch (origin.kind) {
    case "input":
      return `input ${origin.index}`;
    case "external":
      return `var${value.id}`;
    case "constant":
      return origin.uniform === undefined ? `const${value.id}` : String(origin.uniform);
    default:
      return value.id < 0 ? `r${-value.id}` : `v${value.id}`;
  }
}

/** The steps numbered as they run; those of a loop once, as they are at its second step. */
function planLines(steps: readonly PlanStep[]): string[] {
  const lines: string[] = [];
  let number = 1;
  for (let i = 0; i < steps.length; ) {
    const { loop } = steps[i];
    if (loop === undefined) {
      lines.push(`  ${number++}. ${stepText(steps[i++])}`);
      continue;
    }
    const first = i;
    while (i < steps.length && steps[i].loop?.step === 0) i++;
    const each = i - first;
    const shown = loop.of > 1 ? first + each : first;
    lines.push(`  ${number}-${number + each * loop.of - 1}. ${loop.of} times:`);
    for (const step of steps.slice(shown, shown + each)) lines.push(`    ${stepText(step)}`);
    number += each * loop.of;
    i = first + each * loop.of;
  }
  return lines;
}

function stepText(step: PlanStep): string {
  if (step.kind === "copy") return `copy ${placeText(step.from)} -> ${placeText(step.to)}`;
  const { call, places } = step;
  const [x, y, z] = call.workgroups;
  const groups = y * z === 1 ? `${x}` : `${x}x${y}x${z}`;
  const bound = places.map(
    (place, k) => `${call.operands[k].access === "read" ? "" : "*"}${placeText(place)}`,
  );
  return `${step.name}  (${call.shader.name}.wgsl, ${groups} workgroups)  ${bound.join(" ")}`;
}

function placeText(place: Place): string {
  if (place.row !== undefined) return `a row of ${placeText({ ...place, row: undefined })}`;
  if (place.kind === "input") return `input${place.index}`;
  if (place.kind === "memory") return "kept";
  return place.byteOffset === 0 ? `slot${place.slot}` : `slot${place.slot}+${place.byteOffset}`;
}

function memoryLines(plan: Plan, graph: Graph): string[] {
  const total = plan.slots.reduce((sum, slot) => sum + slot.bytes, 0);
  const values = plan.slots.map((slot, i) => `slot${i} ${slot.bytes}`);
  const inputs = plan.inputs.reduce((sum, spec) => sum + sizeOf(spec.shape) * 4, 0);
  const halves = [...halvesOf(graph).values()];
  const kept = halves.reduce((sum, bytes) => sum + bytes, 0);
  return [
    `  ${plan.slots.length} slots, ${total} bytes: ${values.join(", ")}`,
    ...(halves.length === 0
      ? []
      : [`  ${halves.length} values kept as f16, ${kept} bytes in place of ${kept * 2}`]),
    `  arguments: ${inputs} bytes`,
  ];
}
