// The convolution, its transpose and the gradient for the weights: three bilinear ops, each made of the others' parts,
// so that they differentiate any number of times.

import { DTypeError, ShapeError } from "../../base/errors.ts";
import { perAxis } from "../../base/number-checks.ts";
import { showShape, sizeOf } from "../../base/shape.ts";
import type { Spec } from "../../kernel/kernel.ts";
import type { Sample } from "../../kernel/kernel-op.ts";
import { apply } from "../../tensor/apply.ts";
import type { Op } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { expand } from "../layout/movement.ts";
import { reshape } from "../layout/reshape.ts";
import { matmul } from "../matmul/matmul.ts";
import { sum } from "../reduce/reduce.ts";
import { depthwiseConvolution, depthwiseTranspose, depthwiseWeightGradient } from "./depthwise.ts";
import { swapSides, windowProduct, windowWeights } from "./window-product.ts";
import type { ConvolutionOptions } from "./windows.ts";
import {
  checkImage,
  imageOf,
  imageShape,
  isPointwiseWindow,
  resolveWindow,
  tapsOf,
  type Window,
} from "./windows.ts";

// Images are [batch, ...spatial, channels] and weights [...window, in / groups, out], as in TensorFlow and Keras: with
// channels last, patches and weights are matrices as they lie in memory, and a bias is a row. Depthwise ones are sums
// over the window instead of products.

export interface ConvolutionAttrs {
  readonly window: Window;
  readonly groups: number;
}

export const nameOf = (rank: number, suffix = "") => `conv${suffix}${rank - 2}d`;

function checkFloats(op: string, named: Readonly<Record<string, Spec>>): void {
  for (const [name, { dtype }] of Object.entries(named)) {
    if (dtype !== "f32")
      throw new DTypeError(`${op}: ${name} is ${dtype}; it must be f32. Use cast(x, "f32")`);
  }
}

/** Checks that `weights` [...size, in / groups, out] fit the window and `channels`, the in side; gives out. */
function checkWeights(
  op: string,
  weights: Spec,
  channels: number,
  { window, groups }: ConvolutionAttrs,
): number {
  const [into, out] = weights.shape.slice(-2);
  if (
    into * groups !== channels ||
    out % groups !== 0 ||
    sizeOf(weights.shape.slice(0, -2)) !== tapsOf(window)
  ) {
    throw new ShapeError(
      `${op}: weights ${showShape(weights.shape)} do not fit ${channels} channels in ${groups} groups`,
    );
  }
  return out;
}

/** With one spatial axis: as an image one pixel high. */
const asImage = (x: Tensor): Tensor =>
  x.shape.length === 4 ? x : reshape(x, [x.shape[0], 1, ...x.shape.slice(1)]);

/** A convolution of one pixel is a product of matrices as they lie. */
const isPlain = ({ window, groups }: ConvolutionAttrs): boolean => groups === 1 && isPointwiseWindow(window);

const matrixOf = (x: Tensor): Tensor =>
  reshape(x, [sizeOf(x.shape.slice(0, -1)), x.shape[x.shape.length - 1]]);

/** Weights [taps, in / groups, out]. */
const tapsFirst = (weights: Tensor, { window }: ConvolutionAttrs): Tensor =>
  reshape(weights, [tapsOf(window), ...weights.shape.slice(-2)]);

/** One channel in every group: each under as many windows of its own as there are channels out. */
const isDepthwise = (channels: number, groups: number) => groups > 1 && channels === groups;

/** Each channel as many times as there are windows of its own. */
function repeated(image: Tensor, out: number): Tensor {
  const { shape } = image;
  const channels = shape[3];
  if (out === channels) return image;
  const each = expand(reshape(image, [...shape, 1]), [...shape, out / channels]);
  return reshape(each, [...shape.slice(0, 3), out]);
}

/** What the windows of each channel give for it together. */
function gathered(images: Tensor, channels: number): Tensor {
  const { shape } = images;
  if (channels === shape[3]) return images;
  return sum(reshape(images, [...shape.slice(0, 3), channels, shape[3] / channels]), [4]);
}

export const convolution: Op<ConvolutionAttrs> = {
  name: "convolution",
  saves: { inputs: [0, 1] },
  infer: ([x, weights], attrs) => {
    const op = nameOf(x.shape.length);
    checkFloats(op, { x, weights });
    checkImage(op, "x", x, attrs.window.input);
    const out = checkWeights(op, weights, imageOf(x).channels, attrs);
    return [{ shape: imageShape(x.shape, attrs.window.output, out), dtype: "f32" }];
  },
  compose: ([x, weights], attrs) => {
    const { window, groups } = attrs;
    const { channels } = imageOf(x);
    const out = weights.shape[weights.shape.length - 1];
    const image = asImage(x);
    const shape = imageShape(x.shape, window.output, out);
    if (isDepthwise(channels, groups)) {
      return [
        reshape(depthwiseConvolution(repeated(image, out), reshape(weights, [-1, out]), window), shape),
      ];
    }
    if (isPlain(attrs)) return [reshape(matmul(matrixOf(x), matrixOf(weights)), shape)];
    return [reshape(windowProduct(image, tapsFirst(weights, attrs), window, groups, "forth"), shape)];
  },
  vjp: ({ grad, input, needs, attrs }) => [
    needs(0) ? apply(transposed, [grad(), input(1)], attrs)[0] : null,
    needs(1) ? apply(weightGradient, [input(0), grad()], attrs)[0] : null,
  ],
  samples: samples("image", "weights"),
};

