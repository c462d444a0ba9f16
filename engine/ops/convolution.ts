// Convolutions over one or two spatial axes, and transposed ones. Three bilinear ops, made of patches and matrix
// products (depthwise ones: of sums over the window), are each other's gradients, so they differentiate any number of
// times. How windows and patches work, this file does not know.
//
// Images are [batch, ...spatial, channels] and weights [...window, in / groups, out], as in TensorFlow and Keras: with
// channels last, patches and weights are matrices as they lie in memory, and a bias is a row.

import { apply } from "../apply.ts";
import { ArgumentError, DTypeError, ShapeError } from "../errors.ts";
import type { Spec } from "../kernel.ts";
import type { Op, OpFunction, Sample } from "../op.ts";
import { type Shape, showShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { add } from "./arithmetic.ts";
import { concat } from "./concat.ts";
import { depthwiseConvolution, depthwiseTranspose, depthwiseWeightGradient } from "./depthwise.ts";
import { matmul } from "./matmul.ts";
import { slice, transpose } from "./movement.ts";
import { col2im, im2col } from "./patches.ts";
import { reshape } from "./reshape.ts";
import {
  asPair,
  checkImage,
  explicitPadding,
  imageOf,
  imageShape,
  isPointwiseWindow,
  type PerAxis,
  patchesLimit,
  perAxis,
  resolveWindow,
  span,
  tapsOf,
  type Window,
  type WindowOptions,
} from "./windows.ts";

export interface ConvolutionOptions extends WindowOptions {
  /** Distance between the pixels that neighbouring taps read; default 1. */
  dilation?: PerAxis;
  /** Groups of channels: each group of outputs sees only its group of inputs; default 1. */
  groups?: number;
}

export interface ConvolutionTransposeOptions extends ConvolutionOptions {
  /** Extra length at the end of each spatial axis, less than the stride; only with explicit padding. */
  outputPadding?: PerAxis;
}

interface ConvolutionAttrs {
  readonly window: Window;
  readonly groups: number;
}

const nameOf = (rank: number, suffix = "") => `conv${suffix}${rank - 2}d`;

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

const convolution: Op<ConvolutionAttrs> = {
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
const transposed: Op<ConvolutionAttrs> = {
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
const weightGradient: Op<ConvolutionAttrs> = {
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

type Convolution<O> = OpFunction<[x: Tensor, weights: Tensor, options?: O], Tensor>;

function checkRanks(op: string, rank: number, x: Tensor, weights: Tensor, layout: string): void {
  for (const [name, { shape }, wanted] of [
    ["x", x, rank === 1 ? "[batch, length, channels]" : "[batch, height, width, channels]"],
    ["weights", weights, `[${rank === 1 ? "length" : "height, width"}, ${layout}]`],
  ] as const) {
    if (shape?.length === rank + 2) continue;
    throw new ShapeError(
      `${op}: ${name} must be ${wanted}, ${rank + 2} axes, got ${shape === undefined ? String(shape) : showShape(shape)}`,
    );
  }
}

function checkGroups(op: string, groups: number, counts: Readonly<Record<string, number>>): void {
  if (!Number.isInteger(groups) || groups < 1) {
    throw new ArgumentError(`${op}: groups must be a whole number of at least 1, got ${groups}`);
  }
  for (const [what, count] of Object.entries(counts)) {
    if (count % groups !== 0) {
      throw new ShapeError(`${op}: ${groups} groups do not divide the ${count} ${what} channels`);
    }
  }
}

function convolutionOver(rank: 1 | 2): Convolution<ConvolutionOptions> {
  const name = nameOf(rank + 2);
  const call = (x: Tensor, weights: Tensor, options: ConvolutionOptions = {}): Tensor => {
    const { stride = 1, padding = "valid", dilation = 1, groups = 1 } = options;
    checkRanks(name, rank, x, weights, "in / groups, out");
    const channels = x.shape[rank + 1];
    const [into, out] = weights.shape.slice(-2);
    checkGroups(name, groups, { input: channels, output: out });
    if (into * groups !== channels) {
      throw new ShapeError(
        `${name}: x ${showShape(x.shape)} and weights ${showShape(weights.shape)} disagree: the weights' second to last axis must be x's channels / groups (${into} vs ${channels} / ${groups})`,
      );
    }
    const window = resolveWindow(
      name,
      x.shape.slice(1, -1),
      weights.shape.slice(0, rank),
      perAxis(name, "stride", stride, rank),
      perAxis(name, "dilation", dilation, rank),
      padding,
    );
    return apply(convolution, [x, weights], { window, groups })[0];
  };
  return Object.assign(call, { op: convolution as Op });
}

function convolutionTransposeOver(rank: 1 | 2): Convolution<ConvolutionTransposeOptions> {
  const name = nameOf(rank + 2, "Transpose");
  const call = (x: Tensor, weights: Tensor, options: ConvolutionTransposeOptions = {}): Tensor => {
    const { stride = 1, padding = "valid", dilation = 1, groups = 1, outputPadding = 0 } = options;
    checkRanks(name, rank, x, weights, "out / groups, in");
    const into = weights.shape[rank + 1];
    const channels = x.shape[rank + 1];
    checkGroups(name, groups, { input: channels });
    if (into !== channels) {
      throw new ShapeError(
        `${name}: x ${showShape(x.shape)} and weights ${showShape(weights.shape)} disagree: the weights' last axis must be x's channels (${into} vs ${channels})`,
      );
    }
    const spatial = x.shape.slice(1, -1);
    const size = weights.shape.slice(0, rank);
    const strides = perAxis(name, "stride", stride, rank);
    const dilations = perAxis(name, "dilation", dilation, rank);
    const pairs = explicitPadding(name, padding, rank);
    const extra = perAxis(name, "outputPadding", outputPadding, rank, 0);
    const wrong = extra.findIndex((n, axis) => n > 0 && (pairs === undefined || n >= strides[axis]));
    if (wrong >= 0) {
      throw new ArgumentError(
        `${name}: outputPadding ${extra[wrong]} must be less than the stride ${strides[wrong]}, beside explicit padding (it is ${JSON.stringify(padding)})`,
      );
    }
    const before: number[] = [];
    const lengths = spatial.map((length, axis) => {
      const reach = span(size[axis], dilations[axis]);
      // Keras's rules: the lengths that a convolution of the same options takes to `length`.
      if (padding === "same") {
        before.push(Math.floor(Math.max(reach - strides[axis], 0) / 2));
        return length * strides[axis];
      }
      const [first, last] = pairs?.[axis] ?? [0, 0];
      before.push(first);
      if (pairs === undefined) return (length - 1) * strides[axis] + Math.max(reach, strides[axis]);
      return (length - 1) * strides[axis] + reach - first - last + extra[axis];
    });
    if (lengths.some((length) => length < 1)) {
      throw new ShapeError(
        `${name}: x ${showShape(x.shape)} under padding ${JSON.stringify(padding)} would give the spatial lengths ${showShape(lengths)}; they must be at least 1`,
      );
    }
    const window: Window = {
      size: asPair(size),
      stride: asPair(strides),
      dilation: asPair(dilations),
      before: asPair(before, 0),
      input: asPair(lengths),
      output: asPair(spatial),
    };
    return apply(transposed, [x, weights], { window, groups })[0];
  };
  return Object.assign(call, { op: transposed as Op });
}

/**
 * Convolution (cross-correlation, as everywhere in deep learning) of `x` [batch, length, in] with `weights`
 * [window, in / groups, out]: [batch, places, out], places = ⌊(length + padding - span) / stride⌋ + 1 with
 * span = (window - 1) · dilation + 1, or ⌈length / stride⌉ with padding "same".
 *
 * @throws ShapeError when channels, groups or lengths do not fit
 */
export const conv1d: Convolution<ConvolutionOptions> = convolutionOver(1);

/**
 * Convolution (cross-correlation) of images `x` [batch, height, width, in] with `weights` [height, width,
 * in / groups, out]: [batch, places down, places across, out]; see {@link conv1d} for their number. Patches of up to
 * 64 MiB are made at a time and multiplied with the weights; with as many groups as channels in and out (depthwise),
 * and for windows of one pixel, none are.
 *
 * @throws ShapeError when channels, groups or lengths do not fit
 */
export const conv2d: Convolution<ConvolutionOptions> = convolutionOver(2);

/**
 * Transposed convolution of `x` [batch, length, in] with `weights` [window, out / groups, in]: the gradient of a
 * {@link conv1d} that takes the result's shape to x's. Lengths: (length - 1) · stride + max(span, stride) with "valid",
 * length · stride with "same" (Keras's rules), (length - 1) · stride + span - padding + outputPadding with explicit
 * padding (PyTorch's).
 *
 * @throws ShapeError when channels, groups or lengths do not fit
 */
export const convTranspose1d: Convolution<ConvolutionTransposeOptions> = convolutionTransposeOver(1);

/** Transposed convolution of images: {@link convTranspose1d} over two spatial axes, weights [height, width, out / groups, in]. */
export const convTranspose2d: Convolution<ConvolutionTransposeOptions> = convolutionTransposeOver(2);

/** The weight gradient as a function of its own: what the tests reach the op by. */
export const convolutionWeightGradient: OpFunction<[x: Tensor, g: Tensor, attrs: ConvolutionAttrs], Tensor> =
  Object.assign((x: Tensor, g: Tensor, attrs: ConvolutionAttrs) => apply(weightGradient, [x, g], attrs)[0], {
    op: weightGradient as Op,
  });

/**
 * Depthwise convolution of `x` [batch, height, width, channels] with `weights` [height, width, channels, multiplier]:
 * each channel under `multiplier` windows of its own. [batch, places down, places across, channels * multiplier],
 * channel c's results at c * multiplier and on.
 */
export function depthwiseConv2d(
  x: Tensor,
  weights: Tensor,
  options: Omit<ConvolutionOptions, "groups"> = {},
): Tensor {
  checkRanks("depthwiseConv2d", 2, x, weights, "channels, multiplier");
  const [height, width, channels, multiplier] = weights.shape;
  if (channels !== x.shape[3]) {
    throw new ShapeError(
      `depthwiseConv2d: x ${showShape(x.shape)} and weights ${showShape(weights.shape)} disagree: the weights' third axis must be x's channels (${channels} vs ${x.shape[3]})`,
    );
  }
  const grouped = reshape(weights, [height, width, 1, channels * multiplier]);
  return conv2d(x, grouped, { ...options, groups: channels });
}

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
