// How attention's threads share rows of the tile, in three variants, and how each cuts a call into workgroups.

import { numbersOf } from "../../kernel/adapter-numbers.ts";
import type { AdapterProfile, Variants } from "../../kernel/kernel.ts";
import { powerOfTwo } from "../../kernel/variants.ts";
import type { Problem } from "./problem.ts";

/**
 * `subgroup`: each lane reads other rows and hands them around, as software adapters want it. `shared`: a workgroup keeps
 * tiles in its memory, as GPUs want it. `direct`: each thread reads what it needs, as heads need that are too wide for
 * either.
 */
export type Variant = "subgroup" | "shared" | "direct";

export type Kernel = "forward" | "queryGradient" | "keyGradient" | "rowProducts";

/** How a kernel is cut. Widths and chunks are in vec4s. */
export interface Cut {
  readonly lanes: number;
  readonly rows: number;
  readonly tile: number;
  readonly quads: number;
  readonly a: number;
  readonly b: number;
  readonly aChunk: number;
  readonly bChunk: number;
  readonly bTile: number;
  readonly chunks: number;
  /** Of rows, in one head. */
  readonly blocks: number;
  readonly workgroups: number;
  /** Whether a thread reads its own rows again and again, where they would not fit its registers. */
  readonly rereads: boolean;
}

/** vec4s that a GPU's thread accumulates, and that it has in registers altogether. */
const mostAccumulated = 16;
const mostHeld = 40;
/** Bytes of workgroup memory that every adapter has. */
const workgroupBytes = 16384;
const gpuLanes = 64;

export function attentionVariants(problem: Problem, profile: AdapterProfile): Variants {
  const { isSoftware, subgroupSize } = profile;
  const canHandAround = subgroupSize === 4 || subgroupSize === 8;
  const fits = sharedTile(problem) > 0;
  const names = [
    ...(isSoftware && canHandAround ? ["subgroup"] : []),
    ...(fits && !isSoftware ? ["shared"] : []),
    "direct",
    ...(fits && isSoftware ? ["shared"] : []),
  ];
  const { batch, heads, queries, keys, dim, valueDim } = problem;
  return {
    family: "attention",
    problem: isSoftware
      ? undefined
      : `${powerOfTwo(batch * heads)} ${powerOfTwo(queries)}x${powerOfTwo(keys)} ${dim}-${valueDim}`,
    names,
  };
}

/** Rows of a tile that fit workgroup memory, 0 if not even four do. */
function sharedTile({ dim, valueDim }: Problem): number {
  const bytes = 16 * (Math.ceil(dim / 4) + Math.ceil(valueDim / 4)) + 8;
  return [16, 8, 4].find((rows) => rows * bytes <= workgroupBytes) ?? 0;
}

export function cutOf(kernel: Kernel, problem: Problem, variant: Variant, profile: AdapterProfile): Cut {
  const { isSoftware, subgroupSize } = profile;
  const a = Math.ceil(problem.dim / 4);
  const b = Math.ceil(problem.valueDim / 4);
  const ofKeys = kernel === "keyGradient";
  const tokens = ofKeys ? problem.keys : problem.queries;
  const lanes = variant === "subgroup" ? subgroupSize : isSoftware ? numbersOf(profile).workgroup : gpuLanes;
  // More rows a thread hide what it costs to hand the tile around, and take longer to compile.
  const most = a + b <= 8 ? 4 : a + b <= 16 ? 2 : 1;
  let rows =
    variant !== "subgroup" || kernel === "rowProducts"
      ? 1
      : kernel === "forward"
        ? most
        : Math.ceil(most / 2);
  while (rows > 1 && (rows / 2) * lanes >= tokens) rows /= 2;
  const tile = variant === "subgroup" ? lanes : variant === "shared" ? sharedTile(problem) : 4;
  const limit = isSoftware ? Number.POSITIVE_INFINITY : mostAccumulated;
  const [aChunk, bChunk] = [Math.min(a, limit), Math.min(b, limit)];
  const chunks = {
    forward: Math.ceil(b / bChunk),
    queryGradient: Math.ceil(a / aChunk),
    keyGradient: Math.max(Math.ceil(a / aChunk), Math.ceil(b / bChunk)),
    rowProducts: 1,
  }[kernel];
  const held = {
    forward: a + bChunk,
    queryGradient: a + b + aChunk,
    keyGradient: a + b + aChunk + bChunk,
    rowProducts: 0,
  }[kernel];
  const blocks = Math.ceil(tokens / (lanes * rows));
  const heads = ofKeys ? problem.keyHeads : problem.heads;
  return {
    lanes,
    rows,
    tile,
    quads: kernel === "forward" && variant === "shared" && tile >= 8 ? 2 : 1,
    a,
    b,
    aChunk,
    bChunk,
    bTile: kernel === "forward" ? bChunk : b,
    chunks,
    blocks,
    workgroups: problem.batch * heads * blocks * chunks,
    rereads: !isSoftware && held > mostHeld,
  };
}

