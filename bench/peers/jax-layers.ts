// What layers compute, in jax-js. Its convolutions want channels before places, as its nets have them: so do the pools
// and what stands between them, and their data is given to them that way.

import type { OpName, OpSpec } from "../cases/op-spec.ts";
import type { Array_, Jax, JaxOp } from "./jax-api.ts";
import { channelsFirst, kernelFirst } from "./layout.ts";
import { batchNormConstants } from "./net-data.ts";

/** One number a channel, for [batch, channels, ...places] of that rank. */
const byChannel = (vector: Array_, rank: number) => vector.reshape([-1, ...Array(rank - 2).fill(1)]);

const placesOf = ({ shape }: Array_) => shape.slice(2).map((_, i) => i + 2);

export const convolve =
  ({ isDepthwise = false, padding = "SAME" as "SAME" | "VALID" } = {}): JaxOp =>
  ({ lax }, [x, kernel, bias], { stride = 1 }) => {
    const rank = x.shape.length;
    const strides = Array(rank - 2).fill(stride);
    const options = isDepthwise ? { featureGroupCount: x.shape[1] } : {};
    return lax.convGeneralDilated(x, kernel, strides, padding, options).add(byChannel(bias, rank));
  };

export const pool =
  (reduce: (window: Array_) => Array_): JaxOp =>
  ({ lax }, [x], { window }) => {
    const lengths = placesOf(x).map(() => window!);
    return lax.reduceWindow(x, reduce, lengths, lengths);
  };

/** Mean and deviation in one pass, as flax takes them: two sums that need not wait for each other. */
function statisticsOf({ numpy }: Jax, x: Array_, axes: number | number[], epsilon: number) {
  const mean = x.ref.mean(axes, { keepdims: true });
  const squares = numpy.square(x).mean(axes, { keepdims: true });
  const variance = squares.sub(numpy.square(mean.ref));
  return { mean, deviation: numpy.sqrt(variance.add(epsilon)) };
}

/** Over axes that leave few statistics: what multiplies and what is added is worked out for those first. */
function normalize(
  jax: Jax,
  x: Array_,
  axes: number[],
  [gamma, beta]: readonly Array_[],
  epsilon: number,
): Array_ {
  const { mean, deviation } = statisticsOf(jax, x.ref, axes, epsilon);
  const scale = gamma.div(deviation);
  return x.mul(scale.ref).add(beta.sub(mean.mul(scale)));
}

/** Channels come first in those of {@link channelsFirstOps}. */
export const layerOps: Readonly<Partial<Record<OpName, JaxOp>>> = {
  denseRelu: ({ nn, numpy }, [x, weight, bias]) => nn.relu(numpy.matmul(x, weight).add(bias)),
  permute: (_, [x]) => x.transpose([0, 2, 1]),
  scale: (_, [x], { factor }) => x.mul(factor!),
  batchNorm: (jax, [x, ...affine], { epsilon = batchNormConstants.epsilon }) => {
    const vectors = affine.map((vector) => byChannel(vector, x.shape.length));
    return normalize(jax, x, [0, ...placesOf(x)], vectors, epsilon);
  },
  layerNorm: (jax, [x, gamma, beta], { epsilon }) => {
    const { mean, deviation } = statisticsOf(jax, x.ref, -1, epsilon!);
    return x.sub(mean).mul(gamma.div(deviation)).add(beta);
  },
  rmsNorm: ({ numpy }, [x, gamma], { epsilon }) => {
    const squares = numpy.square(x.ref).mean(-1, { keepdims: true });
    return x.mul(gamma.div(numpy.sqrt(squares.add(epsilon!))));
  },
  groupNorm: (jax, [x, ...affine], { groups, epsilon }) => {
    const [batch, channels, ...places] = x.shape;
    const features = channels / groups!;
    const grouped = x.reshape([batch, groups!, features, ...places]);
    const vectors = affine.map((vector) => vector.reshape([groups!, features, ...places.map(() => 1)]));
    const axes = [2, ...places.map((_, i) => i + 3)];
    return normalize(jax, grouped, axes, vectors, epsilon!).reshape([batch, channels, ...places]);
  },
  embedding: ({ numpy }, [rows, table]) => numpy.take(table, rows, 0),
  conv1d: convolve(),
  conv2d: convolve(),
  depthwiseConv2d: convolve({ isDepthwise: true }),
  conv2dTranspose: ({ lax }, [x, kernel, bias], { stride }) =>
    lax
      .convTranspose(x, kernel, [stride!, stride!], "SAME", { transposeKernel: true })
      .add(byChannel(bias, x.shape.length)),
  maxPool: pool((window) => window.max()),
  averagePool: pool((window) => window.mean()),
  globalMaxPool: (_, [x]) => x.max(placesOf(x)),
  globalAveragePool: (_, [x]) => x.mean(placesOf(x)),
};

const channelsFirstOps: readonly OpName[] = [
  "batchNorm",
  "groupNorm",
  "conv1d",
  "conv2d",
  "depthwiseConv2d",
  "conv2dTranspose",
  "maxPool",
  "averagePool",
  "globalMaxPool",
  "globalAveragePool",
];

const depthwiseFirst = [2, 3, 0, 1];

/** In what order jax-js has the axes of our inputs, and of our result by its rank; absent where it is the same. */
export interface JaxLayout {
  readonly inputs: readonly (readonly number[] | undefined)[];
  result(rank: number): readonly number[] | undefined;
}

export function layoutOf({ op, inputs }: OpSpec): JaxLayout {
  if (!channelsFirstOps.includes(op)) return { inputs: [], result: () => undefined };
  const ordered = inputs.map(({ shape }, i) => {
    if (i === 0) return channelsFirst(shape.length);
    if (shape.length === 1) return undefined;
    return op === "depthwiseConv2d" ? depthwiseFirst : kernelFirst(shape.length);
  });
  return { inputs: ordered, result: channelsFirst };
}
