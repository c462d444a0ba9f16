// Normalizations that look at one sample at a time: layer, group, instance and RMS normalization. Shapes, arguments
// and their errors; row-norm.ts does the work.

import { ArgumentError, checkOptions, type OptionNames, ShapeError } from "../../base/errors.ts";
import { atLeastZero, showGiven } from "../../base/number-checks.ts";
import { normalizeAxes, type Shape, sameShape, showShape, sizeOf } from "../../base/shape.ts";
import type { Sample } from "../../kernel/kernel-op.ts";
import { type Family, registerFamily } from "../../kernel/variants.ts";
import { apply } from "../../tensor/apply.ts";
import { checkTensor, notTensor } from "../../tensor/arguments.ts";
import { full } from "../../tensor/create.ts";
import type { Op, OpFunction } from "../../tensor/op.ts";
import { tidy } from "../../tensor/scope.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { rowNormOp } from "./row-norm.ts";
import { rowNormGradient, rowNormGradients } from "./row-norm-gradients.ts";
import { type RowNormAttrs, rowNormSources, shortRowSources, shortRowVariants } from "./row-norm-kernels.ts";

export interface NormalizationOptions {
  /** Factor of the normalized values. */
  gamma?: Tensor;
  /** Added after that. */
  beta?: Tensor;
  /** Added to the variance. */
  epsilon?: number;
}

export interface LayerNormOptions extends NormalizationOptions {
  /** What is normalized together: the last axis (the default), or the last few. */
  axes?: number | readonly number[];
}

const normalizationOptions: OptionNames<NormalizationOptions> = { gamma: true, beta: true, epsilon: true };

const layerNormOptions: OptionNames<LayerNormOptions> = { ...normalizationOptions, axes: true };

type Normalization<P extends unknown[]> = OpFunction<[x: Tensor, ...P], Tensor>;

/** Runs a normalization; gamma and beta are flat or of `shape`. */
function run(
  op: Op<RowNormAttrs>,
  x: Tensor,
  shape: Shape,
  options: NormalizationOptions,
  attrs: RowNormAttrs,
): Tensor {
  const { gamma, beta } = options;
  for (const [name, value] of Object.entries({ gamma, beta })) {
    if (value === undefined) continue;
    if (!(value instanceof Tensor)) throw notTensor(op.name, value, name, "a Tensor");
    if (sameShape(value.shape, shape)) continue;
    throw new ShapeError(
      `${op.name}: ${name} ${showShape(value.shape)} must be of shape ${showShape(shape)} for x ${showShape(x.shape)}`,
    );
  }
  atLeastZero(op.name, "epsilon", attrs.epsilon);
  return tidy(() => {
    const scale = gamma ?? (beta === undefined ? undefined : full(shape, 1, { device: x.device }));
    return apply(op, [x, ...(scale ? [scale] : []), ...(beta ? [beta] : [])], attrs)[0];
  });
}

/** The lengths of the trailing axes that `axes` names. */
function trailing(op: string, { shape }: Tensor, axes: number | readonly number[] = -1): Shape {
  const list = shape.length === 0 ? [] : normalizeAxes(op, axes, shape.length);
  if (list.length === 0 || list[0] !== shape.length - list.length) {
    throw new ArgumentError(
      `${op}: axes ${JSON.stringify(axes)} of ${showShape(shape)} must be the last one or the last few; bring others there with transpose()`,
    );
  }
  return shape.slice(list[0]);
}

/** [batch, ...spatial, channels] with channels in groups. */
function channelGroups(
  op: string,
  { shape }: Tensor,
  groups: number | undefined,
  epsilon: number,
): RowNormAttrs {
  if (shape.length < 2) {
    throw new ShapeError(`${op}: x must be [batch, ..., channels], at least 2 axes, got ${showShape(shape)}`);
  }
  const channels = shape[shape.length - 1];
  const count = groups ?? channels;
  if (!Number.isInteger(count) || count < 1 || channels % count !== 0) {
    throw new ArgumentError(
      `${op}: groups is ${showGiven(count)}; it must be a whole number that divides the ${channels} channels of x ${showShape(shape)}`,
    );
  }
  const middle = sizeOf(shape.slice(1, -1));
  return { middle, groups: count, inner: channels / count, epsilon, centered: true };
}

