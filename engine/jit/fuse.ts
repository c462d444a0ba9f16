// Groups the graph's nodes into units of one kernel each: chains of pointwise ops first, then pointwise work that
// rides along with a structured kernel. Says why two neighbours were kept apart.

import type { AdapterProfile } from "../kernel/kernel.ts";
import { mergeBeside } from "./fuse-beside.ts";
import { mergeChains } from "./fuse-chains.ts";
import { mergeCompanions, mergeEpilogues, mergePrologues } from "./fuse-riders.ts";
import type { Graph } from "./graph.ts";
import { Groups } from "./groups.ts";
import type { Refused } from "./refusal.ts";
import type { Unit } from "./units.ts";

export interface FuseOptions {
  /** Merge chains of pointwise ops. */
  readonly pointwise?: boolean;
  /** Let pointwise ops ride on structured kernels' results. */
  readonly epilogues?: boolean;
  /** Let reductions and products compute what they take as they read it. */
  readonly prologues?: boolean;
  /** Let small chains that do not depend on each other share one dispatch. */
  readonly beside?: boolean;
  /** Sum a gradient's rows for the bias inside the product for the weights. */
  readonly companions?: boolean;
}

export interface Fused {
  readonly units: readonly Unit[];
  /** Why neighbours that could have been one kernel are two. */
  readonly refusals: readonly Refused[];
}

export function fuse(graph: Graph, profile: AdapterProfile, options: FuseOptions = {}): Fused {
  const groups = new Groups(graph, profile);
  if (options.pointwise !== false) mergeChains(groups);
  if (options.companions !== false) mergeCompanions(groups);
  if (options.epilogues !== false) mergeEpilogues(groups);
  if (options.prologues !== false) mergePrologues(groups);
  if (options.beside !== false) mergeBeside(groups);
  return { units: groups.units(), refusals: groups.refusals };
}
