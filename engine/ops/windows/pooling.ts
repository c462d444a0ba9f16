// Pooling over one or two spatial axes of [batch, ...spatial, channels]: maxima and averages under a window, and over
// everything. Padding is never a value: maxima ignore it, averages do not count it (as Keras and TensorFlow do).

import { ArgumentError, checkOptions, ShapeError } from "../../base/errors.ts";
import { type PerAxis, perAxis } from "../../base/number-checks.ts";
import { showShape } from "../../base/shape.ts";
import { apply, firstOf } from "../../tensor/apply.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import type { Op, OpFunction } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { max, mean } from "../reduce/reduce.ts";
import { type ReduceOptions, reduceOptions } from "../reduce/reduce-kernels.ts";
import { averagePool } from "./average-pool.ts";
import { maxPool } from "./max-pool.ts";
import type { PoolAttrs } from "./pool.ts";
import { explicitPadding, resolveWindow, type WindowOptions, windowOptions } from "./windows.ts";

type Pooling = OpFunction<[x: Tensor, size: PerAxis, options?: WindowOptions], Tensor>;

function checkRank(op: string, rank: number, x: Tensor): void {
  checkTensor(op, x);
  if (x.shape.length === rank + 2) return;
  const wanted = rank === 1 ? "[batch, length, channels]" : "[batch, height, width, channels]";
  throw new ShapeError(`${op}: x must be ${wanted}, ${rank + 2} axes, got ${showShape(x.shape)}`);
}

function poolOver(op: Op<PoolAttrs>, rank: 1 | 2): Pooling {
  const name = `${op.name}${rank}d`;
  const call = (x: Tensor, size: PerAxis, options: WindowOptions = {}): Tensor => {
    checkOptions(name, options, windowOptions);
    checkRank(name, rank, x);
    const { padding = "valid" } = options;
    const sizes = perAxis(name, "size", size, rank);
    const strides = perAxis(name, "stride", options.stride ?? size, rank);
    explicitPadding(name, padding, rank)?.forEach((pair, axis) => {
      const wrong = pair.find((pad) => pad >= sizes[axis]);
      if (wrong === undefined) return;
      throw new ArgumentError(
        `${name}: padding ${wrong} on spatial axis ${axis} must be less than the window's size ${sizes[axis]}, or a window could see nothing but padding`,
      );
    });
    const ones = sizes.map(() => 1);
    const window = resolveWindow(name, x.shape.slice(1, -1), sizes, strides, ones, padding);
    return firstOf(apply(op, [x], { window }));
  };
  return Object.assign(call, { op: op as Op });
}

/**
 * Largest value under each place of a window of `size`, channel by channel: `x` [batch, length, channels] gives
 * [batch, places, channels]; the stride is the window's size unless told otherwise. A NaN in the window wins. Of tied
 * maxima the first one in the window takes the whole gradient, as in PyTorch and TensorFlow: which element was chosen
 * is what pooling keeps, so one window's gradient goes to one pixel. (`max` shares it instead.)
 *
 * @throws ShapeError when x has not 3 axes or the window does not fit
 */
export const maxPool1d: Pooling = poolOver(maxPool, 1);

/** {@link maxPool1d} over two spatial axes: `x` [batch, height, width, channels]; ties in row-major order. */
export const maxPool2d: Pooling = poolOver(maxPool, 2);

/**
 * Mean under each place of a window of `size`, channel by channel: `x` [batch, length, channels] gives
 * [batch, places, channels]; the stride is the window's size unless told otherwise. Padding is not counted: a window
 * that reaches into it is the mean of fewer values.
 *
 * @throws ShapeError when x has not 3 axes or the window does not fit
 */
export const averagePool1d: Pooling = poolOver(averagePool, 1);

/** {@link averagePool1d} over two spatial axes: `x` [batch, height, width, channels]. */
export const averagePool2d: Pooling = poolOver(averagePool, 2);

/** The mean of each channel over all pixels: `x` [batch, ...spatial, channels] gives [batch, channels]. */
export function globalAveragePool(x: Tensor, options?: ReduceOptions): Tensor {
  checkOptions("globalAveragePool", options, reduceOptions);
  return mean(x, spatialAxes("globalAveragePool", x), options);
}

/** The largest value of each channel: `x` [batch, ...spatial, channels] gives [batch, channels]. Ties share the gradient. */
export function globalMaxPool(x: Tensor, options?: ReduceOptions): Tensor {
  checkOptions("globalMaxPool", options, reduceOptions);
  return max(x, spatialAxes("globalMaxPool", x), options);
}

function spatialAxes(op: string, x: Tensor): number[] {
  checkTensor(op, x);
  const { shape } = x;
  if (shape.length < 3) {
    throw new ShapeError(
      `${op}: x must be [batch, ...spatial, channels], at least 3 axes, got ${showShape(shape)}`,
    );
  }
  return shape.slice(1, -1).map((_, i) => i + 1);
}

export { averagePoolGradient } from "./average-pool.ts";
export { maxPoolGradient, maxPoolTake } from "./max-pool.ts";
