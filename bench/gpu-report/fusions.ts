// Every fusion of a program, and the plan that jit would make if the two nodes behind one of them had to be apart; and every
// fusion that a rule about cost refuses, and the plan without that rule.

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

/** Rules about cost, a pass's own: `again` and `mask` are those about chains. */
type CostRule = "again" | "mask" | "tiles" | "large";

/** Two units that stay apart by a rule about cost: the first nodes of both. */
export interface Spared extends Fusion {
  readonly rule: CostRule;
}

/** What is fused otherwise than jit would. */
interface Change {
  /** Two nodes that are kept in different units. */
  readonly apart?: Fusion["pair"];
  /** Two units for which a rule does not hold. */
  readonly lifted?: Spared;
}

/** Notes which units become one, and which are spared it by a rule. */
class CheckedGroups extends Groups {
  readonly fusions: Fusion[] = [];
  readonly spared: Spared[] = [];
  pass: Fusion["pass"] = "chain";
  readonly #change: Change;

  constructor(graph: Graph, profile: AdapterProfile, change: Change) {
    super(graph, profile);
    this.#change = change;
  }

  override isDear(from: Unit, to: Unit, isFound: boolean): boolean {
    const { lifted } = this.#change;
    if (!isFound) return false;
    if (
      lifted?.pass === this.pass &&
      from.nodes.includes(lifted.pair[0]) &&
      to.nodes.includes(lifted.pair[1])
    )
      return false;
    const pair = [from.nodes[0], to.nodes[0]] as const;
    const isKnown = this.spared.some(
      (each) => each.pass === this.pass && each.pair.every((node, i) => node === pair[i]),
    );
    if (!isKnown)
      this.spared.push({
        pass: this.pass,
        rule: this.#ruleFor(to),
        pair,
        name: `${namesOf(from)} & ${namesOf(to)}`,
      });
    return true;
  }

  #ruleFor(to: Unit): CostRule {
    if (this.pass === "prologue") return "tiles";
    if (this.pass === "beside") return "large";
    return to.target?.dtype === "bool" ? "mask" : "again";
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
    const { apart } = this.#change;
    if (apart === undefined) return true;
    const nodes = units.flatMap((unit) => unit.nodes);
    return !apart.every((node) => nodes.includes(node));
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

function checked({ graph, profile }: Planned, change: Change = {}): CheckedGroups {
  const groups = new CheckedGroups(graph, profile, change);
  for (const [name, merge] of passes) {
    groups.pass = name;
    merge(groups);
  }
  return groups;
}

/** Which nodes are together. */
const shapeOf = (units: readonly Unit[]): string =>
  units
    .map(({ nodes }) => nodes.map(({ id }) => id).join())
    .sort()
    .join(";");

/** All fusions of a program, those that rules about cost refuse, and jit's own plan. */
export function fusionsOf(program: Planned): {
  readonly fusions: readonly Fusion[];
  readonly spared: readonly Spared[];
  readonly plan: Plan;
} {
  const groups = checked(program);
  const units = groups.units();
  // Where the units stay as they are without the rule, something else keeps the two apart.
  const spared = groups.spared.filter((each) => shapeOf(unitsWithoutRule(program, each)) !== shapeOf(units));
  return { fusions: groups.fusions, spared, plan: planned(program, units) };
}

/** What is fused where two nodes must have different kernels. */
export const unitsWithout = (program: Planned, { pair }: Fusion): Unit[] =>
  checked(program, { apart: pair }).units();

/** The plan of it. */
export const planWithout = (program: Planned, fusion: Fusion): Plan =>
  planned(program, unitsWithout(program, fusion));

/** What is fused where a rule about cost does not hold for two units. */
export const unitsWithoutRule = (program: Planned, lifted: Spared): Unit[] =>
  checked(program, { lifted }).units();

/** The plan of it. */
export const planWithoutRule = (program: Planned, lifted: Spared): Plan =>
  planned(program, unitsWithoutRule(program, lifted));

/** The plan in which nothing is fused. */
export const planUnfused = (program: Planned): Plan =>
  planned(program, new Groups(program.graph, program.profile).units());
