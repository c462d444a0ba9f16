// Merges pointwise work into structured kernels: behind their results, before what they read, and other ops' sums.

import { sameShape, showShape, sizeOf } from "../base/shape.ts";
import type { EpilogueSite, PrologueSite } from "../kernel/kernel-op.ts";
import {
  isLiteral,
  knowsElement,
  type Node,
  pointwiseOf,
  producerOf,
  readsApart,
  type Value,
} from "./graph.ts";
import type { Groups } from "./groups.ts";
import type { Refusal } from "./refusal.ts";
import {
  contextOf,
  haveUnlikeHelpers,
  isByRows,
  isFlat,
  isSimple,
  sameStage,
  siteOf,
  type Unit,
} from "./units.ts";

export function mergeEpilogues(groups: Groups): void {
  for (const node of groups.graph.nodes) {
    const site = siteOf(node, groups.profile);
    if (site === undefined) continue;
    const unit = groups.unitOf(node);
    // A companion is stored by another op's kernel, which has no place for work on it.
    if (unit.anchor !== node) continue;
    const value = node.outputs[site.output];
    for (const consumer of new Set(groups.consumersOf(value).map((reader) => groups.unitOf(reader)))) {
      if (consumer.anchor !== undefined || consumer.target === undefined) continue;
      const why = refuseEpilogue(groups, unit, site, value, consumer);
      if (why !== undefined) {
        groups.refusals.push({ from: node.op.name, to: consumer.nodes[0].op.name, why });
        continue;
      }
      groups.merge(unit, consumer);
      break;
    }
  }
}

function refuseEpilogue(
  groups: Groups,
  unit: Unit,
  site: EpilogueSite,
  value: Value,
  consumer: Unit,
): Refusal | undefined {
  if (!sameStage(unit, consumer)) return ["stage"];
  if (sizeOf(consumer.target!.shape) !== sizeOf(value.spec.shape)) return ["elements"];
  if (sizeOf(value.spec.shape) === 0) return ["nothing"];
  // The kernel knows rows and columns of its own result only: as long as rows are, other axes do not matter.
  if (consumer.target!.shape.at(-1) !== value.spec.shape.at(-1) && !isFlat(consumer)) return ["reshape"];
  if (haveUnlikeHelpers(unit.nodes, consumer.nodes)) return ["helpers"];
  if (groups.reachesAround(unit, consumer)) return ["between"];
  for (const member of consumer.nodes) {
    // Bytes are stored four at a time.
    if (member.outputs[0].spec.dtype === "u8" && !site.knowsElement) return ["bytes"];
    if (knowsElement(member) && !site.knowsElement) {
      return ["numberBehind", member.op.name];
    }
    if (
      sizeOf(member.outputs[0].spec.shape) === sizeOf(value.spec.shape) &&
      !sameShape(member.outputs[0].spec.shape, consumer.target!.shape) &&
      !isFlat(consumer) &&
      !isByRows(consumer)
    ) {
      return ["reshape"];
    }
    for (const [k, use] of member.inputs.entries()) {
      if (readsApart(member, k)) {
        if (groups.isExternalTo(use.value, [unit])) continue;
        return ["othersOf", member.op.name];
      }
      if (isLiteral(use.value) || !groups.isExternalTo(use.value, [unit, consumer])) continue;
      if (use.value === value) continue;
      if (
        !site.reaches(
          sizeOf(use.shape) === sizeOf(value.spec.shape)
            ? { shape: consumer.target!.shape, dtype: use.dtype }
            : use,
          consumer.target!,
        )
      ) {
        return ["reads", member.op.name, showShape(use.shape)];
      }
    }
  }
  return groups.refuseBindings([unit, consumer]);
}

/** Work that a structured kernel does on the way: see {@link KernelOp.companion}. */
export function mergeCompanions(groups: Groups): void {
  for (const node of groups.graph.nodes) {
    const unit = groups.unitOf(node);
    if (sizeOf(node.outputs[0].spec.shape) === 0) continue;
    for (const [k, use] of node.inputs.entries()) {
      for (const reader of groups.consumersOf(use.value)) {
        const other = groups.unitOf(reader);
        if (other === unit || other.nodes.length > 1 || unit.companion !== undefined) continue;
        if (!sameStage(unit, other)) continue;
        if (
          node.op.companion?.accepts(node.attrs, node.inputs, k, reader.op, reader.attrs, reader.inputs) !==
          true
        )
          continue;
        if (groups.reaches(unit, other) || groups.reaches(other, unit)) continue;
        groups.merge(unit, other);
        groups.unitOf(node).companion = reader;
        break;
      }
    }
  }
}

/** Chains whose only result is what one reduction or product reads. */
export function mergePrologues(groups: Groups): void {
  for (const node of groups.graph.nodes)
    for (const site of node.op.prologues?.(contextOf(node, groups.profile)) ?? [])
      mergePrologue(groups, node, site);
}

function mergePrologue(groups: Groups, node: Node, site: PrologueSite): void {
  const { value } = node.inputs[site.input];
  const producer = producerOf(value);
  if (producer === undefined || groups.isKept(value)) return;
  const unit = groups.unitOf(node);
  const from = groups.unitOf(producer);
  const why = refusePrologue(groups, from, unit, site, value);
  if (why !== undefined) {
    groups.refusals.push({ from: producer.op.name, to: node.op.name, why });
    return;
  }
  groups.put({
    ...unit,
    id: Math.min(from.id, unit.id),
    nodes: [...from.nodes, ...unit.nodes].sort((x, y) => x.id - y.id),
    prologues: [...(unit.prologues ?? []), { input: site.input, nodes: from.nodes, target: from.target! }],
  });
}

/** What a node of a chain costs an element: functions that are written out, like exp, as much as a dozen others. */
const workOf = (node: Node): number => (pointwiseOf(node)?.helpers === undefined ? 1 : 12);

function refusePrologue(
  groups: Groups,
  from: Unit,
  unit: Unit,
  site: PrologueSite,
  value: Value,
): Refusal | undefined {
  if (!sameStage(from, unit)) return ["stage"];
  if (unit.anchor!.outputs.some(({ spec }) => sizeOf(spec.shape) === 0)) return ["nothing"];
  if (haveUnlikeHelpers(from.nodes, unit.nodes)) return ["helpers"];
  if (from.anchor !== undefined || from.target === undefined) return ["kernel"];
  if (sizeOf(from.target.shape) !== sizeOf(value.spec.shape) || !isSimple(from)) {
    return ["broadcast"];
  }
  const element = site.knowsElement ? undefined : from.nodes.find(knowsElement);
  if (element !== undefined) return ["numberBefore", element.op.name];
  const work = from.nodes.reduce((sum, member) => sum + workOf(member), 0);
  if (groups.isDear(from, unit, work > site.mostWork)) return ["tiles"];
  const isOnly = groups.consumersOf(value).length === 1;
  const others = from.nodes.filter((member) => member.outputs[0] !== value);
  if (!isOnly || others.some((member) => groups.isReadOutside(member, [from]))) return ["readElsewhere"];
  if (
    !from.nodes.some((member) =>
      member.inputs.some((use) => !isLiteral(use.value) && groups.isExternalTo(use.value, [from])),
    )
  ) {
    return ["constants"];
  }
  // What the kernel's own epilogue reads must not wait for it.
  if (groups.reachesAround(from, unit)) return ["between"];
  return groups.refuseBindings([from, unit]);
}
