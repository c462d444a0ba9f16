// Attention and its gradients by single ops, which hold all scores in memory: for derivatives that no kernel makes.

import { tensor } from "../../tensor/create.ts";
import { noGrad } from "../../tensor/recording.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add, div, mul, sub } from "../elementwise/arithmetic.ts";
import { cast } from "../elementwise/cast.ts";
import { equal, greater, less } from "../elementwise/comparison.ts";
import { exp, log } from "../elementwise/exponential.ts";
import { logicalAnd, where } from "../elementwise/logical.ts";
import { stopGradient } from "../elementwise/stop-gradient.ts";
import { concat } from "../layout/concat.ts";
import { expand, transpose } from "../layout/movement.ts";
import { reshape } from "../layout/reshape.ts";
import { slice } from "../layout/slice.ts";
import { matmul } from "../matmul/matmul.ts";
import { dropout } from "../random/random.ts";
import { max, sum } from "../reduce/reduce.ts";
import type { Problem } from "./problem.ts";

/** What rows of scores are made of. */
export interface Operands {
  readonly problem: Problem;
  readonly packed: readonly Tensor[];
  readonly mask: Tensor | undefined;
  readonly words: Tensor | undefined;
}

type Side = 0 | 1 | 2;

const headsFirst = (x: Tensor): Tensor => transpose(x, [0, 2, 1, 3]);

/** [batch, heads, tokens, size] of queries, keys or values, for as many heads as queries have. */
function side({ problem, packed }: Operands, which: Side): Tensor {
  const { batch, heads, keyHeads, queries, keys, dim, valueDim, sources, firsts } = problem;
  const source = packed[sources[which]];
  const own = which === 0 ? heads : keyHeads;
  const size = which === 2 ? valueDim : dim;
  const tokens = which === 0 ? queries : keys;
  const first = firsts[which];
  const isAll = source.shape[2] === own * size;
  const part = isAll ? source : slice(source, [0, 0, first], [undefined, undefined, first + own * size]);
  const split = headsFirst(reshape(part, [batch, tokens, own, size]));
  if (own === heads) return split;
  const group = heads / own;
  const shared = expand(reshape(split, [batch, own, 1, tokens, size]), [batch, own, group, tokens, size]);
  return reshape(shared, [batch, heads, tokens, size]);
}

const counting = (length: number, like: Tensor): Tensor =>
  tensor(
    Float32Array.from({ length }, (_, i) => i),
    { device: like.device },
  );

/** Which keys queries see, as it broadcasts to [batch, heads, queries, keys]; undefined where they see all. */
function seenOf({ problem, packed, mask, words }: Operands): Tensor | undefined {
  return noGrad(() => {
    const { causal, queries, keys, offsets, rate, batch } = problem;
    let seen: Tensor | undefined;
    if (causal) {
      let last = reshape(counting(queries, packed[0]), [1, 1, queries, 1]);
      if (offsets !== "none") {
        const given = cast(slice(words as Tensor, [rate > 0 ? 4 : 0]), "f32");
        last = add(last, reshape(given, [offsets === "each" ? batch : 1, 1, 1, 1]));
      }
      seen = less(reshape(counting(keys, packed[0]), [1, 1, 1, keys]), add(last, 1));
    }
    if (mask === undefined) return seen;
    const byMask = mask.dtype === "bool" ? mask : greater(mask, Number.NEGATIVE_INFINITY);
    return seen === undefined ? byMask : logicalAnd(seen, byMask);
  });
}

/** Scaled and with the mask added. */
function scoresOf({ problem, mask }: Operands, q: Tensor, k: Tensor, seen: Tensor | undefined): Tensor {
  const scores = mul(matmul(q, k, { transposeB: true }), problem.scale);
  if (mask === undefined || mask.dtype === "bool") return scores;
  return add(scores, seen === undefined ? mask : where(greater(mask, Number.NEGATIVE_INFINITY), mask, 0));
}

/** 0 where a key is not seen. */
const seenOnly = (seen: Tensor | undefined, x: Tensor): Tensor =>
  seen === undefined ? x : where(seen, x, 0);

