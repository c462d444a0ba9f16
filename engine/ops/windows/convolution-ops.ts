// The convolution, its transpose and the gradient for the weights: three bilinear ops, each made of the others' parts,
// so that they differentiate any number of times.

import { DTypeError, ShapeError } from "../../base/errors.ts";
import { perAxis } from "../../base/number-checks.ts";
import { type Shape, showShape, sizeOf } from "../../base/shape.ts";
import type { Spec } from "../../kernel/kernel.ts";
import type { Sample } from "../../kernel/kernel-op.ts";
import { apply } from "../../tensor/apply.ts";
import type { Op } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add } from "../elementwise/arithmetic.ts";
import { concat } from "../layout/concat.ts";
import { transpose } from "../layout/movement.ts";
import { reshape } from "../layout/reshape.ts";
import { slice } from "../layout/slice.ts";
import { matmul } from "../matmul/matmul.ts";
import { depthwiseConvolution, depthwiseTranspose, depthwiseWeightGradient } from "./depthwise.ts";
import { col2im, im2col } from "./patches.ts";
import type { ConvolutionOptions } from "./windows.ts";
import {
  checkImage,
  imageOf,
  imageShape,
  isPointwiseWindow,
  patchesLimit,
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

/** The weights of one group's product: [taps * in, out], or with several groups [groups, taps * in, out]. */
function weightMatrices(weights: Tensor, groups: number): Tensor {
  const out = weights.shape[weights.shape.length - 1];
  if (groups === 1) return reshape(weights, [-1, out]);
  return transpose(reshape(weights, [-1, groups, out / groups]), [1, 0, 2]);
}

/** [rows, groups * n] as [groups, rows, n], one matrix a group; with one group [rows, n]. */
function splitGroups(x: Tensor, groups: number): Tensor {
  const channels = x.shape[x.shape.length - 1];
  const rows = sizeOf(x.shape.slice(0, -1));
  if (groups === 1) return reshape(x, [rows, channels]);
  return transpose(reshape(x, [rows, groups, channels / groups]), [1, 0, 2]);
}

/** The inverse of {@link splitGroups}, to a shape. */
function joinGroups(x: Tensor, groups: number, shape: Shape): Tensor {
  return reshape(groups === 1 ? x : transpose(x, [1, 0, 2]), shape);
}

/** With one spatial axis: as an image one pixel high. */
const asImage = (x: Tensor): Tensor =>
  x.shape.length === 4 ? x : reshape(x, [x.shape[0], 1, ...x.shape.slice(1)]);

const patchesOf = (image: Tensor, { window, groups }: ConvolutionAttrs): Tensor =>
  groups === 1 && isPointwiseWindow(window) ? splitGroups(image, 1) : im2col(image, window, groups);

const imagesOf = (patches: Tensor, { window, groups }: ConvolutionAttrs, shape: Shape): Tensor =>
  groups === 1 && isPointwiseWindow(window)
    ? reshape(patches, shape)
    : col2im(patches, window, shape, groups);

/** One channel in and out in every group. */
const isDepthwise = (channels: number, out: number, groups: number) =>
  groups > 1 && channels === groups && out === groups;

/** Ranges of images whose patches are made at once; at least one range. */
function parts(batch: number, channels: number, { window }: ConvolutionAttrs): [from: number, to: number][] {
  const each = sizeOf(window.output) * tapsOf(window) * channels;
  const images = Math.max(1, isPointwiseWindow(window) ? batch : Math.floor(patchesLimit.elements / each));
  if (batch <= images) return [[0, batch]];
  const count = Math.ceil(batch / images);
  return Array.from({ length: count }, (_, i) => [
    Math.floor((i * batch) / count),
    Math.floor(((i + 1) * batch) / count),
  ]);
}

const part = (x: Tensor, [from, to]: [number, number]): Tensor =>
  from === 0 && to === x.shape[0] ? x : slice(x, from, to);

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
    const { batch, channels } = imageOf(x);
    const out = weights.shape[weights.shape.length - 1];
    const image = asImage(x);
    const shape = imageShape(x.shape, window.output, out);
    if (isDepthwise(channels, out, groups)) {
      return [reshape(depthwiseConvolution(image, reshape(weights, [-1, out]), window), shape)];
    }
    const matrices = weightMatrices(weights, groups);
    const results = parts(batch, channels, attrs).map((range) => {
      const product = matmul(patchesOf(part(image, range), attrs), matrices);
      return joinGroups(
        product,
        groups,
        imageShape([range[1] - range[0], ...shape.slice(1)], window.output, out),
      );
    });
    return [results.length === 1 ? results[0] : concat(results, 0)];
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
    const { batch, channels: out } = imageOf(g);
    const channels = weights.shape[weights.shape.length - 2] * groups;
    const places = asImage(g);
    const shape = imageShape(g.shape, window.input, channels);
    if (isDepthwise(channels, out, groups)) {
      return [reshape(depthwiseTranspose(places, reshape(weights, [-1, out]), window), shape)];
    }
    const matrices = weightMatrices(weights, groups);
    const results = parts(batch, channels, attrs).map((range) => {
      const patches = matmul(splitGroups(part(places, range), groups), matrices, { transposeB: true });
      return imagesOf(patches, attrs, [range[1] - range[0], ...window.input, channels]);
    });
    return [reshape(results.length === 1 ? results[0] : concat(results, 0), shape)];
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
    const { batch, channels } = imageOf(x);
    const { channels: out } = imageOf(g);
    const size = x.shape.length === 3 ? window.size.slice(1) : window.size;
    const shape = [...size, channels / groups, out];
    const [image, places] = [asImage(x), asImage(g)];
    if (isDepthwise(channels, out, groups)) {
      return [reshape(depthwiseWeightGradient(image, places, window), shape)];
    }
    const total = parts(batch, channels, attrs)
      .map((range) =>
        matmul(patchesOf(part(image, range), attrs), splitGroups(part(places, range), groups), {
          transposeA: true,
        }),
      )
      .reduce((a, b) => add(a, b));
    return [joinGroups(total, groups, shape)];
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
