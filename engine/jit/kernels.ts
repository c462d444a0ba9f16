// Turns a fused unit into kernel calls: which values it reads and writes, and the WGSL that pointwise code makes of
// its nodes.

import { sizeOf } from "../base/shape.ts";
import type { ChainInput, PointwiseChain, PointwiseStep } from "../kernel/chain.ts";
import {
  type AdapterProfile,
  input,
  type KernelPlan,
  type Operand,
  output,
  type Spec,
  wgslFloat,
} from "../kernel/kernel.ts";
import type { KernelOp } from "../kernel/kernel-op.ts";
import type { OpKernels } from "../kernel/op-graph.ts";
import { besideCall, elementwiseShader, pointwiseCall } from "../ops/pointwise/pointwise-code.ts";
import { isLiteral, type Node, pointwiseOf, type Use, type Value } from "./graph.ts";
import {
  bindingKey,
  contextOf,
  makersOf,
  nodesBefore,
  type Prologue,
  siteOf,
  spaceOf,
  type Unit,
} from "./units.ts";

export type UnitKernels = OpKernels<KernelOp>;

/**
 * @param isNeeded whether a value must be in memory after the unit
 * @param inPlaceOf the value that an output replaces in its own memory, if any
 */
export function unitKernels(
  unit: Unit,
  profile: AdapterProfile,
  isNeeded: (value: Value) => boolean,
  inPlaceOf: (value: Value) => Value | undefined,
): UnitKernels {
  if (unit.parts !== undefined) return besideKernels(unit.parts, profile, isNeeded, inPlaceOf);
  if (unit.anchor === undefined) return chainKernels(unit, profile, isNeeded, inPlaceOf);
  const node = unit.anchor;
  let plan = node.op.kernels!(contextOf(node, profile));
  const reads = node.inputs.map((use) => use.value);
  const writes = [...node.outputs];
  if (unit.companion !== undefined) {
    plan = node.op.companion!.attach(plan, output(writes.length), profile);
    writes.push(unit.companion.outputs[0]);
  }
  const before = nodesBefore(unit);
  const rest = unit.nodes.filter(
    (member) => member !== node && member !== unit.companion && !before.includes(member),
  );
  const kernels =
    rest.length === 0
      ? { reads, writes, calls: plan.calls, scratch: plan.scratch ?? [] }
      : withEpilogue(unit, node, plan, reads, writes, rest, profile, isNeeded, inPlaceOf);
  return (unit.prologues ?? []).reduce(
    (all, prologue) => withPrologue(prologue, node, all, profile),
    kernels,
  );
}

/** The anchor's kernels with what they read computed by a chain. */
function withPrologue(
  { input: which, nodes, target }: Prologue,
  anchor: Node,
  kernels: UnitKernels,
  profile: AdapterProfile,
): UnitKernels {
  const site = anchor.op.prologues!(contextOf(anchor, profile)).find((each) => each.input === which)!;
  const { value } = anchor.inputs[site.input];
  const built = buildChain(
    { target },
    nodes,
    undefined,
    (made) => made === value,
    () => undefined,
  );
  const reads = [...kernels.reads];
  const operands = built.reads.map((read, k) => {
    const place = k === 0 ? site.input : reads.length;
    reads[place] = read;
    return input(place);
  });
  const plan = site.attach({ calls: kernels.calls, scratch: kernels.scratch }, built.chain, operands);
  return { ...kernels, reads, calls: plan.calls };
}

/** Several small chains as one dispatch. */
function besideKernels(
  parts: readonly Unit[],
  profile: AdapterProfile,
  isNeeded: (value: Value) => boolean,
  inPlaceOf: (value: Value) => Value | undefined,
): UnitKernels {
  const built = parts.map((part) => chainsOf(part, profile, isNeeded, inPlaceOf));
  const { reads, writes, chains } = joinedChains(built.flat());
  // As many together as one kernel binds. Chains of one part read what the last of them may overwrite: they are chains of
  // their own because they bind more together, so none shares a kernel with the one before it.
  const groups: PlacedChain[][] = [];
  let bound = Number.POSITIVE_INFINITY;
  for (const chain of chains) {
    const count = chain.inputs.length + chain.outputs.length;
    if (bound + count > profile.maxStorageBuffers) {
      groups.push([]);
      bound = 0;
    }
    groups[groups.length - 1].push(chain);
    bound += count;
  }
  const calls = groups.map((group) => besideCall(elementwiseShader, group, profile));
  return { reads, writes, calls, scratch: [] };
}

interface BuiltChain {
  readonly chain: PointwiseChain;
  readonly reads: Value[];
  readonly writes: Value[];
}