/** The gradient of a convolution's images for that of its result: the transposed convolution. */
export const transposed: Op<ConvolutionAttrs> = {
  name: "convolutionTranspose",
  saves: { inputs: [0, 1] },
  infer: ([g, weights], attrs) => {
    const op = nameOf(g.shape.length, "Transpose");
    checkFloats(op, { x: g, weights });
    checkImage(op, "x", g, attrs.window.output);
    const channels = weights.shape[weights.shape.length - 2] * attrs.groups;
    if (checkWeights(op, weights, channels, attrs) !== imageOf(g).channels) {
      throw new ShapeError(`${op}: weights ${showShape(weights.shape)} do not fit x ${showShape(g.shape)}`);
    }
    return [{ shape: imageShape(g.shape, attrs.window.input, channels), dtype: "f32" }];
  },
  compose: ([g, weights], attrs) => {
    const { window, groups } = attrs;
    const { channels: out } = imageOf(g);
    const channels = weights.shape[weights.shape.length - 2] * groups;
    const places = asImage(g);
    const shape = imageShape(g.shape, window.input, channels);
    if (isDepthwise(channels, groups)) {
      const images = depthwiseTranspose(places, reshape(weights, [-1, out]), window);
      return [reshape(gathered(images, channels), shape)];
    }
    if (isPlain(attrs)) {
      return [reshape(matmul(matrixOf(g), matrixOf(weights), { transposeB: true }), shape)];
    }
    const swapped = swapSides(tapsFirst(weights, attrs), groups);
    return [reshape(windowProduct(places, swapped, window, groups, "back"), shape)];
  },
  vjp: ({ grad, input, needs, attrs }) => [
    needs(0) ? apply(convolution, [grad(), input(1)], attrs)[0] : null,
    needs(1) ? apply(weightGradient, [grad(), input(0)], attrs)[0] : null,
  ],
  samples: samples("places", "weights"),
};

/** The gradient of a convolution's weights for its images and the gradient of its result. */
export const weightGradient: Op<ConvolutionAttrs> = {
  name: "convolutionWeightGradient",
  saves: { inputs: [0, 1] },
  infer: ([x, g], { window, groups }) => {
    const op = `the weight gradient of ${nameOf(x.shape.length)}`;
    checkFloats(op, { x, g });
    checkImage(op, "x", x, window.input);
    checkImage(op, "g", g, window.output);
    const size = x.shape.length === 3 ? window.size.slice(1) : window.size;
    return [{ shape: [...size, imageOf(x).channels / groups, imageOf(g).channels], dtype: "f32" }];
  },
  compose: ([x, g], attrs) => {
    const { window, groups } = attrs;
    const { channels } = imageOf(x);
    const { channels: out } = imageOf(g);
    const size = x.shape.length === 3 ? window.size.slice(1) : window.size;
    const shape = [...size, channels / groups, out];
    const [image, places] = [asImage(x), asImage(g)];
    if (isDepthwise(channels, groups)) {
      return [reshape(depthwiseWeightGradient(repeated(image, out), places, window), shape)];
    }
    if (isPlain(attrs)) {
      return [reshape(matmul(matrixOf(x), matrixOf(g), { transposeA: true }), shape)];
    }
    return [reshape(windowWeights(image, places, window, groups), shape)];
  },
  vjp: ({ grad, input, needs, attrs }) => [
    needs(0) ? apply(transposed, [input(1), grad()], attrs)[0] : null,
    needs(1) ? apply(convolution, [input(0), grad()], attrs)[0] : null,
  ],
  samples: samples("image", "places"),
};

function samples(...inputs: ("image" | "weights" | "places")[]): Sample<ConvolutionAttrs>[] {
  const sample = (
    image: readonly number[],
    size: readonly number[],
    out: number,
    options: ConvolutionOptions = {},
  ): Sample<ConvolutionAttrs> => {
    const { stride = 1, padding = "valid", dilation = 1, groups = 1 } = options;
    const rank = size.length;
    const window = resolveWindow(
      "convolution",
      image.slice(1, -1),
      size,
      perAxis("convolution", "stride", stride, rank),
      perAxis("convolution", "dilation", dilation, rank),
      padding,
    );
    const channels = image[rank + 1];
    const shapes = {
      image,
      weights: [...size, channels / groups, out],
      places: imageShape(image, window.output, out),
    };
    return { inputs: inputs.map((which) => ({ shape: shapes[which] })), attrs: { window, groups } };
  };
  return [
    sample([2, 6, 5, 3], [3, 2], 4),
    sample([2, 7, 7, 4], [3, 3], 5, { stride: 2, padding: "same" }),
    sample([1, 5, 6, 2], [2, 2], 3, { stride: [3, 1], padding: [[1, 0], 2], dilation: [1, 2] }),
    sample([2, 4, 4, 6], [2, 3], 4, { groups: 2, padding: 1 }),
    sample([2, 5, 5, 4], [3, 3], 4, { groups: 4, padding: "same", stride: 2 }),
    sample([2, 3, 3, 5], [1, 1], 4),
    sample([2, 9, 3], [4], 2, { stride: 2, dilation: 2 }),
    sample([3, 6, 2], [3], 2, { groups: 2, padding: "same" }),
    sample([0, 5, 5, 2], [2, 2], 3),
  ];
}
