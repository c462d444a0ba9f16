// What layers compute, in TensorFlow.js: by its fused ops where it has them, as its own layers do.

import type { OpName } from "../cases/op-spec.ts";
import type { Tensor, Tfjs, TfjsOp } from "./tfjs-api.ts";

/** Axes of the places between batch and channels. */
const places = ({ shape }: Tensor) => shape.slice(2).map((_, i) => i + 1);

/** Its pools take images: a sequence becomes one that is one pixel wide. */
function pooled(tf: Tfjs, name: "maxPool" | "avgPool", x: Tensor, window: number): Tensor {
  if (x.shape.length === 4) return tf[name](x, window, window, "valid");
  const [batch, length, channels] = x.shape;
  const image = tf.reshape(x, [batch, length, 1, channels]);
  const result = tf[name](image, [window, 1], [window, 1], "valid");
  return tf.reshape(result, [batch, result.shape[1], channels]);
}

/** Of mean 0 and variance 1. By arithmetic: its batchNorm takes statistics of fewer axes only where they are tiled. */
function normalized(tf: Tfjs, x: Tensor, axes: number | readonly number[], epsilon: number): Tensor {
  const { mean, variance } = tf.moments(x, axes, true);
  return tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, epsilon)));
}

export const layerOps: Readonly<Partial<Record<OpName, TfjsOp>>> = {
  denseRelu: (tf, [a, b, bias]) => tf.fused.matMul({ a, b, bias, activation: "relu" }),
  permute: (tf, [x]) => tf.transpose(x, [0, 2, 1]),
  scale: (tf, [x], { factor }) => tf.mul(x, factor!),
  layerNorm: (tf, [x, gamma, beta], { epsilon }) =>
    tf.add(tf.mul(normalized(tf, x, -1, epsilon!), gamma), beta),
  rmsNorm: (tf, [x, gamma], { epsilon }) => {
    const square = tf.mean(tf.square(x), -1, true);
    return tf.mul(tf.mul(x, tf.rsqrt(tf.add(square, epsilon!))), gamma);
  },
  groupNorm: (tf, [x, gamma, beta], { groups, epsilon }) => {
    const [batch, height, width, channels] = x.shape;
    const grouped = tf.reshape(x, [batch, height * width, groups!, channels / groups!]);
    const normal = normalized(tf, grouped, [1, 3], epsilon!);
    return tf.add(tf.mul(tf.reshape(normal, x.shape), gamma), beta);
  },
  embedding: (tf, [rows, table]) => tf.gather(table, rows),
  conv1d: (tf, [x, kernel, bias]) => tf.add(tf.conv1d(x, kernel, 1, "same"), bias),
  conv2d: (tf, [x, filter, bias]) => tf.fused.conv2d({ x, filter, bias, strides: 1, pad: "same" }),
  depthwiseConv2d: (tf, [x, filter, bias]) =>
    tf.fused.depthwiseConv2d({ x, filter, bias, strides: 1, pad: "same" }),
  conv2dTranspose: (tf, [x, filter, bias], { stride }) => {
    const [batch, height, width] = x.shape;
    const shape = [batch, height * stride!, width * stride!, filter.shape[2]];
    return tf.add(tf.conv2dTranspose(x, filter, shape, stride!, "same"), bias);
  },
  maxPool: (tf, [x], { window }) => pooled(tf, "maxPool", x, window!),
  averagePool: (tf, [x], { window }) => pooled(tf, "avgPool", x, window!),
  globalMaxPool: (tf, [x]) => tf.max(x, places(x)),
  globalAveragePool: (tf, [x]) => tf.mean(x, places(x)),
};