/** The unit's pointwise nodes as a chain; `first` is a value that is there before any input is read. */
function buildChain(
  unit: Pick<Unit, "target">,
  nodes: readonly Node[],
  first: Use | undefined,
  isNeeded: (value: Value) => boolean,
  inPlaceOf: (value: Value) => Value | undefined,
): BuiltChain {
  const target = unit.target!;
  const inputs: ChainInput[] = [];
  const wholeInputs: number[] = [];
  const reads: Value[] = [];
  const inputIndex = new Map<string, number>();
  const stepOf = new Map<Value, number>();
  const literals: PointwiseStep[] = [];
  const take = (key: string, use: Use, under: Spec, isWhole: boolean, raw?: string): number => {
    let index = inputIndex.get(key);
    if (index === undefined) {
      index = inputs.length;
      inputIndex.set(key, index);
      inputs.push({ shape: use.shape, dtype: use.dtype, under: under.shape, raw });
      reads.push(use.value);
      if (isWhole) wholeInputs.push(index);
    }
    return index;
  };
  if (first !== undefined) take(`${first.value.id}:same`, first, first, false);
  /** A uniform constant becomes a step without operands. */
  const literal = (use: Use, reader: Node): number | undefined => {
    if (!isLiteral(use.value)) return undefined;
    const { uniform } = use.value.origin as { uniform: number };
    const expression =
      uniform === 0 && reader.op.traits?.isProduct
        ? hiddenZero(use.dtype, uniform)
        : literalCode(use.dtype, uniform);
    literals.push({ expression, operands: [], dtype: use.dtype });
    return -literals.length;
  };
  const operandsOf: (number | { step: number })[][] = [];
  for (const node of nodes) {
    const under = spaceOf(node, target);
    const pointwise = pointwiseOf(node)!;
    const raw = pointwise.rawInputs?.(node.attrs, node.inputs);
    operandsOf.push(
      node.inputs.map((use, k) => {
        const step = raw?.[k] === undefined ? (stepOf.get(use.value) ?? literal(use, node)) : undefined;
        if (step !== undefined) return { step };
        const isWhole = pointwise.wholeInputs?.includes(k) ?? false;
        return take(bindingKey(node, k, target), use, under, isWhole, raw?.[k]);
      }),
    );
    stepOf.set(node.outputs[0], operandsOf.length - 1);
  }
  // Literals come first; a node's step number counts after them.
  const stepIndex = (step: number) => inputs.length + (step < 0 ? -step - 1 : literals.length + step);
  const steps: PointwiseStep[] = [...literals];
  nodes.forEach((node, s) => {
    steps.push({
      expression: node.op.pointwise!.expression(node.attrs, node.inputs),
      helpers: node.op.pointwise!.helpers,
      operands: operandsOf[s].map((operand) =>
        typeof operand === "number" ? operand : stepIndex(operand.step),
      ),
      dtype: node.outputs[0].spec.dtype,
    });
  });
  const writes: Value[] = [];
  const outputs: { step: number; dtype: Spec["dtype"]; inPlaceOf?: number }[] = [];
  nodes.forEach((node, step) => {
    const value = node.outputs[0];
    if (!isNeeded(value)) return;
    const replaced = inPlaceOf(value);
    const place = replaced === undefined ? -1 : reads.indexOf(replaced);
    outputs.push({
      step: literals.length + step,
      dtype: value.spec.dtype,
      inPlaceOf: place < 0 ? undefined : place,
    });
    writes.push(value);
  });
  return { chain: { target, inputs, wholeInputs, steps, outputs }, reads, writes };
}

/** The storage buffers that a chain's kernel binds. */
const boundBy = ({ chain: { inputs, outputs } }: BuiltChain): number =>
  inputs.length + outputs.filter((out) => out.inPlaceOf === undefined).length;

/**
 * A unit's chain, as several where one kernel can't bind it all: what was to be written in place and could not be binds
 * one more. They compute from the same old values, so what is written in place comes last.
 */
function chainsOf(
  unit: Unit,
  profile: AdapterProfile,
  isNeeded: (value: Value) => boolean,
  inPlaceOf: (value: Value) => Value | undefined,
): BuiltChain[] {
  const most = profile.maxStorageBuffers;
  const whole = buildChain(unit, unit.nodes, undefined, isNeeded, inPlaceOf);
  if (boundBy(whole) <= most) return [whole];
  const only = (values: readonly Value[]) =>
    buildChain(unit, makersOf(values, unit.nodes), undefined, (value) => values.includes(value), inPlaceOf);
  const stored = whole.writes.filter((_, i) => whole.chain.outputs[i].inPlaceOf === undefined);
  const last = whole.writes.filter((value) => !stored.includes(value));
  const apart: Value[] = [];
  while (stored.length > 0 && boundBy(only([...last, ...stored])) > most) apart.push(stored.pop()!);
  const chains: BuiltChain[] = [];
  let group: Value[] = [];
  for (const value of apart) {
    if (group.length > 0 && boundBy(only([...group, value])) > most) {
      chains.push(only(group));
      group = [];
    }
    group.push(value);
  }
  chains.push(only(group));
  const rest = [...last, ...stored];
  return rest.length === 0 ? chains : [...chains, only(rest)];
}

