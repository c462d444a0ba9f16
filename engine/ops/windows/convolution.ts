// Convolutions over one or two spatial axes, transposed and depthwise ones, as users call them: checks, and what options
// come to. What is computed stands in convolution-ops.ts.

import { ArgumentError, checkOptions, type OptionNames, ShapeError } from "../../base/errors.ts";
import { atLeastOne, type PerAxis, perAxis } from "../../base/number-checks.ts";
import { showShape } from "../../base/shape.ts";
import { apply } from "../../tensor/apply.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import type { Op, OpFunction } from "../../tensor/op.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { reshape } from "../layout/reshape.ts";
import { type ConvolutionAttrs, convolution, nameOf, transposed, weightGradient } from "./convolution-ops.ts";
import type { ConvolutionOptions } from "./windows.ts";
import {
  asPair,
  type Convolution1dOptions,
  causalPadding,
  explicitPadding,
  type Padding,
  resolveWindow,
  span,
  type Window,
  windowOptions,
} from "./windows.ts";

export interface ConvolutionTransposeOptions extends ConvolutionOptions {
  /** Extra length at the end of each spatial axis, less than the stride; only with explicit padding. */
  outputPadding?: PerAxis;
}

const convolutionOptions: OptionNames<ConvolutionOptions> = {
  ...windowOptions,
  dilation: true,
  groups: true,
};

const transposeOptions: OptionNames<ConvolutionTransposeOptions> = {
  ...convolutionOptions,
  outputPadding: true,
};

type DepthwiseOptions = Omit<ConvolutionOptions, "groups">;
type Depthwise1dOptions = Omit<Convolution1dOptions, "groups">;

const depthwiseOptions: OptionNames<DepthwiseOptions> = { ...windowOptions, dilation: true };

type Convolution<O> = OpFunction<[x: Tensor, weights: Tensor, options?: O], Tensor>;

function checkRanks(op: string, rank: number, x: Tensor, weights: Tensor, layout: string): void {
  checkTensor(op, x);
  checkTensor(op, weights, 2);
  for (const [name, { shape }, wanted] of [
    ["x", x, rank === 1 ? "[batch, length, channels]" : "[batch, height, width, channels]"],
    ["weights", weights, `[${rank === 1 ? "length" : "height, width"}, ${layout}]`],
  ] as const) {
    if (shape.length === rank + 2) continue;
    throw new ShapeError(`${op}: ${name} must be ${wanted}, ${rank + 2} axes, got ${showShape(shape)}`);
  }
}

function checkGroups(op: string, groups: number, counts: Readonly<Record<string, number>>): void {
  atLeastOne(op, "groups", groups);
  for (const [what, count] of Object.entries(counts)) {
    if (count % groups !== 0) {
      throw new ShapeError(`${op}: ${groups} groups do not divide the ${count} ${what} channels`);
    }
  }
}

/** The options of a rank: over one axis padding may be "causal". */
interface OptionsOf {
  1: Convolution1dOptions;
  2: ConvolutionOptions;
}

function convolutionOver<R extends 1 | 2>(rank: R): Convolution<OptionsOf[R]> {
  const name = nameOf(rank + 2);
  const call = (x: Tensor, weights: Tensor, options: Convolution1dOptions = {}): Tensor => {
    checkOptions(name, options, convolutionOptions);
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
    const dilations = perAxis(name, "dilation", dilation, rank);
    const window = resolveWindow(
      name,
      x.shape.slice(1, -1),
      weights.shape.slice(0, rank),
      perAxis(name, "stride", stride, rank),
      dilations,
      // Two axes have no before and after in time: resolveWindow refuses the word there.
      rank === 1 ? causalPadding(name, padding, weights.shape[0], dilations[0]) : (padding as Padding),
    );
    return apply(convolution, [x, weights], { window, groups })[0];
  };
  return Object.assign(call, { op: convolution as Op });
}

function convolutionTransposeOver(rank: 1 | 2): Convolution<ConvolutionTransposeOptions> {
  const name = nameOf(rank + 2, "Transpose");
  const call = (x: Tensor, weights: Tensor, options: ConvolutionTransposeOptions = {}): Tensor => {
    checkOptions(name, options, transposeOptions);
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
        pairs === undefined
          ? `${name}: outputPadding ${extra[wrong]} goes with explicit padding only, in numbers; with ${JSON.stringify(padding)} the result has its size already`
          : `${name}: outputPadding ${extra[wrong]} must be less than the stride, ${strides[wrong]}`,
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
 * span = (window - 1) · dilation + 1, or ⌈length / stride⌉ with padding "same" or "causal".
 *
 * @throws ShapeError when channels, groups or lengths do not fit
 */
export const conv1d: Convolution<Convolution1dOptions> = convolutionOver(1);

/**
 * Convolution (cross-correlation) of images `x` [batch, height, width, in] with `weights` [height, width,
 * in / groups, out]: [batch, places down, places across, out]; see {@link conv1d} for their number. Images are read where
 * they lie: memory is needed for images, weights and results only.
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
 * Depthwise convolution of `x` [batch, length, channels] with `weights` [window, channels, multiplier]: each channel under
 * `multiplier` windows of its own. [batch, places, channels * multiplier], channel c's results at c * multiplier and on.
 *
 * @throws ShapeError when channels or lengths do not fit
 */
export function depthwiseConv1d(x: Tensor, weights: Tensor, options: Depthwise1dOptions = {}): Tensor {
  return depthwise(1, x, weights, options, (windows, all) => conv1d(x, windows, all));
}

/** {@link depthwiseConv1d} over two spatial axes: `x` [batch, height, width, channels], `weights` [height, width, channels, multiplier]. */
export function depthwiseConv2d(x: Tensor, weights: Tensor, options: DepthwiseOptions = {}): Tensor {
  return depthwise(2, x, weights, options, (windows, all) => conv2d(x, windows, all));
}

function depthwise<O extends DepthwiseOptions | Depthwise1dOptions>(
  rank: 1 | 2,
  x: Tensor,
  weights: Tensor,
  options: O,
  convolve: (windows: Tensor, options: O & { groups: number }) => Tensor,
): Tensor {
  const name = `depthwiseConv${rank}d`;
  checkOptions<DepthwiseOptions | Depthwise1dOptions>(name, options, depthwiseOptions);
  checkRanks(name, rank, x, weights, "channels, multiplier");
  const size = weights.shape.slice(0, rank);
  const [channels, multiplier] = weights.shape.slice(rank);
  const { [rank + 1]: given } = x.shape;
  if (channels !== given) {
    throw new ShapeError(
      `${name}: x ${showShape(x.shape)} and weights ${showShape(weights.shape)} disagree: the weights' second to last axis must be x's channels (${channels} vs ${given})`,
    );
  }
  return tidy(() =>
    convolve(reshape(weights, [...size, 1, channels * multiplier]), { ...options, groups: channels }),
  );
}