const affine = (shape: Shape, parameters: Shape, attrs: RowNormAttrs): Sample<RowNormAttrs>[] =>
  [0, 1, 2].map((count) => ({
    inputs: [{ shape }, ...new Array(count).fill({ shape: parameters })],
    attrs,
  }));

const rows = (inner: number, centered: boolean): RowNormAttrs => ({
  ...{ middle: 1, groups: 1, inner, epsilon: 1e-3, centered },
});

const rowNormFamily: Family = {
  name: "rowNorm",
  sources: rowNormSources,
  checks: () => {
    const grouped = { middle: 35, groups: 2, inner: 3, epsilon: 1e-3, centered: true };
    const statistics = [{ shape: [5] }, { shape: [5], low: 0.5, high: 2 }];
    return [
      {
        op: layerNormOp,
        inputs: [{ shape: [5, 300] }, { shape: [300] }, { shape: [300] }],
        attrs: rows(300, true),
      },
      { op: groupNormOp, inputs: [{ shape: [3, 35, 6] }, { shape: [6] }], attrs: grouped },
      {
        op: rowNormGradient.op,
        inputs: [{ shape: [5, 300] }, { shape: [5, 300] }, ...statistics, { shape: [300] }],
        attrs: rows(300, true),
      },
    ];
  },
};

const shortRowFamily: Family = {
  name: "shortRowNorm",
  sources: shortRowSources,
  isAlwaysChecked: true,
  checks: (profile) => {
    if (shortRowVariants(rows(36, true), profile) === undefined) return [];
    const x = { shape: [35, 36] };
    const statistics = [{ shape: [35] }, { shape: [35], low: 0.5, high: 2 }];
    const parameter = { shape: [36] };
    return [
      { op: layerNormOp, inputs: [x, parameter, parameter], attrs: rows(36, true) },
      { op: rmsNormOp, inputs: [{ shape: [9, 12] }], attrs: rows(12, false) },
      { op: rowNormGradients.op, inputs: [x, x, ...statistics, parameter], attrs: rows(36, true) },
    ];
  },
};

/** The op of that name, one of the families'. */
function normOp(name: string, samples: readonly Sample<RowNormAttrs>[]): Op<RowNormAttrs> {
  registerFamily(rowNormFamily);
  registerFamily(shortRowFamily);
  return rowNormOp(name, samples);
}

const layerNormOp = normOp("layerNorm", [
  ...affine([5, 7], [7], rows(7, true)),
  ...affine([2, 3, 8], [8], rows(8, true)),
  { inputs: [{ shape: [3, 2, 5], low: 4, high: 6 }, { shape: [2, 5] }], attrs: rows(10, true) },
  { inputs: [{ shape: [0, 4] }, { shape: [4] }], attrs: rows(4, true) },
]);

const groupNormOp = normOp("groupNorm", [
  ...affine([2, 3, 2, 6], [6], { middle: 6, groups: 2, inner: 3, epsilon: 1e-3, centered: true }),
  ...affine([2, 5, 8], [8], { middle: 5, groups: 2, inner: 4, epsilon: 1e-3, centered: true }),
]);

const instanceNormOp = normOp("instanceNorm", [
  ...affine([2, 3, 2, 3], [3], { middle: 6, groups: 3, inner: 1, epsilon: 1e-3, centered: true }),
]);

const rmsNormOp = normOp("rmsNorm", [
  ...affine([5, 7], [7], rows(7, false)),
  ...affine([2, 3, 8], [8], rows(8, false)),
]);

