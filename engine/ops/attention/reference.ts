// Attention and its gradients in float64 loops.

import type { ReferenceTensor } from "../../kernel/kernel-op.ts";
import { dropoutNumbers } from "../random/random.ts";
import { deviceWords } from "../random/random-fill.ts";
import { maskStrides, type Problem } from "./problem.ts";

/** What rows of scores are made of. */
export interface Given {
  readonly problem: Problem;
  /** Those that hold queries, keys and values. */
  readonly packed: readonly ReferenceTensor[];
  readonly mask: ReferenceTensor | undefined;
  readonly words: ReferenceTensor | undefined;
}

type Side = 0 | 1 | 2;

/** Where vector `head` of token `t` begins: of queries, keys or values. */
function at({ problem }: Given, side: Side, batch: number, t: number, head: number): number {
  const tokens = side === 0 ? problem.queries : problem.keys;
  const size = side === 2 ? problem.valueDim : problem.dim;
  return (batch * tokens + t) * problem.rows[side] + problem.firsts[side] + head * size;
}

/** 0 or the scale of what dropout keeps, for every query and key; undefined without dropout. */
function keptOf({ problem, words }: Given): ((row: number, j: number) => number) | undefined {
  const { rate, batch, heads, queries, keys } = problem;
  if (rate === 0 || words === undefined) return undefined;
  const stride = Math.ceil(keys / 4) * 4;
  const { threshold, scale } = dropoutNumbers(rate);
  const drawn = deviceWords({ ...words, data: words.data.slice(0, 4) }, batch * heads * queries * stride);
  return (row, j) => (scale > 0 && drawn[row * stride + j] >= threshold ? scale : 0);
}

interface Scores {
  /** -Infinity where a key is not seen. */
  readonly scores: Float64Array;
  readonly isSeen: readonly boolean[];
}

/** The row's. */
function scoresOf(given: Given, batch: number, head: number, i: number): Scores {
  const { problem, packed, mask, words } = given;
  const { keys, dim, scale, causal, offsets, rate, heads, keyHeads } = problem;
  const first = rate > 0 ? 4 : 0;
  const offset = offsets === "none" ? 0 : (words?.data[first + (offsets === "each" ? batch : 0)] ?? 0);
  const end = causal ? Math.min(keys, i + offset + 1) : keys;
  const keyHead = Math.floor(head / (heads / keyHeads));
  const [q, k] = [packed[problem.sources[0]].data, packed[problem.sources[1]].data];
  const strides = maskStrides(problem);
  const scores = new Float64Array(keys).fill(Number.NEGATIVE_INFINITY);
  const isSeen = new Array<boolean>(keys).fill(false);
  const from = at(given, 0, batch, i, head);
  for (let j = 0; j < end; j++) {
    const to = at(given, 1, batch, j, keyHead);
    let product = 0;
    for (let c = 0; c < dim; c++) product += q[from + c] * k[to + c];
    const place = batch * strides[0] + head * strides[1] + i * strides[2] + j * strides[3];
    const value = mask?.data[place];
    isSeen[j] = mask?.dtype === "bool" ? Boolean(value) : value !== Number.NEGATIVE_INFINITY;
    if (isSeen[j]) scores[j] = product * scale + (mask?.dtype === "bool" ? 0 : (value ?? 0));
  }
  return { scores, isSeen };
}

/** Visits each row of each head. */
function eachRow({ problem }: Given, visit: (batch: number, head: number, i: number, row: number) => void) {
  const { batch, heads, queries } = problem;
  for (let row = 0; row < batch * heads * queries; row++)
    visit(Math.floor(row / queries / heads), Math.floor(row / queries) % heads, row % queries, row);
}

export function forwardReference(given: Given, out: ReferenceTensor, logSums: ReferenceTensor): void {
  const { problem, packed } = given;
  const { heads, keyHeads, queries, valueDim } = problem;
  const v = packed[problem.sources[2]].data;
  const kept = keptOf(given);
  out.data.fill(0);
  eachRow(given, (batch, head, i, row) => {
    const { scores } = scoresOf(given, batch, head, i);
    const top = scores.reduce((a, b) => Math.max(a, b));
    logSums.data[row] = 0;
    if (top === Number.NEGATIVE_INFINITY) return;
    const weights = scores.map((score) => Math.exp(score - top));
    const total = weights.reduce((a, b) => a + b);
    logSums.data[row] = top + Math.log(total);
    const to = ((batch * queries + i) * heads + head) * valueDim;
    const keyHead = Math.floor(head / (heads / keyHeads));
    weights.forEach((weight, j) => {
      if (weight === 0) return;
      const p = (weight / total) * (kept?.(row, j) ?? 1);
      const from = at(given, 2, batch, j, keyHead);
      for (let c = 0; c < valueDim; c++) out.data[to + c] += p * v[from + c];
    });
  });
}

export function gradientReference(
  given: Given,
  [out, logSums, dOut]: readonly ReferenceTensor[],
  gradients: readonly ReferenceTensor[],
): void {
  const { problem, packed } = given;
  const { heads, keyHeads, queries, dim, valueDim, scale, sources } = problem;
  const [q, k, v] = sources.map((source) => packed[source].data);
  const [dq, dk, dv] = sources.map((source) => gradients[source].data);
  const kept = keptOf(given);
  for (const { data } of gradients) data.fill(0);
  eachRow(given, (batch, head, i, row) => {
    const keyHead = Math.floor(head / (heads / keyHeads));
    const o = ((batch * queries + i) * heads + head) * valueDim;
    const from = at(given, 0, batch, i, head);
    let known = 0;
    for (let c = 0; c < valueDim; c++) known += out.data[o + c] * dOut.data[o + c];
    const { scores, isSeen } = scoresOf(given, batch, head, i);
    scores.forEach((score, j) => {
      if (!isSeen[j]) return;
      const p = Math.exp(score - logSums.data[row]);
      const factor = kept?.(row, j) ?? 1;
      const [toKey, toValue] = [at(given, 1, batch, j, keyHead), at(given, 2, batch, j, keyHead)];
      let dp = 0;
      for (let c = 0; c < valueDim; c++) {
        dp += dOut.data[o + c] * v[toValue + c];
        dv[toValue + c] += p * factor * dOut.data[o + c];
      }
      const ds = p * (factor * dp - known) * scale;
      for (let c = 0; c < dim; c++) {
        dq[from + c] += ds * k[toKey + c];
        dk[toKey + c] += ds * q[from + c];
      }
    });
  });
}
