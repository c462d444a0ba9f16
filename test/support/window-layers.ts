// Layers over windows, and what tfjs gives for the same input and weights: its own layer where it has one, else its ops.

import type * as Tf from "@tensorflow/tfjs-core";
import type { Tensor } from "../../engine/index.ts";
import type { Layer } from "../../nn/index.ts";
import * as nn from "../../nn/index.ts";
import type { TfjsLayers } from "./tfjs.ts";

type Want = (tf: TfjsLayers, x: Tf.Tensor, weights: Tf.Tensor[]) => Tf.Tensor;

export interface WindowCase {
  readonly name: string;
  readonly make: () => Layer<Tensor, Tensor>;
  /** The batch first. */
  readonly shape: readonly number[];
  readonly want: Want;
}

/** Layers of tfjs-layers by the name of their maker, with the weights that they are given. */
const layer =
  (name: string, options: object = {}): Want =>
  ({ tfl }, x, weights) => {
    const make = Reflect.get(tfl.layers, name) as (options: object) => InstanceType<typeof tfl.layers.Layer>;
    const made = make.call(tfl.layers, options);
    made.build(x.shape);
    made.setWeights(weights);
    return made.apply(x) as Tf.Tensor;
  };

/** What 2D ops give for sequences as images one pixel high. */
const flat =
  (want: Want): Want =>
  (tf, x, weights) =>
    tf.squeeze(want(tf, tf.expandDims(x, 1), weights), [1]);

const four = (x: Tf.Tensor) => x as Tf.Tensor4D;

/** Zeros in front of time. */
const inFront =
  (count: number, want: Want): Want =>
  (tf, x, weights) =>
    want(
      tf,
      tf.pad(x, [
        [0, 0],
        [count, 0],
        [0, 0],
      ]),
      weights,
    );

/** A transposed convolution to height and width. */
const transposedTo =
  (height: number, width: number, stride: number, pad: "same" | "valid"): Want =>
  (tf, x, [kernel, bias]) =>
    tf.add(
      tf.conv2dTranspose(
        four(x),
        four(kernel),
        [x.shape[0], height, width, kernel.shape[2] as number],
        stride,
        pad,
      ),
      bias,
    );

/** Kernels of one axis as those of an image one pixel high; the bias as it is. */
const flatKernels =
  (want: Want): Want =>
  (tf, x, weights) =>
    want(
      tf,
      x,
      weights.map((weight) => (weight.rank === 1 ? weight : tf.expandDims(weight, 0))),
    );

const depthwise: Want = (tf, x, [kernel, bias]) =>
  tf.add(tf.depthwiseConv2d(four(x), four(kernel), 1, "valid"), bias);

/** Of images cut apart and put together by groups of channels. */
const grouped =
  (groups: number, stride: number): Want =>
  (tf, x, [kernel, bias]) => {
    const images = tf.split(x, groups, -1);
    const kernels = tf.split(kernel, groups, -1);
    const parts = images.map((part, i) => tf.conv2d(four(part), four(kernels[i]), stride, "same"));
    return tf.add(tf.concat(parts, -1), bias);
  };

const relu = { activation: "relu" };

