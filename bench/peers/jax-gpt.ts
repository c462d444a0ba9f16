// A transformer's block in jax-js: one product for queries, keys and values, and its own attention.

import type { Array_, Jax } from "./jax-api.ts";
import { batchNormConstants } from "./net-data.ts";

export function layerNorm({ numpy: np }: Jax, x: Array_, gamma: Array_, beta: Array_): Array_ {
  const mean = x.ref.mean(-1, { keepdims: true });
  const centred = x.sub(mean);
  const variance = np.square(centred.ref).mean(-1, { keepdims: true });
  return centred
    .div(np.sqrt(variance.add(batchNormConstants.epsilon)))
    .mul(gamma)
    .add(beta);
}

/** @param weights as `joinedBlock` has them */
export function block(jax: Jax, x: Array_, weights: readonly Array_[], heads: number): Array_ {
  const { numpy: np, nn } = jax;
  const [gamma, beta, kernel, bias, output, outputBias, gamma2, beta2, wide, wideBias, narrow, narrowBias] =
    weights;
  const [batch, steps, width] = x.shape;
  const all = np.matmul(layerNorm(jax, x.ref, gamma, beta), kernel).add(bias);
  const [q, k, v] = np.split(all, 3, -1).map((part) => part.reshape([batch, steps, heads, width / heads]));
  const joined = nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([batch, steps, width]);
  const seen = x.add(np.matmul(joined, output).add(outputBias));
  const hidden = np.matmul(layerNorm(jax, seen.ref, gamma2, beta2), wide).add(wideBias);
  return seen.add(np.matmul(nn.gelu(hidden, { approximate: false }), narrow).add(narrowBias));
}
