// LSTM and GRU on tfjs-core: one product for the inputs of all steps, then a few ops a step. Its own layers make a product
// of each step's inputs, and so more calls.

import type { LayerSpec } from "../cases/nets.ts";
import type { Tensor, Tfjs } from "./tfjs-api.ts";

type Recurrent = Extract<LayerSpec, { kind: "lstm" | "gru" }>;

/** [batch, steps, features] to what all steps of an LSTM gave, or the last one of a GRU. */
export function recurrent(
  tf: Tfjs,
  { kind, units }: Recurrent,
  x: Tensor,
  [kernel, recurrentKernel, bias, recurrentBias]: readonly Tensor[],
  masks: readonly Tensor[] | undefined,
): Tensor {
  const [batch, steps, features] = x.shape;
  const all = tf.fused.matMul({ a: tf.reshape(x, [batch * steps, features]), b: kernel, bias });
  const rows = tf.unstack(tf.reshape(all, [batch, steps, -1]), 1);
  const outputs: Tensor[] = [];
  let h = tf.zeros([batch, units]);
  let c = h;
  rows.forEach((row, step) => {
    if (kind === "lstm") {
      const [i, f, g, o] = tf.split(tf.add(tf.matMul(h, recurrentKernel), row), 4, 1);
      c = tf.add(tf.mul(tf.sigmoid(f), c), tf.mul(tf.sigmoid(i), tf.tanh(g)));
      h = tf.mul(tf.sigmoid(o), tf.tanh(c));
      outputs.push(h);
      return;
    }
    const product = tf.fused.matMul({ a: h, b: recurrentKernel, bias: recurrentBias });
    const [z, r, n] = tf.split(row, 3, 1);
    const [uz, ur, un] = tf.split(product, 3, 1);
    const update = tf.sigmoid(tf.add(z, uz));
    const candidate = tf.tanh(tf.add(n, tf.mul(tf.sigmoid(tf.add(r, ur)), un)));
    const change = tf.mul(tf.sub(h, candidate), update);
    const next = tf.add(candidate, change);
    h = masks === undefined ? next : tf.add(h, tf.mul(tf.sub(next, h), masks[step]));
  });
  return kind === "gru" ? h : tf.stack(outputs, 1);
}
