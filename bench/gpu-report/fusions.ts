// Every fusion of a program, and the plan that jit would make if the two nodes behind one of them had to be apart.

import type { Plan } from "../../engine/backend/program.ts";
import { fuse } from "../../engine/jit/fuse.ts";
import { mergeBeside } from "../../engine/jit/fuse-beside.ts";
import { mergeChains } from "../../engine/jit/fuse-chains.ts";
import { mergeCompanions, mergeEpilogues, mergePrologues } from "../../engine/jit/fuse-riders.ts";
import { type Graph, type Node, producerOf } from "../../engine/jit/graph.ts";
import { Groups } from "../../engine/jit/groups.ts";
import type { Layout } from "../../engine/jit/own-steps.ts";
import { plan } from "../../engine/jit/plan.ts";
import type { Unit } from "../../engine/jit/units.ts";
import type { AdapterProfile } from "../../engine/kernel/kernel.ts";

/** The passes of `fuse`, in its order. */
const passes = [
  ["chain", mergeChains],
  ["companion", mergeCompanions],
  ["epilogue", mergeEpilogues],
  ["prologue", mergePrologues],
  ["beside", mergeBeside],
] as const;

/** Two nodes that share a kernel since two units became one. */
export interface Fusion {
  readonly pass: (typeof passes)[number][0];
  /** The second reads what the first makes, where one of the units reads the other. */
  readonly pair: readonly [Node, Node];
  /** The ops of both units, as they were. */
  readonly name: string;
}

/** Notes which units become one, and keeps two nodes in different units. */
class CheckedGroups extends Groups {
  readonly fusions: Fusion[] = [];
  pass: Fusion["pass"] = "chain";
  readonly #apart: Fusion["pair"] | undefined;

  constructor(graph: Graph, profile: AdapterProfile, apart: Fusion["pair"] | undefined) {
    super(graph, profile);
    this.#apart = apart;
  }

  /** Chains, epilogues, prologues and kernels beside each other are refused where there are too many. */
  override bindings(units: readonly Unit[]): number {
    return this.#mayShare(units) ? super.bindings(units) : Number.POSITIVE_INFINITY;
  }

  /** Companions are refused where one depends on the other. */
  override reaches(from: Unit, to: Unit): boolean {
    return !this.#mayShare([from, to]) || super.reaches(from, to);
  }

  override put(merged: Unit): void {
    const [a, b] = new Set(merged.nodes.map((node) => this.unitOf(node)));
    const pair = edgeOf(a, b) ?? edgeOf(b, a) ?? [a.nodes[0], b.nodes[0]];
    const [from, to] = a.nodes.includes(pair[0]) ? [a, b] : [b, a];
    this.fusions.push({ pass: this.pass, pair, name: `${namesOf(from)} & ${namesOf(to)}` });
    super.put(merged);
  }

  #mayShare(units: readonly Unit[]): boolean {
    if (this.#apart === undefined) return true;
    const nodes = units.flatMap((unit) => unit.nodes);
    return !this.#apart.every((node) => nodes.includes(node));
  }
}

/** The first node of `to` that reads what one of `from` makes, behind that one. */
function edgeOf(from: Unit, to: Unit): Fusion["pair"] | undefined {
  for (const node of to.nodes)
    for (const { value } of node.inputs) {
      const producer = producerOf(value);
      if (producer !== undefined && from.nodes.includes(producer)) return [producer, node];
    }
  return undefined;
}

const namesOf = ({ nodes }: Unit): string => {
  const names = nodes.map(({ op }) => op.name).filter((name, i, all) => name !== all[i - 1]);
  return names.length > 4 ? `${names.slice(0, 3).join("+")}+... (${nodes.length})` : names.join("+");
};

/** A program of jit, to be planned in other ways. */
export interface Planned {
  readonly graph: Graph;
  readonly layout: Layout;
  readonly profile: AdapterProfile;
}

function planned({ graph, layout, profile }: Planned, units: readonly Unit[]): Plan {
  return plan(graph, units, layout, profile, (body) => fuse(body, profile).units);
}

function checked({ graph, profile }: Planned, apart?: Fusion["pair"]): CheckedGroups {
  const groups = new CheckedGroups(graph, profile, apart);
  for (const [name, merge] of passes) {
    groups.pass = name;
    merge(groups);
  }
  return groups;
}

/** All fusions of a program, and the plan with them: jit's own. */
export function fusionsOf(program: Planned): { readonly fusions: readonly Fusion[]; readonly plan: Plan } {
  const groups = checked(program);
  return { fusions: groups.fusions, plan: planned(program, groups.units()) };
}

/** What is fused where two nodes must have different kernels. */
export const unitsWithout = (program: Planned, { pair }: Fusion): Unit[] => checked(program, pair).units();

/** The plan of it. */
export const planWithout = (program: Planned, fusion: Fusion): Plan =>
  planned(program, unitsWithout(program, fusion));

/** The plan in which nothing is fused. */
export const planUnfused = (program: Planned): Plan =>
  planned(program, new Groups(program.graph, program.profile).units());