/** What dropout multiplies probabilities by; undefined for nothing. */
function keptOf({ problem, packed, words }: Operands): Tensor | undefined {
  const { rate, batch, heads, queries, keys } = problem;
  if (rate === 0) return undefined;
  return noGrad(() => {
    const stride = Math.ceil(keys / 4) * 4;
    const ones = tensor([1], { device: packed[0].device });
    const all = expand(ones, [batch * heads * queries, stride]);
    const state = slice(words as Tensor, [0], [4]);
    const kept = slice(dropout(all, rate, state), [0, 0], [undefined, keys]);
    return reshape(kept, [batch, heads, queries, keys]);
  });
}

const together = ({ batch, queries, heads, valueDim }: Problem, x: Tensor): Tensor =>
  reshape(headsFirst(x), [batch, queries, heads * valueDim]);

/** Probabilities before dropout, and the logarithms of the rows' sums. */
function probabilities(operands: Operands): { p: Tensor; logSums: Tensor } {
  const { batch, heads, queries } = operands.problem;
  const seen = seenOf(operands);
  const scores = scoresOf(operands, side(operands, 0), side(operands, 1), seen);
  const top = noGrad(() => {
    const largest = max(seen === undefined ? scores : where(seen, scores, -3.3e38), -1, { keepDims: true });
    return stopGradient(where(less(largest, -3.2e38), 0, largest));
  });
  const weights = seenOnly(seen, exp(seenOnly(seen, sub(scores, top))));
  const total = sum(weights, -1, { keepDims: true });
  const seesNone = noGrad(() => equal(total, 0));
  const divisor = where(seesNone, 1, total);
  const logSums = where(seesNone, 0, add(top, log(divisor)));
  return { p: div(weights, divisor), logSums: reshape(logSums, [batch, heads, queries]) };
}

/** The output, the rows' log-sums, and the probabilities before dropout. */
export function forwardByOps(operands: Operands): readonly [out: Tensor, logSums: Tensor, p: Tensor] {
  const { p, logSums } = probabilities(operands);
  const kept = keptOf(operands);
  const out = matmul(kept === undefined ? p : mul(p, kept), side(operands, 2));
  return [together(operands.problem, out), logSums, p];
}

/** The gradients of the packed inputs. */
export function gradientByOps(
  operands: Operands,
  out: Tensor,
  logSums: Tensor,
  dOut: Tensor,
): readonly Tensor[] {
  const { problem } = operands;
  const { batch, heads, keyHeads, queries, keys, dim, valueDim, scale, packing } = problem;
  const [q, k, v] = ([0, 1, 2] as const).map((which) => side(operands, which));
  const seen = seenOf(operands);
  const known = reshape(logSums, [batch, heads, queries, 1]);
  const p = seenOnly(seen, exp(seenOnly(seen, sub(scoresOf(operands, q, k, seen), known))));
  const kept = keptOf(operands);
  const [o, g] = [out, dOut].map((x) => headsFirst(reshape(x, [batch, queries, heads, valueDim])));
  const dp = matmul(g, v, { transposeB: true });
  const product = sum(mul(o, g), -1, { keepDims: true });
  const ds = mul(mul(p, sub(kept === undefined ? dp : mul(kept, dp), product)), scale);
  const pack = (x: Tensor, own: number, tokens: number, size: number) => {
    const group = heads / own;
    const whole = group === 1 ? x : sum(reshape(x, [batch, own, group, tokens, size]), 2);
    return reshape(headsFirst(whole), [batch, tokens, own * size]);
  };
  const dq = pack(matmul(ds, k), heads, queries, dim);
  const dk = pack(matmul(ds, q, { transposeA: true }), keyHeads, keys, dim);
  const dv = pack(
    matmul(kept === undefined ? p : mul(p, kept), g, { transposeA: true }),
    keyHeads,
    keys,
    valueDim,
  );
  if (packing === "apart") return [dq, dk, dv];
  return packing === "keyValue" ? [dq, concat([dk, dv], 2)] : [concat([dq, dk, dv], 2)];
}