export const windowCases: readonly WindowCase[] = [
  {
    name: "Conv1D, causal",
    make: () => new nn.Conv1D(5, 4, { padding: "causal", ...relu }),
    shape: [2, 9, 3],
    // tfjs has no causal padding.
    want: inFront(3, layer("conv1d", { filters: 5, kernelSize: 4, ...relu })),
  },
  {
    name: "Conv1D, causal and dilated",
    make: () => new nn.Conv1D(5, 3, { padding: "causal", dilationRate: 2 }),
    shape: [2, 11, 3],
    want: inFront(4, layer("conv1d", { filters: 5, kernelSize: 3, dilationRate: 2 })),
  },
  {
    name: "Conv1D, same, strided",
    make: () => new nn.Conv1D(4, 5, { padding: "same", strides: 3 }),
    shape: [2, 11, 3],
    want: layer("conv1d", { filters: 4, kernelSize: 5, padding: "same", strides: 3 }),
  },
  {
    name: "Conv1D, causal, in groups",
    make: () => new nn.Conv1D(6, 3, { padding: "causal", groups: 2, strides: 2 }),
    shape: [2, 10, 4],
    want: inFront(
      2,
      flat(
        flatKernels((tf, x, [kernel, bias]) => {
          const [images, kernels] = [tf.split(x, 2, -1), tf.split(kernel, 2, -1)];
          const parts = images.map((part, i) => tf.conv2d(four(part), four(kernels[i]), [1, 2], "valid"));
          return tf.add(tf.concat(parts, -1), bias);
        }),
      ),
    ),
  },
  {
    name: "Conv2D, dilated",
    make: () => new nn.Conv2D(4, [3, 2], { dilationRate: [2, 1], activation: "tanh" }),
    shape: [2, 9, 7, 3],
    want: layer("conv2d", { filters: 4, kernelSize: [3, 2], dilationRate: [2, 1], activation: "tanh" }),
  },
  {
    name: "Conv2D, in groups",
    make: () => new nn.Conv2D(6, 3, { groups: 3, padding: "same", strides: 2 }),
    shape: [2, 7, 8, 6],
    want: grouped(3, 2),
  },
  {
    name: "Conv2DTranspose, same",
    make: () => new nn.Conv2DTranspose(3, 3, { strides: 2, padding: "same", ...relu }),
    shape: [2, 4, 5, 2],
    want: layer("conv2dTranspose", { filters: 3, kernelSize: 3, strides: 2, padding: "same", ...relu }),
  },
  {
    name: "Conv2DTranspose, valid",
    make: () => new nn.Conv2DTranspose(3, [2, 5], { strides: [3, 2] }),
    shape: [2, 4, 5, 2],
    want: layer("conv2dTranspose", { filters: 3, kernelSize: [2, 5], strides: [3, 2] }),
  },
  {
    name: "Conv2DTranspose, same, one shorter",
    make: () => new nn.Conv2DTranspose(3, 3, { strides: 2, padding: "same", outputPadding: 0 }),
    shape: [2, 4, 5, 2],
    want: transposedTo(7, 9, 2, "same"),
  },
  {
    name: "Conv2DTranspose, same, output padding",
    make: () => new nn.Conv2DTranspose(3, 5, { strides: 3, padding: "same", outputPadding: [1, 2] }),
    shape: [2, 4, 5, 2],
    want: transposedTo(11, 15, 3, "same"),
  },
  {
    name: "Conv2DTranspose, valid, output padding",
    make: () => new nn.Conv2DTranspose(3, 3, { strides: 2, outputPadding: 1 }),
    shape: [2, 4, 5, 2],
    want: transposedTo(10, 12, 2, "valid"),
  },
  {
    name: "Conv1DTranspose, same",
    make: () => new nn.Conv1DTranspose(3, 4, { strides: 1, padding: "same" }),
    shape: [2, 7, 4],
    want: flat(flatKernels((tf, x, weights) => transposedTo(1, 7, 1, "same")(tf, x, weights))),
  },
  {
    name: "Conv1DTranspose, valid, strided",
    make: () => new nn.Conv1DTranspose(3, 4, { strides: 3 }),
    shape: [2, 5, 4],
    want: flat(
      flatKernels((tf, x, [kernel, bias]) =>
        tf.add(tf.conv2dTranspose(four(x), four(kernel), [2, 1, 16, 3], [1, 3], "valid"), bias),
      ),
    ),
  },
  {
    name: "DepthwiseConv1D",
    make: () => new nn.DepthwiseConv1D(3, { depthMultiplier: 2 }),
    shape: [2, 9, 3],
    want: flat(flatKernels(depthwise)),
  },
  {
    name: "DepthwiseConv1D, causal",
    make: () => new nn.DepthwiseConv1D(4, { padding: "causal" }),
    shape: [2, 9, 3],
    want: inFront(3, flat(flatKernels(depthwise))),
  },
  {
    name: "DepthwiseConv2D",
    make: () => new nn.DepthwiseConv2D([3, 2], { depthMultiplier: 2, padding: "same", strides: 2 }),
    shape: [2, 7, 6, 3],
    want: layer("depthwiseConv2d", { kernelSize: [3, 2], depthMultiplier: 2, padding: "same", strides: 2 }),
  },
  {
    name: "SeparableConv2D",
    make: () => new nn.SeparableConv2D(5, 3, { depthMultiplier: 2, padding: "same", strides: 2, ...relu }),
    shape: [2, 7, 6, 3],
    want: layer("separableConv2d", {
      ...{ filters: 5, kernelSize: 3, depthMultiplier: 2, padding: "same", strides: 2, ...relu },
    }),
  },
  {
    name: "SeparableConv1D, causal",
    make: () => new nn.SeparableConv1D(5, 3, { depthMultiplier: 2, padding: "causal" }),
    shape: [2, 9, 3],
    want: inFront(
      2,
      flat(
        flatKernels((tf, x, [kernel, pointwise, bias]) =>
          tf.add(tf.separableConv2d(four(x), four(kernel), four(pointwise), 1, "valid"), bias),
        ),
      ),
    ),
  },
  {
    name: "UpSampling2D",
    make: () => new nn.UpSampling2D([2, 3]),
    shape: [2, 3, 4, 3],
    want: layer("upSampling2d", { size: [2, 3] }),
  },
  {
    name: "UpSampling2D, bilinear",
    make: () => new nn.UpSampling2D([2, 3], { interpolation: "bilinear" }),
    shape: [2, 3, 4, 3],
    // tfjs-layers does not compare pixels by their centres, as Keras does; tfjs can.
    want: (tf, x) => tf.image.resizeBilinear(four(x), [6, 12], false, true),
  },
  {
    name: "UpSampling1D",
    make: () => new nn.UpSampling1D(3),
    shape: [2, 5, 3],
    want: flat(layer("upSampling2d", { size: [1, 3] })),
  },
  {
    name: "ZeroPadding2D",
    make: () =>
      new nn.ZeroPadding2D([
        [1, 2],
        [0, 3],
      ]),
    shape: [2, 3, 4, 3],
    want: layer("zeroPadding2d", {
      padding: [
        [1, 2],
        [0, 3],
      ],
    }),
  },
  {
    name: "ZeroPadding1D",
    make: () => new nn.ZeroPadding1D([2, 1]),
    shape: [2, 5, 3],
    want: flat(
      layer("zeroPadding2d", {
        padding: [
          [0, 0],
          [2, 1],
        ],
      }),
    ),
  },
  {
    name: "Cropping2D",
    make: () =>
      new nn.Cropping2D([
        [1, 2],
        [0, 3],
      ]),
    shape: [2, 7, 6, 3],
    want: layer("cropping2D", {
      cropping: [
        [1, 2],
        [0, 3],
      ],
    }),
  },
  {
    name: "Cropping1D",
    make: () => new nn.Cropping1D([2, 1]),
    shape: [2, 7, 3],
    want: flat(
      layer("cropping2D", {
        cropping: [
          [0, 0],
          [2, 1],
        ],
      }),
    ),
  },
  {
    name: "MaxPooling1D",
    make: () => new nn.MaxPooling1D(3, { strides: 2, padding: "same" }),
    shape: [2, 9, 3],
    want: layer("maxPooling1d", { poolSize: 3, strides: 2, padding: "same" }),
  },
  {
    name: "MaxPooling2D",
    make: () => new nn.MaxPooling2D([3, 2], { strides: 2, padding: "same" }),
    shape: [2, 9, 7, 3],
    want: layer("maxPooling2d", { poolSize: [3, 2], strides: [2, 2], padding: "same" }),
  },
  {
    name: "AveragePooling1D",
    make: () => new nn.AveragePooling1D(3, { strides: 2, padding: "same" }),
    shape: [2, 9, 3],
    want: layer("averagePooling1d", { poolSize: 3, strides: 2, padding: "same" }),
  },
  {
    name: "AveragePooling2D",
    make: () => new nn.AveragePooling2D([3, 2], { strides: 2, padding: "same" }),
    shape: [2, 9, 7, 3],
    want: layer("averagePooling2d", { poolSize: [3, 2], strides: [2, 2], padding: "same" }),
  },
  ...[nn.GlobalAveragePooling1D, nn.GlobalAveragePooling2D, nn.GlobalMaxPooling1D, nn.GlobalMaxPooling2D].map(
    (Pooling) => ({
      name: Pooling.name,
      make: () => new Pooling(),
      shape: Pooling.name.endsWith("1D") ? [2, 9, 3] : [2, 5, 7, 3],
      want: layer(Pooling.name.replace(/^G/, "g").replace(/D$/, "d")),
    }),
  ),
];
