// Attention's dispatches: which variant, cut how, bound to what.

import attentionSource from "../../../shaders/attention.wgsl";
import keyGradientSource from "../../../shaders/attention-key-gradient.wgsl";
import queryGradientSource from "../../../shaders/attention-query-gradient.wgsl";
import rowProductsSource from "../../../shaders/attention-row-products.wgsl";
import rowsSource from "../../../shaders/attention-rows.wgsl";
import expLogSource from "../../../shaders/exp-log.wgsl";
import philoxSource from "../../../shaders/philox.wgsl";
import {
  type AdapterProfile,
  grid,
  type HookBinding,
  type Hooks,
  input,
  type KernelCall,
  type KernelPlan,
  type Operand,
  output,
  type Shader,
  type SizeWord,
  scratch,
  shader,
} from "../../kernel/kernel.ts";
import { dropoutNumbers } from "../random/random.ts";
import { hasWords, maskStrides, type Problem } from "./problem.ts";
import { type Cut, cutOf, type Kernel, stageHooks, type Variant } from "./variants.ts";

/** A buffer that a kernel binds, by the name that its file has for it. */
interface Bound {
  readonly name: string;
  readonly operand: Operand;
  /** What lies in it; default Element. */
  readonly type?: string;
}

const sources: Readonly<Record<Kernel, string>> = {
  forward: attentionSource,
  queryGradient: queryGradientSource,
  keyGradient: keyGradientSource,
  rowProducts: rowProductsSource,
};

const names: Readonly<Record<Kernel, string>> = {
  forward: "attention",
  queryGradient: "attention-query-gradient",
  keyGradient: "attention-key-gradient",
  rowProducts: "attention-row-products",
};

const shaders = new Map<string, Shader>();

function shaderOf(kernel: Kernel, usesSubgroups: boolean): Shader {
  const key = `${kernel} ${usesSubgroups}`;
  const found = shaders.get(key);
  if (found !== undefined) return found;
  const parts = [expLogSource, philoxSource, rowsSource, sources[kernel]];
  const made = shader(names[kernel], (usesSubgroups ? ["enable subgroups;", ...parts] : parts).join("\n"));
  shaders.set(key, made);
  return made;
}

/** All that attention's kernels depend on. */
export const attentionSources: string = [rowsSource, ...Object.values(sources)].join("\n");

export function forwardKernels(problem: Problem, variant: Variant, profile: AdapterProfile): KernelPlan {
  const bound = [
    ...packedBound(problem, "read"),
    { name: "out", operand: output(0) },
    { name: "log_sums", operand: output(1), type: "f32" },
    ...extras(problem),
  ];
  return { calls: [call("forward", problem, variant, profile, bound)] };
}

/** In this order behind the packed inputs: output, log-sums, the output's gradient. */
export function gradientKernels(problem: Problem, variant: Variant, profile: AdapterProfile): KernelPlan {
  const { packed } = problem;
  const [out, logSums, dOut] = [packed, packed + 1, packed + 2].map(input);
  const read = packedBound(problem, "read");
  const also = extras(problem);
  const rows = (access: "read" | "read_write"): Bound => ({
    name: "rows",
    operand: scratch(0, access),
    type: "vec2f",
  });
  const [outBound, sumsBound, dOutBound]: Bound[] = [
    { name: "out", operand: out },
    { name: "log_sums", operand: logSums, type: "f32" },
    { name: "d_out", operand: dOut },
  ];
  const dQ: Bound = { name: "d_q", operand: output(problem.sources[0]) };
  const whole = [...read, dOutBound, outBound, sumsBound, dQ, rows("read_write"), ...also];
  const calls: KernelCall[] = [];
  if (whole.length <= profile.maxStorageBuffers) {
    calls.push(call("queryGradient", problem, variant, profile, whole));
  } else {
    const first = [dOutBound, outBound, sumsBound, rows("read_write")];
    calls.push(call("rowProducts", problem, variant, profile, first));
    const rest = [...read, dOutBound, dQ, rows("read"), ...also];
    const functions = {
      row_of: "fn row_of(n: u32, at: u32) -> vec2f {\n  return rows[n];\n}",
      store_row: "fn store_row(n: u32, value: vec2f) {\n}",
      load_out: "fn load_out(at: u32, c: u32) -> vec4f {\n  return vec4f();\n}",
    };
    calls.push(call("queryGradient", problem, variant, profile, rest, { functions }));
  }
  const dK: Bound = { name: "d_k", operand: output(problem.sources[1]) };
  const dV: Bound = { name: "d_v", operand: output(problem.sources[2]) };
  const isOne = problem.sources[1] === problem.sources[2];
  const both = [...read, dOutBound, rows("read"), dK, ...(isOne ? [] : [dV]), ...also];
  if (both.length <= profile.maxStorageBuffers) {
    calls.push(call("keyGradient", problem, variant, profile, both));
  } else {
    const needless = (name: string): Hooks => ({
      consts: { [name === "d_k" ? "makes_keys" : "makes_values"]: "false" },
      functions: {
        [`store_${name}`]: `fn store_${name}(at: u32, c: u32, value: vec4f) {\n}`,
        ...(name === "d_k" ? { load_v: "fn load_v(at: u32, c: u32) -> vec4f {\n  return vec4f();\n}" } : {}),
      },
    });
    const keys = both.filter(({ name }) => name !== "d_v");
    calls.push(call("keyGradient", problem, variant, profile, keys, needless("d_v")));
    const values = both.filter(({ name }) => name !== "d_k" && name !== "v");
    calls.push(call("keyGradient", problem, variant, profile, values, needless("d_k")));
  }
  const { batch, heads, queries } = problem;
  return { calls, scratch: [{ shape: [batch, heads, queries, 2], dtype: "f32" }] };
}

