// Statistics made of other reductions, each one node on the tape with a backward rule of its own: variance, standard
// deviation, logSumExp, norms.

import { ArgumentError, checkOptions, DTypeError, type OptionNames, ShapeError } from "../../base/errors.ts";
import { reducedShape, showShape, sizeOf } from "../../base/shape.ts";
import type { Spec } from "../../kernel/kernel.ts";
import { full } from "../../tensor/create.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction, TensorLike } from "../../tensor/op.ts";
import { noGrad } from "../../tensor/recording.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { abs, add, div, mul, sign, square, sub } from "../elementwise/arithmetic.ts";
import { cast } from "../elementwise/cast.ts";
import { equal, less, lessEqual } from "../elementwise/comparison.ts";
import { exp, log } from "../elementwise/exponential.ts";
import { logicalNot, where } from "../elementwise/logical.ts";
import { reshape } from "../layout/reshape.ts";
import { slice } from "../layout/slice.ts";
import { max, mean, sum } from "./reduce.ts";
import {
  keptShape,
  type ReduceAttrs,
  type ReduceOptions,
  reduceAttrs,
  reduceOptions,
  reduceSamples,
} from "./reduce-kernels.ts";
import { divOrZero, rootOfSquares } from "./root-of-squares.ts";

export type { ReduceOptions };

type Axes = number | readonly number[];

function inferReduced(name: string, x: Spec, { axes, keepDims }: ReduceAttrs): readonly Spec[] {
  if (x.dtype !== "f32") throw new DTypeError(`${name}: takes f32, got ${x.dtype}; use cast(x, "f32")`);
  return [{ shape: reducedShape(x.shape, axes, keepDims), dtype: "f32" }];
}

/** How many elements go into one of the result. */
const countOf = (x: Spec, { axes }: ReduceAttrs) => sizeOf(axes.map((axis) => x.shape[axis]));

interface VarianceAttrs extends ReduceAttrs {
  readonly correction: number;
}

export interface VarianceOptions extends ReduceOptions {
  /** Taken from the number of elements before dividing by it: 0 (default) the population's variance, 1 Bessel's. */
  correction?: number;
}

const varianceOptions: OptionNames<VarianceOptions> = { keepDims: true, correction: true };

function varianceAttrs(name: string, x: TensorLike, axes?: Axes, options?: VarianceOptions) {
  checkOptions(name, options, varianceOptions);
  const correction = options?.correction ?? 0;
  if (!Number.isFinite(correction)) {
    throw new ArgumentError(
      `${name}: the correction must be a finite number, usually 0 or 1, got ${correction}`,
    );
  }
  return { ...reduceAttrs(name, x, axes, options?.keepDims), correction };
}

/**
 * x less its mean over the axes: exactly 0 where all elements are equal. Rounding may leave the mean of such beside them;
 * then the first of them is taken instead. What either has left is taken away as a mean of its own.
 */
function deviations(x: Tensor, { axes }: ReduceAttrs): Tensor {
  const over = (value: Tensor) => mean(value, axes, { keepDims: true });
  const reduced = (length: number, axis: number) => (axes.includes(axis) ? Math.min(1, length) : length);
  const nearby = noGrad(() =>
    tidy(() => {
      const [middle, first] = [
        over(x),
        slice(
          x,
          x.shape.map(() => 0),
          x.shape.map(reduced),
        ),
      ];
      if (first.size !== middle.size) return middle;
      return where(lessEqual(abs(sub(first, middle)), mul(abs(middle), 2e-6)), first, middle);
    }),
  );
  const shifted = sub(x, nearby);
  return sub(shifted, over(shifted));
}

/** The number of elements less the correction: 0 where nothing is left, so that 0 / 0 gives NaN. */
const divisorOf = (x: Spec, attrs: VarianceAttrs) => Math.max(countOf(x, attrs) - attrs.correction, 0);

/**
 * Variance over `axes` (default: all): the mean squared distance from the mean, of the population by default, with
 * `correction: 1` the unbiased estimate from a sample (Bessel). In two passes, so nothing cancels however far the
 * mean lies from 0; elements that are all equal have none. NaN where no more elements are there than the correction.
 */