/**
 * Layer normalization: γ (x - mean) / √(variance + ε) + β, mean and (biased, 1/n) variance over the last axis or the
 * last few; `gamma` and `beta` have those axes' shape. ε defaults to 1e-3, as Keras's. Source: Ba, Kiros and Hinton 2016.
 * On a GPU a row's sum must be a number that f32 has, and its deviation at most 8e37: the reciprocal of a larger one is a
 * subnormal number, which adapters may take for 0. Rows beyond that give NaN or 0.
 *
 * @throws ArgumentError when `axes` are not the last ones
 * @throws ShapeError when gamma or beta do not fit
 */
export const layerNorm: Normalization<[options?: LayerNormOptions]> = Object.assign(
  (x: Tensor, options: LayerNormOptions = {}): Tensor => {
    checkOptions("layerNorm", options, layerNormOptions);
    checkTensor("layerNorm", x);
    const shape = trailing("layerNorm", x, options.axes);
    const { epsilon = 1e-3 } = options;
    const attrs = { middle: 1, groups: 1, inner: sizeOf(shape), epsilon, centered: true };
    return run(layerNormOp, x, shape, options, attrs);
  },
  { op: layerNormOp as Op },
);

/**
 * RMS normalization: γ x / √(mean(x²) + ε) + β, the mean over the last axis or the last few; ε defaults to 1e-6, as
 * Keras's. Source: Zhang and Sennrich 2019. The root may be 8e37 at most on a GPU, as the deviation for {@link layerNorm}.
 *
 * @throws ArgumentError when `axes` are not the last ones
 * @throws ShapeError when gamma or beta do not fit
 */
export const rmsNorm: Normalization<[options?: LayerNormOptions]> = Object.assign(
  (x: Tensor, options: LayerNormOptions = {}): Tensor => {
    checkOptions("rmsNorm", options, layerNormOptions);
    checkTensor("rmsNorm", x);
    const shape = trailing("rmsNorm", x, options.axes);
    const { epsilon = 1e-6 } = options;
    const attrs = { middle: 1, groups: 1, inner: sizeOf(shape), epsilon, centered: false };
    return run(rmsNormOp, x, shape, options, attrs);
  },
  { op: rmsNormOp as Op },
);

/**
 * Group normalization of `x` [batch, ..., channels]: channels are cut into `groups`, and each sample's group is
 * normalized with its own mean and (biased) variance over all pixels and its channels; `gamma` and `beta` are
 * [channels]. ε defaults to 1e-3, as Keras's. Source: Wu and He 2018.
 * Groups are bounded as rows are for {@link layerNorm}.
 *
 * @throws ArgumentError when the groups do not divide the channels
 */
export const groupNorm: Normalization<[groups: number, options?: NormalizationOptions]> = Object.assign(
  (x: Tensor, groups: number, options: NormalizationOptions = {}): Tensor => {
    checkOptions("groupNorm", options, normalizationOptions);
    checkTensor("groupNorm", x);
    const attrs = channelGroups("groupNorm", x, groups, options.epsilon ?? 1e-3);
    return run(groupNormOp, x, x.shape.slice(-1), options, attrs);
  },
  { op: groupNormOp as Op },
);

/**
 * Instance normalization of `x` [batch, ..., channels]: each sample's channel with its own mean and (biased) variance
 * over all pixels; `gamma` and `beta` are [channels]. ε defaults to 1e-3. Source: Ulyanov, Vedaldi and Lempitsky 2016.
 * Channels are bounded as rows are for {@link layerNorm}.
 */
export const instanceNorm: Normalization<[options?: NormalizationOptions]> = Object.assign(
  (x: Tensor, options: NormalizationOptions = {}): Tensor => {
    checkOptions("instanceNorm", options, normalizationOptions);
    checkTensor("instanceNorm", x);
    const attrs = channelGroups("instanceNorm", x, undefined, options.epsilon ?? 1e-3);
    return run(instanceNormOp, x, x.shape.slice(-1), options, attrs);
  },
  { op: instanceNormOp as Op },
);