/** How rows of the tile come by, and whether a thread keeps its own. */
export function stageHooks(kernel: Kernel, variant: Variant, { rereads }: Cut): Record<string, string> {
  const hasC = kernel === "keyGradient";
  return { ...tileHooks(variant, hasC), ...(rereads ? ownHooks(kernel) : {}) };
}

function tileHooks(variant: Variant, hasC: boolean): Record<string, string> {
  if (variant === "direct") return {};
  if (variant === "subgroup") {
    return {
      stage: `fn stage(first: u32, lane: u32) {
  for (var c = 0u; c < A4; c++) {
    lane_a[c] = row_a(first + lane, c);
  }
  for (var c = 0u; c < B_TILE; c++) {
    lane_b[c] = row_b(first + lane, c);
  }${hasC ? "\n  lane_c = row_c(first + lane);" : ""}
}
var<private> lane_a: array<vec4f, A4>;
var<private> lane_b: array<vec4f, B_TILE>;${hasC ? "\nvar<private> lane_c: vec2f;" : ""}`,
      part_a: "fn part_a(t: u32, c: u32) -> vec4f {\n  return subgroupShuffle(lane_a[c], t);\n}",
      part_b: "fn part_b(t: u32, c: u32) -> vec4f {\n  return subgroupShuffle(lane_b[c], t);\n}",
      ...(hasC ? { part_c: "fn part_c(t: u32) -> vec2f {\n  return subgroupShuffle(lane_c, t);\n}" } : {}),
    };
  }
  return {
    stage: `fn stage(first: u32, lane: u32) {
  workgroupBarrier();
  for (var n = lane; n < TILE * A4; n += LANES) {
    tile_a[n] = row_a(first + n / A4, n % A4);
  }
  for (var n = lane; n < TILE * B_TILE; n += LANES) {
    tile_b[n] = row_b(first + n / B_TILE, n % B_TILE);
  }${hasC ? "\n  for (var n = lane; n < TILE; n += LANES) {\n    tile_c[n] = row_c(first + n);\n  }" : ""}
  workgroupBarrier();
}
var<workgroup> tile_a: array<vec4f, TILE * A4>;
var<workgroup> tile_b: array<vec4f, TILE * B_TILE>;${hasC ? "\nvar<workgroup> tile_c: array<vec2f, TILE>;" : ""}`,
    part_a: "fn part_a(t: u32, c: u32) -> vec4f {\n  return tile_a[t * A4 + c];\n}",
    part_b: "fn part_b(t: u32, c: u32) -> vec4f {\n  return tile_b[t * B_TILE + c];\n}",
    ...(hasC ? { part_c: "fn part_c(t: u32) -> vec2f {\n  return tile_c[t];\n}" } : {}),
  };
}

/** A thread's own rows read where they lie. */
function ownHooks(kernel: Kernel): Record<string, string> {
  const a = kernel === "keyGradient" ? "load_k(k_at[r], c)" : "load_q(q_at[r], c)";
  const b = kernel === "keyGradient" ? "load_v(v_at[r], c)" : "load_d_out(o_at[r], c)";
  return {
    keep_own: "fn keep_own(r: u32) {\n}",
    own_a: `fn own_a(r: u32, c: u32) -> vec4f {\n  return ${a};\n}`,
    ...(kernel === "forward" ? {} : { own_b: `fn own_b(r: u32, c: u32) -> vec4f {\n  return ${b};\n}` }),
  };
}