export const variance: OpFunction<[x: TensorLike, axes?: Axes, options?: VarianceOptions], Tensor> = defineOp(
  {
    name: "variance",
    saves: { inputs: [0] },
    call: (x: TensorLike, axes?: Axes, options?: VarianceOptions) => ({
      inputs: [x],
      attrs: varianceAttrs("variance", x, axes, options),
    }),
    infer: ([x], attrs: VarianceAttrs) => inferReduced("variance", x, attrs),
    compose: ([x], attrs) => [
      div(sum(square(deviations(x, attrs)), attrs.axes, { keepDims: attrs.keepDims }), divisorOf(x, attrs)),
    ],
    vjp: (context) => {
      const { attrs, grad, input, inputSpecs } = context;
      const scaled = div(mul(grad(), 2), divisorOf(inputSpecs[0], attrs));
      return [mul(deviations(input(0), attrs), keptShape(context, scaled))];
    },
    samples: [
      ...reduceSamples("f32", { correction: 0 }),
      { inputs: [{ shape: [4, 6] }], attrs: { axes: [1], keepDims: false, correction: 1 } },
    ],
  },
);

/**
 * Standard deviation over `axes` (default: all), the root of {@link variance}, also where that would not be an f32 number.
 * Where it is 0 it has no derivative: the
 * gradient there is 0, as in PyTorch.
 */
export const standardDeviation: OpFunction<[x: TensorLike, axes?: Axes, options?: VarianceOptions], Tensor> =
  defineOp({
    name: "standardDeviation",
    saves: { inputs: [0], outputs: [0] },
    call: (x: TensorLike, axes?: Axes, options?: VarianceOptions) => ({
      inputs: [x],
      attrs: varianceAttrs("standardDeviation", x, axes, options),
    }),
    infer: ([x], attrs: VarianceAttrs) => inferReduced("standardDeviation", x, attrs),
    compose: ([x], attrs) => [
      rootOfSquares(deviations(x, attrs), attrs.axes, divisorOf(x, attrs), attrs.keepDims),
    ],
    vjp: (context) => {
      const { attrs, grad, input, output, inputSpecs } = context;
      const share = divOrZero(deviations(input(0), attrs), keptShape(context, output()));
      return [mul(share, keptShape(context, div(grad(), divisorOf(inputSpecs[0], attrs))))];
    },
    // Over no axis the result is 0 everywhere, where differences cannot follow the gradient.
    samples: [
      ...reduceSamples("f32", { correction: 0 }).filter(({ attrs }) => attrs.axes.length > 0),
      { inputs: [{ shape: [4, 6] }], attrs: { axes: [1], keepDims: false, correction: 1 } },
    ],
  });

const isFiniteNumber = (x: Tensor) => less(abs(x), Number.POSITIVE_INFINITY);

/**
 * ln Σ eˣ over `axes` (default: all), with the largest element taken out first, so that nothing overflows. -∞ over
 * elements that are all -∞, ∞ where one is ∞, NaN where one is. The gradient is softmax(x); where the result is
 * -∞ it is 0, where it is ∞ the elements that are ∞ share it. Of no elements it is -∞, the logarithm of an empty sum, as
 * in ONNX and PyTorch.
 */
export const logSumExp: OpFunction<[x: TensorLike, axes?: Axes, options?: ReduceOptions], Tensor> = defineOp({
  name: "logSumExp",
  saves: { inputs: [0], outputs: [0] },
  call: (x: TensorLike, axes?: Axes, options?: ReduceOptions) => {
    checkOptions("logSumExp", options, reduceOptions);
    return { inputs: [x], attrs: reduceAttrs("logSumExp", x, axes, options?.keepDims) };
  },
  infer: ([x], attrs: ReduceAttrs) => inferReduced("logSumExp", x, attrs),
  compose: ([x], attrs) => {
    const { axes, keepDims } = attrs;
    const shape = reducedShape(x.shape, axes, keepDims);
    if (countOf(x, attrs) === 0) return [full(shape, Number.NEGATIVE_INFINITY, { device: x.device })];
    const largest = max(x, axes, { keepDims: true });
    const shift = where(isFiniteNumber(largest), largest, 0);
    const total = add(log(sum(exp(sub(x, shift)), axes, { keepDims: true })), shift);
    return [reshape(total, shape)];
  },
  vjp: (context) => {
    const { grad, input, output, attrs } = context;
    const x = input(0);
    if (x.size === 0) return [full(x.shape, 0, { device: x.device })];
    const total = keptShape(context, output());
    const isNormal = logicalNot(equal(abs(total), Number.POSITIVE_INFINITY));
    // Not e^(x - result), of which the result's rounding would make anything where elements are large.
    const largest = noGrad(() => max(x, attrs.axes, { keepDims: true }));
    const powers = exp(where(isNormal, sub(x, where(isNormal, largest, 0)), 0));
    const share = div(powers, sum(powers, attrs.axes, { keepDims: true }));
    const isInfinite = cast(equal(x, Number.POSITIVE_INFINITY), "f32");
    const ofInfinite = divOrZero(isInfinite, sum(isInfinite, attrs.axes, { keepDims: true }));
    return [mul(where(isNormal, share, ofInfinite), keptShape(context, grad()))];
  },
  samples: reduceSamples("f32", {}),
});

