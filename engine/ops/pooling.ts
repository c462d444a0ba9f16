// Pooling over one or two spatial axes of [batch, ...spatial, channels]: maxima and averages under a window, and over
// everything. Padding is never a value: maxima ignore it, averages do not count it (as Keras and TensorFlow do).

import maxPoolSource from "../../shaders/max-pool.wgsl";
import { apply } from "../apply.ts";
import { defineOp } from "../define.ts";
import { ArgumentError, DTypeError, ShapeError } from "../errors.ts";
import { input, type KernelPlan, output, type Spec, shader } from "../kernel.ts";
import type { Op, OpFunction, Sample } from "../op.ts";
import { type Shape, sameShape, showShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { max, mean } from "./reduce.ts";
import { elementwiseGrid, windowSum } from "./window-sum.ts";
import {
  checkImage,
  eachTap,
  explicitPadding,
  imageOf,
  imageShape,
  type PerAxis,
  perAxis,
  resolveWindow,
  tapsOf,
  type Window,
  type WindowOptions,
  windowPreamble,
  windowWords,
} from "./windows.ts";

const maxPoolShader = shader("max-pool", `${windowPreamble}\n${maxPoolSource}`);

interface PoolAttrs {
  readonly window: Window;
}

interface ImageAttrs extends PoolAttrs {
  /** Of the images that the window slides over. */
  readonly shape: Shape;
}

const nameOf = (kind: string, shape: Shape) => `${kind}${shape.length - 2}d`;

function checkFloat(op: string, x: Spec): void {
  if (x.dtype !== "f32") throw new DTypeError(`${op}: takes f32, got ${x.dtype}; use cast(x, "f32")`);
}

const places = (x: Shape, window: Window): Shape => imageShape(x, window.output, x[x.length - 1]);

/** Windows that overlap and reach into the padding, for samples of gradients. */
const overlapping: readonly { readonly shape: Shape; readonly window: Window }[] = [
  { shape: [2, 5, 5, 4], window: windowFor([2, 5, 5, 4], [3, 3], { stride: 2, padding: "same" }) },
  { shape: [1, 5, 4, 2], window: windowFor([1, 5, 4, 2], [2, 3], { stride: 1, padding: [1, [0, 2]] }) },
];

/** y, and for each of its elements the number of the tap it came from, row by row in the window. */
const maxPool: Op<PoolAttrs> = {
  name: "maxPool",
  accuracy: { ulp: 0 },
  saves: { outputs: [1] },
  infer: ([x], { window }) => {
    const op = nameOf("maxPool", x.shape);
    checkFloat(op, x);
    checkImage(op, "x", x, window.input);
    const shape = places(x.shape, window);
    return [
      { shape, dtype: "f32" },
      { shape, dtype: "i32" },
    ];
  },
  kernels: ({ inputs: [x], attrs: { window }, profile }): KernelPlan => {
    const { batch, channels } = imageOf(x);
    const isWide = channels % 4 === 0;
    const pixels = batch * window.output[0] * window.output[1];
    if (pixels * channels === 0) return { calls: [] };
    const { inner, count, segment, workgroups } = elementwiseGrid(pixels, channels, isWide, profile);
    const call = {
      shader: maxPoolShader,
      hooks: isWide ? { aliases: { Unit: "vec4f", Bits: "vec4u", Flags: "vec4<bool>" } } : undefined,
      sizes: [count, segment, count, inner, ...windowWords(window, [])],
      operands: [input(0), output(0), output(1)],
      workgroups,
    };
    return { calls: [call] };
  },
  reference: ([x], { window }, [y, winners]) => {
    const { batch, channels } = imageOf(x);
    winners.data.fill(-1);
    eachTap(window, batch, (place, tap, pixel) => {
      for (let c = 0; c < channels; c++) {
        const [to, value] = [place * channels + c, x.data[pixel * channels + c]];
        const wins = value > y.data[to] || (Number.isNaN(value) && !Number.isNaN(y.data[to]));
        if (winners.data[to] >= 0 && !wins) continue;
        y.data[to] = value;
        winners.data[to] = tap;
      }
    });
  },
  vjp: ({ grad, hasGrad, output, attrs: { window }, inputSpecs: [x] }) => [
    hasGrad(0) ? maxPoolGradient(grad(), output(1), window, x.shape) : null,
  ],
  samples: [
    sample([2, 4, 6, 3], [2, 2], { stride: 2 }),
    sample([2, 5, 5, 4], [3, 3], { stride: 2, padding: "same" }),
    sample([1, 5, 4, 2], [2, 3], { stride: 1, padding: [1, [0, 2]] }),
    sample([2, 7, 3], [3], { stride: 2 }),
    {
      // Ties: the first one wins. Differences can't tell the gradient there.
      inputs: [{ shape: [1, 2, 4, 1], values: [3, 3, 1, 1, 3, 2, 1, 1] }],
      attrs: { window: windowFor([1, 2, 4, 1], [2, 2], {}) },
      differentiable: [],
    },
    sample([0, 4, 4, 2], [2, 2], {}),
  ],
};

/** A tap takes part where it won; `at` says which pixel knows. Its number is bound as u32: it is never negative. */
function winnersOnly(at: "source" | "pixel", isWide: boolean) {
  const type = isWide ? "vec4u" : "u32";
  const index = (pixel: string) => `${pixel} * sizes.inner + channel`;
  return {
    inputs: ["in0", "winners"],
    types: { winners: type },
    term: `  return select(Unit(), in0[${index("source")}], winners[${index(at)}] == ${type}(tap));`,
  };
}

function checkWinners(op: string, x: Spec, winners: Spec, shape: Shape): void {
  checkFloat(op, x);
  if (winners.dtype !== "i32") {
    throw new DTypeError(`${op}: the winning taps must be i32, got ${winners.dtype}`);
  }
  if (!sameShape(winners.shape, shape)) {
    throw new ShapeError(
      `${op}: the winning taps ${showShape(winners.shape)} must be of shape ${showShape(shape)}`,
    );
  }
}

/**
 * Gradients `g` of maxima put back where the maxima were in images of `shape`, added up where several windows share one;
 * `winners` (i32) are the taps they came from.
 */
export const maxPoolGradient: OpFunction<[g: Tensor, winners: Tensor, window: Window, shape: Shape], Tensor> =
  defineOp({
    name: "maxPoolGradient",
    saves: { inputs: [1] },
    call: (g: Tensor, winners: Tensor, window: Window, shape: Shape) => ({
      inputs: [g, winners],
      attrs: { window, shape },
    }),
    infer: ([g, winners], { window, shape }: ImageAttrs) => {
      checkWinners("maxPoolGradient", g, winners, g.shape);
      checkImage("maxPoolGradient", "g", g, window.output);
      checkImage("maxPoolGradient", "the shape", { shape, dtype: "f32" }, window.input);
      return [{ shape, dtype: "f32" }];
    },
    kernels: ({ outputs: [out], attrs: { window }, profile }) => {
      const { batch, channels } = imageOf(out);
      const isWide = channels % 4 === 0;
      return windowSum({
        ...{ window, direction: "back", batch, channels, isWide, profile },
        ...winnersOnly("source", isWide),
      });
    },
    reference: ([g, winners], { window }, [out]) => {
      const { batch, channels } = imageOf(out);
      out.data.fill(0);
      eachTap(window, batch, (place, tap, pixel) => {
        for (let c = 0; c < channels; c++) {
          const at = place * channels + c;
          if (winners.data[at] === tap) out.data[pixel * channels + c] += g.data[at];
        }
      });
    },
    vjp: ({ grad, input, attrs: { window } }): (Tensor | null)[] => [
      maxPoolTake(grad(), input(1), window),
      null,
    ],
    samples: winnersSamples(false),
  });

/** What `x` holds where the maxima were: the adjoint of {@link maxPoolGradient}. */
export const maxPoolTake: OpFunction<[x: Tensor, winners: Tensor, window: Window], Tensor> = defineOp({
  name: "maxPoolTake",
  accuracy: { ulp: 0 },
  saves: { inputs: [1] },
  call: (x: Tensor, winners: Tensor, window: Window) => ({ inputs: [x, winners], attrs: { window } }),
  infer: ([x, winners], { window }: PoolAttrs) => {
    checkImage("maxPoolTake", "x", x, window.input);
    const shape = places(x.shape, window);
    checkWinners("maxPoolTake", x, winners, shape);
    return [{ shape, dtype: "f32" }];
  },
  kernels: ({ inputs: [x], attrs: { window }, profile }) => {
    const { batch, channels } = imageOf(x);
    const isWide = channels % 4 === 0;
    return windowSum({
      ...{ window, direction: "forth", batch, channels, isWide, profile },
      ...winnersOnly("pixel", isWide),
    });
  },
  reference: ([x, winners], { window }, [out]) => {
    const { batch, channels } = imageOf(x);
    out.data.fill(0);
    eachTap(window, batch, (place, tap, pixel) => {
      for (let c = 0; c < channels; c++) {
        const at = place * channels + c;
        if (winners.data[at] === tap) out.data[at] = x.data[pixel * channels + c];
      }
    });
  },
  vjp: ({ grad, input, attrs: { window }, inputSpecs: [x] }): (Tensor | null)[] => [
    maxPoolGradient(grad(), input(1), window, x.shape),
    null,
  ],
  samples: winnersSamples(true),
});

const averagePool: Op<PoolAttrs> = {
  name: "averagePool",
  saves: {},
  infer: ([x], { window }) => {
    const op = nameOf("averagePool", x.shape);
    checkFloat(op, x);
    checkImage(op, "x", x, window.input);
    return [{ shape: places(x.shape, window), dtype: "f32" }];
  },
  kernels: ({ inputs: [x], attrs: { window }, profile }) => {
    const { batch, channels } = imageOf(x);
    return windowSum({
      ...{ window, direction: "forth", batch, channels, isWide: channels % 4 === 0, profile },
      inputs: ["in0"],
      term: "  return in0[source * sizes.inner + channel];",
      finish: "  return total / f32(taps);",
    });
  },
  reference: ([x], { window }, [y]) => {
    const { batch, channels } = imageOf(x);
    const counts = tapCounts(window, batch);
    y.data.fill(0);
    eachTap(window, batch, (place, _, pixel) => {
      for (let c = 0; c < channels; c++) {
        y.data[place * channels + c] += x.data[pixel * channels + c] / counts[place];
      }
    });
  },
  vjp: ({ grad, attrs: { window }, inputSpecs: [x] }) => [averagePoolGradient(grad(), window, x.shape)],
  samples: [
    sample([2, 4, 6, 3], [2, 2], { stride: 2 }),
    sample([2, 5, 5, 4], [3, 3], { stride: 2, padding: "same" }),
    sample([1, 5, 4, 2], [2, 3], { stride: 1, padding: [1, [0, 2]] }),
    sample([2, 7, 3], [3], { stride: 2, padding: "same" }),
    sample([0, 4, 4, 2], [2, 2], {}),
  ],
};

/** Each pixel's share of the gradients of the averages it is in: the adjoint of averagePool. */
export const averagePoolGradient: OpFunction<[g: Tensor, window: Window, shape: Shape], Tensor> = defineOp({
  name: "averagePoolGradient",
  saves: {},
  call: (g: Tensor, window: Window, shape: Shape) => ({ inputs: [g], attrs: { window, shape } }),
  infer: ([g], { window, shape }: ImageAttrs) => {
    checkFloat("averagePoolGradient", g);
    checkImage("averagePoolGradient", "g", g, window.output);
    checkImage("averagePoolGradient", "the shape", { shape, dtype: "f32" }, window.input);
    return [{ shape, dtype: "f32" }];
  },
  kernels: ({ outputs: [out], attrs: { window }, profile }) => {
    const { batch, channels } = imageOf(out);
    return windowSum({
      ...{ window, direction: "back", batch, channels, isWide: channels % 4 === 0, profile },
      inputs: ["in0"],
      term:
        "  let size = sizes.size_stride;\n" +
        "  let count = inside(yx.x, size.x, size.z, sizes.dilation_before.z, sizes.extent.x) *\n" +
        "    inside(yx.y, size.y, size.w, sizes.dilation_before.w, sizes.extent.y);\n" +
        "  return in0[source * sizes.inner + channel] / f32(count);",
      helpers: {
        inside:
          "// Taps along an axis that are not in the padding.\n" +
          "fn inside(place: u32, size: u32, stride: u32, before: u32, extent: u32) -> u32 {\n" +
          "  let start = place * stride;\n  return min(start + size, extent + before) - max(start, before);\n}",
      },
    });
  },
  reference: ([g], { window }, [out]) => {
    const { batch, channels } = imageOf(out);
    const counts = tapCounts(window, batch);
    out.data.fill(0);
    eachTap(window, batch, (place, _, pixel) => {
      for (let c = 0; c < channels; c++) {
        out.data[pixel * channels + c] += g.data[place * channels + c] / counts[place];
      }
    });
  },
  vjp: ({ grad, attrs: { window } }): Tensor[] => [apply(averagePool, [grad()], { window })[0]],
  samples: overlapping.map(({ shape, window }) => ({
    inputs: [{ shape: places(shape, window) }],
    attrs: { window, shape },
  })),
});

/** Taps that are not in the padding, by place. */
function tapCounts(window: Window, batch: number): number[] {
  const counts = new Array<number>(batch * window.output[0] * window.output[1]).fill(0);
  eachTap(window, batch, (place) => {
    counts[place]++;
  });
  return counts;
}

type Pooling = OpFunction<[x: Tensor, size: PerAxis, options?: WindowOptions], Tensor>;

function checkRank(op: string, rank: number, { shape }: Tensor): void {
  if (shape?.length === rank + 2) return;
  const wanted = rank === 1 ? "[batch, length, channels]" : "[batch, height, width, channels]";
  const got = shape === undefined ? String(shape) : showShape(shape);
  throw new ShapeError(`${op}: x must be ${wanted}, ${rank + 2} axes, got ${got}`);
}

function poolOver(op: Op<PoolAttrs>, rank: 1 | 2): Pooling {
  const name = `${op.name}${rank}d`;
  const call = (x: Tensor, size: PerAxis, options: WindowOptions = {}): Tensor => {
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
    return apply(op, [x], { window })[0];
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
export function globalAveragePool(x: Tensor, options: { keepDims?: boolean } = {}): Tensor {
  return mean(x, spatialAxes("globalAveragePool", x), options);
}

/** The largest value of each channel: `x` [batch, ...spatial, channels] gives [batch, channels]. Ties share the gradient. */
export function globalMaxPool(x: Tensor, options: { keepDims?: boolean } = {}): Tensor {
  return max(x, spatialAxes("globalMaxPool", x), options);
}

function spatialAxes(op: string, { shape }: Tensor): number[] {
  if (shape.length < 3) {
    throw new ShapeError(
      `${op}: x must be [batch, ...spatial, channels], at least 3 axes, got ${showShape(shape)}`,
    );
  }
  return shape.slice(1, -1).map((_, i) => i + 1);
}

function windowFor(
  shape: Shape,
  size: readonly number[],
  { stride = size, padding = "valid" }: WindowOptions,
) {
  const strides = perAxis("pool", "stride", stride, size.length);
  const ones = size.map(() => 1);
  return resolveWindow("pool", shape.slice(1, -1), size, strides, ones, padding);
}

function sample(shape: Shape, size: readonly number[], options: WindowOptions): Sample<PoolAttrs> {
  return { inputs: [{ shape }], attrs: { window: windowFor(shape, size, options) } };
}

/** Winning taps at random, some of them in the padding: those take no part. */
function winnersSamples(isTake: boolean): Sample<ImageAttrs>[] {
  return overlapping.map(({ shape, window }) => ({
    inputs: [
      { shape: isTake ? shape : places(shape, window) },
      { shape: places(shape, window), dtype: "i32", low: 0, high: tapsOf(window) },
    ],
    attrs: { window, shape },
  }));
}