/** Queries, keys and values: one binding where they lie in one tensor. */
function packedBound({ sources }: Problem, access: "read"): Bound[] {
  return (["q", "k", "v"] as const)
    .map((name, side) => ({ name, operand: { ...input(sources[side]), access } }))
    .filter((_, side) => sources.indexOf(sources[side]) === side);
}

/** Mask, random state and positions. */
function extras(problem: Problem): Bound[] {
  const { mask, maskAt, wordsAt } = problem;
  return [
    ...(mask === undefined
      ? []
      : [{ name: "mask", operand: input(maskAt), type: mask.dtype === "bool" ? "u32" : "f32" }]),
    ...(hasWords(problem) ? [{ name: "words", operand: input(wordsAt), type: "u32" }] : []),
  ];
}

function call(
  kernel: Kernel,
  problem: Problem,
  variant: Variant,
  profile: AdapterProfile,
  bound: readonly Bound[],
  own: Hooks = {},
): KernelCall {
  const cut = cutOf(kernel, problem, variant, profile);
  const isAligned = problem.dim % 4 === 0 && problem.valueDim % 4 === 0;
  const bindings = bound.map(
    ({ name, operand, type }, at): HookBinding => ({
      name,
      binding: at + 1,
      access: operand.access,
      type: `array<${type ?? "Element"}>`,
    }),
  );
  const usesSubgroups = variant === "subgroup" && kernel !== "rowProducts";
  return {
    shader: shaderOf(kernel, usesSubgroups),
    hooks: {
      consts: { ...constsOf(problem, cut, isAligned), ...own.consts },
      ...(isAligned ? {} : { aliases: { Element: "f32" } }),
      bindings,
      functions: {
        ...accessFunctions(problem, bound, isAligned),
        ...(kernel === "rowProducts" ? {} : stageHooks(kernel, variant, cut)),
        ...seeHooks(problem),
        ...keepHooks(kernel, problem, usesSubgroups),
        ...own.functions,
      },
    },
    sizes: sizesOf(problem, cut),
    operands: bound.map(({ operand }) => operand),
    workgroups: grid(cut.workgroups, profile),
  };
}

function constsOf({ dim, valueDim }: Problem, cut: Cut, isAligned: boolean): Record<string, string> {
  const numbers = {
    LANES: cut.lanes,
    ROWS: cut.rows,
    A4: cut.a,
    B4: cut.b,
    A_SIZE: isAligned ? cut.a : dim,
    B_SIZE: isAligned ? cut.b : valueDim,
    A_CHUNK: cut.aChunk,
    B_CHUNK: cut.bChunk,
    B_TILE: cut.bTile,
    TILE: cut.tile,
    QUADS: cut.quads,
  };
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, `${value}u`]));
}

function sizesOf(problem: Problem, cut: Cut): SizeWord[] {
  const { heads, keyHeads, queries, keys, rows, firsts, causal, rate, offsets, scale, valueDim } = problem;
  const isAligned = problem.dim % 4 === 0 && valueDim % 4 === 0;
  const units = (count: number) => (isAligned ? count / 4 : count);
  const { threshold, scale: keepScale } = dropoutNumbers(rate);
  return [
    ...[heads, heads / keyHeads, queries, keys],
    ...[0, 1, 2].flatMap((side) => [units(rows[side]), units(firsts[side])]),
    units(heads * valueDim),
    ...[cut.blocks, cut.chunks, cut.workgroups],
    ...[causal ? 1 : 0, rate > 0 ? 4 : 0, offsets === "each" ? 1 : 0],
    ...maskStrides(problem),
    ...[Math.ceil(keys / 4), threshold, { f32: keepScale }, { f32: scale }, cut.tile],
  ];
}

