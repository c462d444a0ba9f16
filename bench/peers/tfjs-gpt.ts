// A transformer's block on tfjs-core: one product for queries, keys and values, scores with what comes later masked by a
// large negative number.

import { batchNormConstants } from "./net-data.ts";
import type { Tensor, Tfjs } from "./tfjs-api.ts";

export function layerNorm(tf: Tfjs, x: Tensor, gamma: Tensor, beta: Tensor): Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  const scale = tf.mul(tf.rsqrt(tf.add(variance, batchNormConstants.epsilon)), gamma);
  return tf.add(tf.mul(tf.sub(x, mean), scale), beta);
}

const gelu = (tf: Tfjs, x: Tensor): Tensor =>
  tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));

/** 0 where a step sees another, and a large negative number where that comes later: one for all steps of training. */
const masks = new WeakMap<Tfjs, Map<number, Tensor>>();

function maskOf(tf: Tfjs, steps: number): Tensor {
  const known = masks.get(tf) ?? new Map<number, Tensor>();
  masks.set(tf, known);
  const mask =
    known.get(steps) ??
    tf.keep(
      tf.tensor(
        Float32Array.from({ length: steps * steps }, (_, i) =>
          i % steps > Math.floor(i / steps) ? -1e9 : 0,
        ),
        [steps, steps],
      ),
    );
  known.set(steps, mask);
  return mask;
}

/** @param weights as `joinedBlock` has them */
export function block(tf: Tfjs, x: Tensor, weights: readonly Tensor[], heads: number): Tensor {
  const [gamma, beta, kernel, bias, output, outputBias, gamma2, beta2, wide, wideBias, narrow, narrowBias] =
    weights;
  const [batch, steps, width] = x.shape;
  const rows = batch * steps;
  const flat = (value: Tensor) => tf.reshape(value, [rows, width]);
  const all = tf.fused.matMul({ a: flat(layerNorm(tf, x, gamma, beta)), b: kernel, bias });
  const [q, k, v] = tf
    .split(all, 3, 1)
    .map((part) => tf.transpose(tf.reshape(part, [batch, steps, heads, width / heads]), [0, 2, 1, 3]));
  const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(width / heads));
  const shares = tf.softmax(tf.add(scores, maskOf(tf, steps)));
  const joined = tf.transpose(tf.matMul(shares, v), [0, 2, 1, 3]);
  const attended = tf.fused.matMul({ a: flat(joined), b: output, bias: outputBias });
  const seen = tf.add(x, tf.reshape(attended, x.shape));
  const hidden = tf.fused.matMul({ a: flat(layerNorm(tf, seen, gamma2, beta2)), b: wide, bias: wideBias });
  const result = tf.fused.matMul({ a: gelu(tf, hidden), b: narrow, bias: narrowBias });
  return tf.add(seen, tf.reshape(result, x.shape));
}