function chainKernels(
  unit: Unit,
  profile: AdapterProfile,
  isNeeded: (value: Value) => boolean,
  inPlaceOf: (value: Value) => Value | undefined,
): UnitKernels {
  const { reads, writes, chains } = joinedChains(chainsOf(unit, profile, isNeeded, inPlaceOf));
  const calls = chains.flatMap(
    ({ chain, inputs, outputs }) => pointwiseCall(elementwiseShader, chain, inputs, outputs, profile) ?? [],
  );
  return { reads, writes, calls, scratch: [] };
}

interface PlacedChain {
  readonly chain: PointwiseChain;
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
}

/** Chains with operands that count through what all of them read and write. */
function joinedChains(built: readonly BuiltChain[]): {
  readonly reads: readonly Value[];
  readonly writes: readonly Value[];
  readonly chains: readonly PlacedChain[];
} {
  const reads: Value[] = [];
  const writes: Value[] = [];
  const chains = built.map(({ chain, ...own }) => {
    const inputs = own.reads.map((_, k) => input(reads.length + k));
    const outputs = own.writes
      .map((_, i) => output(writes.length + i))
      .filter((_, i) => chain.outputs[i].inPlaceOf === undefined);
    reads.push(...own.reads);
    writes.push(...own.writes);
    return { chain, inputs, outputs };
  });
  return { reads, writes, chains };
}

function withEpilogue(
  unit: Unit,
  anchor: Node,
  plan: KernelPlan,
  anchorReads: readonly Value[],
  anchorWrites: readonly Value[],
  nodes: readonly Node[],
  profile: AdapterProfile,
  isNeeded: (value: Value) => boolean,
  inPlaceOf: (value: Value) => Value | undefined,
): UnitKernels {
  const site = siteOf(anchor, profile)!;
  const result = anchor.outputs[site.output];
  const first: Use = { value: result, shape: result.spec.shape, dtype: result.spec.dtype };
  const { chain, reads, writes } = buildChain(unit, nodes, first, isNeeded, inPlaceOf);
  // Operands: the anchor's own reads and writes first, then the chain's.
  const size = sizeOf(result.spec.shape);
  const sharedInputs = reads.map((value, k) => {
    const own = anchorReads.indexOf(value);
    return own >= 0 && sizeOf(chain.inputs[k].shape) === size && site.inputNames?.[own] !== undefined
      ? own
      : undefined;
  });
  const allReads = [...anchorReads];
  const inputOperands = reads.slice(1).map((value, k) => {
    if (sharedInputs[k + 1] !== undefined) return undefined;
    allReads.push(value);
    return input(allReads.length - 1);
  });
  const allWrites = [...anchorWrites, ...writes];
  const attached = site.attach(plan, {
    ...chain,
    keepsResult: isNeeded(result),
    sharedInputs,
    inputOperands,
    outputOperands: writes.map((_, k) => output(anchorWrites.length + k)),
  });
  // The anchor's result need not be stored when only the chain reads it.
  const isUsed = attached.calls.some((call) =>
    call.operands.some((operand) => operand.role === "output" && operand.index === site.output),
  );
  const kept = allWrites.map((_, i) => i).filter((i) => i !== site.output || isUsed);
  const calls = attached.calls.map((call) => ({
    ...call,
    operands: call.operands.map((operand) =>
      operand.role === "output" ? { ...operand, index: kept.indexOf(operand.index) } : operand,
    ),
  }));
  return { reads: allReads, writes: kept.map((i) => allWrites[i]), calls, scratch: attached.scratch ?? [] };
}

/** Compilers take 0 times anything for 0, but it is NaN where that is not finite. */
const hiddenZero = (dtype: Spec["dtype"], value: number): string =>
  dtype === "f32"
    ? `vec4f(bitcast<f32>(non_finite(${Object.is(value, -0) ? "0x80000000u" : "0u"})))`
    : literalCode(dtype, value);

function literalCode(dtype: Spec["dtype"], value: number): string {
  if (dtype === "f32") return `vec4f(${wgslFloat(value)})`;
  if (dtype === "i32") return `vec4i(${value === -(2 ** 31) ? "-2147483647i - 1i" : `${value}i`})`;
  if (dtype === "bool") return `vec4<bool>(${value !== 0})`;
  return `vec4u(${value}u)`;
}

/** The unit's name: its ops in order, at most so many of them. */
export function unitName(unit: Unit, most = 6): string {
  const names: string[] = [];
  for (const node of unit.nodes) if (node.op.name !== names.at(-1)) names.push(node.op.name);
  return names.length > most
    ? `${names.slice(0, most - 1).join("+")}+...(${unit.nodes.length})`
    : names.join("+");
}