interface NormAttrs extends ReduceAttrs {
  readonly order: number;
}

export interface NormOptions extends ReduceOptions {
  /** 1: the sum of |x|; 2 (default): the root of the sum of squares; Infinity: the largest |x|. */
  order?: 1 | 2 | number;
}

const normOptions: OptionNames<NormOptions> = { keepDims: true, order: true };

/**
 * Vector norm over `axes` (default: all), of order 1, 2 or Infinity. For order 2 neither do squares overflow nor underflow,
 * whatever the elements' size. Where a norm has no derivative the gradient is the subgradient nearest 0: of order 1, 0 for
 * elements that are 0; of order 2, 0 at the origin; of order Infinity, tied elements share it. A norm beyond f32 is ∞, and
 * its gradient on a GPU is 0 or NaN.
 *
 * @throws ArgumentError for another order
 */
export const norm: OpFunction<[x: TensorLike, axes?: Axes, options?: NormOptions], Tensor> = defineOp({
  name: "norm",
  saves: { inputs: [0], outputs: [0] },
  call: (x: TensorLike, axes?: Axes, options?: NormOptions) => {
    checkOptions("norm", options, normOptions);
    const order = options?.order ?? 2;
    if (order !== 1 && order !== 2 && order !== Number.POSITIVE_INFINITY) {
      throw new ArgumentError(`norm: the order must be 1, 2 or Infinity, got ${order}`);
    }
    return { inputs: [x], attrs: { ...reduceAttrs("norm", x, axes, options?.keepDims), order } };
  },
  infer: ([x], attrs: NormAttrs) => {
    if (attrs.order > 2 && countOf(x, attrs) === 0 && sizeOf(reducedShape(x.shape, attrs.axes, false)) > 0) {
      throw new ShapeError(
        `norm: shape ${showShape(x.shape)} has no elements along axes [${attrs.axes}], of which order Infinity needs one`,
      );
    }
    return inferReduced("norm", x, attrs);
  },
  compose: ([x], { axes, keepDims, order }) => {
    if (order === 1) return [sum(abs(x), axes, { keepDims })];
    if (order === 2) return [rootOfSquares(x, axes, 1, keepDims)];
    return [max(abs(x), axes, { keepDims })];
  },
  vjp: (context) => {
    const { attrs, grad, input, output } = context;
    const x = input(0);
    const incoming = keptShape(context, grad());
    if (attrs.order === 1) return [mul(sign(x), incoming)];
    const total = keptShape(context, output());
    if (attrs.order === 2) return [mul(divOrZero(x, total), incoming)];
    const isLargest = cast(equal(abs(x), total), "f32");
    const ties = sum(isLargest, attrs.axes, { keepDims: true });
    return [mul(mul(sign(x), isLargest), div(incoming, ties))];
  },
  samples: [
    ...reduceSamples("f32", { order: 2 }).filter(({ attrs }) => attrs.axes.length > 0),
    ...([1, Number.POSITIVE_INFINITY] as const).map((order) => ({
      inputs: [{ shape: [4, 6], low: 0.1, high: 2 }],
      attrs: { axes: [1], keepDims: false, order },
    })),
    { inputs: [{ shape: [3, 2, 5] }], attrs: { axes: [0, 2], keepDims: true, order: 2 } },
  ],
});