/** Loads and stores, where they are other than the files have them: in one tensor, or of heads that are no whole vec4s. */
function accessFunctions(
  { sources }: Problem,
  bound: readonly Bound[],
  isAligned: boolean,
): Record<string, string> {
  const functions: Record<string, string> = {};
  const hasBound = (name: string) => bound.some((one) => one.name === name);
  const sides = ["q", "k", "v"];
  const holder = (side: number) => sides[sources.indexOf(sources[side])];
  const load = (name: string, buffer: string, size: string) => {
    if (!hasBound(buffer) || (isAligned && name === buffer)) return;
    functions[`load_${name}`] = isAligned
      ? `fn load_${name}(at: u32, c: u32) -> vec4f {\n  return ${buffer}[at + c];\n}`
      : `fn load_${name}(at: u32, c: u32) -> vec4f {
  let n = 4u * c;
  let i = at + n;
  let rest = vec3f(${buffer}[i + 1u], ${buffer}[i + 2u], ${buffer}[i + 3u]);
  return vec4f(${buffer}[i], select(vec3f(), rest, n + vec3u(1u, 2u, 3u) < vec3u(${size})));
}`;
  };
  sides.forEach((name, side) => {
    load(name, holder(side), side === 2 ? "B_SIZE" : "A_SIZE");
  });
  load("out", "out", "B_SIZE");
  load("d_out", "d_out", "B_SIZE");
  const store = (name: string, buffer: string, size: string) => {
    const isWritten = bound.some((one) => one.name === buffer && one.operand.access === "read_write");
    if (!isWritten || (isAligned && name === buffer)) return;
    functions[`store_${name}`] = isAligned
      ? `fn store_${name}(at: u32, c: u32, value: vec4f) {\n  ${buffer}[at + c] = value;\n}`
      : `fn store_${name}(at: u32, c: u32, value: vec4f) {
  for (var n = 4u * c; n < min(4u * c + 4u, ${size}); n++) {
    ${buffer}[at + n] = value[n & 3u];
  }
}`;
  };
  store("out", "out", "B_SIZE");
  store("d_q", "d_q", "A_SIZE");
  store("d_k", "d_k", "A_SIZE");
  store("d_v", sources[1] === sources[2] ? "d_k" : "d_v", "B_SIZE");
  return functions;
}

/** What the mask lets queries see, and where the first query stands. */
function seeHooks({ mask, offsets }: Problem): Record<string, string> {
  const functions: Record<string, string> = {};
  if (offsets !== "none")
    functions.offset_of = `fn offset_of(batch: u32) -> u32 {
  return words[sizes.offset_first + batch * sizes.offset_step];
}`;
  if (mask === undefined) return functions;
  const isBool = mask.dtype === "bool";
  const type = isBool ? "vec4u" : "vec4f";
  functions.see = `fn see(s: vec4f, place: Place, i: vec4u, j: vec4u) -> vec4f {
  let at = place.batch * sizes.mask_batch + place.head * sizes.mask_head + i * sizes.mask_query + j * sizes.mask_key;
  let given = ${type}(mask[at.x], mask[at.y], mask[at.z], mask[at.w]);
  ${
    isBool
      ? "return select(vec4f(unseen), s, given != vec4u());"
      : `let sum = s + given;
  // Minus infinity, by its bits: compilers may take for granted that there is none.
  let hidden = bitcast<vec4u>(given) == vec4u(0xff800000u);
  return select(select(sum, vec4f(lowest), sum < vec4f(lowest)), vec4f(unseen), hidden);`
  }
}`;
  return functions;
}

/** Dropout: words of the random state by row of scores and fours of keys. */
function keepHooks(kernel: Kernel, { rate }: Problem, usesSubgroups: boolean): Record<string, string> {
  if (rate === 0 || kernel === "rowProducts") return {};
  const state = "vec4u(words[0], words[1], words[2], words[3])";
  const kept = (p: string, drawn: string) =>
    `select(vec4f(), ${p} * sizes.keep_scale, (${drawn} >= vec4u(sizes.threshold)) & vec4<bool>(sizes.keep_scale > 0.0))`;
  if (kernel !== "keyGradient")
    return {
      keep: `fn keep(p: vec4f, place: Place, i: u32, j: u32) -> vec4f {
  let drawn = random_words(block_of(place, i, j), ${state});
  return ${kept("p", "drawn")};
}`,
    };
  const each = [0, 1, 2, 3];
  // A block of words is of one query and four keys. Of a subgroup, four lanes have those keys: each draws for one query.
  const draw = usesSubgroups
    ? `let own = random_words(block_of(place, i + (lane & 3u), j), ${state});
  let first = lane & ~3u;
  let drawn = vec4u(${each.map((n) => `subgroupShuffle(own, first + ${n}u)[j & 3u]`).join(", ")});`
    : `let drawn = vec4u(${each.map((n) => `random_words(block_of(place, i + ${n}u, j), ${state})[j & 3u]`).join(", ")});`;
  return {
    keep_column: `fn keep_column(p: vec4f, place: Place, i: u32, j: u32, lane: u32) -> vec4f {
  ${draw}
  return ${kept("p", "drawn")};
}`,
  };
}
